"""Conversion of a sentencepiece BPE vocabulary to a tokenizer of the `tokenizers` library with the same ids."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from google.protobuf.message import DecodeError
from sentencepiece import SentencePieceProcessor
from sentencepiece import sentencepiece_model_pb2 as proto
from tokenizers import Tokenizer, decoders, models, normalizers
from transformers.convert_slow_tokenizer import generate_merges

from finintent.errors import ModelError
from finintent.models.vocabulary import WORD_BOUNDARY

NORMAL, USER_DEFINED = proto.ModelProto.SentencePiece.NORMAL, proto.ModelProto.SentencePiece.USER_DEFINED
EXPECTED = {
    "model_type": proto.TrainerSpec.BPE,
    "byte_fallback": True,
    "remove_extra_whitespaces": False,
    "escape_whitespaces": True,
    "normalisation": False,
}


@dataclass(frozen=True)
class SentencePiece:
    """A BPE vocabulary with byte fallback.

    Attributes:
        pieces: text by id.
        scores: score of each normal piece; a piece with a higher score is merged earlier.
        user_defined: pieces that are never split.
        dummy_prefix: whether a space is put in front of a text.
    """

    pieces: list[str]
    scores: dict[str, float]
    user_defined: list[str]
    dummy_prefix: bool


def read_sentencepiece(path: Path) -> SentencePiece:
    """Read a tokenizer.model.

    Raises:
        ModelError: it is missing or unreadable, is not BPE with byte fallback, or changes the text before encoding.
    """
    model = proto.ModelProto()
    try:
        model.ParseFromString(path.read_bytes())
    except FileNotFoundError:
        raise ModelError(f"{path}: no such file; download it, the tokenizer is made from it") from None
    except DecodeError:
        raise ModelError(f"{path}: not a sentencepiece model; download it again") from None
    found = {
        "model_type": model.trainer_spec.model_type,
        "byte_fallback": model.trainer_spec.byte_fallback,
        "remove_extra_whitespaces": model.normalizer_spec.remove_extra_whitespaces,
        "escape_whitespaces": model.normalizer_spec.escape_whitespaces,
        "normalisation": bool(model.normalizer_spec.precompiled_charsmap),
    }
    for key, value in EXPECTED.items():
        if found[key] != value:
            raise ModelError(f"{path}: {key} is {found[key]!r}, expected {value!r}; is this the model's own tokenizer?")
    return SentencePiece(
        pieces=[piece.piece for piece in model.pieces],
        scores={piece.piece: piece.score for piece in model.pieces if piece.type == NORMAL},
        user_defined=[piece.piece for piece in model.pieces if piece.type == USER_DEFINED],
        dummy_prefix=model.normalizer_spec.add_dummy_prefix,
    )


def build_bpe(vocabulary: SentencePiece, commands: dict[str, int]) -> Tokenizer:
    """Return the tokenizer.

    sentencepiece merges the two neighbours that form the piece with the highest score. So every split of a normal piece
    into two normal pieces is a merge, ordered by that score.

    Args:
        vocabulary: the pieces.
        commands: further ids by token, which no text is encoded as.
    """
    normal = {text: index for index, text in enumerate(vocabulary.pieces) if text in vocabulary.scores}
    merges = generate_merges(normal, vocabulary.scores)
    ids = {text: index for index, text in enumerate(vocabulary.pieces)} | commands
    tokenizer = Tokenizer(models.BPE(ids, merges, byte_fallback=True, fuse_unk=True, unk_token="<unk>"))
    spaces = normalizers.Replace(" ", WORD_BOUNDARY)
    prefix = [normalizers.Prepend(WORD_BOUNDARY)] if vocabulary.dummy_prefix else []
    tokenizer.normalizer = normalizers.Sequence([*prefix, spaces])
    tokenizer.decoder = decoders.Sequence(
        [
            decoders.Replace(WORD_BOUNDARY, " "),
            decoders.ByteFallback(),
            decoders.Fuse(),
            *([decoders.Strip(" ", 1, 0)] if vocabulary.dummy_prefix else []),
        ]
    )
    return tokenizer


def reference_ids(path: Path, texts: Iterable[str]) -> list[list[int]]:
    """Return the ids that sentencepiece itself gives for each text."""
    return SentencePieceProcessor(model_file=str(path)).encode(list(texts))
