"""The four models at full size, as configurations of their native classes."""

from transformers import GlmConfig, LlamaConfig, PretrainedConfig, Qwen2Config

SHAPES: dict[str, PretrainedConfig] = {
    "qwen2.5-7b": Qwen2Config(
        vocab_size=152064, hidden_size=3584, intermediate_size=18944, num_hidden_layers=28, num_attention_heads=28,
        num_key_value_heads=4, max_position_embeddings=32768, rms_norm_eps=1e-6, tie_word_embeddings=False,
    ),
    "llama-3-8b": LlamaConfig(
        vocab_size=128256, hidden_size=4096, intermediate_size=14336, num_hidden_layers=32, num_attention_heads=32,
        num_key_value_heads=8, max_position_embeddings=8192,
    ),
    "chatglm3-6b": GlmConfig(
        vocab_size=65024, hidden_size=4096, intermediate_size=13696, num_hidden_layers=28, num_attention_heads=32,
        num_key_value_heads=2, head_dim=128, max_position_embeddings=8192, rms_norm_eps=1e-5, attention_bias=True,
        partial_rotary_factor=0.5, tie_word_embeddings=False, pad_token_id=0, eos_token_id=2,
    ),
    "baichuan2-7b": LlamaConfig(
        vocab_size=125696, hidden_size=4096, intermediate_size=11008, num_hidden_layers=32, num_attention_heads=32,
        num_key_value_heads=32, max_position_embeddings=4096,
    ),
}  # fmt: skip

LONGEST = 128  # tokens of a row, of a batch's typical longest; the longest of all is 135 with what the template may add
