from checkpoints import GOLDEN
from finintent.files import read_json, write_json
from finintent.models.conversion import ARCHITECTURES


def test_rope_ratio_scales_the_base_of_chatglm3(tmp_path):
    config = read_json(GOLDEN / "chatglm3/original/config.json")
    write_json(tmp_path / "config.json", config | {"rope_ratio": 50})
    assert ARCHITECTURES["chatglm3"].read_config(tmp_path).rope_parameters["rope_theta"] == 500000
