"""Tokenizers of GGUF files, which give the ids of the models' own tokenizers."""

from dataclasses import dataclass
from typing import Any, NamedTuple

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers
from transformers import PreTrainedTokenizerFast, Qwen2Tokenizer

from finintent.errors import ModelError
from finintent.models.gguf_file import GgufFile
from finintent.models.vocabulary import WORD_BOUNDARY, Reach

UNKNOWN, CONTROL, USER_DEFINED, PLACEHOLDER, BYTE = 2, 3, 4, 5, 6  # token types of the GGUF specification
UNUSED = "<unused"
NAMES = {"bos_token": "bos", "eos_token": "eos", "pad_token": "padding", "unk_token": "unknown"}
LLAMA3_PATTERN = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|"
    r"\s+(?!\S)|\s+"
)


class Piece(NamedTuple):
    """One entry of a GGUF vocabulary; `kind` is its GGUF token type."""

    text: str
    kind: int


@dataclass(frozen=True)
class Vocabulary:
    """What a GGUF file says about its tokenizer.

    kind: the file's `tokenizer.ggml.model`, and with it `tokenizer.ggml.pre`, how text is split before merging;
    merges: None where the file lists none; special: the pieces that transformers asks for by role, such as eos_token.
    """

    kind: tuple[str, str]
    pieces: list[Piece]
    merges: list[str] | None
    special: dict[str, str]
    chat_template: str | None


def read_vocabulary(file: GgufFile) -> Vocabulary:
    """Return the vocabulary of a GGUF file; ModelError when it has none."""
    texts, kinds = file.need("tokenizer.ggml.tokens"), file.need("tokenizer.ggml.token_type")
    if len(texts) != len(kinds):
        raise ModelError(f"{file.path}: {len(texts)} tokens, but {len(kinds)} token types; fetch the file again")
    ids = {role: file.metadata.get(f"tokenizer.ggml.{name}_token_id") for role, name in NAMES.items()}
    if not file.metadata.get("tokenizer.ggml.add_bos_token", True):
        ids["bos_token"] = None  # Qwen's files name one that its tokenizer does not have
    for role, index in ids.items():
        if index is not None and index >= len(texts):
            raise ModelError(f"{file.path}: {role} is {index} of {len(texts)} tokens; fetch the file again")
    return Vocabulary(
        kind=(file.need("tokenizer.ggml.model"), file.metadata.get("tokenizer.ggml.pre", "default")),
        pieces=list(map(Piece._make, zip(texts, kinds, strict=True))),
        merges=file.metadata.get("tokenizer.ggml.merges"),
        special={role: texts[index] for role, index in ids.items() if index is not None},
        chat_template=file.metadata.get("tokenizer.chat_template"),
    )


def kept_ids(pieces: list[Piece], reach: Reach | None) -> list[int]:
    """Return the ids that a cut to `reach` keeps, ascending (all of them where it is None)."""
    if reach is None:
        return list(range(len(pieces)))
    return [
        index
        for index, piece in enumerate(pieces)
        if piece.kind in (UNKNOWN, BYTE)
        or (piece.kind == CONTROL and not piece.text.startswith(UNUSED))
        or (piece.kind != CONTROL and (piece.text in reach.pieces or reach.covers(piece.text)))
    ]


def build_tokenizer(vocabulary: Vocabulary) -> PreTrainedTokenizerFast:
    """Return the tokenizer of a vocabulary; ModelError for a kind whose ids are not proved to be the model's own."""
    if vocabulary.kind not in KINDS:
        known = ", ".join(f"{model} with {pre}" for model, pre in KINDS)
        raise ModelError(
            f"GGUF tokenizer {' with '.join(vocabulary.kind)}: unknown, expected one of {known}; take the model from "
            "another source, as a Hugging Face folder"
        )
    return KINDS[vocabulary.kind](vocabulary)


