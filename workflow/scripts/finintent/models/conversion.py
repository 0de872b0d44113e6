"""Conversion of checkpoints that came with code of their own to classes that transformers has natively."""

from pathlib import Path
from typing import Any

from transformers import AutoTokenizer, GenerationConfig

from finintent.errors import ModelError
from finintent.models.baichuan2 import BAICHUAN2
from finintent.models.chatglm3 import CHATGLM3
from finintent.models.sentencepiece import reference_ids
from finintent.models.shards import Architecture, convert_shards

ARCHITECTURES = {"chatglm3": CHATGLM3, "baichuan2": BAICHUAN2}
# Spaces, line breaks, bytes without a piece: what conversions of a tokenizer get wrong.
PROBES = ("问句: 茅台还能买吗？\n\nA. 甲乙丙丁", "  two spaces,\ttab", " ", "\n", "3.5% 的ETF", "🀄ก", "people")


def convert(kind: str, source: Path, target: Path) -> dict[str, Any]:
    """Convert an original folder into an ordinary Hugging Face folder; `kind` is one of ARCHITECTURES.

    Returns what `convert_weights` and `convert_tokenizer` return. ModelError when something is missing, damaged or
    of another kind than the conversion is made for, or when `target` holds files already: an original tokenizer left
    beside a native config.json loads without an error and gives wrong ids.
    """
    target.mkdir(parents=True, exist_ok=True)
    if found := sorted(path.name for path in target.iterdir()):
        raise ModelError(f"{target}: holds {found[0]} already; expected an empty folder: delete it and run again")
    tokenizer = convert_tokenizer(kind, source, target)
    return convert_weights(kind, source, target) | tokenizer


def convert_weights(kind: str, source: Path, target: Path) -> dict[str, Any]:
    """Write weights, config.json and generation_config.json.

    Returns the number of shards and tensors, their bytes and their precision.
    """
    architecture = _architecture(kind)
    config = architecture.read_config(source)
    record = convert_shards(source, target, architecture.layout(config))
    config.dtype = record["dtype"]
    config.save_pretrained(target)
    # Without the sampling of the original: evaluation is greedy.
    GenerationConfig(
        bos_token_id=config.bos_token_id, eos_token_id=config.eos_token_id, pad_token_id=config.pad_token_id
    ).save_pretrained(target)
    return record


def convert_tokenizer(kind: str, source: Path, target: Path) -> dict[str, Any]:
    """Write tokenizer.json and tokenizer_config.json, and prove the ids of what AutoTokenizer then reads.

    Returns the size of the vocabulary and the ids of the special tokens.
    """
    architecture = _architecture(kind)
    config = architecture.read_config(source)
    model = source / "tokenizer.model"
    tokenizer, special_ids = architecture.build_tokenizer(model)
    if len(tokenizer) > config.vocab_size:
        raise ModelError(
            f"{model}: {len(tokenizer)} tokens, but config.json has an embedding of {config.vocab_size} rows; are the "
            "two of one model?"
        )
    tokenizer.save_pretrained(target)
    config.save_pretrained(target)  # AutoTokenizer chooses the class by it
    loaded = AutoTokenizer.from_pretrained(target)
    found = {text: loaded.convert_tokens_to_ids(text) for text in special_ids}
    named = {"eos": (loaded.eos_token_id, config.eos_token_id), "pad": (loaded.pad_token_id, config.pad_token_id)}
    if found != special_ids or any(left != right for left, right in named.values()):
        raise ModelError(f"{target}: special tokens have the ids {found}, {named}; expected {special_ids}")
    for probe, expected in zip(PROBES, reference_ids(model, PROBES), strict=True):
        if (ids := loaded.encode(probe, add_special_tokens=False)) != expected:
            raise ModelError(f"{target}: the tokenizer encodes {probe!r} as {ids}; sentencepiece gives {expected}")
    return {"vocabulary": len(tokenizer), "special_ids": special_ids}


def _architecture(kind: str) -> Architecture:
    if kind not in ARCHITECTURES:
        raise ModelError(f"no conversion for the kind {kind!r}; choose one of {', '.join(ARCHITECTURES)}")
    return ARCHITECTURES[kind]
