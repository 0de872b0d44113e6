"""A tiny random model and a tiny study, for runs of the real workflow in seconds."""

import os
import shutil
import subprocess
from pathlib import Path

import torch
import yaml
from transformers import (
    BertConfig,
    BertForMaskedLM,
    BertTokenizer,
    LlamaConfig,
    LlamaForCausalLM,
    PreTrainedTokenizerFast,
    XLMRobertaConfig,
    XLMRobertaForMaskedLM,
    XLMRobertaTokenizer,
)

from finintent.models.gguf_tokenizer import BYTE, CONTROL, Piece, Vocabulary, build_tokenizer

ROOT = Path(__file__).resolve().parents[1]
DATASET = "support_topics"
ODD_FOLDER = "金融 意图 (研究)'s"  # as people name folders
NORMAL, UNKNOWN = 1, 2


def tiny_pieces() -> list[Piece]:
    """Return a vocabulary in the manner of Gemma's: special tokens, bytes, characters, a few longer pieces."""
    special = ["<pad>", "<eos>", "<bos>", "<unk>", "<start_of_turn>", "<end_of_turn>"]
    pieces = [Piece(text, UNKNOWN if text == "<unk>" else CONTROL) for text in special]
    pieces += [Piece(f"<0x{byte:02X}>", BYTE) for byte in range(256)]
    normal = [*"▁\nabcdefghijklmnopqrstuvwxyzABCDE.,?:", "th", "he", "in", "us", "er", "user", "mo", "de", "model"]
    return pieces + [Piece(text, NORMAL) for text in normal]


def tiny_tokenizer(pieces: list[Piece]) -> PreTrainedTokenizerFast:
    """Return Gemma's kind of tokenizer with those pieces."""
    special = {"bos_token": "<bos>", "eos_token": "<eos>", "pad_token": "<pad>", "unk_token": "<unk>"}
    return build_tokenizer(Vocabulary(("llama", "default"), pieces, merges=None, special=special, chat_template=None))


def write_tiny_model(directory: Path, seed: int = 0, tied: bool = False) -> Path:
    """Write a two-layer random Llama with that tokenizer."""
    torch.manual_seed(seed)
    pieces = tiny_pieces()
    config = LlamaConfig(
        vocab_size=len(pieces),
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=2,
        max_position_embeddings=512,
        pad_token_id=0,
        eos_token_id=1,
        bos_token_id=2,
        tie_word_embeddings=tied,
    )
    LlamaForCausalLM(config).save_pretrained(directory)
    tiny_tokenizer(pieces).save_pretrained(directory)
    return directory


def write_tiny_encoder(directory: Path, kind: str, seed: int = 0) -> Path:
    """Write a two-layer random encoder of the architecture bert or xlm-roberta, with a tokenizer of its kind."""
    torch.manual_seed(seed)
    letters = "abcdefghijklmnopqrstuvwxyz"
    if kind == "bert":
        special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
        pieces = [*special, "?", ".", *letters, *(f"##{letter}" for letter in letters)]
        tokenizer = BertTokenizer(vocab={piece: index for index, piece in enumerate(pieces)})
        config_class, model_class, positions = BertConfig, BertForMaskedLM, 512
    else:
        pieces = ["<s>", "<pad>", "</s>", "<unk>", "▁", *letters, *letters.upper(), "?", ".", "<mask>"]
        tokenizer = XLMRobertaTokenizer(vocab=[(piece, -float(index)) for index, piece in enumerate(pieces)])
        config_class, model_class, positions = XLMRobertaConfig, XLMRobertaForMaskedLM, 514
    config = config_class(
        vocab_size=len(tokenizer),
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=2,
        max_position_embeddings=positions,
        pad_token_id=tokenizer.pad_token_id,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
    )
    tokenizer.model_max_length = 512
    model_class(config).save_pretrained(directory)
    tokenizer.save_pretrained(directory)
    return directory


def tiny_config(models: dict[str, Path]) -> dict:
    """Return the configuration of a study of tiny local models on the tiny data set."""
    resources = f"tests/datasets/{DATASET}"
    return {
        "study": {"models": list(models), "recipes": ["letter"], "datasets": [DATASET], "seeds": [1]},
        "seed": 1,
        "models": {
            name: {"source": {"type": "local", "path": str(path)}, "template": "gemma"} for name, path in models.items()
        },
        "datasets": {
            DATASET: {
                "resources": resources,
                "generation": {
                    "backend": "recorded",
                    "recorded": {"responses": f"{resources}/recorded_responses.jsonl"},
                },
                "curation": {"train_rows": 24, "validation_rows": 9, "min_characters": 4},
                "evaluation": {"path": f"{resources}/eval.json", "marker": "Question:"},
            }
        },
        "recipes": {"letter": {"answer": "letter"}},
        "training": {
            "precision": "fp32",
            "lora_rank": 4,
            "lora_alpha": 8,
            "lora_target": "all",
            "learning_rate": 0.01,
            "num_train_epochs": 2,
            "batch_size": 8,
            "per_device_eval_batch_size": 8,
            "lr_scheduler_type": "cosine",
            "warmup_ratio": 0.1,
            "cutoff_len": 512,
            "logging_steps": 1,
        },
    }


def make_workspace(directory: Path, config: dict) -> Path:
    """Copy the workflow into a folder of its own, with a configuration."""
    for name in ("workflow", "profiles", "resources", "tests/datasets"):
        shutil.copytree(ROOT / name, directory / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("Snakefile", "README.md", "requirements.lock"):
        shutil.copy2(ROOT / name, directory / name)
    (directory / "config").mkdir()
    write_config(directory, config)
    return directory


def write_config(workspace: Path, config: dict) -> None:
    """Replace a workspace's configuration."""
    (workspace / "config/config.yaml").write_text(yaml.safe_dump(config, sort_keys=False), encoding="utf-8")


def snakemake(workspace: Path, *arguments: str, check: bool = True, **environment: str) -> subprocess.CompletedProcess:
    """Run Snakemake in a workspace; with `check`, a failure shows its output."""
    result = subprocess.run(
        ["snakemake", "--cores", "2", *arguments],
        cwd=workspace,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    if check and result.returncode:
        logs = "\n".join(
            f"--- {path}\n{path.read_text(errors='replace')[-2000:]}"
            for path in sorted((workspace / "results/logs").rglob("*.log"))
        )
        raise AssertionError(f"snakemake {arguments} failed\n{result.stdout}\n{result.stderr}\n{logs[-12000:]}")
    return result


def fake_cards(number: int) -> dict[str, str]:
    """Return the environment in which jobs find so many cards, each with a lock, and compute on the processor."""
    paths = [str(ROOT / "tests/fake_driver"), *filter(None, [os.environ.get("PYTHONPATH")])]
    return {"PYTHONPATH": os.pathsep.join(paths), "STAND_IN_CARDS": str(number)}


def planned(workspace: Path, *arguments: str) -> dict[str, int]:
    """Return the number of jobs by rule that a dry run lists."""
    output = snakemake(workspace, "--dry-run", *arguments).stdout
    stats = output.split("total")[0].split("-------")[-1]
    return {rule: int(count) for rule, count in (line.split() for line in stats.strip().splitlines() if line[0] != "-")}
