"""Scoring a model on multiple-choice questions: log-likelihood of the options, and greedy text.

Prompts share most of their tokens: all of them what stands before the question (few-shot examples too), and those of
one question what stands before its options. A key-value cache lets each shared token be computed once.
"""

import gc
import logging
import math
import random
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import groupby, takewhile
from typing import Any

import torch
from transformers import DynamicCache, PreTrainedModel

from finintent.errors import ModelError
from finintent.inference.prompting import Prompter
from finintent.task.prediction import Prediction
from finintent.task.taxonomy import Taxonomy
from finintent.task.wording import Instruction

logger = logging.getLogger(__name__)


def draw_orders(options: dict[str, str], count: int, key: str) -> list[dict[str, str]]:
    """Return `count` different orders of the options (code by letter), the given one first.

    The others are drawn at random by `key` alone; fewer come back when the options have fewer orders.
    """
    generator = random.Random(key)
    orders = [options]
    while len(orders) < min(count, math.factorial(len(options))):
        codes = list(options.values())
        generator.shuffle(codes)
        order = dict(zip(options, codes, strict=True))
        if order not in orders:
            orders.append(order)
    return orders


@torch.inference_mode()
def predict(
    model: PreTrainedModel,
    prompter: Prompter,
    questions: list[dict[str, Any]],
    taxonomy: Taxonomy,
    instruction: Instruction,
    *,
    batch_size: int,
    seed: int,
    permutations: int = 1,
    max_new_tokens: int = 0,
    examples: Sequence[tuple[str, str]] = (),
) -> list[Prediction]:
    """Answer each question and return one prediction a question, in the order given.

    An option's log-probability is that of its letter's token among the whole vocabulary at the deciding position.
    `permutations`: orders of a question's options in all, drawn by `seed` and the question's id. Its own order alone
    gets a greedy text, of at most `max_new_tokens` (0: none). `examples`: user turns and answers that stand before.
    A prediction's `prompt_tokens` is the length of its prompt, examples included.
    """
    items = []
    for index, question in enumerate(questions):
        orders = draw_orders(question["options"], permutations, f"{seed} {question['id']}")
        named = [{letter: taxonomy.names[code] for letter, code in order.items()} for order in orders]
        turns = [instruction.render(question["question"], options) for options in named]
        items.append(_Item(index, orders, [prompter.encode(turn, "", examples)[0] for turn in turns]))
    head = _Context(model, prompter.tokenizer.pad_token_id)
    head_ids = _shared([prompt for item in items for prompt in item.prompts])
    if head_ids:
        head.extend([head_ids], lead=[0])
    rows: list[Prediction | None] = [None] * len(questions)
    for batch in _batches(items, batch_size):
        letters = list(batch[0].orders[0])
        position = prompter.deciding_position(letters)
        context, starts = _begin(head, batch)
        ids = [position.token_ids[letter] for letter in letters]
        by_order, texts = _answer(context, prompter, batch, starts, position.prefix, ids, max_new_tokens)
        for number, item in enumerate(batch):
            own, *others = (
                {"options": order, "log_probabilities": dict(zip(order.values(), scores[number], strict=True))}
                for order, scores in zip(item.orders, by_order, strict=True)
            )
            rows[item.index] = Prediction.of(
                questions[item.index],
                log_probabilities=own["log_probabilities"],
                text=texts[number],
                permutations=others,
                prompt_tokens=len(item.prompts[0]),
            )
    return rows


def predict_within_memory(*arguments: Any, batch_size: int, **options: Any) -> list[Prediction]:
    """Return what `predict` does, answering half as many questions at once as often as a GPU's memory does not suffice.

    ModelError when it does not for one question.
    """
    while True:
        with suppress(torch.OutOfMemoryError):
            return predict(*arguments, batch_size=batch_size, **options)
        if batch_size == 1:
            raise ModelError(
                "the GPU's memory does not suffice for one question; take a larger card, or shorter prompts"
            )
        batch_size //= 2
        gc.collect()
        torch.cuda.empty_cache()
        logger.info(
            "The GPU's memory did not suffice. Questions are answered again, %d at once (scoring.batch_size)",
            batch_size,
        )


@dataclass(frozen=True)
class _Item:
    """A question's place, the orders of its options, its own first, and its prompt in each of them (token ids)."""

    index: int
    orders: list[dict[str, str]]
    prompts: list[list[int]]


def _shared(prompts: list[list[int]]) -> list[int]:
    """Return the tokens that all prompts begin with, leaving at least one of each."""
    columns = zip(*(prompt[:-1] for prompt in prompts), strict=False)
    return [column[0] for column in takewhile(lambda column: len(set(column)) == 1, columns)]


def _batches(items: list[_Item], size: int) -> Iterator[list[_Item]]:
    """Yield items with the same letters and of like length together, so that little of a batch is padding."""
    ordered = sorted(items, key=lambda item: (list(item.orders[0]), len(item.prompts[0])))
    for _, group in groupby(ordered, key=lambda item: list(item.orders[0])):
        alike = list(group)
        for start in range(0, len(alike), size):
            yield alike[start : start + size]


