"""Scoring a model on multiple-choice questions: log-likelihood of the options, and greedy text."""

from collections.abc import Iterator
from typing import Any

import torch
from transformers import AutoModelForCausalLM, PreTrainedModel

from finintent.predictions import prediction
from finintent.prompting import Prompter
from finintent.task import Instruction, Taxonomy


def load_model(directory: str, bf16: bool) -> PreTrainedModel:
    """Load a model for inference on the accelerator, in bfloat16 or float32."""
    device = "cuda" if torch.cuda.is_available() else "cpu"
    dtype = torch.bfloat16 if bf16 else torch.float32
    return AutoModelForCausalLM.from_pretrained(directory, dtype=dtype).to(device).eval()


def predict(
    model: PreTrainedModel,
    prompter: Prompter,
    questions: list[dict[str, Any]],
    taxonomy: Taxonomy,
    instruction: Instruction,
    *,
    batch_size: int,
    max_new_tokens: int,
) -> list[dict[str, Any]]:
    """Answer each question in two ways and return one prediction a question, in the order given.

    An option's log-probability is that of its letter's token among the whole vocabulary at the deciding position.
    """
    prompts = []
    for question in questions:
        options = {letter: taxonomy.names[code] for letter, code in question["options"].items()}
        prompts.append(prompter.encode(instruction.render(question["question"], options), "")[0])
    rows: list[dict[str, Any]] = [{}] * len(questions)
    for batch in _batches(prompts, batch_size):
        letters = list(questions[batch[0]]["options"])
        position = prompter.deciding_position(letters)
        log_probabilities, texts = _answer(
            model, prompter, [prompts[index] for index in batch], position.prefix, max_new_tokens
        )
        for index, log_probability, text in zip(batch, log_probabilities, texts, strict=True):
            question = questions[index]
            codes = question["options"]
            by_code = {codes[letter]: float(log_probability[position.token_ids[letter]]) for letter in letters}
            rows[index] = prediction(question, by_code, text)
    return rows


def _batches(prompts: list[list[int]], size: int) -> Iterator[list[int]]:
    """Yield the indices of prompts of like length together, so that little of a batch is padding."""
    order = sorted(range(len(prompts)), key=lambda index: len(prompts[index]))
    for start in range(0, len(order), size):
        yield order[start : start + size]


@torch.inference_mode()
def _answer(
    model: PreTrainedModel, prompter: Prompter, prompts: list[list[int]], prefix: list[int], max_new_tokens: int
) -> tuple[torch.Tensor, list[str]]:
    """Return log-probabilities at the deciding position, shape (prompts, vocabulary), and the greedy texts."""
    generated = model.generate(
        **_padded(model, prompter, prompts),
        max_new_tokens=max_new_tokens,
        do_sample=False,
        repetition_penalty=1.0,
        temperature=None,
        top_p=None,
        top_k=None,
        eos_token_id=prompter.stop_ids,
        pad_token_id=prompter.tokenizer.pad_token_id,
        return_dict_in_generate=True,
        output_logits=True,
    )
    width = generated.sequences.shape[1] - len(generated.logits)
    texts = prompter.tokenizer.batch_decode(generated.sequences[:, width:], skip_special_tokens=True)
    if prefix:
        inputs = _padded(model, prompter, [prompt + prefix for prompt in prompts])
        positions = (inputs["attention_mask"].cumsum(-1) - 1).clamp(min=0)
        logits = model(**inputs, position_ids=positions, logits_to_keep=1).logits[:, -1]
    else:
        logits = generated.logits[0]
    return logits.float().log_softmax(-1).cpu(), [text.strip() for text in texts]


def _padded(model: PreTrainedModel, prompter: Prompter, prompts: list[list[int]]) -> dict[str, torch.Tensor]:
    width = max(map(len, prompts))
    pad = prompter.tokenizer.pad_token_id
    ids = torch.tensor([[pad] * (width - len(prompt)) + prompt for prompt in prompts])
    mask = torch.tensor([[0] * (width - len(prompt)) + [1] * len(prompt) for prompt in prompts])
    return {"input_ids": ids.to(model.device), "attention_mask": mask.to(model.device)}
