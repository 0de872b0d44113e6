"""Scoring a model on multiple-choice questions: log-likelihood of the options, and greedy text.

Prompts share most of their tokens: all of them what stands before the question (few-shot examples too), and those of
one question what stands before its options. A key-value cache lets each shared token be computed once. Answers by label
share the whole prompt, and are read as the branches of one tree.
"""

import gc
import logging
import math
import random
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import groupby, takewhile
from typing import Any

import torch
from transformers import DynamicCache, LogitsProcessor, LogitsProcessorList, PreTrainedModel

from finintent.config.answer_form import Answer
from finintent.errors import ModelError
from finintent.inference.last_layer import last_layer_at
from finintent.inference.output_layer import float32_logits
from finintent.inference.prompting import Prompter
from finintent.progress import counted
from finintent.task.prediction import Prediction
from finintent.task.taxonomy import Taxonomy
from finintent.task.wording import Instruction

logger = logging.getLogger(__name__)

TIE = -1  # in place of a token, where several are the most probable


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
    answer: Answer = "letter",
) -> list[Prediction]:
    """Answer each question and return one prediction a question, in the order given.

    A prediction's `prompt_tokens` is the length of its prompt, examples included.

    Args:
        model: scores and generates.
        prompter: encodes the prompts as training does.
        questions: as `task.questions` returns them.
        taxonomy: texts of the options.
        instruction: wording of the prompt.
        batch_size: questions answered at once.
        seed: draws the orders of each question's options, together with its id.
        permutations: orders of a question's options in all, its own first.
        max_new_tokens: most tokens of the greedy text, which the own order alone gets (0: no text). In the label form
            it has room for the longest label in any case. The text ends where two tokens are equally probable.
        examples: user turns and answers, in the same form, that stand before each prompt.
        answer: form of answer. `letter`: an option's log-probability is that of its letter's token at the deciding
            position, among the whole vocabulary. `label`: it is that of the option's whole text and the end token
            after it, the sum over their tokens.

    Raises:
        ModelError: a prompt is longer than the model's positions, or the model's numbers are not finite.
    """
    items = []
    for index, question in enumerate(questions):
        orders = draw_orders(question["options"], permutations, f"{seed} {question['id']}")
        named = [{letter: taxonomy.names[code] for letter, code in order.items()} for order in orders]
        turns = [instruction.render(question["question"], options, answer) for options in named]
        answers = list(question["options"]) if answer == "letter" else sorted(question["options"].values())
        items.append(_Item(index, orders, [prompter.encode(turn, "", examples)[0] for turn in turns], answers))
    _check_lengths(model, questions, items, max_new_tokens)
    head = _Context(model, prompter.tokenizer.pad_token_id)
    head_ids = _shared([prompt for item in items for prompt in item.prompts])
    if head_ids:
        head.extend([head_ids], lead=[0])
    rows: list[Prediction | None] = [None] * len(questions)
    with float32_logits(model):
        for batch in counted(_batches(items, batch_size), len(items), "questions answered"):
            context, starts = _begin(head, batch)
            tree = _answer_tree(prompter, batch[0].answers, taxonomy, answer)
            length = max_new_tokens if answer == "letter" else max_new_tokens and max(max_new_tokens, tree.depth)
            by_order, texts = _answer(context, prompter, batch, starts, tree, length)
            for number, item in enumerate(batch):
                own, *others = (
                    {"options": order, "log_probabilities": _by_code(order, item.answers, scores[number], answer)}
                    for order, scores in zip(item.orders, by_order, strict=True)
                )
                _check_finite(model, questions[item.index], (scores[number] for scores in by_order))
                rows[item.index] = Prediction.of(
                    questions[item.index],
                    log_probabilities=own["log_probabilities"],
                    text=texts[number],
                    answer=answer,
                    permutations=others,
                    prompt_tokens=len(item.prompts[0]),
                )
    return rows


def _check_finite(model: PreTrainedModel, question: dict[str, Any], by_order: Iterable[list[float]]) -> None:
    """Raise ModelError unless all log-probabilities of a question are finite numbers."""
    if not all(math.isfinite(score) for scores in by_order for score in scores):
        raise ModelError(
            f"{model.name_or_path}: the log-probabilities of question {question['id']!r} are not finite numbers; its "
            "weights are damaged, its training diverged (lower training.learning_rate), or training.precision is too "
            "low for it (fp32)"
        )


