"""LlamaFactory's arguments."""

from finintent.training.arguments import OWN_KEYS, training_config

ASKED = {
    "model": "m", "data": "d", "template": "gemma", "split_special_tokens": True, "checkpoints": "c",
    "settings": {"lora_rank": 4, "seed": 7}, "seed": 1, "bf16": True, "gpu": True,
}  # fmt: skip


def test_the_epoch_with_the_lowest_validation_loss_is_kept():
    config = training_config(**ASKED)
    assert (config["dataset"], config["eval_dataset"]) == ("train", "validation")
    assert config["eval_strategy"] == config["save_strategy"] == "epoch"
    assert config["load_best_model_at_end"]
    assert (config["metric_for_best_model"], config["greater_is_better"]) == ("eval_loss", False)


def test_settings_pass_unless_the_workflow_sets_them_itself():
    config = training_config(**ASKED)
    assert (config["lora_rank"], config["seed"]) == (4, 1)
    assert "lora_rank" not in OWN_KEYS
    assert config.keys() - ASKED["settings"].keys() <= OWN_KEYS


def test_without_a_template_the_tokenizers_own_is_used():
    assert training_config(**ASKED)["template"] == "gemma"
    assert "template" not in training_config(**ASKED | {"template": None})


def test_a_processor_computes_attention_by_plain_products():
    kinds = [training_config(**ASKED | {"gpu": gpu}) for gpu in (True, False)]
    assert [(config["flash_attn"], config["use_cpu"]) for config in kinds] == [("auto", False), ("disabled", True)]
