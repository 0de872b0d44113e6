"""The store of paid answers, prices, and the reading of replies."""

import json

import pytest

from finintent.claude.prices import estimate_tokens
from finintent.claude.prompts import GenerationPrompt
from finintent.claude.replies import read_labels, read_queries
from finintent.claude.store import ResponseStore
from finintent.errors import ApiError, ConfigError, DataError
from finintent.files import read_yaml
from finintent.task.language import in_language
from tiny import ROOT
from writer import PRICES


def answer(name: str, cost: float = 0.5) -> dict:
    return {"type": "answer", "digest": name, "message": {}, "cost_usd": cost}


def test_what_is_appended_is_there_for_the_next_process(tmp_path):
    path = tmp_path / "new/responses.jsonl"
    with ResponseStore(path) as store:
        store.append(answer("a"))
        store.append(answer("b"))
    again = ResponseStore(path)
    assert list(again.answers) == ["a", "b"]
    assert again.spent_usd == 1.0


def test_a_torn_line_is_dropped_and_the_next_record_stands_alone(tmp_path):
    path = tmp_path / "responses.jsonl"
    with ResponseStore(path) as store:
        store.append(answer("a"))
    whole = path.read_bytes()
    path.write_bytes(whole + '{"type": "answer", "message": "没'.encode()[:-1])
    assert list(ResponseStore(path).answers) == ["a"]
    with ResponseStore(path) as store:
        store.append(answer("b"))
    assert [json.loads(line)["digest"] for line in path.read_text().splitlines()] == ["a", "b"]
    assert path.read_bytes().startswith(whole)


def test_a_line_broken_in_the_middle_is_named(tmp_path):
    path = tmp_path / "responses.jsonl"
    path.write_text('{"type": \n{"type": "batch"}\n')
    with pytest.raises(DataError, match=r"responses\.jsonl, line 1: not JSON"):
        ResponseStore(path)


def test_two_writers_are_kept_apart(tmp_path):
    path = tmp_path / "responses.jsonl"
    with (
        ResponseStore(path),
        pytest.raises(ApiError, match=r"another process is writing to this store"),
        ResponseStore(path),
    ):
        pass


def test_costs_by_hand():
    usage = {"input_tokens": 1000, "output_tokens": 2000}
    assert PRICES.cost("claude-sonnet-5-5", usage, batch=False) == pytest.approx(0.022)
    assert PRICES.cost("claude-sonnet-5-5", usage, batch=True) == pytest.approx(0.011)
    cached = usage | {"cache_read_input_tokens": 10_000, "cache_creation_input_tokens": 1000}
    assert PRICES.cost("claude-haiku-5-5", cached, batch=False) == pytest.approx((1000 + 1000 + 1250) * 1e-7 + 1e-3)


def test_a_model_without_a_price_is_refused():
    with pytest.raises(ConfigError, match=r"'claude-3' has no price in resources/prices\.yaml"):
        PRICES.of("claude-3")


def test_tokens_grow_with_text_and_ideographs_count_whole():
    def tokens(text: str) -> int:
        return estimate_tokens({"system": [], "messages": [{"content": text}], "output_config": {}})

    assert tokens("问" * 1000) - tokens("") == pytest.approx(1100, abs=1)
    assert tokens("a" * 1000) - tokens("") == pytest.approx(286, abs=1)


@pytest.mark.parametrize(
    ("text", "language", "expected"),
    [
        ("茅台PE多少", "zh", True),
        ("600519", "zh", True),
        ("where is it", "zh", False),
        ("where is it", "en", True),
        ("где", "en", False),
        ("это акция?", "ru", True),
    ],
)
def test_language_by_script(text: str, language: str, expected: bool):
    assert in_language(text, language) is expected


def message(text: str, stop_reason: str = "end_turn") -> dict:
    return {"stop_reason": stop_reason, "content": [{"type": "text", "text": text}]}


def test_the_whole_rows_of_a_cut_answer_are_kept():
    reply = read_queries(message('{"queries": ["first one", "second one", "thi', "max_tokens"), 3, "en")
    assert (reply.rows, reply.usable, reply.fault) == (["first one", "second one"], 2, "max_tokens")


def test_rows_that_are_no_text_are_left_out():
    reply = read_queries(message('{"queries": ["one", 2, null, "three"]}'), 2, "en")
    assert (reply.rows, reply.fault) == (["one", "three"], None)


def test_labels_outside_the_taxonomy_or_the_numbers_are_left_out():
    labels = [{"number": 1, "label": "a"}, {"number": 2, "label": "z"}, {"number": 9, "label": "a"}]
    reply = read_labels(message(json.dumps({"labels": labels})), 2, ["a", "b"])
    assert (reply.rows, reply.fault) == ([(0, "a")], "too_few")


@pytest.mark.parametrize("dataset", ["resources/intent_understanding", "tests/datasets/support_topics"])
def test_shipped_prompts_have_their_fields(dataset: str):
    assert read_yaml(ROOT / dataset / "prompts/generation.yaml", GenerationPrompt).version >= 1


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("{count}", "some", r"user has the fields \[.*\], expected \{code\}, \{count\}"),
        ('refusal: "(retry {attempt})', 'refusal: "', r"retry\.refusal has the fields \[\], expected \{attempt\}"),
        ("  too_few:", "  few:", r"retry has the keys"),
        ("{queries}", "", r"user has the fields \[\], expected \{queries\}"),
    ],
)
def test_a_wrong_prompt_is_named(tmp_path, old: str, new: str, message: str):
    text = (ROOT / "tests/datasets/support_topics/prompts/generation.yaml").read_text()
    path = tmp_path / "generation.yaml"
    path.write_text(text.replace(old, new))
    with pytest.raises(DataError, match=message):
        read_yaml(path, GenerationPrompt)