def _check_lengths(
    model: PreTrainedModel, questions: list[dict[str, Any]], items: list["_Item"], max_new_tokens: int
) -> None:
    """Check that each prompt and its answer have positions in the model."""
    positions = getattr(model.config.get_text_config(), "max_position_embeddings", None) or math.inf
    for item in items:
        if (longest := max(map(len, item.prompts))) + max(max_new_tokens, 1) > positions:
            raise ModelError(
                f"question {questions[item.index]['id']!r}: {longest} tokens with its prompt, and an answer of up to "
                f"{max(max_new_tokens, 1)}, but the model has {positions} positions; shorten its text, or lower "
                "scoring.few_shot"
            )


def _answer_tree(prompter: Prompter, answers: list[str], taxonomy: Taxonomy, answer: Answer) -> "_Tree":
    """Return the tokens by which letters, or the texts of label codes, are scored."""
    if answer == "label":
        return _Tree([], prompter.whole_answers([taxonomy.names[code] for code in answers]))
    position = prompter.deciding_position(answers)
    return _Tree(position.prefix, [[position.token_ids[letter]] for letter in answers])


def _by_code(order: dict[str, str], answers: list[str], scores: list[float], answer: Answer) -> dict[str, float]:
    """Return the log-probabilities of answers (letters or label codes) by label code, in an order of the options."""
    found = dict(zip(answers, scores, strict=True))
    return {code: found[letter if answer == "letter" else code] for letter, code in order.items()}


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
    """A question with its place, and its prompt (token ids) in each order of the options, its own order first.

    The answers are what can be answered in any order: its letters, or its label codes, sorted.
    """

    index: int
    orders: list[dict[str, str]]
    prompts: list[list[int]]
    answers: list[str]


def _shared(prompts: list[list[int]]) -> list[int]:
    """Return the tokens that all prompts begin with, leaving at least one of each."""
    columns = zip(*(prompt[:-1] for prompt in prompts), strict=False)
    return [column[0] for column in takewhile(lambda column: len(set(column)) == 1, columns)]


def _batches(items: list[_Item], size: int) -> Iterator[list[_Item]]:
    """Yield items with the same answers and of similar length together, so that little of a batch is padding."""
    ordered = sorted(items, key=lambda item: (item.answers, len(item.prompts[0])))
    for _, group in groupby(ordered, key=lambda item: item.answers):
        alike = list(group)
        for start in range(0, len(alike), size):
            yield alike[start : start + size]


