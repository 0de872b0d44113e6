"""What `finintent train` saves, and that it changes no number but by rounding."""

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from llamafactory.train.sft import workflow
from peft import LoraConfig, PeftModel, get_peft_model
from safetensors.torch import load_file, save_file
from transformers import LlamaConfig, LlamaForCausalLM

from finintent.data.dataset_info import dataset_info
from finintent.errors import TrainingError
from finintent.files import write_json
from finintent.inference.loading import load_model
from finintent.inference.plain_text import template_and_fixed_tokenizer
from finintent.training import trainer as lora_training
from finintent.training.arguments import training_config
from finintent.training.trainer import AnswerTrainer, KeepInputs, StopAtNoNumber, train
from tiny import write_tiny_model

HIDDEN, LAYERS, IDS = 64, 2, torch.arange(1, 25).reshape(2, 12)


@pytest.fixture
def model() -> PeftModel:
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=32, hidden_size=HIDDEN, intermediate_size=96, num_hidden_layers=LAYERS, num_attention_heads=4,
        attn_implementation="sdpa",
    )  # fmt: skip
    model = get_peft_model(LlamaForCausalLM(config).bfloat16(), LoraConfig(r=4, target_modules="all-linear"))
    for name, parameter in model.named_parameters():
        if "lora_" in name:
            parameter.data = torch.randn(parameter.shape) / 8  # float32, as LlamaFactory keeps them
    return model.train()


