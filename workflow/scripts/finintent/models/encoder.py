"""The check that a model folder is an encoder that can be fine-tuned to classify."""

from pathlib import Path

from transformers import AutoTokenizer
from transformers.models.auto.modeling_auto import (
    MODEL_FOR_MASKED_LM_MAPPING_NAMES,
    MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING_NAMES,
)

from finintent.errors import ModelError
from finintent.files import read_json
from finintent.models.folder import local_files

WEIGHTS = (".safetensors", ".bin")
# Language models can classify too, but only encoders are pre-trained to fill in masked tokens.
TYPES = MODEL_FOR_MASKED_LM_MAPPING_NAMES.keys() & MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING_NAMES.keys()


def check_encoder(folder: Path) -> None:
    """Check that transformers can fine-tune a model folder to classify.

    Raises:
        ModelError: the architecture is no encoder, or there are no weights or no usable tokenizer.
    """
    kind = read_json(folder / "config.json").get("model_type")
    if kind not in TYPES:
        raise ModelError(
            f"{folder}/config.json: model_type is {kind!r}, expected an encoder that transformers can fine-tune, such "
            "as bert or xlm-roberta; remove `kind: encoder`, or take an encoder"
        )
    if not any(path.suffix in WEIGHTS for path in local_files(folder)):
        raise ModelError(f"{folder}: no weights ({' or '.join(WEIGHTS)}); copy or download them too")
    try:
        tokenizer = AutoTokenizer.from_pretrained(folder)
    except (OSError, ValueError) as error:
        raise ModelError(
            f"{folder}: no tokenizer that transformers reads ({str(error).splitlines()[0]}); add the model's own, such "
            "as tokenizer.json or vocab.txt"
        ) from None
    if tokenizer.pad_token is None:
        raise ModelError(f"{folder}: its tokenizer has no pad_token, with which questions are filled up; add it")