class _Tree:
    """The tokens by which answers are scored, as a tree: what several answers begin with is read once.

    prefix: tokens that every answer begins with, and that its score leaves out. following: for each beginning of an
    answer that another token follows, the empty one first and each after its own beginning: that token's id by the
    place of the answer. sees[i, j]: whether the j-th beginning, the empty one aside, is one of the i-th, or itself.
    """

    def __init__(self, prefix: list[int], answers: list[list[int]]) -> None:
        self.prefix = prefix
        self.count = len(answers)
        self.depth = max(map(len, answers))
        self.following: dict[tuple[int, ...], dict[int, int]] = {}
        for place, tokens in enumerate(answers):
            for depth, token in enumerate(tokens):
                self.following.setdefault(tuple(tokens[:depth]), {})[place] = token
        self.branches = [beginning for beginning in self.following if beginning]
        self.sees = torch.tensor([[left[: len(right)] == right for right in self.branches] for left in self.branches])


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

    def extend(self, rows: list[list[int]], lead: list[int]) -> None:
        """Read more tokens of each row, after `lead` columns of padding."""
        self._read(rows, lead, torch.zeros(0, dtype=torch.long))

    def extend_to_logits(self, rows: list[list[int]], lead: list[int]) -> torch.Tensor:
        """Read more tokens of each row as `extend` does; return the logits after its last token."""
        last = torch.tensor([start + len(row) - 1 for start, row in zip(lead, rows, strict=True)])
        columns, place = last.unique(return_inverse=True)
        logits = self._read(rows, lead, columns)
        return logits[torch.arange(len(rows), device=logits.device), place.to(logits.device)]

    def _read(self, rows: list[list[int]], lead: list[int], columns: torch.Tensor) -> torch.Tensor:
        """Read more tokens of each row; return the logits of some of the columns that this adds.

        Logits of every token would be the largest tensor of all.
        """
        width = max(start + len(row) for start, row in zip(lead, rows, strict=True))
        ids = torch.full((len(rows), width), self.pad_id)
        mask = torch.zeros_like(ids)
        for number, (start, row) in enumerate(zip(lead, rows, strict=True)):
            ids[number, start : start + len(row)] = torch.tensor(row, dtype=torch.long)
            mask[number, start : start + len(row)] = 1
        self.mask = torch.cat([self.mask, mask.to(self.mask.device)], dim=1)
        columns = columns.to(self.mask.device)
        with last_layer_at(self.model, columns):
            return self.model(
                input_ids=ids.to(self.mask.device),
                attention_mask=self.mask,
                position_ids=(self.mask.cumsum(-1) - 1).clamp(min=0)[:, -width:],
                past_key_values=self.cache,
                use_cache=True,
                logits_to_keep=columns,
            ).logits

    def score(
        self, tree: _Tree, logits: torch.Tensor, *, greedy: bool
    ) -> tuple[torch.Tensor, list[dict[tuple[int, ...], int]]]:
        """Return the log-probability of each answer, shape (rows, answers), and each row's greedy tokens if asked for.

        Those are the most probable token after each beginning of an answer: an id, or TIE.

        Args:
            tree: answers, of which the prefix has been read.
            logits: what `extend_to_logits` returned for the tokens read last.
            greedy: whether greedy tokens are asked for.
        """
        sums = torch.zeros((len(logits), tree.count), device=logits.device)
        best: list[dict[tuple[int, ...], int]] = [{} for _ in logits]
        after = self._read_branches(tree).unbind(1) if tree.branches else ()
        # One beginning after another: the log-probabilities of all would be the largest tensor of all.
        for values, (beginning, tokens) in zip([logits, *after], tree.following.items(), strict=True):
            sums[:, list(tokens)] += values.float().log_softmax(-1)[:, list(tokens.values())]
            if greedy:
                for row, token in zip(best, _most_probable(values), strict=True):
                    row[beginning] = token
        return sums, best

    def _read_branches(self, tree: _Tree) -> torch.Tensor:
        """Read every branch of each row in one pass, and forget it; return the logits after each.

        A token sees what its row holds and the tokens of its own answer before it, at the positions that they would
        have without the other answers. Windows count positions here, so padding may stand anywhere.
        """
        rows, width = self.mask.shape
        device = self.mask.device
        depth = torch.tensor([len(branch) for branch in tree.branches], device=device)
        positions = self.mask.sum(-1, keepdim=True) + depth - 1
        known = torch.cat([self.mask.cumsum(-1) - 1, positions], dim=1)
        sees = torch.cat(
            [
                self.mask.bool()[:, None].expand(rows, len(depth), width),
                tree.sees.to(device).expand(rows, len(depth), len(depth)),
            ],
            dim=2,
        )
        logits = self.model(
            input_ids=torch.tensor([[branch[-1] for branch in tree.branches]] * rows, device=device),
            attention_mask=_attention_mask(self.model, sees, positions[:, :, None] - known[:, None]),
            position_ids=positions,
            past_key_values=self.cache,
            use_cache=True,
        ).logits
        self.cache.crop(width)
        return logits

    def crop(self, width: int) -> None:
        """Forget all columns but the first `width`."""
        self.cache.crop(width)
        self.mask = self.mask[:, :width]

    def keep(self, rows: list[int]) -> None:
        """Forget all rows but those."""
        if len(rows) < len(self.mask):
            kept = torch.tensor(rows, device=self.mask.device)
            self.cache.batch_select_indices(kept)
            self.mask = self.mask[kept]

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