class _Context:
    """What a model has read of a batch: the cache of every token column, and which of them are padding.

    The cache keeps all columns, also of layers that look at a sliding window of them: the mask limits those, and a
    layer's cache that forgets could not be taken back. A window counts columns, so padding may stand before a row's
    tokens or after the ones that are scored, never between.
    """

    def __init__(self, model: PreTrainedModel, pad_id: int, rows: int = 1) -> None:
        self.model, self.pad_id = model, pad_id
        self.cache = DynamicCache()
        self.mask = torch.zeros((rows, 0), dtype=torch.long, device=model.device)

    @property
    def width(self) -> int:
        """Columns so far."""
        return self.mask.shape[1]

    def extend(self, rows: list[list[int]], lead: list[int]) -> torch.Tensor:
        """Read more tokens of each row, after `lead` columns of padding; return the logits after its last token."""
        width = max(start + len(row) for start, row in zip(lead, rows, strict=True))
        ids = torch.full((len(rows), width), self.pad_id)
        mask = torch.zeros_like(ids)
        for number, (start, row) in enumerate(zip(lead, rows, strict=True)):
            ids[number, start : start + len(row)] = torch.tensor(row, dtype=torch.long)
            mask[number, start : start + len(row)] = 1
        last = torch.tensor([start + len(row) - 1 for start, row in zip(lead, rows, strict=True)])
        columns, place = last.to(self.mask.device).unique(return_inverse=True)
        self.mask = torch.cat([self.mask, mask.to(self.mask.device)], dim=1)
        logits = self.model(
            input_ids=ids.to(self.mask.device),
            attention_mask=self.mask,
            position_ids=(self.mask.cumsum(-1) - 1).clamp(min=0)[:, -width:],
            past_key_values=self.cache,
            use_cache=True,
            logits_to_keep=columns,  # logits of every token would be the largest tensor of all
        ).logits
        return logits[torch.arange(len(rows), device=logits.device), place]

    def crop(self, width: int) -> None:
        """Forget all columns but the first `width`."""
        self.cache.crop(width)
        self.mask = self.mask[:, :width]

    def copies(self, kept: list[int]) -> "_Context":
        """Return a context of one row a number in `kept`: the first so many tokens of this one's only row."""
        context = _Context(self.model, self.pad_id, len(kept))
        if width := max(kept):
            counts = torch.tensor(kept, device=self.mask.device)[:, None]
            columns = torch.arange(width, device=self.mask.device) - (width - counts)
            context.mask = (columns >= 0).long()
            for index, layer in enumerate(self.cache.layers):
                keys, values = (
                    states[0][:, columns.clamp(min=0)].transpose(0, 1) for states in (layer.keys, layer.values)
                )
                context.cache.update(keys, values, index)
        return context


def _begin(head: _Context, batch: list[_Item]) -> tuple[_Context, list[int]]:
    """Read what the orders of each question share; return the context and the number of tokens read of each.

    So many tokens are left of each prompt that no padding is needed after the shared ones: a short prompt may leave
    some that it shares, to be read once for each order.
    """
    lengths = [len(item.prompts[0]) for item in batch]
    shared = [len(_shared(item.prompts)) if len(item.prompts) > 1 else head.width for item in batch]
    ending = max(length - known for length, known in zip(lengths, shared, strict=True))
    starts = [max(length - ending, 0) for length in lengths]
    middle = max(0, *(start - head.width for start in starts))
    kept = [max(start - middle, 0) for start in starts]
    context = head.copies(kept)
    if middle:
        rows = [item.prompts[0][first:start] for item, first, start in zip(batch, kept, starts, strict=True)]
        context.extend(rows, lead=[middle - len(row) for row in rows])
    return context, starts


def _answer(
    context: _Context,
    prompter: Prompter,
    batch: list[_Item],
    starts: list[int],
    prefix: list[int],
    ids: list[int],
    max_new_tokens: int,
) -> tuple[list[list[list[float]]], list[str | None]]:
    """Return the log-probabilities of the tokens `ids` by order and question, and the greedy texts.

    `starts`: how many tokens of each prompt the context holds; `prefix`: what an answer begins with before its letter.
    """
    width = context.width
    own = [item.prompts[0] for item in batch]
    left = [len(prompt) - start for prompt, start in zip(own, starts, strict=True)]
    by_order = []
    for number in reversed(range(len(batch[0].orders))):  # its own order last: the text goes on from there
        context.crop(width)
        rows = [item.prompts[number][start:] + prefix for item, start in zip(batch, starts, strict=True)]
        logits = context.extend(rows, lead=[max(left) - count for count in left])
        by_order.insert(0, logits.float().log_softmax(-1)[:, ids].tolist())
    if not max_new_tokens:
        return by_order, [None] * len(batch)
    context.crop(width + max(left) - 1)  # generation begins by reading one token
    return by_order, _greedy_texts(context, prompter, own, max_new_tokens)


def _greedy_texts(context: _Context, prompter: Prompter, prompts: list[list[int]], max_new_tokens: int) -> list[str]:
    width = context.width + 1
    ids = torch.tensor([[context.pad_id] * (width - len(prompt)) + prompt for prompt in prompts])
    mask = torch.tensor([[0] * (width - len(prompt)) + [1] * len(prompt) for prompt in prompts])
    generated = context.model.generate(
        input_ids=ids.to(context.mask.device),
        attention_mask=mask.to(context.mask.device),
        past_key_values=context.cache,
        max_new_tokens=max_new_tokens,
        do_sample=False,
        repetition_penalty=1.0,
        temperature=None,
        top_p=None,
        top_k=None,
        eos_token_id=prompter.stop_ids,
        pad_token_id=context.pad_id,
    )
    return [text.strip() for text in prompter.tokenizer.batch_decode(generated[:, width:], skip_special_tokens=True)]
