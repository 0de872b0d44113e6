"""Names and values that only LlamaFactory knows are checked before any job."""

import ast
import subprocess
import sys

import pytest

from finintent.config.llamafactory import REFUSED, check_argument, check_template, known
from finintent.config.whole import complete_config
from finintent.errors import ConfigError
from finintent.training.arguments import OWN_KEYS
from finintent.versions import locked_versions
from tiny import ROOT


def message_for(values: dict) -> str:
    with pytest.raises(ConfigError) as error:
        complete_config(values, set_by_workflow=OWN_KEYS, baselines=())
    assert "\n" not in str(error.value)
    return str(error.value)


def test_the_lists_are_those_of_the_locked_version():
    assert {"llamafactory": known()["version"]} == locked_versions(ROOT / "requirements.lock", "llamafactory")


@pytest.mark.parametrize(
    ("name", "near"),
    [("qwen2.5", "'qwen'"), ("chatglm", "'chatglm3'"), ("lama3", "'llama3'"), ("Gemma", "'gemma'")],
)
def test_an_unknown_template_is_refused_and_near_ones_are_named(values: dict, name: str, near: str):
    values["models"]["m"]["template"] = name
    message = message_for(values)
    assert message.startswith(f"config: models.m.template is {name!r}, which LlamaFactory 0.9.5 does not have; write ")
    assert near in message


def test_a_template_like_none_points_to_the_list(values: dict):
    values["models"]["m"]["template"] = "zzzz"
    assert "write a name of the list (all names are in llamafactory.json" in message_for(values)


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ({"use_dorra": True}, "llamafactory.use_dorra is no argument of training, which LlamaFactory 0.9.5 does not "
         "have; write 'use_dora'"),
        ({"use_dora": "yes"}, "llamafactory.use_dora is 'yes', expected true or false"),
        ({"optim": "adamw"}, "llamafactory.optim is 'adamw', which LlamaFactory 0.9.5 does not have; write 'adamw_"),
        ({"quantization_bit": 4.0}, "llamafactory.quantization_bit is 4.0, expected an integer"),
        ({"max_grad_norm": "1e-4"}, "max_grad_norm is '1e-4', expected a number of at least 0; YAML reads 1e-4 as"),
        ({"max_grad_norm": float("inf")}, "llamafactory.max_grad_norm is inf, expected a number"),
        ({"max_grad_norm": True}, "llamafactory.max_grad_norm is True, expected a number"),
        ({"logging_nan_inf_filter": True}, "llamafactory.logging_nan_inf_filter is set by the workflow itself"),
        ({"default_system": "You label."}, "default_system changes the prompt of training, but not that of the eval"),
        ({"enable_thinking": True}, "enable_thinking changes the prompt of training"),
        ({"enable_thinking": False}, "enable_thinking changes the prompt of training"),
        ({"enable_thinking": None}, "enable_thinking changes the prompt of training"),
        ({"use_fast_tokenizer": False}, "use_fast_tokenizer changes the prompt of training"),
        ({"per_device_eval_batch_size": 0}, "has a key of its own: write"),
        ({"adam_epsilon": -1e-8}, "llamafactory.adam_epsilon is -1e-08, expected a number of at least 0"),
        ({"adam_beta1": 1}, "llamafactory.adam_beta1 is 1, expected a number of at least 0 and below 1"),
        ({"add_tokens": "<x>"}, "add_tokens changes the prompt of training"),
        ({"pissa_init": True}, "pissa_init changes the base's own weights before training"),
        ({"pissa_init": True, "pissa_convert": True}, "pissa_convert changes the base's own weights before training"),
        ({"rope_scaling": "yarn"}, "rope_scaling trains another model than the one that is merged"),
        ({"max_samples": 8}, "max_samples trains on other rows than the report tells"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("place", ["training", "models.m.training"])
def test_an_argument_that_fails_or_misleads_is_refused(values: dict, place: str, arguments: dict, expected: str):
    block = values["training"] if place == "training" else values["models"]["m"].setdefault("training", {})
    block["llamafactory"] = arguments
    assert expected in message_for(values)
    assert message_for(values).startswith(f"config: {place}.llamafactory.")


def test_an_unknown_schedule_is_refused(values: dict):
    values["training"]["lr_scheduler_type"] = "cosin"
    assert message_for(values).startswith(
        "config: training.lr_scheduler_type is 'cosin', which LlamaFactory 0.9.5 does not have; write 'cosine'"
    )


def test_a_comma_without_a_module_is_refused(values: dict):
    values["training"]["lora_target"] = "q_proj, v_proj,"
    assert message_for(values) == (
        "config: training.lora_target is 'q_proj, v_proj,', with nothing before or after a comma; remove the comma"
    )


def test_an_infinite_learning_rate_is_refused(values: dict):
    values["training"]["learning_rate"] = float("inf")
    assert message_for(values) == "config: training.learning_rate is inf, expected a number above 0"


@pytest.mark.parametrize(
    "arguments",
    [
        {"use_dora": True, "use_rslora": True, "additional_target": "embed_tokens,lm_head"},
        {"quantization_bit": 4, "packing": False, "optim": "adamw_torch", "lr_scheduler_kwargs": {"min_lr": 1e-5}},
        {"pissa_init": False, "preserve_thinking": None, "max_grad_norm": 1},
    ],
)
def test_sound_arguments_pass(values: dict, arguments: dict):
    values["training"]["llamafactory"] = arguments
    assert complete_config(values, set_by_workflow=OWN_KEYS, baselines=())["training"]["llamafactory"] == arguments


def test_what_is_refused_is_an_argument_and_templates_of_the_catalogue_are_known():
    assert REFUSED.keys() <= known()["arguments"].keys()
    for name in ("gemma", "qwen", "llama3", "chatglm3"):
        check_template("models.m.template", name)
    check_argument("training.llamafactory.use_dora", "use_dora", True)


def test_the_configuration_is_checked_without_llamafactory():
    code = "import sys; import finintent.config.whole; sys.exit(bool({'llamafactory', 'torch'} & sys.modules.keys()))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
    source = (ROOT / "workflow/scripts/finintent/config/llamafactory.py").read_text(encoding="utf-8")
    imported = {node.module for node in ast.walk(ast.parse(source)) if isinstance(node, ast.ImportFrom)}
    assert not any((module or "").startswith("llamafactory") for module in imported)
