"""The catalogue of models: sources, templates, vocabularies, overrides of training."""

import pytest
from pydantic import ValidationError

from finintent.config.models import GgufSource, HuggingFaceRepository, LocalFolder, Model, ModelScopeRepository

COMMIT = "a" * 40
GGUF = {"type": "gguf", "package": "p", "sha256": "b" * 64}
LOCAL = {"type": "local", "path": "folder"}
HUB = {"type": "huggingface", "repo_id": "a/b", "size_gb": 1.5}
SCOPE = {"type": "modelscope", "model_id": "a/b", "revision": COMMIT, "size_gb": 1}
VOCABULARY = {"ranges": [["4e00", "9fff"]], "max_ascii_run": 4}


@pytest.mark.parametrize(
    ("source", "kind"),
    [(GGUF, GgufSource), (LOCAL, LocalFolder), (HUB, HuggingFaceRepository), (SCOPE, ModelScopeRepository)],
)
def test_the_type_of_a_source_decides_its_keys(source: dict, kind: type):
    assert isinstance(Model(source=source, template="t").source, kind)


@pytest.mark.parametrize(
    "source",
    [
        {},
        {"type": "web"},
        GGUF | {"sha256": "b"},
        GGUF | {"convert": "chatglm3"},
        GGUF | {"path": "model.gguf"},
        {"type": "gguf", "sha256": "b" * 64},
        {"type": "gguf", "sha256": "b" * 64, "repo_id": "a/b", "size_gb": 1},
        {"type": "gguf", "sha256": "b" * 64, "wheels": {"a==1": "c" * 64}},
        {"type": "gguf", "sha256": "b" * 64, "wheels": {"a": "c" * 64}, "size_gb": 1},
        LOCAL | {"repo_id": "a/b"},
        LOCAL | {"convert": "glm"},
        HUB | {"revision": "main"},
        HUB | {"repo_id": "b"},
        HUB | {"files": []},
        HUB | {"size_gb": 0},
        SCOPE | {"gated": True},
        {key: SCOPE[key] for key in SCOPE if key != "revision"},
    ],
)
def test_a_wrong_source_is_refused(source: dict):
    with pytest.raises(ValidationError):
        Model(source=source, template="t")


def test_only_a_converted_baichuan2_does_without_a_template():
    assert Model(source=HUB | {"convert": "baichuan2"}).template is None
    for source in (GGUF, LOCAL, HUB, HUB | {"convert": "chatglm3"}):
        with pytest.raises(ValidationError, match="lacks the key 'template'"):
            Model(source=source)


def test_only_gguf_sources_can_have_their_vocabulary_cut():
    assert Model(source=GGUF, template="t", vocabulary=VOCABULARY).vocabulary.pieces == []
    with pytest.raises(ValidationError, match="vocabulary works for GGUF sources only"):
        Model(source=LOCAL, template="t", vocabulary=VOCABULARY)


@pytest.mark.parametrize("code_points", [["4e00"], ["4e00", "9FFF"], ["9fff", "4e00"], [4100, 4200]])
def test_a_wrong_range_of_code_points_is_refused(code_points: list):
    with pytest.raises(ValidationError):
        Model(source=GGUF, template="t", vocabulary=VOCABULARY | {"ranges": [code_points]})


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"template": "qwen"}, "template is of no use to an encoder"),
        ({"vocabulary": VOCABULARY}, "vocabulary works for GGUF sources only, which an encoder cannot have"),
        ({"training": {"learning_rate": 1.0}}, "training holds LoRA's settings"),
        ({"source": GGUF}, "source is a GGUF file, but an encoder needs a Hugging Face folder"),
        ({"source": LOCAL | {"convert": "chatglm3"}}, r"source\.convert converts language models only"),
    ],
)
def test_an_encoder_has_no_keys_of_language_models(values: dict, sentence: str):
    assert Model(kind="encoder", source=LOCAL, encoder={"learning_rate": 1.0}).template is None
    with pytest.raises(ValidationError, match=sentence):
        Model(**{"kind": "encoder", "source": LOCAL} | values)


def test_a_language_model_has_no_settings_of_encoders():
    with pytest.raises(ValidationError, match="encoder is for models of the kind 'encoder'"):
        Model(source=LOCAL, template="t", encoder={"learning_rate": 1.0})


def test_a_models_training_holds_only_what_was_set():
    def dumped(**training: object) -> dict:
        return Model(source=LOCAL, template="t", **training).model_dump(mode="json", exclude_none=True)["training"]

    assert dumped() == {}
    assert dumped(training={"learning_rate": 1.0, "precision": "auto"}) == {"learning_rate": 1, "precision": "auto"}
