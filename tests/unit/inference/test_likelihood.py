"""Shared caches, orders and examples, against the plainest way: one prompt, one pass, no cache, no padding."""

from functools import partial

import pytest
import torch
from transformers import (
    Gemma3ForCausalLM,
    Gemma3TextConfig,
    GlmConfig,
    GlmForCausalLM,
    LlamaConfig,
    LlamaForCausalLM,
    PreTrainedModel,
    Qwen2Config,
    Qwen2ForCausalLM,
)

from finintent.errors import DataError, ModelError
from finintent.inference import likelihood as scoring
from finintent.inference.likelihood import TIE, _greedy_path, draw_orders, predict, predict_within_memory
from finintent.inference.packed import pack_weights
from finintent.inference.prompting import DecidingPosition, Prompter, draw_examples
from finintent.task.chosen import most_probable
from finintent.task.prediction import Prediction
from finintent.task.taxonomy import Label, Taxonomy, read_taxonomy
from finintent.task.wording import read_instruction
from tiny import DATASET, ROOT, write_tiny_model

RESOURCES = ROOT / "tests/datasets" / DATASET
TAXONOMY = read_taxonomy(RESOURCES / "taxonomy.yaml")
INSTRUCTION = read_instruction(RESOURCES / "prompts/instruction.yaml")
ARCHITECTURES = {
    "llama": (LlamaConfig, LlamaForCausalLM, {}),
    "qwen2": (Qwen2Config, Qwen2ForCausalLM, {}),
    "glm": (GlmConfig, GlmForCausalLM, {"head_dim": 16}),
    # Its window is shorter than the prompts, so one column of padding at a wrong place changes the answer.
    "gemma3": (
        Gemma3TextConfig,
        Gemma3ForCausalLM,
        {"head_dim": 16, "sliding_window": 24, "layer_types": ["sliding_attention", "full_attention"]},
    ),
}
WORDS = ["", "hm?", "where is it", "the user is in the house, and his model is not", "a" * 90, "he is in", "us", "us"]
CODES = TAXONOMY.codes
QUESTIONS = [
    {
        "id": str(number),
        "question": text,
        "options": dict(zip("ABC", CODES[number % 3 :] + CODES[: number % 3], strict=True)),
        "gold": CODES[0],
        "hard": False,
    }
    for number, text in enumerate(WORDS)
]


@pytest.fixture(scope="module")
def prompter(tmp_path_factory: pytest.TempPathFactory) -> Prompter:
    return Prompter(str(write_tiny_model(tmp_path_factory.mktemp("model"))), "gemma")


def build(name: str, vocabulary: int) -> PreTrainedModel:
    """Return a random model whose answers hang on every token: weights are ten times as large as usual."""
    config, model, options = ARCHITECTURES[name]
    torch.manual_seed(0)
    shape = {
        "vocab_size": vocabulary, "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2,
        "num_attention_heads": 2, "num_key_value_heads": 1, "max_position_embeddings": 1024, "initializer_range": 0.2,
        "pad_token_id": 0, "eos_token_id": 1, "bos_token_id": 2,
    }  # fmt: skip
    return model(config(**shape, **options)).eval()


@torch.inference_mode()
def plain_logits(model: PreTrainedModel, tokens: list[int]) -> torch.Tensor:
    return model(torch.tensor([tokens]), use_cache=False).logits[0, -1]


def plain_prompt(
    prompter: Prompter, row: Prediction, options: dict, examples=(), answer="letter", taxonomy=TAXONOMY
) -> list[int]:
    named = {letter: taxonomy.names[code] for letter, code in options.items()}
    return prompter.encode(INSTRUCTION.render(row.question, named, answer), "", examples)[0]


def plain_scores(model, prompter, row, options, examples=()) -> dict[str, float]:
    position = prompter.deciding_position(list(options))
    tokens = plain_prompt(prompter, row, options, examples) + position.prefix
    scores = plain_logits(model, tokens).log_softmax(-1)
    return {code: float(scores[position.token_ids[letter]]) for letter, code in options.items()}


def plain_text(model, prompter, row, new_tokens: int, **form) -> str:
    tokens, answer = plain_prompt(prompter, row, row.options, **form), []
    while len(answer) < new_tokens:
        answer.append(int(plain_logits(model, tokens + answer).argmax()))
        if answer[-1] in prompter.stop_ids:
            break
    return prompter.tokenizer.decode(answer, skip_special_tokens=True).strip()


