import json

from finintent.claude.replies import read_labels, read_queries


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
    labels += [{"number": 2.0, "label": "a"}, {"number": True, "label": "b"}, {"number": "2", "label": "a"}, 2]
    reply = read_labels(message(json.dumps({"labels": labels})), 2, ["a", "b"])
    assert (reply.rows, reply.fault) == ([(0, "a")], "too_few")
