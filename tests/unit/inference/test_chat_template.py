"""A model folder's chat template gives the token ids of training."""

import shutil
from pathlib import Path

import pytest
from transformers import AutoTokenizer, GenerationConfig, LlamaConfig

from architectures import CONFIGS, TEMPLATES, real_tokenizer
from finintent.errors import ModelError
from finintent.files import read_json, write_json
from finintent.inference.chat_template import complete_chat
from finintent.inference.prompting import Prompter
from finintent.models.conversion import ARCHITECTURES, convert_tokenizer
from finintent.training.merge import restore_tokenizer
from tiny import tiny_pieces, tiny_tokenizer

TEXT = "  in the 基金 'model'?\n"
ROLES = "<|im_start|>{{ messages[0]['content'] }}<|im_end|>"  # not what training gives


def gemma(folder: Path) -> Path:
    """A tiny model folder of Gemma's kind, without weights."""
    tiny_tokenizer(tiny_pieces()).save_pretrained(folder)
    LlamaConfig(vocab_size=len(tiny_pieces()), bos_token_id=2, eos_token_id=1, pad_token_id=0).save_pretrained(folder)
    return folder


def chat(folder: Path, text: str, **arguments: object) -> list[int]:
    tokenizer = AutoTokenizer.from_pretrained(folder)
    message = {"role": "user", "content": text}
    return tokenizer.apply_chat_template([message], add_generation_prompt=True, **arguments)["input_ids"]


@pytest.fixture(params=TEMPLATES)
def real(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[str, Path]:
    """The name, and a folder with config.json and the tokenizer of one of the catalogue's models."""
    source, folder = real_tokenizer(request.param), tmp_path / "model"
    folder.mkdir()
    if request.param in ARCHITECTURES:
        convert_tokenizer(request.param, source, folder)
    else:
        CONFIGS[request.param].save_pretrained(folder)
        for path in source.iterdir():
            (folder / path.name).symlink_to(path)
    return request.param, folder


def test_every_model_of_the_catalogue(real: tuple[str, Path], tmp_path: Path):
    name, folder = real
    prompt, _ = Prompter(str(folder), TEMPLATES[name]).encode(TEXT, "A")
    if name == "chatglm3":  # its roles are ids that no text reaches
        assert complete_chat(folder, TEMPLATES[name]) is None
        assert AutoTokenizer.from_pretrained(folder).chat_template is None
        return
    if TEMPLATES[name]:  # Baichuan2 is trained with the chat template that its conversion writes
        assert complete_chat(folder, TEMPLATES[name]) == "llamafactory"
    assert chat(folder, TEXT) == prompt
    assert Prompter(str(folder), TEMPLATES[name]).encode(TEXT, "A")[0] == prompt
    restore_tokenizer(folder, tmp_path / "merged")
    assert chat(tmp_path / "merged", TEXT) == prompt


def test_gemma(tmp_path: Path):
    folder = gemma(tmp_path / "model")
    prompter = Prompter(str(folder), "gemma")
    assert complete_chat(folder, "gemma") == "llamafactory"
    assert chat(folder, TEXT) == prompter.encode(TEXT, "A")[0]
    assert GenerationConfig.from_pretrained(folder).eos_token_id == [1, 5]  # the end of a turn ends an answer too
    assert complete_chat(folder, "gemma") == "own"  # nothing to do a second time


def test_a_chat_template_that_asks_otherwise_is_replaced_and_its_file_left_alone(tmp_path: Path):
    folder = gemma(tmp_path / "model")
    (tmp_path / "original.jinja").write_text(ROLES)
    (folder / "chat_template.jinja").symlink_to(tmp_path / "original.jinja")
    assert complete_chat(folder, "gemma") == "llamafactory"
    assert chat(folder, TEXT) == Prompter(str(folder), "gemma").encode(TEXT, "A")[0]
    assert (tmp_path / "original.jinja").read_text() == ROLES


@pytest.mark.parametrize(("template", "token"), [("qwen", r"<\|im_end\|>"), ("llama3", r"<\|eot_id\|>")])
def test_the_template_of_another_model_is_refused(tmp_path: Path, template: str, token: str):
    folder = gemma(tmp_path / "model")
    with pytest.raises(ModelError, match=f"does not have {token}, which LlamaFactory's template '{template}' uses"):
        complete_chat(folder, template)


@pytest.mark.parametrize(
    "values",
    [
        {"do_sample": False, "temperature": 0.9, "top_p": 0.6, "eos_token_id": 1},  # Llama 2's
        {"num_beams": 4, "early_stopping": True, "eos_token_id": [1]},
        {"suppress_tokens": [298], "repetition_penalty": 1.5},
    ],
)
def test_a_generation_config_keeps_what_it_says_otherwise(tmp_path: Path, values: dict):
    folder = gemma(tmp_path / "model")
    write_json(tmp_path / "original.json", values)
    (folder / "generation_config.json").symlink_to(tmp_path / "original.json")
    complete_chat(folder, "gemma")
    written = read_json(folder / "generation_config.json")
    assert 5 in written.pop("eos_token_id")
    assert written == {key: value for key, value in values.items() if key != "eos_token_id"}
    assert read_json(tmp_path / "original.json") == values


def test_a_chat_template_that_refuses_a_lone_question_is_replaced(tmp_path: Path):
    folder = gemma(tmp_path / "model")
    (folder / "chat_template.jinja").write_text("{{ raise_exception('a system prompt is needed') }}")
    assert complete_chat(folder, "gemma") == "llamafactory"


def test_the_merged_model_keeps_the_template_instead_of_the_exports(tmp_path: Path):
    base, merged = gemma(tmp_path / "base"), tmp_path / "merged"
    complete_chat(base, "gemma")
    shutil.copytree(base, merged)
    (merged / "chat_template.jinja").write_text(ROLES)
    (merged / "Modelfile").write_text("FROM .")
    restore_tokenizer(base, merged)
    assert chat(merged, TEXT) == chat(base, TEXT)
    assert not (merged / "Modelfile").exists()
