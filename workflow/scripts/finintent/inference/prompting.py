"""Prompts as token ids, rendered by the very template code of LlamaFactory that training uses."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations, takewhile
from pathlib import Path
from typing import Any

from finintent.config.answer_form import Answer
from finintent.errors import DataError, ModelError
from finintent.inference.late_cuda import get_infer_args, load_tokenizer
from finintent.inference.plain_text import template_and_fixed_tokenizer
from finintent.models.folder import splits_special_tokens
from finintent.task.taxonomy import Taxonomy
from finintent.task.wording import Instruction


@dataclass(frozen=True)
class DecidingPosition:
    """Where an answer's letter is decided: after the prompt and `prefix`, by one of `token_ids` (one a letter)."""

    prefix: list[int]
    token_ids: dict[str, int]


class Prompter:
    """A model's tokenizer and LlamaFactory template; without one LlamaFactory reads the model's own chat template.

    Encoding one turn gives the token ids that a training row of the same instruction has; a test proves it.
    """

    def __init__(self, model: str, template: str | None) -> None:
        model_args, data_args, _, _ = get_infer_args(
            {
                "model_name_or_path": model,
                "template": template,
                "split_special_tokens": splits_special_tokens(Path(model)),
            }
        )
        self.tokenizer: Any = load_tokenizer(model_args)["tokenizer"]
        if template is None and not isinstance(self.tokenizer.chat_template, str):
            raise ModelError(
                f"{model}: its tokenizer has no chat template, and the config names none; set `template` of the model "
                "to a name of LlamaFactory's"
            )
        self._template = template_and_fixed_tokenizer(self.tokenizer, data_args)

    @property
    def stop_ids(self) -> list[int]:
        """Ids that end an answer."""
        return self._template.get_stop_token_ids(self.tokenizer)

    def encode(
        self, instruction: str, answer: str, examples: Sequence[tuple[str, str]] = ()
    ) -> tuple[list[int], list[int]]:
        """Return the token ids of the prompt and of the answer; `examples` are earlier turns of user and assistant."""
        messages = []
        for user, assistant in [*examples, (instruction, answer)]:
            messages += [{"role": "user", "content": user}, {"role": "assistant", "content": assistant}]
        prompt, reply = self._template.encode_oneturn(self.tokenizer, messages)
        # LlamaFactory ends a training row of such a template with the end-of-sequence token by itself.
        return prompt, reply + [self.tokenizer.eos_token_id] * self._template.efficient_eos

    def deciding_position(self, letters: list[str]) -> DecidingPosition:
        """Return the first position at which the encoded answers of the letters all differ.

        Derived from whole answers, since a letter's id depends on what stands before it: some templates begin an
        answer with a newline. ModelError when two letters share the token there.
        """
        answers = [self.encode("", letter)[1] for letter in letters]
        shared = 0
        while all(len(answer) > shared for answer in answers) and len({answer[shared] for answer in answers}) == 1:
            shared += 1
        token_ids = {letter: answer[shared] for letter, answer in zip(letters, answers, strict=True)}
        if len(set(token_ids.values())) < len(letters):
            raise ModelError(f"the template gives the letters {letters} the tokens {token_ids}: they must all differ")
        return DecidingPosition(prefix=answers[0][:shared], token_ids=token_ids)

    def whole_answers(self, texts: list[str]) -> list[list[int]]:
        """Return the token ids of each text as an answer, with the end token that training puts after it.

        What a template puts after the end token, such as a newline, is left out: generation stops before it.

        Raises:
            ModelError: two of the texts have the same tokens.
        """
        stops = set(self.stop_ids)
        answers = []
        for text in texts:
            answer = self.encode("", text)[1]
            content = list(takewhile(lambda token: token not in stops, answer))
            answers.append(answer[: len(content) + 1])
        for text, other in combinations(range(len(texts)), 2):
            if answers[text] == answers[other]:
                raise ModelError(
                    f"the tokenizer gives the answers {texts[text]!r} and {texts[other]!r} the same tokens; rename one "
                    "of the labels in taxonomy.yaml"
                )
        return answers


def draw_examples(
    rows: list[dict[str, Any]],
    taxonomy: Taxonomy,
    instruction: Instruction,
    answer: Answer,
    *,
    per_label: int,
    seed: int,
) -> list[tuple[str, str]]:
    """Draw `per_label` curated rows of each label and return the user turn and the right answer of each, mixed.

    Args:
        rows: curated training rows.
        taxonomy: the labels; options stand in its order.
        instruction: wording of the turns.
        answer: form of answer.
        per_label: rows a label.
        seed: of the draw and of the order.

    Raises:
        DataError: a label has fewer rows.
    """
    generator = random.Random(seed)
    examples = []
    for label in taxonomy.codes:
        found = [row for row in rows if row["label"] == label]
        if len(found) < per_label:
            raise DataError(
                f"{len(found)} training row(s) have the label {label}, expected at least {per_label} "
                "(scoring.few_shot in the config); lower few_shot or raise train_rows"
            )
        examples += [
            instruction.example(row["query"], label, taxonomy, answer) for row in generator.sample(found, per_label)
        ]
    generator.shuffle(examples)
    return examples