@torch.inference_mode()
def plain_label_scores(model, prompter, row, options, examples=(), taxonomy=TAXONOMY) -> dict[str, float]:
    """Each label is a training row of its own: the sum over all of its answer, up to the end of the turn."""
    prompt = plain_prompt(prompter, row, options, examples, answer="label", taxonomy=taxonomy)
    scores = {}
    for code in options.values():
        answer = prompter.encode("", taxonomy.names[code])[1]
        answer = answer[: answer.index(prompter.tokenizer.convert_tokens_to_ids("<end_of_turn>")) + 1]
        logits = model(torch.tensor([prompt + answer]), use_cache=False).logits[0, len(prompt) - 1 : -1]
        steps = logits.double().log_softmax(-1)[torch.arange(len(answer)), answer]
        scores[code] = float(steps.sum())
    return scores


def check(
    rows: list[Prediction], model, prompter, orders: int, examples=(), scores=plain_scores, questions=None
) -> None:
    assert [row.id for row in rows] == [question["id"] for question in questions or QUESTIONS]
    for row in rows:
        asked = [row, *row.permutations]
        assert len(asked) == orders
        for order in asked:
            expected = scores(model, prompter, row, order.options, examples)
            assert order.log_probabilities == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("batch_size", [1, 3, 8])
@pytest.mark.parametrize("name", ARCHITECTURES)
def test_shared_caches_change_no_answer(name: str, batch_size: int, packed: bool, prompter: Prompter):
    model = asked = build(name, len(prompter.tokenizer))
    if packed:
        asked = pack_weights(build(name, len(prompter.tokenizer)))
    options = {"batch_size": batch_size, "seed": 1, "permutations": 4, "max_new_tokens": 5}
    rows = predict(asked, prompter, QUESTIONS, TAXONOMY, INSTRUCTION, **options)
    check(rows, model, prompter, orders=4)
    assert [row.text for row in rows] == [plain_text(model, prompter, row, 5) for row in rows]
    assert rows == predict(asked, prompter, QUESTIONS, TAXONOMY, INSTRUCTION, **options)


@pytest.mark.parametrize("batch_size", [1, 3])
@pytest.mark.parametrize("name", ARCHITECTURES)
def test_a_label_scores_as_its_own_training_row_does(name: str, batch_size: int, prompter: Prompter):
    model = build(name, len(prompter.tokenizer))
    options = {"batch_size": batch_size, "seed": 1, "permutations": 4, "max_new_tokens": 1, "answer": "label"}
    rows = predict(model, prompter, QUESTIONS, TAXONOMY, INSTRUCTION, **options)
    check(rows, model, prompter, orders=4, scores=plain_label_scores)
    assert [list(row.log_probabilities) for row in rows] == [list(row.options.values()) for row in rows]
    room = max(len(answer) for answer in prompter.whole_answers(list(TAXONOMY.names.values())))
    assert room > 5
    assert [row.text for row in rows] == [plain_text(model, prompter, row, room, answer="label") for row in rows]


# Some of them begin others, and some end as others do.
NAMES = ["us", "user", "us in", "us in the house", "in", "house"]


def predict_names(model, prompter: Prompter, names: list[str], questions: list[dict], orders: int) -> None:
    labels = [Label(code=f"c{number}", name=name, definition="d") for number, name in enumerate(names)]
    taxonomy = Taxonomy(version=1, language="en", title="t", labels=labels)
    asked = [{**question, "options": taxonomy.options} for question in questions]
    options = {"batch_size": 2, "seed": 1, "permutations": orders, "answer": "label"}
    rows = predict(model, prompter, asked, taxonomy, INSTRUCTION, **options)
    scores = partial(plain_label_scores, taxonomy=taxonomy)
    check(rows, model, prompter, orders=orders, scores=scores, questions=asked)


@pytest.mark.parametrize("attention", ["eager", "sdpa"])
@pytest.mark.parametrize("name", ARCHITECTURES)
def test_labels_that_begin_alike_are_told_apart(name: str, attention: str, prompter: Prompter):
    model = build(name, len(prompter.tokenizer))
    model.set_attn_implementation(attention)
    predict_names(model, prompter, NAMES, QUESTIONS[1:4], orders=2)


@pytest.mark.parametrize("name", ["llama", "gemma3"])
def test_there_may_be_more_labels_than_letters(name: str, prompter: Prompter):
    model = build(name, len(prompter.tokenizer))
    predict_names(
        model, prompter, NAMES + [a + b for a in "abcdefgh" for b in "hijklmnop"][:71], QUESTIONS[1:3], orders=1
    )


