"""The requests to Claude, rendered from a data set's prompts/generation.yaml."""

from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ConfigDict, model_validator

from finintent.claude.replies import FAULTS
from finintent.files import digest
from finintent.task.taxonomy import Label, Taxonomy
from finintent.task.wording import template_fields

QUERIES = {
    "type": "object",
    "properties": {"queries": {"type": "array", "items": {"type": "string"}}},
    "required": ["queries"],
    "additionalProperties": False,
}


@dataclass(frozen=True)
class Request:
    """A request.

    Attributes:
        body: goes to the Messages API unchanged.
        purpose: what it is for, such as the cell of the generation grid.
    """

    body: dict[str, Any]
    purpose: dict[str, Any]

    @property
    def digest(self) -> str:
        """The digest of the body, by which the store finds the answer."""
        return digest(self.body)


class _Templates(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    def _need(self, **wanted: set[str]) -> None:
        for name, fields in wanted.items():
            found = template_fields(getattr(self, name))
            if found != fields:
                raise ValueError(
                    f"{name} has the fields {sorted(found)}, expected {', '.join(f'{{{x}}}' for x in sorted(fields))}"
                )


class JudgePrompt(_Templates):
    """The prompt of the judge: the queries, numbered, without their labels."""

    system: str
    user: str
    retry: str

    @model_validator(mode="after")
    def _placeholders(self) -> "JudgePrompt":
        self._need(system={"labels"}, user={"queries"}, retry={"attempt"})
        return self


class GenerationPrompt(_Templates):
    """A prompts/generation.yaml."""

    version: int
    system: str
    label: str
    user: str
    examples: str
    retry: dict[str, str]
    judge: JudgePrompt

    @model_validator(mode="after")
    def _placeholders(self) -> "GenerationPrompt":
        self._need(
            system={"labels"},
            label={"code", "name", "definition"},
            user={"code", "name", "persona", "round", "count"},
            examples={"examples"},
        )
        if set(self.retry) != set(FAULTS):
            raise ValueError(f"retry has the keys {sorted(self.retry)}, expected {', '.join(sorted(FAULTS))}")
        for fault, note in self.retry.items():
            # Without the number of the attempt, a second retry would be the same request as the first.
            if (found := template_fields(note)) != {"attempt"}:
                raise ValueError(f"retry.{fault} has the fields {sorted(found)}, expected {{attempt}}")
        return self

    def labels(self, taxonomy: Taxonomy) -> str:
        """Return the list of all labels, one a line."""
        return "\n".join(self.label.format(**label.model_dump()) for label in taxonomy.labels)


def query_text(
    prompt: GenerationPrompt,
    label: Label,
    persona: str,
    *,
    round_number: int,
    count: int,
    examples: list[str],
    attempt: int,
    fault: str | None,
) -> str:
    """Return the user turn that asks for queries of one label in the voice of one persona.

    Args:
        prompt: the templates.
        label: the label that the queries must have.
        persona: description of who is speaking.
        round_number: number of the cell's round, from 1.
        count: number of queries to ask for.
        examples: accepted queries of the cell, which new ones must differ from.
        attempt: number of the retry; 0 is the first request.
        fault: what was wrong with the reply before, one of FAULTS; None for a first request.
    """
    parts = [
        prompt.user.format(code=label.code, name=label.name, persona=persona, round=round_number, count=count),
    ]
    if examples:
        parts.append(prompt.examples.format(examples="\n".join(f"- {example}" for example in examples)))
    if fault:
        parts.append(prompt.retry[fault].format(attempt=attempt))
    return "\n\n".join(parts)


def judge_text(prompt: GenerationPrompt, queries: list[str], attempt: int) -> str:
    """Return the user turn that asks the judge for the labels of queries.

    Args:
        prompt: the templates.
        queries: numbered from 1 in the text.
        attempt: number of the retry; 0 is the first request.
    """
    numbered = "\n".join(f"{number}. {query}" for number, query in enumerate(queries, start=1))
    parts = [prompt.judge.user.format(queries=numbered)]
    if attempt:
        parts.append(prompt.judge.retry.format(attempt=attempt))
    return "\n\n".join(parts)


def judge_schema(codes: list[str]) -> dict[str, Any]:
    """Return the JSON schema of the judge's answer."""
    item = {
        "type": "object",
        "properties": {"number": {"type": "integer"}, "label": {"type": "string", "enum": codes}},
        "required": ["number", "label"],
        "additionalProperties": False,
    }
    return {
        "type": "object",
        "properties": {"labels": {"type": "array", "items": item}},
        "required": ["labels"],
        "additionalProperties": False,
    }


def message_body(
    *, model: str, system: str, user: str, schema: dict[str, Any], effort: str, max_tokens: int
) -> dict[str, Any]:
    """Return the body of a Messages request for an answer in JSON.

    The part that all requests share comes first, so that a cache can serve it.
    """
    return {
        "model": model,
        "max_tokens": max_tokens,
        "system": [{"type": "text", "text": system}],
        "messages": [{"role": "user", "content": user}],
        "output_config": {"effort": effort, "format": {"type": "json_schema", "schema": schema}},
    }
