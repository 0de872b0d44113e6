"""How long each job on the accelerator takes, from its operations and the device's speed."""

import math
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from finintent.config.answer_form import Answer
from finintent.config.settings import encoder_settings, training_settings
from finintent.errors import ConfigError
from finintent.machine.speed import Device
from finintent.models.folder import GB
from finintent.models.size import BF16, FLOAT32, Size, model_size
from finintent.task.system import System
from finintent.training.prompt_lengths import Prompts, read_prompts

LONGEST = 1.35  # the longest row over the mean
PADDING = 1.08  # tokens of a batch of rows over those of its rows
# Operations a token and weight: in a training step, frozen or trained; in a forward pass.
FROZEN, TRAINED, READ = 4, 6, 2
# The same a token before it, layer and unit of the queries' width; attention's products are a fifth as efficient.
ATTENTION = 4 * 5
CHECKPOINTED_OPERATIONS, CHECKPOINTED_LAUNCHES = 1.5, 4 / 3  # of a step that computes its activations again
TRAINING_IMPORTS = 4  # seconds; those of LlamaFactory belong to the training job
DEFAULT_EPOCHS = 3  # LlamaFactory's
LOADED, MERGED, CHECKED = 2 * GB, 0.95 * GB, 2.6 * GB  # bytes of weights a second: read, merged, compared with the base
ADAMW_COPIES = 7  # weights, gradients and two moments in float32: read, and all but the gradients written
ENCODER_BATCH = 64  # questions of an encoder at once


class Job(NamedTuple):
    """One job on the accelerator.

    Attributes:
        system: the system that it is for.
        dataset: its data set.
        stage: plan, train, merge, check merge or evaluate.
        start_seconds: until it holds the accelerator, which its record does not count.
        seconds: from then on.
    """

    system: System
    dataset: str
    stage: str
    start_seconds: float
    seconds: float