@pytest.mark.parametrize("name", ["llama", "gemma3"])
def test_examples_stand_before_labels_too(name: str, prompter: Prompter):
    model = build(name, len(prompter.tokenizer))
    examples = [("where is it", "Billing"), ("he is in", "Account")]
    options = {"batch_size": 3, "seed": 1, "permutations": 2, "examples": examples, "answer": "label"}
    rows = predict(model, prompter, QUESTIONS, TAXONOMY, INSTRUCTION, **options)
    check(rows, model, prompter, orders=2, examples=examples, scores=plain_label_scores)


def test_no_text_is_generated_unless_it_is_asked_for(prompter: Prompter):
    model = build("llama", len(prompter.tokenizer))
    rows = predict(model, prompter, QUESTIONS, TAXONOMY, INSTRUCTION, batch_size=3, seed=1, answer="label")
    assert {row.text for row in rows} == {None}


def test_layers_that_have_no_mask_are_named(prompter: Prompter):
    model = build("llama", len(prompter.tokenizer))  # which passes over what its configuration says of layers
    model.config.layer_types = ["full_attention", "linear_attention"]
    with pytest.raises(ModelError, match=r"llama: layers of the kind linear_attention, expected full_attention or sli"):
        predict(model, prompter, QUESTIONS[:1], TAXONOMY, INSTRUCTION, batch_size=1, seed=1, answer="label")


@pytest.mark.parametrize("name", ["llama", "gemma3"])
def test_one_order_without_text_is_one_pass(name: str, prompter: Prompter):
    model = build(name, len(prompter.tokenizer))
    rows = predict(model, prompter, QUESTIONS, TAXONOMY, INSTRUCTION, batch_size=3, seed=1)
    check(rows, model, prompter, orders=1)
    assert {row.text for row in rows} == {None}
    assert not any(row.permutations for row in rows)


@pytest.mark.parametrize("name", ["llama", "gemma3"])
def test_examples_stand_before_every_order(name: str, prompter: Prompter):
    model = build(name, len(prompter.tokenizer))
    examples = [("where is it", "B"), ("he is in", "A")]
    options = {"batch_size": 3, "seed": 1, "permutations": 3, "max_new_tokens": 2, "examples": examples}
    rows = predict(model, prompter, QUESTIONS, TAXONOMY, INSTRUCTION, **options)
    check(rows, model, prompter, orders=3, examples=examples)


def test_examples_are_earlier_turns_of_the_same_template(prompter: Prompter):
    prompt, answer = prompter.encode("in us", "C", [("where is it", "B"), ("he is in", "A")])
    assert prompter.tokenizer.decode(prompt) == (
        "<bos><start_of_turn>user\nwhere is it<end_of_turn>\n<start_of_turn>model\nB<end_of_turn>\n"
        "<start_of_turn>user\nhe is in<end_of_turn>\n<start_of_turn>model\nA<end_of_turn>\n"
        "<start_of_turn>user\nin us<end_of_turn>\n<start_of_turn>model\n"
    )
    assert answer == prompter.encode("in us", "C")[1]


@pytest.mark.parametrize("name", ["llama", "gemma3"])
def test_an_answers_prefix_is_forced_before_its_letter_but_not_before_the_text(
    name: str, prompter: Prompter, monkeypatch: pytest.MonkeyPatch
):
    model = build(name, len(prompter.tokenizer))
    position = DecidingPosition([275, 281], {"A": 270, "B": 271, "C": 272})
    monkeypatch.setattr(prompter, "deciding_position", lambda letters: position)
    options = {"batch_size": 3, "seed": 1, "permutations": 2, "max_new_tokens": 4}
    rows = predict(model, prompter, QUESTIONS, TAXONOMY, INSTRUCTION, **options)
    check(rows, model, prompter, orders=2)
    assert [row.text for row in rows] == [plain_text(model, prompter, row, 4) for row in rows]


@pytest.mark.parametrize("answer", ["letter", "label"])
def test_numbers_that_are_not_finite_are_no_prediction(answer: str, prompter: Prompter):
    model = build("llama", len(prompter.tokenizer))
    with torch.no_grad():
        model.model.layers[1].mlp.up_proj.weight[0, 0] = float("nan")
    with pytest.raises(ModelError, match=r"log-probabilities of question '\d' are not finite numbers; its weights"):
        predict(model, prompter, QUESTIONS, TAXONOMY, INSTRUCTION, batch_size=3, seed=0, answer=answer)


def test_a_text_longer_than_the_models_positions_is_refused(prompter: Prompter):
    model = build("llama", len(prompter.tokenizer))
    long = [QUESTIONS[1] | {"id": "long", "question": "a" * 2000}]
    with pytest.raises(ModelError, match=r"question 'long': 2\d\d\d tokens .* the model has 1024 positions; shorten"):
        predict(model, prompter, QUESTIONS + long, TAXONOMY, INSTRUCTION, batch_size=3, seed=0)