def train_step(model: PeftModel) -> tuple[torch.Tensor, list[torch.Tensor], int]:
    """Return the loss and the gradients of a step, and the bytes that it holds for its backward pass."""
    held = {}

    def hold(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        held[storage.data_ptr()] = storage.nbytes(), tensor  # kept alive, so that no address comes twice
        return tensor

    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    with torch.autograd.graph.saved_tensors_hooks(hold, lambda tensor: tensor), torch.autocast("cpu", torch.bfloat16):
        loss = model(input_ids=IDS, labels=IDS).loss
    return loss.detach(), torch.autograd.grad(loss, trained), sum(size for size, _ in held.values())


def test_the_numbers_are_the_same_and_less_is_held(model):
    callback = KeepInputs()
    loss, gradients, held = train_step(model)
    callback.on_train_begin(SimpleNamespace(bf16=True), None, None, model=model)
    lean_loss, lean_gradients, lean_held = train_step(model)
    assert loss == lean_loss
    assert all(torch.equal(left, right) for left, right in zip(gradients, lean_gradients, strict=True))
    assert held - lean_held == 8 * IDS.numel() * LAYERS * HIDDEN
    callback.on_train_end(None, None, None)
    assert train_step(model)[2] == held


def test_without_autocast_inputs_are_cast(model):
    KeepInputs().on_train_begin(SimpleNamespace(bf16=False), None, None, model=model)
    assert model(input_ids=IDS, labels=IDS).loss.isfinite()  # float32 adapters on a bfloat16 base


@pytest.fixture
def cudnn_attention() -> Iterator[None]:
    """PyTorch as it comes, and as it was afterwards."""
    before = torch.backends.cuda.cudnn_sdp_enabled()
    torch.backends.cuda.enable_cudnn_sdp(True)
    yield
    torch.backends.cuda.enable_cudnn_sdp(before)


def test_training_builds_no_attention_plan_for_each_length(cudnn_attention, monkeypatch):
    seen = {}

    def run(config: dict, _: list) -> None:
        seen.update(config, cudnn=torch.backends.cuda.cudnn_sdp_enabled())
        assert workflow.get_template_and_fix_tokenizer is template_and_fixed_tokenizer  # as evaluation's

    monkeypatch.setattr(lora_training, "run_exp", run)
    train({"stage": "sft"}, Path("train.yaml"))
    assert seen == {"stage": "sft", "logging_nan_inf_filter": False, "cudnn": False}


@pytest.mark.parametrize("logs", [{"loss": float("nan")}, {"eval_loss": float("inf"), "epoch": 1.0}])
def test_training_ends_at_the_first_loss_that_is_no_number(logs: dict):
    args, state = SimpleNamespace(learning_rate=0.5), SimpleNamespace(global_step=3, max_steps=20)
    callback = StopAtNoNumber()
    callback.on_log(args, state, None, logs={"loss": 1.5, "grad_norm": float("inf"), "epoch": 0.5})
    with pytest.raises(
        TrainingError, match=r"loss is (nan|inf) at step 3 of 20: training diverged. Lower .*, which is 0.5"
    ):
        callback.on_log(args, state, None, logs=logs)


def tiny_training(folder: Path, base: Path, checkpoints: str = "out") -> dict:
    """Return the arguments of a training of four short rows, whose data are written to the folder."""
    rows = [{"instruction": "where is it" + " now" * n, "input": "", "output": "ABAB"[n]} for n in range(4)]
    for split in ("train", "validation"):
        write_json(folder / f"{split}.json", rows)
    write_json(folder / "dataset_info.json", dataset_info())
    return training_config(
        model=str(base), data=str(folder), template="gemma", split_special_tokens=False,
        checkpoints=str(folder / checkpoints),
        settings={"cutoff_len": 128, "logging_steps": 1, "num_train_epochs": 2, "per_device_train_batch_size": 4},
        seed=0, bf16=False, gpu=torch.cuda.is_available(),
    )  # fmt: skip


def test_a_loss_that_is_no_number_reaches_the_callback(tmp_path: Path):
    """Without it, transformers logs the last finite loss in its place, and training goes on to its end."""
    base = write_tiny_model(tmp_path / "model")
    weights = load_file(base / "model.safetensors")
    weights["model.norm.weight"][0] = float("nan")
    save_file(weights, base / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(TrainingError, match="loss is nan at step 1 of"):
        train(tiny_training(tmp_path, base), tmp_path / "train.yaml")


@pytest.mark.skipif(torch.cuda.is_available(), reason="training on a GPU has a test of its own")
@pytest.mark.parametrize("options", [{}, {"packing": True, "neat_packing": True}], ids=["rows", "packed"])
def test_the_lean_trainer_makes_the_same_adapter(tmp_path: Path, monkeypatch, options: dict):
    """Four rows train and four validate; of each, a letter and two tokens that end the turn are learnt."""
    base, adapters, logits, tokens = write_tiny_model(tmp_path / "model"), {}, {}, {}
    for trainer in (AnswerTrainer, workflow.CustomSeq2SeqTrainer):
        asked, read = logits.setdefault(trainer, []), tokens.setdefault(trainer, [])
        linear, embedding = torch.nn.functional.linear, torch.nn.functional.embedding

        def counted(hidden, weight, bias=None, asked=asked, linear=linear):
            if len(weight) == 308:  # the output layer of the tiny model
                asked.append(hidden.shape[:-1].numel())
            return linear(hidden, weight, bias)

        def embedded(ids, *arguments, read=read, embedding=embedding, **keywords):
            read.append(ids.numel())
            return embedding(ids, *arguments, **keywords)

        with monkeypatch.context() as patches:
            patches.setattr(torch.nn.functional, "linear", counted)
            patches.setattr(torch.nn.functional, "embedding", embedded)
            patches.setattr(lora_training, "AnswerTrainer", trainer)
            train(tiny_training(tmp_path, base, trainer.__name__) | options, tmp_path / "train.yaml")
        adapters[trainer] = load_file(tmp_path / trainer.__name__ / "adapter_model.safetensors")
    lean, full = adapters.values()
    assert lean.keys() == full.keys()
    assert all(torch.allclose(lean[name], full[name], atol=1e-6) for name in full)
    assert logits[AnswerTrainer][0] == 12
    assert logits[workflow.CustomSeq2SeqTrainer][0] > 80
    if not options:
        assert tokens[AnswerTrainer][0] < tokens[workflow.CustomSeq2SeqTrainer][0] / 2


@pytest.mark.parametrize(
    ("error", "cause"),
    [(ValueError("Only\none."), r"ValueError: Only one\."), (ImportError("No apex"), "ImportError: No apex")],
)
def test_what_llamafactory_refuses_is_one_sentence(cudnn_attention, monkeypatch, error: Exception, cause: str):
    def run(*_: object) -> None:
        raise error

    monkeypatch.setattr(lora_training, "run_exp", run)
    with pytest.raises(
        TrainingError, match=rf"train\.yaml: LlamaFactory refuses an argument, or what it names \({cause}\)"
    ):
        train({}, Path("train.yaml"))


def test_a_model_that_answers_builds_none_either(cudnn_attention, tmp_path: Path):
    load_model(write_tiny_model(tmp_path), bf16=False)
    assert not torch.backends.cuda.cudnn_sdp_enabled()
