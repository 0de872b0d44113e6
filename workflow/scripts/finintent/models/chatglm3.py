"""ChatGLM3-6B as transformers' native GlmForCausalLM."""

from pathlib import Path

from transformers import GlmConfig, PreTrainedTokenizerFast

from finintent.models.sentencepiece import build_bpe, read_sentencepiece
from finintent.models.shards import Architecture, Origin, read_original_config

SIZES = (
    "hidden_size", "num_layers", "num_attention_heads", "multi_query_group_num", "kv_channels", "ffn_hidden_size",
    "padded_vocab_size", "seq_length", "layernorm_epsilon", "eos_token_id", "pad_token_id",
)  # fmt: skip
FLAGS = {
    "model_type": "chatglm",
    "multi_query_attention": True,
    "add_qkv_bias": True,
    "add_bias_linear": False,
    "rmsnorm": True,
    "post_layer_norm": True,
    "apply_residual_connection_post_layernorm": False,
    "fp32_residual_connection": False,
    "original_rope": True,
    "attention_dropout": 0.0,
    "hidden_dropout": 0.0,
    "tie_word_embeddings": False,
    "pre_seq_len": None,
    "prefix_projection": False,
    "quantization_bit": 0,
}
IGNORED = (  # they change how the original code computes, not its results
    "apply_query_key_layer_scaling", "attention_softmax_in_fp32", "bias_dropout_fusion", "classifier_dropout",
    "rope_ratio", "use_cache", "vocab_size",
)  # fmt: skip
# The commands of the chat follow the sentencepiece vocabulary in this order. Ordinary words contain some of them
# ("philosophy" contains sop), and a user may type any, so text must never be encoded as one. They are therefore ids of
# the vocabulary that no merge makes, and not added tokens, which a tokenizer searches for in the text.
COMMANDS = (
    "[MASK]", "[gMASK]", "[sMASK]", "sop", "eop", "<|system|>", "<|user|>", "<|assistant|>", "<|observation|>",
)  # fmt: skip


def read_config(folder: Path) -> GlmConfig:
    """Return the native configuration of an original folder.

    Raises:
        ModelError: it holds another kind of model.
    """
    config = read_original_config(folder, SIZES, FLAGS, IGNORED)
    return GlmConfig(
        vocab_size=config["padded_vocab_size"],
        hidden_size=config["hidden_size"],
        intermediate_size=config["ffn_hidden_size"],
        num_hidden_layers=config["num_layers"],
        num_attention_heads=config["num_attention_heads"],
        num_key_value_heads=config["multi_query_group_num"],
        head_dim=config["kv_channels"],
        max_position_embeddings=config["seq_length"],
        rms_norm_eps=config["layernorm_epsilon"],
        rope_parameters={
            "rope_type": "default",
            "rope_theta": 10000.0 * config.get("rope_ratio", 1),
            "partial_rotary_factor": 0.5,
        },
        attention_bias=True,
        tie_word_embeddings=False,
        eos_token_id=config["eos_token_id"],
        pad_token_id=config["pad_token_id"],
        architectures=["GlmForCausalLM"],
    )


def layout(config: GlmConfig) -> dict[str, Origin]:
    """Return each original tensor's shape and the native tensors that it becomes.

    The rows of the packed attention are queries, keys, values. Those of the packed MLP are gate and up, as in the
    native class.
    """
    hidden, wide, vocabulary = config.hidden_size, config.intermediate_size, config.vocab_size
    query, key = config.num_attention_heads * config.head_dim, config.num_key_value_heads * config.head_dim
    tensors = {
        "transformer.embedding.word_embeddings.weight": Origin(
            (vocabulary, hidden), {"model.embed_tokens.weight": vocabulary}
        ),
        "transformer.encoder.final_layernorm.weight": Origin((hidden,), {"model.norm.weight": hidden}),
        "transformer.output_layer.weight": Origin((vocabulary, hidden), {"lm_head.weight": vocabulary}),
    }
    for number in range(config.num_hidden_layers):
        old, new = f"transformer.encoder.layers.{number}", f"model.layers.{number}"
        attention = {"q_proj": query, "k_proj": key, "v_proj": key}
        for kind, shape in {"weight": (query + 2 * key, hidden), "bias": (query + 2 * key,)}.items():
            tensors[f"{old}.self_attention.query_key_value.{kind}"] = Origin(
                shape, {f"{new}.self_attn.{name}.{kind}": rows for name, rows in attention.items()}
            )
        for name, native, shape in (
            ("input_layernorm", "input_layernorm", (hidden,)),
            ("self_attention.dense", "self_attn.o_proj", (hidden, query)),
            ("post_attention_layernorm", "post_attention_layernorm", (hidden,)),
            ("mlp.dense_h_to_4h", "mlp.gate_up_proj", (2 * wide, hidden)),
            ("mlp.dense_4h_to_h", "mlp.down_proj", (hidden, wide)),
        ):
            tensors[f"{old}.{name}.weight"] = Origin(shape, {f"{new}.{native}.weight": shape[0]})
    return tensors


def build_tokenizer(path: Path) -> tuple[PreTrainedTokenizerFast, dict[str, int]]:
    """Return the native tokenizer of a tokenizer.model, and the ids that its special tokens must have.

    It splits special tokens that are spelled in a text, as the original does. `split_special_tokens` must be set
    wherever LlamaFactory loads it, because LlamaFactory's own default overrides tokenizer_config.json.
    """
    pieces = read_sentencepiece(path)
    commands = {text: len(pieces.pieces) + number for number, text in enumerate(COMMANDS)}
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=build_bpe(pieces, commands),
        eos_token="</s>",
        pad_token="<unk>",
        unk_token="<unk>",
        split_special_tokens=True,
        clean_up_tokenization_spaces=False,
    )
    return tokenizer, commands | {"<unk>": 0, "</s>": 2}


CHATGLM3 = Architecture(read_config, layout, build_tokenizer)
