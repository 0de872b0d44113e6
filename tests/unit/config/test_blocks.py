"""Defaults and ranges of the blocks without a test file of their own, and what their keys must agree on."""

import pytest
from pydantic import ValidationError

from finintent.config.answers import AnswerPlan
from finintent.config.baseline import Baseline
from finintent.config.block import Block
from finintent.config.curation import Curation, SeededCuration
from finintent.config.datasets import Publication
from finintent.config.encoder import EncoderTraining
from finintent.config.fetching import Fetching
from finintent.config.gpu import Gpu
from finintent.config.plan import Judge, Plan
from finintent.config.scoring import Scoring
from finintent.config.study import Study
from finintent.config.training import Training

STUDY = {"models": ["m"], "recipes": ["r"], "datasets": ["d"]}
CURATION = {"train_rows": 1, "validation_rows": 1}
REPO = {"repo_id": "me/set"}
DEFAULTS = {
    AnswerPlan: ({}, {"effort": "low", "max_tokens": 1000}),
    Baseline: ({}, {"min_ngram": 1, "max_ngram": 3, "regularisation": 20}),
    Curation: (
        CURATION,
        {
            "min_characters": 2, "max_characters": 60, "reject_label_names": True, "near_duplicate_threshold": 70,
            "decontamination_threshold": 55,
        },
    ),
    EncoderTraining: (
        {},
        {
            "precision": "auto", "learning_rate": 3e-5, "num_train_epochs": 10, "batch_size": 16, "warmup_ratio": 0.1,
            "weight_decay": 0.01, "max_length": 256,
        },
    ),
    Fetching: (
        {"store": "s"},
        {
            "mode": "messages", "max_cost_usd": 5, "concurrency": 8, "max_retries": 10, "timeout_seconds": 300,
            "batch_poll_seconds": 30, "batch_wait_minutes": 1500,
        },
    ),
    Gpu: ({}, {}),
    Judge: ({"model": "m"}, {"queries_per_request": 40}),
    Plan: (
        {"model": "m"},
        {
            "effort": "low", "max_tokens": 8000, "queries_per_request": 20, "examples": 20, "max_rounds": 20,
            "max_faulty_replies": 2,
        },
    ),
    Publication: (REPO, {"private": True, "license": "other"}),
    Scoring: ({}, {"answer": "letter", "batch_size": 16, "max_new_tokens": 8, "permutations": 5, "few_shot": 1}),
    Study: (STUDY, {"seeds": [42], "train_sizes": [], "recipe_sizes": {}}),
    Training: (
        {},
        {
            "precision": "auto", "lora_rank": 8, "batch_size": 8, "per_device_eval_batch_size": 8,
            "cutoff_len": 2048, "cut_rows": False, "llamafactory": {},
        },
    ),
}  # fmt: skip


@pytest.mark.parametrize("block", DEFAULTS)
def test_what_is_not_set_has_its_default_or_is_absent(block: type[Block]):
    given, defaults = DEFAULTS[block]
    assert block(**given).model_dump(mode="json", exclude_none=True) == given | defaults


@pytest.mark.parametrize(
    ("block", "values"),
    [
        (AnswerPlan, {"effort": "none"}),
        (EncoderTraining, {"precision": "fp16"}),
        (EncoderTraining, {"learning_rate": 0}),
        (EncoderTraining, {"num_train_epochs": 0.5}),
        (EncoderTraining, {"batch_size": 0}),
        (EncoderTraining, {"warmup_ratio": 1}),
        (EncoderTraining, {"weight_decay": -1}),
        (EncoderTraining, {"max_length": 7}),
        (AnswerPlan, {"max_tokens": 0}),
        (Baseline, {"regularisation": 0}),
        (Baseline, {"min_ngram": 4}),
        (Curation, CURATION | {"train_rows": 0}),
        (Curation, CURATION | {"near_duplicate_threshold": 101}),
        (Curation, CURATION | {"near_duplicate_threshold": 0.7}),  # a share, where percent are meant
        (Curation, CURATION | {"decontamination_threshold": 0}),
        (Curation, CURATION | {"min_characters": 61}),
        (SeededCuration, CURATION),
        (SeededCuration, CURATION | {"seed": -1}),
        (Fetching, {}),
        (Fetching, {"store": "s", "mode": "async"}),
        (Fetching, {"store": "s", "concurrency": 0}),
        (Fetching, {"store": "s", "timeout_seconds": 0}),
        (Fetching, {"store": "s", "batch_wait_minutes": -1}),
        (Gpu, {"memory_gb": 0}),
        (Gpu, {"usd_per_hour": -1}),
        (Judge, {}),
        (Plan, {}),
        (Plan, {"model": "m", "max_tokens": 255}),
        (Plan, {"model": "m", "judge": {}}),
        (Publication, {"repo_id": "set"}),
        (Scoring, {"permutations": 0}),
        (Scoring, {"few_shot": -1}),
        (Study, STUDY | {"models": []}),
        (Study, STUDY | {"models": ["m", "m"]}),
        (Study, STUDY | {"seeds": []}),
        (Study, STUDY | {"seeds": [-1]}),
        (Study, STUDY | {"train_sizes": [0]}),
        (Study, STUDY | {"train_sizes": [5, 5]}),
        (Training, {"precision": "int8"}),
        (Training, {"lora_dropout": 1}),
        (Training, {"learning_rate": 0}),
        (Training, {"warmup_ratio": 1.5}),
        (Training, {"adam_beta2": 1}),
        (Training, {"cutoff_len": 8}),
        (Training, {"lora_alpha": 16.0}),
    ],
)
def test_a_value_out_of_range_is_refused(block: type[Block], values: dict):
    with pytest.raises(ValidationError):
        block(**values)


def test_training_passes_further_arguments_on_unchanged():
    further = {"packing": True, "report": None, "nested": {"number": 1.0}}
    assert Training(llamafactory=further).model_dump(mode="json", exclude_none=True)["llamafactory"] == further