def build_byte_fallback(vocabulary: Vocabulary) -> PreTrainedTokenizerFast:
    """Return the byte-fallback BPE tokenizer of Gemma's vocabulary.

    transformers' own conversion from GGUF builds a Unigram model here, which splits and decodes differently. In this
    family of vocabularies a piece's merge priority is its id, so every way to split a piece into two others is a
    merge, ordered by the id of the result.
    """
    pieces = vocabulary.pieces
    ids = {piece.text: index for index, piece in enumerate(pieces)}
    unknown = vocabulary.special["unk_token"]
    tokenizer = Tokenizer(models.BPE(ids, derive_merges(ids), byte_fallback=True, fuse_unk=True, unk_token=unknown))
    tokenizer.normalizer = normalizers.Replace(" ", WORD_BOUNDARY)
    tokenizer.pre_tokenizer = pre_tokenizers.Split(" ", "merged_with_previous")
    tokenizer.decoder = decoders.Sequence(
        [decoders.Replace(WORD_BOUNDARY, " "), decoders.ByteFallback(), decoders.Fuse()]
    )
    special = [piece.text for piece in pieces if piece.kind in (UNKNOWN, CONTROL)]
    tokenizer.add_special_tokens([AddedToken(text, special=True, normalized=False) for text in special])
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, **_settings(vocabulary))


def derive_merges(ids: dict[str, int]) -> list[tuple[str, str]]:
    """Return every split of a piece into two others, by the piece's id, then the longer left half first.

    The result of transformers' `generate_merges` with the negative ids as scores, in a seventh of the time.
    """
    return [
        (text[:middle], text[middle:])
        for text in sorted(ids, key=ids.__getitem__)
        for middle in range(len(text) - 1, 0, -1)
        if text[:middle] in ids and text[middle:] in ids
    ]


def build_qwen2(vocabulary: Vocabulary) -> PreTrainedTokenizerFast:
    """Return Qwen2's byte-level BPE tokenizer, in which a text that spells an added token becomes that token."""
    ids, merges, added = _byte_level(vocabulary)
    tokenizer = Qwen2Tokenizer(vocab=ids, merges=merges, **{"unk_token": None} | _settings(vocabulary))
    tokenizer.add_tokens(added)
    return tokenizer


def build_llama3(vocabulary: Vocabulary) -> PreTrainedTokenizerFast:
    """Return Llama 3's byte-level BPE tokenizer, in which a text that spells an added token becomes that token."""
    ids, merges, added = _byte_level(vocabulary)
    # A word that is a piece as a whole is never split, though some of these pieces cannot be reached by merges.
    tokenizer = Tokenizer(models.BPE(ids, merges, ignore_merges=True))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(LLAMA3_PATTERN), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_tokens(added)
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, **_settings(vocabulary))


KINDS = {("llama", "default"): build_byte_fallback, ("gpt2", "qwen2"): build_qwen2, ("gpt2", "llama-bpe"): build_llama3}


def _byte_level(vocabulary: Vocabulary) -> tuple[dict[str, int], list[tuple[str, str]], list[AddedToken]]:
    """Return ids, merges and added tokens of a byte-level BPE; rows of the embedding without a token have no id."""
    if vocabulary.merges is None:
        raise ModelError("GGUF tokenizer gpt2: no tokenizer.ggml.merges in the metadata; take another file")
    ids = {piece.text: index for index, piece in enumerate(vocabulary.pieces) if piece.kind != PLACEHOLDER}
    merges = [tuple(merge.split(" ")) for merge in vocabulary.merges]
    added = [
        AddedToken(piece.text, special=piece.kind == CONTROL, normalized=False)
        for piece in vocabulary.pieces
        if piece.kind in (CONTROL, USER_DEFINED)
    ]
    return ids, merges, added


def _settings(vocabulary: Vocabulary) -> dict[str, Any]:
    template = vocabulary.chat_template
    return vocabulary.special | ({"chat_template": template} if template else {})
