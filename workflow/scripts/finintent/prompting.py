"""Prompts as token ids, rendered by the very template code of LlamaFactory that training uses."""

from dataclasses import dataclass
from typing import Any

from llamafactory.data import get_template_and_fix_tokenizer
from llamafactory.hparams import get_infer_args
from llamafactory.model import load_tokenizer

from finintent.errors import ModelError


@dataclass(frozen=True)
class DecidingPosition:
    """Where an answer's letter is decided: after the prompt and `prefix`, by one of `token_ids` (one a letter)."""

    prefix: list[int]
    token_ids: dict[str, int]


class Prompter:
    """A model's tokenizer and LlamaFactory template.

    Encoding one turn gives the token ids that a training row of the same instruction has; a test proves it.
    """

    def __init__(self, model: str, template: str) -> None:
        model_args, data_args, _, _ = get_infer_args({"model_name_or_path": model, "template": template})
        self.tokenizer: Any = load_tokenizer(model_args)["tokenizer"]
        self._template = get_template_and_fix_tokenizer(self.tokenizer, data_args)

    @property
    def stop_ids(self) -> list[int]:
        """Ids that end an answer."""
        return self._template.get_stop_token_ids(self.tokenizer)

    def encode(self, instruction: str, answer: str) -> tuple[list[int], list[int]]:
        """Return the token ids of the prompt and of the answer."""
        messages = [{"role": "user", "content": instruction}, {"role": "assistant", "content": answer}]
        return self._template.encode_oneturn(self.tokenizer, messages)

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
