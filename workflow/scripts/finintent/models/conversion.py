"""Conversion of checkpoints that need their authors' code to native classes of transformers."""

from pathlib import Path
from typing import Any

from transformers import AutoTokenizer, GenerationConfig

from finintent.errors import ModelError
from finintent.models.baichuan2 import BAICHUAN2
from finintent.models.chatglm3 import CHATGLM3
from finintent.models.sentencepiece import reference_ids
from finintent.models.shards import Architecture, convert_shards

ARCHITECTURES = {"chatglm3": CHATGLM3, "baichuan2": BAICHUAN2}
# Spaces, line breaks, bytes without a piece: common errors in the conversion of a tokenizer.
PROBES = ("问句: 茅台还能买吗？\n\nA. 甲乙丙丁", "  two spaces,\ttab", " ", "\n", "3.5% 的ETF", "🀄ก", "people")


def convert(kind: str, source: Path, target: Path) -> dict[str, Any]:
    """Convert an original folder into an ordinary Hugging Face folder.

    Args:
        kind: one of ARCHITECTURES.
        source: the original folder.
        target: the folder to write, which must be empty: an original tokenizer beside a native config.json would load
            without an error and give wrong ids.

    Returns:
        What `convert_weights` and `convert_tokenizer` return.

    Raises:
        ModelError: a file is missing, damaged or of another kind of model, or `target` is not empty.
    """
    target.mkdir(parents=True, exist_ok=True)
    if found := sorted(path.name for path in target.iterdir()):
        raise ModelError(f"{target}: already holds {found[0]}; expected an empty folder: delete it and run again")
    tokenizer = convert_tokenizer(kind, source, target)
    return convert_weights(kind, source, target) | tokenizer


def convert_weights(kind: str, source: Path, target: Path) -> dict[str, Any]:
    """Write weights, config.json and generation_config.json.

    Returns:
        shards and tensors (numbers), bytes, and dtype, the precision.
    """
    architecture = _architecture(kind)
    config = architecture.read_config(source)
    record = convert_shards(source, target, architecture.layout(config))
    config.dtype = record["dtype"]
    config.save_pretrained(target)
    # Without the original's sampling parameters: evaluation is greedy.
    GenerationConfig(
        bos_token_id=config.bos_token_id, eos_token_id=config.eos_token_id, pad_token_id=config.pad_token_id
    ).save_pretrained(target)
    return record


def convert_tokenizer(kind: str, source: Path, target: Path) -> dict[str, Any]:
    """Write tokenizer.json and tokenizer_config.json, and check the ids that AutoTokenizer then gives.

    Returns:
        vocabulary, its size, and special_ids, the ids of the special tokens.

    Raises:
        ModelError: the tokenizer does not fit config.json, or gives other ids than sentencepiece.
    """
    architecture = _architecture(kind)
    config = architecture.read_config(source)
    model = source / "tokenizer.model"
    tokenizer, special_ids = architecture.build_tokenizer(model)
    if len(tokenizer) > config.vocab_size:
        raise ModelError(
            f"{model}: {len(tokenizer)} tokens, but config.json has an embedding of {config.vocab_size} rows; are both "
            "from the same model?"
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
