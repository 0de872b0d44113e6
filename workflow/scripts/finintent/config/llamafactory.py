"""What LlamaFactory accepts: names and values that are checked before any job, and arguments that are refused.

Importing LlamaFactory takes ten seconds, so its lists are kept in a file. `make config-docs` writes it, and a test
compares it with the installed LlamaFactory.
"""

import difflib
import json
import math
import operator
from functools import cache
from pathlib import Path
from typing import Any

from finintent.config.mistakes import value_sentence
from finintent.config.schema import Node
from finintent.errors import ConfigError

FILE = Path(__file__).with_suffix(".json")

_PROMPT = (
    "changes the prompt of training, but not that of the evaluation, so that they differ; remove it: the wording is in "
    "prompts/instruction.yaml, the roles are those of `template`"
)
_OTHER_MODEL = "trains another model than the one that is merged and evaluated; remove it"
_OTHER_BASE = (
    "changes the base's own weights before training, so that base + adapter is not the trained model; remove it: "
    "use_rslora and use_dora can be merged"
)
_OTHER_ROWS = "trains on other rows than the report tells; remove it: curation.train_rows and study.train_sizes choose"
# Arguments that would make a result wrong without a sign of it, and why.
REFUSED = {
    **dict.fromkeys(
        (
            "default_system", "enable_thinking", "preserve_thinking", "tool_format", "add_tokens", "add_special_tokens",
            "new_special_tokens_config", "init_special_tokens", "resize_vocab", "use_fast_tokenizer",
        ),
        _PROMPT,
    ),
    **dict.fromkeys(("pissa_init", "pissa_iter", "pissa_convert"), _OTHER_BASE),
    **dict.fromkeys(
        (
            "rope_scaling", "shift_attn", "mixture_of_depths", "train_from_scratch", "use_llama_pro",
            "create_new_adapter",
        ),
        _OTHER_MODEL,
    ),
    **dict.fromkeys(("tokenized_path", "max_samples", "streaming", "eval_on_each_dataset"), _OTHER_ROWS),
}  # fmt: skip
ON = frozenset({"enable_thinking", "use_fast_tokenizer"})  # of these, what is false or null changes something too
# Limits, in JSON schema's terms, of numbers that would be refused only when the model is loaded, or never.
LIMITS: dict[str, Node] = {
    name: limits
    for limits, names in (
        (
            {"minimum": 1},
            "per_device_train_batch_size gradient_accumulation_steps preprocessing_num_workers "
            "preprocessing_batch_size save_total_limit dataloader_prefetch_factor early_stopping_steps "
            "eval_accumulation_steps",
        ),
        ({"minimum": 0}, "adam_epsilon dataloader_num_workers max_grad_norm val_size warmup_steps"),
        ({"exclusiveMinimum": 0}, "eval_steps loraplus_lr_embedding save_steps"),
        ({"minimum": 0, "exclusiveMaximum": 1}, "adam_beta1"),
        ({"minimum": 0, "maximum": 1}, "label_smoothing_factor"),
        ({"minimum": 2, "maximum": 8}, "quantization_bit"),
        ({"minimum": 0, "exclusiveMaximum": 2**32}, "data_seed seed"),
    )
    for name in names.split()
}
_BEYOND = {
    "minimum": operator.lt, "exclusiveMinimum": operator.le, "maximum": operator.gt, "exclusiveMaximum": operator.ge,
}  # fmt: skip


@cache
def known() -> dict[str, Any]:
    """Return LlamaFactory's version, its names of templates, and the JSON schema of each argument of `train`."""
    return json.loads(FILE.read_text(encoding="utf-8"))


def check_template(path: str, name: str) -> None:
    """Raise ConfigError where LlamaFactory has no chat template of a name; `path` is the key that holds it."""
    names = known()["templates"]
    if name not in names:
        raise ConfigError(f"config: {path} is {name!r}, {_unknown(name, names)}")


def check_argument(path: str, name: str, value: Any) -> None:
    """Check an argument of `llamafactory-cli train`.

    Args:
        path: the key of the configuration that holds it.
        name: LlamaFactory's.
        value: as YAML gives it.

    Raises:
        ConfigError: LlamaFactory does not know the name or the value, or a result would be wrong with it.
    """
    arguments = known()["arguments"]
    if name not in arguments:
        raise ConfigError(f"config: {path} is no argument of training, {_unknown(name, list(arguments))}")
    if name in REFUSED and (value not in (None, False) or name in ON):
        raise ConfigError(f"config: {path} {REFUSED[name]}")
    if wrong := wrong_value(path, value, arguments[name] | LIMITS.get(name, {})):
        raise ConfigError(f"config: {wrong}")


def wrong_value(path: str, value: Any, node: Node) -> str | None:
    """Return a sentence on a value that its JSON schema does not accept, None where it does; `path` is its key."""
    if "enum" in node and isinstance(value, str) and value not in node["enum"]:
        return f"{path} is {value!r}, {_unknown(value, node['enum'])}"
    return None if value is None or _fits(value, node) else value_sentence(path, value, node)


def _unknown(name: str, names: list[str]) -> str:
    longer = [known_name for known_name in names if known_name.startswith(name)]
    near = longer[:3] or difflib.get_close_matches(name, names, n=3, cutoff=0.5)
    expected = " or ".join(map(repr, near)) if near else ", ".join(names) if len(names) < 30 else "a name of the list"
    return (
        f"which LlamaFactory {known()['version']} does not have; write {expected}"
        f"{'' if len(names) < 30 else f' (all names are in {FILE.name} beside the code of the configuration)'}"
    )


def _fits(value: Any, node: Node) -> bool:
    if "enum" in node:
        return value in node["enum"]
    match node.get("type"):
        case "boolean":
            return isinstance(value, bool)
        case "integer":
            return isinstance(value, int) and not isinstance(value, bool) and _within(value, node)
        case "number":
            number = isinstance(value, int | float) and not isinstance(value, bool)
            return number and math.isfinite(value) and _within(value, node)
        case "string":
            return isinstance(value, str)
    return True


def _within(value: float, node: Node) -> bool:
    return not any(beyond(value, node[limit]) for limit, beyond in _BEYOND.items() if limit in node)
