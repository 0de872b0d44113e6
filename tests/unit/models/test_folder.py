import json

import pytest

from finintent.errors import ModelError
from finintent.models.folder import weights_dtype


@pytest.mark.parametrize("key", ["dtype", "torch_dtype"])
def test_precision_of_the_weights_is_read_from_either_key(tmp_path, key: str):
    (tmp_path / "config.json").write_text(json.dumps({key: "bfloat16"}))
    assert weights_dtype(tmp_path) == "bfloat16"


def test_a_model_without_a_precision_is_refused(tmp_path):
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(ModelError, match="neither dtype nor torch_dtype"):
        weights_dtype(tmp_path)