class JobTimes:
    """The jobs of a study with their times.

    Attributes:
        config: the complete configuration.
        device: what the jobs run on.
        results: the folder of results, in which prepared models and questions are looked for.
        size: function of a model's id that returns its size.
        unfit: why a model's training does not fit the card, by model; of the models that were asked for.
    """

    def __init__(self, config: dict[str, Any], device: Device, results: Path) -> None:
        self.config, self.device, self.results = config, device, results
        self.unfit: dict[str, str] = {}
        self.size: Callable[[str], Size] = cache(self._size)
        self._prompts: Callable[[str], Prompts] = cache(
            lambda dataset: read_prompts(dataset, config["datasets"][dataset], results)
        )
        self._trained = cache(self._training_seconds)  # all seeds of a run take the same time

    def jobs(self, dataset: str, system: System) -> list[Job]:
        """Return the jobs of a system in their order, none where it does not need the accelerator."""
        if system.variant not in ("base", "few_shot", "tuned"):
            return []
        device, size, prompts = self.device, self.size(system.model), self._prompts(dataset)
        start = {"plan": 0, "train": TRAINING_IMPORTS}
        if system.variant != "tuned":
            seconds = {"evaluate": self._evaluation_seconds(prompts, system)}
        elif system.recipe is None:
            seconds = {
                "train": self._encoder_training_seconds(prompts, system),
                "evaluate": self._encoder_evaluation_seconds(prompts, system),
            }
            start = {}
        else:
            seconds = {
                "plan": device.plan,
                "train": self._trained(dataset, system.model, system.recipe, system.rows),
                "merge": device.merge + size.bytes / MERGED,
                "check merge": device.check + size.bytes / CHECKED,
                "evaluate": self._evaluation_seconds(prompts, system),
            }
        return [
            Job(system, dataset, stage, start_seconds=start.get(stage, device.imports), seconds=value)
            for stage, value in seconds.items()
        ]

    def _size(self, model: str) -> Size:
        size = model_size(self.config["models"][model], self.results / "models" / model)
        if size is None:
            raise ConfigError(
                f"config: the size of models.{model} is not known, because its source has no size_gb and is not on "
                f"this machine; run `snakemake --cores 1 --resources gpu=1 results/models/{model}` first"
            )
        return size

    def _training_seconds(self, dataset: str, model: str, recipe: str, rows: int) -> float:
        """Return the time of a training, from the start of LlamaFactory to its end."""
        settings, size, device = training_settings(self.config, model, recipe), self.size(model), self.device
        prompts, batch, rank = self._prompts(dataset), settings["batch_size"], settings["lora_rank"]
        row = prompts.row(settings["answer"])
        on_card = device.memory_gb is not None
        micro, checkpointing = self._batching(model, settings, row * PADDING)
        epochs = settings.get("num_train_epochs", DEFAULT_EPOCHS)
        steps = math.ceil(rows / batch) * epochs
        if "max_steps" in settings:
            epochs, steps = settings["max_steps"] / steps * epochs, settings["max_steps"]
        validated_at_once = settings["per_device_eval_batch_size"]
        if on_card and settings["preset"] == "original":
            tokens, validated, scored = row * PADDING, row * PADDING, row * PADDING
        else:  # rows are packed, and only the logits of the answers are computed
            tokens = validated = row
            scored = prompts.answer[settings["answer"]]
        if not on_card:  # and what the rows of a batch begin with is computed once
            tokens -= prompts.head * (1 - 1 / micro)
            validated -= prompts.head * (1 - 1 / validated_at_once)
        operations = FROZEN * size.head * scored
        operations += tokens * (FROZEN * size.linear + TRAINED * rank * size.adapter + _attention(size, row))
        if on_card and settings["preset"] == "fast" and not checkpointing:
            recording, launching = device.recording, device.replay + size.layers * device.replay_layer
        else:
            recording = 0
            launching = device.step + size.layers * device.step_layer * (CHECKPOINTED_LAUNCHES if checkpointing else 1)
        step = max(
            launching,
            micro * operations * (CHECKPOINTED_OPERATIONS if checkpointing else 1) / device.training_flops,
            (3 if checkpointing else 2) * size.bytes / device.bandwidth,
        )
        validation = max(
            self._launch_seconds(size, prompts.validation, validated_at_once),
            prompts.validation * READ * (validated * size.linear + scored * size.head) / device.training_flops,
        )
        # Each epoch is validated, and the best one once more.
        start = device.training_start + size.bytes / LOADED + recording
        return start + steps * batch / micro * step + (math.ceil(epochs) + 1) * validation

    def _batching(self, model: str, settings: dict[str, Any], row: float) -> tuple[int, bool]:
        """Return how many rows of a step are computed at once, and whether activations are computed again."""
        if settings["preset"] == "original":
            return 1, True
        if self.device.memory_gb is None:
            return settings["batch_size"], False
        # PyTorch is slow to import, and only a card's memory needs it here.
        from finintent.training.memory import Shape, available_bytes
        from finintent.training.plan import fastest

        size = self.size(model)
        shape = Shape(
            weights=round(size.weights),
            linear_weights=round(size.linear),
            adapter_weights=round(settings["lora_rank"] * size.adapter),
            layers=size.layers,
            hidden=size.hidden,
            mlp=size.mlp,
            vocabulary=size.vocabulary,
            weight_bytes=size.weight_bytes,
            cast=size.weight_bytes != BF16,
        )
        try:
            chosen = fastest(
                shape,
                settings["batch_size"],
                round(row * LONGEST),
                fused=True,  # as most architectures are
                available=available_bytes(self.config["gpu"].get("memory_gb") or self.device.memory_gb),
                bits=settings["llamafactory"].get("quantization_bit"),
            )
        except ConfigError as error:
            self.unfit[model] = str(error)
            return 1, True
        return chosen.micro_batch, chosen.checkpointing

    def _evaluation_seconds(self, prompts: Prompts, system: System) -> float:
        """Return the time of loading a model and asking it: questions in every order, texts, and validation rows."""
        scoring, size, device = self.config["scoring"], self.size(system.model), self.device
        form: Answer = self.config["recipes"][system.recipe]["answer"] if system.recipe else scoring["answer"]
        orders = min(scoring["permutations"], math.factorial(prompts.labels))
        shots = 0
        if system.variant == "few_shot":  # whose questions are asked in their own order alone
            orders, shots = 1, scoring["few_shot"]
        examples = shots * prompts.labels * prompts.row(form)
        branches = prompts.labels * (prompts.answer["label"] - 1) if form == "label" else 0
        generated = prompts.answer[form]
        if system.variant != "tuned":  # it may not end its answer
            generated = max(generated, scoring["max_new_tokens"])
        # An order takes one pass for its options and, of answers by label, one for their branches.
        reads, ending = 2 if branches else 1, prompts.tail[form] + branches
        passes = math.ceil(prompts.questions / scoring["batch_size"]) * (1 + orders * reads + generated)
        passes += math.ceil(prompts.validation / scoring["batch_size"]) * (1 + reads)
        read = examples + prompts.questions * (prompts.query + orders * ending + generated)
        read += prompts.validation * (prompts.query + ending)
        scored = prompts.questions * (orders * (1 + branches) + generated) + prompts.validation * (1 + branches)
        before = examples + prompts.head + prompts.query + prompts.tail[form] / 2
        computing = read * (READ * size.linear + _attention(size, before)) / device.reading_flops
        computing += scored * READ * size.head / device.logit_flops
        launching = self._launch_seconds(size, passes, 1)
        # A card computes while the next kernels are launched, a processor launches by computing.
        busy = max(launching, computing) if device.memory_gb is not None else launching + computing
        return size.bytes / LOADED + device.warm_up + max(busy, passes * size.bytes / device.bandwidth)

    def _encoder_training_seconds(self, prompts: Prompts, system: System) -> float:
        settings, size, device = encoder_settings(self.config, system.model), self.size(system.model), self.device
        batch, epochs, row = settings["batch_size"], settings["num_train_epochs"], prompts.query * PADDING
        moved = ADAMW_COPIES * FLOAT32 * size.weights / device.bandwidth
        step = max(
            device.step + size.layers * device.step_layer,
            batch * row * TRAINED * size.linear / device.training_flops + moved,
        )
        validation = max(
            self._launch_seconds(size, prompts.validation, batch),
            prompts.validation * row * READ * size.linear / device.training_flops,
        )
        steps = math.ceil(system.rows / batch) * epochs
        return size.bytes / LOADED + device.warm_up + steps * step + epochs * validation

    def _encoder_evaluation_seconds(self, prompts: Prompts, system: System) -> float:
        size, device, rows = self.size(system.model), self.device, prompts.questions + prompts.validation
        seconds = max(
            self._launch_seconds(size, rows, ENCODER_BATCH),
            rows * prompts.query * READ * size.linear / device.reading_flops,
        )
        return size.bytes / LOADED + device.warm_up + seconds

    def _launch_seconds(self, size: Size, rows: float, at_once: int) -> float:
        """Return the time in which the forward passes over so many rows are launched."""
        return math.ceil(rows / at_once) * (self.device.read + size.layers * self.device.read_layer)


def _attention(size: Size, before: float) -> float:
    """Return the operations by which a token looks at the tokens before it."""
    return ATTENTION * before * size.queries * size.layers