@pytest.mark.parametrize("questions", [QUESTIONS[:1], [QUESTIONS[0], {**QUESTIONS[0], "id": "again"}]])
def test_prompts_that_share_everything_are_answered(questions: list[dict], prompter: Prompter):
    model = build("llama", len(prompter.tokenizer))
    rows = predict(model, prompter, questions, TAXONOMY, INSTRUCTION, batch_size=2, seed=1)
    for row in rows:
        expected = plain_scores(model, prompter, row, questions[0]["options"])
        assert row.log_probabilities == pytest.approx(expected, abs=1e-4)


def test_questions_with_other_letters_are_asked_apart(prompter: Prompter):
    model = build("llama", len(prompter.tokenizer))
    other = {**QUESTIONS[2], "id": "other", "options": dict(zip("BDE", CODES, strict=True))}
    rows = predict(model, prompter, [QUESTIONS[2], other], TAXONOMY, INSTRUCTION, batch_size=2, seed=1)
    for row in rows:
        expected = plain_scores(model, prompter, row, row.options)
        assert row.log_probabilities == pytest.approx(expected, abs=1e-4)


def test_orders_are_distinct_and_drawn_by_their_key():
    options = dict(zip("ABCDE", "vwxyz", strict=True))
    orders = draw_orders(options, 5, "42 7")
    assert orders[0] == options
    assert len({tuple(order.values()) for order in orders}) == 5
    for order in orders:
        assert list(order) == list("ABCDE")
        assert sorted(order.values()) == list("vwxyz")
    assert orders == draw_orders(options, 5, "42 7")
    assert orders[1:] != draw_orders(options, 5, "42 8")[1:]
    assert orders[:3] == draw_orders(options, 3, "42 7")  # more orders keep the first ones


def test_every_first_place_is_drawn_about_as_often():
    options = dict(zip("ABCDE", "vwxyz", strict=True))
    firsts = [order["A"] for key in range(500) for order in draw_orders(options, 5, str(key))[1:]]
    # The own order is drawn from 119 others, so its first option is a little rarer: 23 / 119 of 2,000, s.d. 18.
    assert all(abs(firsts.count(code) - 2000 / 5) < 75 for code in "vwxyz")


@pytest.mark.parametrize(("codes", "found"), [("v", 1), ("vw", 2), ("vwx", 5)])
def test_there_are_no_more_orders_than_there_are(codes: str, found: int):
    orders = draw_orders(dict(zip("ABC", codes, strict=False)), 5, "1")
    assert len({tuple(order.values()) for order in orders}) == len(orders) == found


def curated(counts: dict[str, int]) -> list[dict[str, str]]:
    return [
        {"query": f"{label} {number}?", "label": label} for label, count in counts.items() for number in range(count)
    ]


def test_examples_are_drawn_evenly_mixed_and_by_seed():
    rows = curated({"billing": 9, "shipping": 9, "account": 2})
    draw = partial(draw_examples, rows, TAXONOMY, INSTRUCTION, per_label=2)
    examples = draw("letter", seed=1)
    assert sorted(letter for _, letter in examples) == list("AABBCC")
    assert len(set(examples)) == 6
    for turn, letter in examples:
        assert turn.startswith(f"Question: {TAXONOMY.options[letter]} ")
        assert turn.endswith("Answer A, B or C.")
    assert examples == draw("letter", seed=1)
    by_label = draw("label", seed=1)
    assert [name for _, name in by_label] == [TAXONOMY.names[TAXONOMY.options[letter]] for _, letter in examples]
    assert all(turn.endswith("Answer with the name of the topic.") for turn, _ in by_label)
    draws = [draw("letter", seed=seed) for seed in range(20)]
    assert len({tuple(letter for _, letter in draw) for draw in draws}) > 5
    assert len({frozenset(draw) for draw in draws}) > 5


def test_too_few_rows_for_the_examples_are_named():
    rows = curated({"billing": 3, "shipping": 3, "account": 1})
    with pytest.raises(DataError, match=r"1 training row\(s\) have the label account, expected at least 2 .*few_shot"):
        draw_examples(rows, TAXONOMY, INSTRUCTION, "letter", per_label=2, seed=1)


