"""The four architectures from their hub formats to predictions: convert, train, merge, check, answer."""

from pathlib import Path

import pytest
import torch
from llamafactory.train.tuner import export_model
from transformers import AutoModelForCausalLM, AutoTokenizer

from architectures import TEMPLATES, random_model, real_tokenizer, write_model
from finintent.data.alpaca import alpaca_row
from finintent.data.dataset_info import dataset_info
from finintent.files import read_json, write_json
from finintent.inference.likelihood import predict
from finintent.inference.loading import load_model
from finintent.inference.prompting import Prompter
from finintent.models.conversion import ARCHITECTURES, convert
from finintent.models.folder import splits_special_tokens
from finintent.task.questions import read_questions
from finintent.task.taxonomy import read_taxonomy
from finintent.task.wording import read_instruction
from finintent.training.arguments import training_config
from finintent.training.merge import merge_config, restore_tokenizer
from finintent.training.merge_check import check_merge
from finintent.training.records import collect_adapter
from finintent.training.trainer import train
from tiny import DATASET, ROOT

RESOURCES = ROOT / "tests/datasets" / DATASET
WORDING = RESOURCES / "prompts/instruction.yaml"
TRAINING = {
    "lora_rank": 4,
    "lora_alpha": 8,
    "lora_target": "all",
    "learning_rate": 0.01,
    "num_train_epochs": 3,
    "per_device_train_batch_size": 2,
    "per_device_eval_batch_size": 2,
    "cutoff_len": 256,
    "logging_steps": 1,
}


def write_data(folder: Path) -> None:
    """Write the questions themselves as training and validation rows."""
    taxonomy, instruction = read_taxonomy(RESOURCES / "taxonomy.yaml"), read_instruction(WORDING)
    rows = [
        alpaca_row({"query": question["question"], "label": question["gold"]}, taxonomy, instruction, "letter")
        for question in read_questions(RESOURCES / "eval.json", taxonomy, "Question:")
    ]
    folder.mkdir()
    for split in ("train", "validation"):
        write_json(folder / f"{split}.json", rows)
    write_json(folder / "dataset_info.json", dataset_info())


@pytest.mark.parametrize("name", TEMPLATES)
def test_from_the_hub_format_to_predictions(name: str, tmp_path, monkeypatch):
    real_tokenizer(name)
    monkeypatch.setenv("FININTENT_LOCKS", str(tmp_path))
    original, base, adapter, merged = (tmp_path / part for part in ("original", "base", "adapter", "merged"))
    model = random_model(name)
    write_model(name, original, model)
    if name in ARCHITECTURES:
        convert(name, original, base)
    else:
        original.rename(base)
    converted = AutoModelForCausalLM.from_pretrained(base)
    assert type(converted) is type(model)
    for parameter, tensor in converted.named_parameters():
        torch.testing.assert_close(tensor, model.get_parameter(parameter), rtol=0, atol=1e-6)
    assert not list(base.glob("*.bin")) + list(base.glob("tokenizer.model"))

    write_data(tmp_path / "data")
    settings = training_config(
        model=str(base),
        data=str(tmp_path / "data"),
        template=TEMPLATES[name],
        split_special_tokens=splits_special_tokens(base),
        checkpoints=str(tmp_path / "checkpoints"),
        settings=TRAINING,
        seed=0,
        bf16=False,
        gpu=False,
    )
    # In this process, which has LlamaFactory loaded: the study of tests/e2e/test_study.py starts it as jobs do.
    train(settings, tmp_path / "train.yaml")
    collect_adapter(tmp_path / "checkpoints", adapter)
    trained = set(read_json(adapter / "adapter_config.json")["target_modules"])
    assert trained == {"q_proj", "k_proj", "v_proj", "o_proj", "down_proj"} | (
        {"gate_up_proj"} if name == "chatglm3" else {"gate_proj", "up_proj"}
    )

    export_model(merge_config(model=str(base), adapter=str(adapter), merged=str(merged)))
    restore_tokenizer(base, merged)
    template = TEMPLATES[name]
    prompters = {folder: Prompter(str(folder), template) for folder in (base, merged)}
    instructions = [row["instruction"] for row in read_json(tmp_path / "data/train.json")]
    prompts, again = ([prompter.encode(text, "A") for text in instructions] for prompter in prompters.values())
    assert prompts == again
    assert len({AutoTokenizer.from_pretrained(folder).chat_template for folder in prompters}) == 1
    check = check_merge(base, adapter, merged, [prompt for prompt, _ in prompts[:2]])
    assert check["changed_tensors"] == 2 * len(trained)

    taxonomy = read_taxonomy(RESOURCES / "taxonomy.yaml")
    questions = read_questions(RESOURCES / "eval.json", taxonomy, "Question:")
    fit = {}
    for folder, prompter in prompters.items():
        rows = predict(
            load_model(str(folder), bf16=False),
            prompter,
            questions,
            taxonomy,
            read_instruction(WORDING),
            batch_size=3,
            seed=0,
            max_new_tokens=4,
        )
        assert [row.id for row in rows] == [question["id"] for question in questions]
        assert all(row.log_probabilities.keys() == set(taxonomy.codes) for row in rows)
        fit[folder] = sum(row.log_probabilities[row.gold] for row in rows) / len(rows)
    assert fit[merged] > fit[base] + 1