def _attention_mask(
    model: PreTrainedModel, sees: torch.Tensor, distance: torch.Tensor
) -> torch.Tensor | dict[str, torch.Tensor]:
    """Return the mask that a model's layers add to their attention, by kind of layer where it has several.

    Args:
        model: of full attention, sliding windows, or both.
        sees: whether a token may look at a column, shape (rows, tokens, columns).
        distance: how many positions lie between them, of that shape.

    Raises:
        ModelError: a layer of another kind.
    """
    config = model.config.get_text_config()
    window = getattr(config, "sliding_window", None)
    seen = {"full_attention": sees, "sliding_attention": sees & (distance < (window or math.inf))}
    masks = {
        kind: torch.zeros(seen.shape, dtype=model.dtype, device=seen.device).masked_fill(
            ~seen, torch.finfo(model.dtype).min
        )[:, None]
        for kind, seen in seen.items()
    }
    kinds = getattr(config, "layer_types", None)
    if kinds is None:
        return masks["sliding_attention"]
    if unknown := set(kinds) - set(masks):
        raise ModelError(
            f"{config.model_type}: layers of the kind {min(unknown)}, expected {' or '.join(masks)} where models "
            "answer by label; let this model answer by letter"
        )
    return {kind: masks[kind] for kind in set(kinds)}


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
    tree: _Tree,
    max_new_tokens: int,
) -> tuple[list[list[list[float]]], list[str | None]]:
    """Return the log-probabilities of the tree's answers by order and question, and the greedy texts.

    A greedy text that is an answer follows from the logits that score the answers; only the others are generated.

    `starts`: how many tokens of each prompt the context holds.
    """
    width = context.width
    own = [item.prompts[0] for item in batch]
    left = [len(prompt) - start for prompt, start in zip(own, starts, strict=True)]
    by_order = []
    for number in reversed(range(len(batch[0].orders))):  # its own order last: the text goes on from there
        context.crop(width)
        rows = [item.prompts[number][start:] + tree.prefix for item, start in zip(batch, starts, strict=True)]
        logits = context.extend_to_logits(rows, lead=[max(left) - count for count in left])
        sums, best = context.score(tree, logits, greedy=bool(max_new_tokens) and number == 0)
        by_order.insert(0, sums.tolist())
    if not max_new_tokens:
        return by_order, [None] * len(batch)
    single = not tree.prefix and not tree.branches
    if single and max_new_tokens > 1 and any(row[()] in tree.following[()].values() for row in best):
        logits = context.extend_to_logits([[max(row[()], 0)] for row in best], lead=[0] * len(batch))
        for row, token in zip(best, _most_probable(logits), strict=True):
            row[(row[()],)] = token
    paths = [None if tree.prefix else _greedy_path(row, prompter.stop_ids, max_new_tokens) for row in best]
    texts = [None if path is None else _text(prompter, path) for path in paths]
    if rest := [number for number, text in enumerate(texts) if text is None]:
        context.crop(width + max(left) - 1)  # generation begins by reading one token
        context.keep(rest)
        generated = _greedy_texts(context, prompter, [own[number] for number in rest], max_new_tokens)
        for number, text in zip(rest, generated, strict=True):
            texts[number] = text
    return by_order, texts


def _most_probable(logits: torch.Tensor) -> list[int]:
    """Return the most probable token of each row, or TIE where several are; logits have the shape (rows, tokens)."""
    top = logits.topk(2)
    return top.indices[:, 0].masked_fill(top.values[:, 0] == top.values[:, 1], TIE).tolist()


def _greedy_path(best: dict[tuple[int, ...], int], stop_ids: list[int], length: int) -> tuple[int, ...] | None:
    """Return the tokens of a greedy text of at most `length`, as `generate` would; None if they are not all known.

    `best`: the most probable token after each beginning that is known.
    """
    path = ()
    while len(path) < length:
        if path not in best:
            return None
        token = min(stop_ids) if best[path] == TIE else best[path]  # as _EndAtTie
        path = (*path, token)
        if token in stop_ids:
            break
    return path


def _text(prompter: Prompter, tokens: Sequence[int]) -> str:
    return prompter.tokenizer.decode(tokens, skip_special_tokens=True).strip()


class _EndAtTie(LogitsProcessor):
    """Ends a text where several tokens are the most probable: the order of the vocabulary would decide."""

    def __init__(self, stop_ids: list[int]) -> None:
        self._stop_ids = stop_ids

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        """Return logits, shape (rows, vocabulary), with the end token as the best of rows that tie."""
        tied = (scores == scores.max(-1, keepdim=True).values).sum(-1) > 1
        # Any of them will do. A template may add one to the tokenizer that the model has no logit for.
        scores[tied, min(self._stop_ids)] = math.inf
        return scores


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
        eos_token_id=prompter.stop_ids,
        pad_token_id=context.pad_id,
        logits_processor=LogitsProcessorList([_EndAtTie(prompter.stop_ids)]),
    )
    return [_text(prompter, tokens) for tokens in generated[:, width:].tolist()]
