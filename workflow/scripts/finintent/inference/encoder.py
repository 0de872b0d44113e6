"""The answers of a fine-tuned encoder."""

from pathlib import Path
from typing import Any

import torch
from transformers import AutoModelForSequenceClassification, AutoTokenizer

from finintent.inference.compute import skip_cudnn_attention, use_every_core
from finintent.task.prediction import Prediction


class Encoder:
    """A fine-tuned encoder, in float32: it is small, and its folder was written in that precision."""

    def __init__(self, folder: Path) -> None:
        """Load the folder onto the accelerator, if there is one."""
        skip_cudnn_attention()
        use_every_core()
        self._tokenizer = AutoTokenizer.from_pretrained(folder)
        device = "cuda" if torch.cuda.is_available() else None
        self._model = AutoModelForSequenceClassification.from_pretrained(
            folder, dtype=torch.float32, device_map=device
        ).eval()

    def predict(self, questions: list[dict[str, Any]], *, batch_size: int) -> list[Prediction]:
        """Return one prediction a question, in their order, with probabilities and without text.

        It reads the question alone, not the options, and cuts it where training did.
        """
        ids = [self._tokenizer(question["question"], truncation=True) for question in questions]
        by_length = sorted(range(len(ids)), key=lambda index: len(ids[index]["input_ids"]))  # little padding
        answers: dict[int, dict[str, float]] = {}
        for start in range(0, len(by_length), batch_size):
            batch = by_length[start : start + batch_size]
            answers |= zip(batch, self._log_probabilities([ids[index] for index in batch]), strict=True)
        return [
            Prediction.of(
                question,
                log_probabilities=answers[index],
                text=None,
                prompt_tokens=len(ids[index]["input_ids"]),
            )
            for index, question in enumerate(questions)
        ]

    @torch.inference_mode()
    def _log_probabilities(self, batch: list[dict[str, list[int]]]) -> list[dict[str, float]]:
        """Return the log-probability of each label by its code, one dict an encoded question."""
        padded = self._tokenizer.pad(batch, return_tensors="pt").to(self._model.device)
        values = torch.log_softmax(self._model(**padded).logits, dim=-1).tolist()
        return [{self._model.config.id2label[index]: value for index, value in enumerate(row)} for row in values]
