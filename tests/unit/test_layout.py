"""Every module of the package has a test file of its own, in the same folder, or a reason why not."""

from pathlib import Path

import pytest

from tiny import ROOT

PACKAGE, UNIT = ROOT / "workflow/scripts/finintent", ROOT / "tests/unit"
RANGES = "tests/unit/config/test_blocks.py::test_a_value_out_of_range_is_refused"
STUDY = "tests/unit/test_scripts.py::test_the_whole_analysis_of_a_study"
# The reason by module: that it only declares, or the test that covers it.
WITHOUT_A_FILE = {
    "errors": "only declarations",
    "claude/records": "tests/unit/claude/test_store.py::test_what_is_no_record_is_neither_stored_nor_read",
    "data/taught_rows": "tests/unit/data/test_hub.py::test_sets_are_read_as_people_publish_them",
    "config/answer_form": "only declarations",
    "data/dataset_info": "tests/unit/test_scripts.py::test_llamafactory_finds_the_files_by_their_description",
    "inference/classifier": "tests/e2e/test_command_line.py::test_a_model_that_answers_by_label_is_asked_for_labels",
    "inference/demo": "tests/e2e/test_command_line.py::test_the_page_shows_both_models_and_needs_no_network",
    "inference/plain_text": "tests/unit/inference/test_prompting.py::test_control_tokens_that_a_user_spells_stay_text",
    "training/fused_adapters": "tests/unit/training/test_card_trainer.py::test_fused_adapters_round_less_in_bfloat16",
    "training/glm_rotary": "tests/gpu/test_card.py::test_glm_gives_the_same_logits_loss_and_gradients",
    "training/kernels": "tests/gpu/test_card.py::test_glm_gives_the_same_logits_loss_and_gradients",
    "training/packed_rows": "tests/unit/training/test_card_trainer.py::"
    "test_packed_rows_and_fused_adapters_give_the_same_gradients",
    "models/weights": "tests/unit/models/test_folder_check.py::test_a_fault_is_one_sentence_that_names_the_file",
    **dict.fromkeys(("report/markdown", "report/model_card", "report/provenance"), STUDY),
    **{
        f"config/{block}": RANGES
        for block in (
            "answers", "baseline", "curation", "datasets", "encoder", "fetching", "gpu", "plan", "scoring", "study",
            "training",
        )
    },
}  # fmt: skip
MODULES = {
    path.relative_to(PACKAGE).with_suffix("").as_posix() for path in PACKAGE.rglob("*.py") if path.stem != "__init__"
}


def own_file(module: str) -> Path:
    return UNIT / Path(module).parent / f"test_{Path(module).name}.py"


@pytest.mark.parametrize("module", sorted(MODULES))
def test_a_module_has_a_test_file_or_a_reason(module: str):
    if module in WITHOUT_A_FILE:
        assert not own_file(module).exists(), f"{module} has a test file: remove it from WITHOUT_A_FILE"
    else:
        assert own_file(module).exists(), f"no {own_file(module).relative_to(ROOT)}, and no reason in WITHOUT_A_FILE"


def test_reasons_are_of_modules_and_tests_that_exist():
    assert WITHOUT_A_FILE.keys() <= MODULES
    for reason in set(WITHOUT_A_FILE.values()) - {"only declarations"}:
        path, name = reason.split("::")
        assert f"\ndef {name}(" in (ROOT / path).read_text(encoding="utf-8"), reason
