"""The sentence that a user gets for a mistake in the configuration."""

from collections.abc import Callable

import pytest
import yaml

from finintent.config.whole import complete_config
from finintent.errors import ConfigError


def message_for(values: dict) -> str:
    with pytest.raises(ConfigError) as error:
        complete_config(values, set_by_workflow=(), baselines=())
    assert "\n" not in str(error.value)
    return str(error.value)


def written(text: str) -> Callable[[dict], None]:
    """Lay a configuration file over another, as Snakemake does."""

    def merge(values: dict, changes: dict) -> None:
        for key, value in changes.items():
            if isinstance(value, dict) and isinstance(values.get(key), dict):
                merge(values[key], value)
            else:
                values[key] = value

    return lambda values: merge(values, yaml.safe_load(text))


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("sead: 1",
         "the top level has the unknown key 'sead'; the known ones are baseline, datasets, encoder, gpu, keep_merged, "
         "models, recipes, scoring, seed, study, training; write 'seed' or remove it"),
        ("gpu: {colour: red}",
         "gpu has the unknown key 'colour'; the known ones are card, memory_gb, usd_per_hour; remove it"),
        ("seed: 4294967296", "seed is 4294967296, expected an integer of at least 0 and below 4294967296"),
        ("seed: one", "seed is 'one', expected an integer of at least 0 and below 4294967296"),
        ("seed: '7'", "seed is '7', expected an integer of at least 0 and below 4294967296; write 7 without quotes"),
        ("seed: 7.0", "seed is 7.0, expected an integer of at least 0 and below 4294967296; write 7"),
        ("seed: true", "seed is True, expected an integer of at least 0 and below 4294967296"),
        (
            "seed:",
            "seed is empty, expected an integer of at least 0 and below 4294967296; give it a value or remove the key",
        ),
        ("keep_merged: 1", "keep_merged is 1, expected true or false"),
        ("training: {learning_rate: 1e-4}",
         "training.learning_rate is '1e-4', expected a number above 0; YAML reads 1e-4 as text: write 1.0e-4"),
        ("training: {learning_rate: 2.5E3}",
         "training.learning_rate is '2.5E3', expected a number above 0; YAML reads 2.5E3 as text: write 2.5e+3"),
        ("training: {learning_rate: '0.1'}",
         "training.learning_rate is '0.1', expected a number above 0; write 0.1 without quotes"),
        ("training: {lora_rank: 1e1}",
         "training.lora_rank is '1e1', expected an integer of at least 1; write 10 without quotes"),
        ("training: {lora_dropout: 1}", "training.lora_dropout is 1, expected a number of at least 0 and below 1"),
        ("training: {precision: int8}", "training.precision is 'int8', expected one of auto, bf16, fp32"),
        ("training: {lora_target: 8}", "training.lora_target is 8, expected text; put it in quotes"),
        ("training: {llamafactory: []}", "training.llamafactory is [], expected a map of keys and values"),
        ("training: {max_steps:}",
         "training.max_steps is empty, expected an integer of at least 1; give it a value or remove the key"),
        ("study: {models: m}",
         "study.models is 'm', expected a list of one or more values, each text, none twice"),
        ("study: {models: [m, m]}", "study.models holds 'm' more than once; name it once"),
        ("study: {seeds: [1, -1]}", "study.seeds.1 is -1, expected an integer of at least 0 and below 4294967296"),
        ("models: {m: {source: {type: web}}}",
         "models.m.source.type is 'web', expected one of gguf, huggingface, local, modelscope"),
        ("models: {m: {source: {convert: glm}}}",
         "models.m.source.convert is 'glm', expected one of chatglm3, baichuan2"),
        ("models: {n: {source: {path: x}}}",
         "models.n.source lacks the key 'type', expected one of gguf, huggingface, local, modelscope; add it"),
        ("models: {n: {source: {type: modelscope, model_id: a/b, size_gb: 1}, template: t}}",
         "models.n.source lacks the key 'revision': its commit; add it"),
        ("models: {a b: {}}",
         "models has the id 'a b', expected one that matches `^[A-Za-z0-9][A-Za-z0-9._-]*$`"),
        ("models: {7: {}}", "models has the id 7, expected text; put it in quotes"),
        ("7: 1", "the top level has the key 7, expected text; put it in quotes"),
        ("datasets: {d: {shuffle_options: true}}",
         "datasets.d.shuffle_options has moved to recipes.<id>.shuffle_options: it belongs to how a model is taught, "
         "not to the data set"),
        ("models: {m: {training: {preset: fast}}}",
         "models.m.training.preset has moved to recipes.<id>.preset: it belongs to one recipe, not to every training"),
        ("recipes: {r: {answer: word}}", "recipes.r.answer is 'word', expected one of letter, label"),
        ("recipes: {s: {}}",
         "recipes.s lacks the key 'answer': what the model learns to answer with: the letter of the option, or the "
         "option's text (label); add it"),
        ("models: []", "models is [], expected one or more entries, each under its id"),
        ("datasets: {d: {evaluation: x}}",
         "datasets.d.evaluation is 'x', expected the keys source, path, task, marker, claude"),
        ("datasets: {d: {generation: {backend: huggingface}}}",
         "datasets.d.generation.backend is 'huggingface', but there is no block of that name beside it; add it, or "
         "choose another backend"),
        ("datasets: {d: {publication: {repo_id: mine}}}",
         "datasets.d.publication.repo_id is 'mine', expected text that matches `^[^/]+/[^/]+$`"),
        ("baseline: {min_ngram: 4}",
         "baseline.min_ngram is 4, above max_ngram, which is 3; lower the one or raise the other"),
    ],
)  # fmt: skip
def test_a_mistake_is_one_sentence(values: dict, text: str, sentence: str):
    written(text)(values)
    assert message_for(values) == f"config: {sentence}"


def test_a_missing_block_is_described(values: dict):
    del values["datasets"]["d"]["evaluation"]
    assert message_for(values) == (
        "config: datasets.d lacks the key 'evaluation': The questions that models are compared on; add it"
    )


def test_a_long_value_is_cut(values: dict):
    values["training"]["precision"] = "x" * 500
    assert "is 'xxx" in message_for(values)
    assert len(message_for(values)) < 160


def test_an_unknown_key_is_told_before_the_key_that_it_was_meant_to_be(values: dict):
    values["studdy"] = values.pop("study")
    assert "unknown key 'studdy'" in message_for(values)
    assert "write 'study'" in message_for(values)
