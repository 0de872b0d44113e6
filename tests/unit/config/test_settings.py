"""Which block's value counts for a training."""

from finintent.config.settings import encoder_settings, training_settings

CONFIG = {
    "training": {"lora_rank": 8, "batch_size": 8, "llamafactory": {"a": 1, "b": 1}},
    "recipes": {"r": {"answer": "letter", "lora_rank": 16, "batch_size": 4, "llamafactory": {"b": 2}}},
    "encoder": {"batch_size": 16, "num_train_epochs": 10},
    "models": {"m": {"training": {"lora_rank": 32}, "encoder": {"batch_size": 32}}},
}


def test_a_models_value_counts_before_its_recipes_and_that_before_everyones():
    assert training_settings(CONFIG, "m", "r") == {
        "answer": "letter", "lora_rank": 32, "batch_size": 4, "llamafactory": {"a": 1, "b": 2},
    }  # fmt: skip


def test_an_encoders_value_counts_before_every_encoders():
    assert encoder_settings(CONFIG, "m") == {"batch_size": 32, "num_train_epochs": 10}