def test_too_many_questions_at_once_are_fewer_the_next_time(monkeypatch, caplog):
    caplog.set_level("INFO", "finintent")
    asked = []

    def limited(fits: int):
        def answer(*_, batch_size: int) -> list[dict]:
            asked.append(batch_size)
            if batch_size > fits:
                raise torch.OutOfMemoryError("CUDA out of memory")
            return [{}]

        return answer

    monkeypatch.setattr(scoring, "predict", limited(3))
    assert predict_within_memory("model", batch_size=16) == [{}]
    assert asked == [16, 8, 4, 2]
    assert caplog.messages[-1].endswith("2 at once (scoring.batch_size)")
    monkeypatch.setattr(scoring, "predict", limited(0))
    with pytest.raises(ModelError, match="does not suffice for one question"):
        predict_within_memory("model", batch_size=2)


def test_options_that_differ_in_the_last_bit_of_a_weight_do_not_tie_in_bfloat16(prompter: Prompter):
    model = build("llama", len(prompter.tokenizer)).to(torch.bfloat16)
    letters = list(prompter.deciding_position(list(QUESTIONS[0]["options"])).token_ids.values())
    weight = model.lm_head.weight.data
    weight[letters] = weight[letters[0]].clone()
    weight[letters[1], 0] *= 1 + 2**-7
    (row,) = predict(model, prompter, QUESTIONS[:1], TAXONOMY, INSTRUCTION, batch_size=1, seed=1)
    first, second, third = row.log_probabilities.values()
    assert first == third != second


def teach(model: PreTrainedModel, prompter: Prompter, answer: str, questions: list[dict]) -> None:
    """Train a model until it gives the gold answer to those questions."""
    rows = []
    for question in questions:
        named = {letter: TAXONOMY.names[code] for letter, code in question["options"].items()}
        gold = next(letter for letter, code in question["options"].items() if code == question["gold"])
        turn = INSTRUCTION.render(question["question"], named, answer)
        rows.append(prompter.encode(turn, gold if answer == "letter" else named[gold]))
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    for _ in range(60):
        losses = []
        for prompt, tokens in rows:
            logits = model(torch.tensor([prompt + tokens]), use_cache=False).logits[0, len(prompt) - 1 : -1]
            losses.append(torch.nn.functional.cross_entropy(logits, torch.tensor(tokens)))
        loss = torch.stack(losses).mean()
        if loss < 0.01:
            break
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert loss < 0.1


@pytest.mark.parametrize("batch_size", [1, 8])
@pytest.mark.parametrize("answer", ["letter", "label"])
@pytest.mark.parametrize("name", ARCHITECTURES)
def test_a_text_that_is_an_answer_is_not_generated(name, answer, batch_size, prompter: Prompter, monkeypatch):
    """Of a model that was taught half of the questions; texts are those of generation, one token after another."""
    model, generated = build(name, len(prompter.tokenizer)), []
    with torch.enable_grad():
        teach(model, prompter, answer, QUESTIONS[:4])
    generate = model.generate
    monkeypatch.setattr(model, "generate", lambda **asked: generated.extend(asked["input_ids"]) or generate(**asked))
    rows = predict(
        model, prompter, QUESTIONS, TAXONOMY, INSTRUCTION, batch_size=batch_size, seed=1, max_new_tokens=40,
        answer=answer,
    )  # fmt: skip
    assert [row.text for row in rows] == [plain_text(model, prompter, row, 40, answer=answer) for row in rows]
    assert len(generated) <= 4


@pytest.mark.parametrize(
    ("best", "path"),
    [
        ({(): 7, (7,): 1}, (7, 1)),
        ({(): 7, (7,): 2}, (7, 2)),  # any token that ends a turn
        ({(): 7, (7,): TIE}, (7, 1)),
        ({(): TIE}, (1,)),
        ({(): 7, (7,): 8}, None),  # the text goes on
        ({(): 9, (7,): 1}, None),
        ({(): 7, (7,): 8, (7, 8): 9}, (7, 8, 9)),  # as long as it may be
    ],
)
def test_a_greedy_text_is_known_up_to_an_end(best: dict, path: tuple[int, ...] | None):
    assert _greedy_path(best, stop_ids=[1, 2], length=3) == path


def test_a_text_ends_where_tokens_tie(prompter: Prompter):
    model = build("llama", len(prompter.tokenizer))
    ask = partial(predict, model, prompter, QUESTIONS[:2], TAXONOMY, INSTRUCTION, seed=1, max_new_tokens=4)
    for row in ask(batch_size=2):
        assert row.text == plain_text(model, prompter, row, 4) != ""
    model.lm_head.weight.data.zero_()
    rows = ask(batch_size=2)
    assert [row.text for row in rows] == ["", ""]
    assert [most_probable(row.log_probabilities) for row in rows] == [None, None]
