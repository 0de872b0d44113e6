"""The check of a model folder before hours are spent on it: seconds, without reading its weights as a whole."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
from jinja2 import TemplateSyntaxError
from transformers import AutoConfig, AutoTokenizer, GenerationConfig

from finintent.errors import ModelError
from finintent.files import read_json
from finintent.models.folder import adapter_files, local_files, weights_dtype
from finintent.models.weights import AGAIN, LFS_POINTER, Stored, first_line, loading, stored_tensors, weight_files

logger = logging.getLogger(__name__)

DTYPES = {"F64": torch.float64, "F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16}
VOCABULARIES = (
    "tokenizer.json", "tokenizer.model", "vocab.json", "vocab.txt", "spiece.model", "sentencepiece.bpe.model",
    "*.tiktoken",
)  # fmt: skip
# Of a tensor up to WHOLE bytes, every number is read; of a larger one BLOCKS parts of BLOCK bytes, evenly placed.
WHOLE, BLOCKS, BLOCK = 2**18, 16, 2**12


def check_folder(folder: Path) -> None:
    """Check that transformers loads a folder's language model and tokenizer, and log what else lies there.

    Raises:
        ModelError: a file is missing or damaged, the files do not fit together, or a sampled number is not finite.
        DataError: a JSON file does not parse.
    """
    with _readable(folder):
        _check_pointers(folder)
        _check_config(folder)
        _check_weights(folder)
        _check_tokenizer(folder)


def check_files(folder: Path) -> None:
    """Check what can be checked of a folder with a model of any class: its files, and a sample of its numbers.

    Raises:
        ModelError: a file is damaged, or a sampled number is not finite.
    """
    with _readable(folder):
        _check_pointers(folder)
        if any(folder.glob("*.safetensors")):
            for name, tensor in stored_tensors(folder).items():
                _check_finite(name, tensor)


@contextmanager
def _readable(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise ModelError(f"{error.filename or folder}: cannot be read ({error.strerror}); check its rights") from None


def _check_pointers(folder: Path) -> None:
    for path in local_files(folder):
        with open(path, "rb") as file:
            pointer = file.read(len(LFS_POINTER)) == LFS_POINTER
        if pointer and path.suffix != ".safetensors":  # of those, the header's check tells more
            raise ModelError(f"{path}: a Git LFS pointer, not the file; run `git lfs pull` there, or download it")


def _check_config(folder: Path) -> None:
    path = folder / "config.json"
    config = read_json(path)
    if not isinstance(config, dict) or "model_type" not in config:
        raise ModelError(f"{path}: no key model_type; expected the config.json of a Hugging Face model: {AGAIN}")
    if "quantization_config" in config:
        raise ModelError(
            f"{path}: a quantised model, into which no adapter can be merged; give the unquantised one, and quantise "
            "it for training alone with training.llamafactory.quantization_bit"
        )
    weights_dtype(folder)
    if (folder / "generation_config.json").is_file():
        try:
            GenerationConfig.from_pretrained(folder)
        except Exception as error:  # of whatever class: the file is a user's
            raise ModelError(
                f"{folder}/generation_config.json: transformers cannot read it ({first_line(error)}); correct or "
                "delete it"
            ) from None


def _check_weights(folder: Path) -> None:
    stored = stored_tensors(folder)
    if odd := [name for name, tensor in stored.items() if tensor.dtype not in DTYPES]:
        raise ModelError(
            f"{stored[odd[0]].path}: {odd[0]} is stored as {stored[odd[0]].dtype}, expected floating point of 16 bits "
            "or more; a quantised model, into which no adapter can be merged: give the unquantised one"
        )
    found = loading(folder, stored)
    if found.mismatched:
        name, shape, expected = found.mismatched[0]
        raise ModelError(
            f"{stored[found.names[name]].path if name in found.names else folder}: {name} has the shape {shape}, "
            f"expected {expected} by config.json ({len(found.mismatched)} tensors differ); take config.json and "
            "weights from one model"
        )
    if found.missing:
        raise ModelError(
            f"{folder}: {len(found.missing)} tensors of {found.class_name} are missing, such as {found.missing[0]}; "
            "the download is incomplete, or config.json is another model's: take both from one revision"
        )
    for name, other in found.tied:
        if _sample(stored[name]) != _sample(stored[other]):
            raise ModelError(
                f"{folder}/config.json: tie_word_embeddings takes {name} and {other} for one tensor, but their stored "
                "values differ; set tie_word_embeddings to false"
            )
    for name, tensor in stored.items():
        _check_finite(name, tensor)
    if zeros := [name for name, tensor in stored.items() if len(tensor.shape) > 1 and not any(_sample(tensor))]:
        logger.info(
            "%s: %d matrices hold zeros alone, such as %s in %s; was its download finished?",
            folder, len(zeros), zeros[0], stored[zeros[0]].path.name,
        )  # fmt: skip
    if found.unexpected:
        logger.info(
            "%s: %s does not load %d of the stored tensors, such as %s; merged models will not have them",
            folder, found.class_name, len(found.unexpected), found.unexpected[0],
        )  # fmt: skip
    adapter = adapter_files(folder)
    if beside := sorted({*folder.glob("*.safetensors")} - {*weight_files(folder), *adapter}):
        logger.info("%s: not used, as the model is loaded without: %s", folder, _names(beside))
    if adapter:
        logger.info("%s: an adapter's, and not used: %s", folder, _names(adapter))
    dtypes = {str(DTYPES[tensor.dtype]).removeprefix("torch.") for tensor in stored.values()}
    if dtypes != {named := weights_dtype(folder)}:
        logger.info(
            "%s: stored in %s, but config.json names %s, in which merged models are written",
            folder, " and ".join(sorted(dtypes)), named,
        )  # fmt: skip


def _names(paths: list[Path]) -> str:
    return ", ".join(path.name for path in paths)


def _check_finite(name: str, tensor: Stored) -> None:
    data = bytearray(_sample(tensor)) if tensor.dtype in DTYPES else b""
    if data and not torch.frombuffer(data, dtype=DTYPES[tensor.dtype]).isfinite().all():
        raise ModelError(
            f"{tensor.path}: {name} holds numbers that are NaN or infinite; {AGAIN}, or take another checkpoint of "
            "its training"
        )


def _sample(tensor: Stored) -> bytes:
    """Return the bytes of a tensor, of a large one a part."""
    size = tensor.end - tensor.start
    with open(tensor.path, "rb", buffering=0) as file:
        if size <= WHOLE:
            file.seek(tensor.start)
            return file.read(size)
        parts = []
        for number in range(BLOCKS):
            file.seek(tensor.start + (size - BLOCK) * number // (BLOCKS - 1) // 8 * 8)
            parts.append(file.read(BLOCK))
    return b"".join(parts)


def _check_tokenizer(folder: Path) -> None:
    if not any(path.is_file() for pattern in VOCABULARIES for path in folder.glob(pattern)):
        raise ModelError(f"{folder}: no tokenizer ({', '.join(VOCABULARIES)}); copy or download its files too")
    if not (folder / "tokenizer_config.json").is_file():
        raise ModelError(f"{folder}/tokenizer_config.json: no such file; copy or download it too")
    try:
        tokenizer = AutoTokenizer.from_pretrained(folder)
    except Exception as error:  # of whatever class: its files are a user's
        raise ModelError(
            f"{folder}: the tokenizer cannot be loaded ({first_line(error)}); copy or download its files again, "
            "tokenizer.json and tokenizer_config.json first"
        ) from None
    rows = AutoConfig.from_pretrained(folder).get_text_config().vocab_size
    if tokenizer.vocab_size > rows:
        raise ModelError(
            f"{folder}: the tokenizer has {tokenizer.vocab_size} tokens, but the model's embedding {rows} rows by "
            "config.json; take both from one model"
        )
    if isinstance(tokenizer.chat_template, str):
        try:
            tokenizer.apply_chat_template([{"role": "user", "content": "?"}], tokenize=False)
        except TemplateSyntaxError as error:
            file = "chat_template.jinja"
            raise ModelError(
                f"{folder / (file if (folder / file).is_file() else 'tokenizer_config.json')}: the chat template is "
                f"not Jinja ({first_line(error)}); correct it, or take it out: `template` names one of LlamaFactory's"
            ) from None
        except Exception as error:  # it may refuse a conversation, such as one without a system prompt
            logger.debug("%s: the chat template refuses a lone question (%s)", folder, first_line(error))
