"""Baichuan2-7B-Chat as transformers' native LlamaForCausalLM."""

from pathlib import Path

from tokenizers import AddedToken
from transformers import LlamaConfig, PreTrainedTokenizerFast

from finintent.errors import ModelError
from finintent.models.sentencepiece import build_bpe, read_sentencepiece
from finintent.models.shards import Architecture, Origin, read_original_config

SIZES = (
    "architectures", "hidden_size", "num_hidden_layers", "num_attention_heads", "intermediate_size", "vocab_size",
    "max_position_embeddings", "rms_norm_eps", "bos_token_id", "eos_token_id", "pad_token_id",
)  # fmt: skip
FLAGS = {
    "model_type": "baichuan",
    "architectures": ["BaichuanForCausalLM"],  # the first generation, without unit rows, is a BaiChuanForCausalLM
    "hidden_act": "silu",
    "tie_word_embeddings": False,
}
IGNORED = (
    "initializer_range",
    "model_max_length",
    "use_cache",
    "_from_model_config",
    "tokenizer_class",
    "z_loss_weight",
)
USER, ASSISTANT = "<reserved_106>", "<reserved_107>"
# The original prompt. LlamaFactory without a `template` derives its own from this text: the user's turn is
# <reserved_106>…<reserved_107>, the answer ends with </s>. Only the last answer does: the original has none in between.
CHAT_TEMPLATE = (
    "{% for message in messages %}"
    f"{{% if message['role'] == 'user' %}}{{{{ '{USER}' }}}}"
    f"{{% elif message['role'] == 'assistant' %}}{{{{ '{ASSISTANT}' }}}}{{% endif %}}"
    "{{ message['content'] }}"
    "{% if loop.last and message['role'] == 'assistant' %}{{ eos_token }}{% endif %}"
    "{% endfor %}"
    f"{{% if add_generation_prompt %}}{{{{ '{ASSISTANT}' }}}}{{% endif %}}"
)


def read_config(folder: Path) -> LlamaConfig:
    """Return the native configuration of an original folder.

    Raises:
        ModelError: it holds another kind of model.
    """
    config = read_original_config(folder, SIZES, FLAGS, IGNORED)
    return LlamaConfig(
        vocab_size=config["vocab_size"],
        hidden_size=config["hidden_size"],
        intermediate_size=config["intermediate_size"],
        num_hidden_layers=config["num_hidden_layers"],
        num_attention_heads=config["num_attention_heads"],
        max_position_embeddings=config["max_position_embeddings"],
        rms_norm_eps=config["rms_norm_eps"],
        rope_parameters={"rope_type": "default", "rope_theta": 10000.0},
        tie_word_embeddings=False,
        bos_token_id=config["bos_token_id"],
        eos_token_id=config["eos_token_id"],
        pad_token_id=config["pad_token_id"],
        architectures=["LlamaForCausalLM"],
    )


def layout(config: LlamaConfig) -> dict[str, Origin]:
    """Return each original tensor's shape and the native tensors that it becomes.

    The original head divides each of its rows by the row's norm at every use; the conversion does it once.
    """
    hidden, wide, vocabulary = config.hidden_size, config.intermediate_size, config.vocab_size
    tensors = {
        "model.embed_tokens.weight": Origin((vocabulary, hidden), {"model.embed_tokens.weight": vocabulary}),
        "model.norm.weight": Origin((hidden,), {"model.norm.weight": hidden}),
        "lm_head.weight": Origin((vocabulary, hidden), {"lm_head.weight": vocabulary}, unit_rows=True),
    }
    for number in range(config.num_hidden_layers):
        layer = f"model.layers.{number}"
        tensors[f"{layer}.self_attn.W_pack.weight"] = Origin(
            (3 * hidden, hidden), {f"{layer}.self_attn.{name}_proj.weight": hidden for name in "qkv"}
        )
        for name, shape in (
            ("input_layernorm", (hidden,)),
            ("self_attn.o_proj", (hidden, hidden)),
            ("post_attention_layernorm", (hidden,)),
            ("mlp.gate_proj", (wide, hidden)),
            ("mlp.up_proj", (wide, hidden)),
            ("mlp.down_proj", (hidden, wide)),
        ):
            tensors[f"{layer}.{name}.weight"] = Origin(shape, {f"{layer}.{name}.weight": shape[0]})
    return tensors


def build_tokenizer(path: Path) -> tuple[PreTrainedTokenizerFast, dict[str, int]]:
    """Return the native tokenizer of a tokenizer.model, and the ids that its special tokens must have.

    As in the original, text that spells a special or user-defined piece, such as a role token, is encoded as it.

    Raises:
        ModelError: the vocabulary has no role tokens, or cannot be read.
    """
    pieces = read_sentencepiece(path)
    if missing := {USER, ASSISTANT} - set(pieces.user_defined):
        raise ModelError(f"{path}: has no piece {min(missing)}; expected the tokenizer of Baichuan2's chat model")
    bpe = build_bpe(pieces, {})
    bpe.add_tokens([AddedToken(text, special=False, normalized=False) for text in pieces.user_defined])
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=bpe,
        bos_token="<s>",
        eos_token="</s>",
        pad_token="<unk>",
        unk_token="<unk>",
        chat_template=CHAT_TEMPLATE,
        clean_up_tokenization_spaces=False,
    )
    ids = {text: index for index, text in enumerate(pieces.pieces) if text in (USER, ASSISTANT)}
    return tokenizer, ids | {"<unk>": 0, "<s>": 1, "</s>": 2}


BAICHUAN2 = Architecture(read_config, layout, build_tokenizer)
