"""Claude's answers to the evaluation questions: the study's own instruction, without examples or a system prompt."""

from collections import Counter
from typing import Any

from finintent.claude.prices import Prices, estimate_tokens
from finintent.claude.prompts import Request
from finintent.claude.records import Record
from finintent.claude.store import ResponseStore, spending
from finintent.config.answer_form import Answer
from finintent.config.answers import AnswerPlan
from finintent.task.prediction import Prediction
from finintent.task.taxonomy import Taxonomy
from finintent.task.wording import Instruction

TOKENS_PER_ANSWER = 200  # assumed until an answer is stored: a letter, and some thinking at low effort


def answer_requests(
    questions: list[dict[str, Any]],
    taxonomy: Taxonomy,
    instruction: Instruction,
    *,
    model: str,
    plan: AnswerPlan,
    answer: Answer,
) -> list[Request]:
    """Return one request a question; its user turn is the instruction that the study's other models get."""
    requests = []
    for question in questions:
        options = {letter: taxonomy.names[code] for letter, code in question["options"].items()}
        body = {
            "model": model,
            "max_tokens": plan.max_tokens,
            "messages": [{"role": "user", "content": instruction.render(question["question"], options, answer)}],
            "output_config": {"effort": plan.effort},
        }
        requests.append(Request(body, {"kind": "answer", "question": question["id"]}))
    return requests


def answer_predictions(
    questions: list[dict[str, Any]], requests: list[Request], answers: dict[str, Record], answer: Answer
) -> list[Prediction]:
    """Return one prediction a question, without probabilities: the API gives none.

    A refusal or a truncated answer counts with the text that it has, which is often empty; no scorer can parse that.

    Args:
        questions: the evaluation questions.
        requests: the request of each, in the same order.
        answers: stored records by the digest of their request.
        answer: form of answer that was asked for.
    """
    return [
        Prediction.of(question, log_probabilities=None, text=_text(answers[request.digest]["message"]), answer=answer)
        for question, request in zip(questions, requests, strict=True)
    ]


def _text(message: dict[str, Any]) -> str:
    # Thinking may come first.
    return "".join(block["text"] for block in message["content"] if block["type"] == "text").strip()


def answer_record(requests: list[Request], answers: dict[str, Record]) -> dict[str, Any]:
    """Return the number of questions, the counts of stop reasons, and `spending`; equal requests count once."""
    used = [answers[key] for key in dict.fromkeys(request.digest for request in requests)]
    return {
        "questions": len(requests),
        "stop_reasons": dict(Counter(answer["message"]["stop_reason"] for answer in used)),
        **spending(used),
    }


def estimate_answers(requests: list[Request], store: ResponseStore, prices: Prices) -> dict[str, Any]:
    """Return the number of stored answers, the requests to make, their tokens, and their cost in US dollars by mode.

    Input tokens are estimated. Output tokens are the mean of the stored answers, or TOKENS_PER_ANSWER.

    Raises:
        ConfigError: the model has no price.
    """
    bodies = {request.digest: request.body for request in requests}
    stored = [store.answers[key]["message"]["usage"]["output_tokens"] for key in bodies if key in store.answers]
    missing = [body for key, body in bodies.items() if key not in store.answers]
    usage = {
        "input_tokens": sum(estimate_tokens(body) for body in missing),
        "output_tokens": round(len(missing) * (sum(stored) / len(stored) if stored else TOKENS_PER_ANSWER)),
    }
    model = requests[0].body["model"]
    dollars = {mode: prices.cost(model, usage, batch=mode == "batches") for mode in ("messages", "batches")}
    return {"stored": len(stored), "requests": len(missing), **usage, **dollars}
