from dataclasses import replace

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import AutoTokenizer

from finintent.data.candidates import candidates_from_responses
from finintent.models.gguf_file import read_gguf
from finintent.models.gguf_source import GgufSource, open_gguf
from finintent.models.gguf_tokenizer import build_tokenizer, kept_ids, read_vocabulary
from finintent.models.vocabulary import Reach
from finintent.task.questions import read_questions
from finintent.task.taxonomy import read_taxonomy
from finintent.task.wording import read_instruction
from tiny import ROOT

MODEL = yaml.safe_load((ROOT / "config/config.yaml").read_text(encoding="utf-8"))["models"]["gemma-3-270m"]
REACH = Reach(**MODEL["vocabulary"])
RESOURCES = ROOT / "resources/intent_understanding"

# Known-good ids of the original row of the study under the template `gemma`.
PROMPT_IDS = [
    2, 105, 2364, 107, 153241, 237588, 237955, 107462, 179916, 236900, 238350, 19436, 19697, 237889, 239026,
    236918, 237588, 237955, 26544, 236924, 108, 237889, 239026, 236787, 236743, 53346, 52251, 5157, 239083, 108,
    238350, 237900, 19697, 67542, 237103, 17776, 237383, 176868, 237588, 237955, 26544, 237184, 107, 236776,
    236761, 236743, 31502, 177677, 237889, 239310, 107, 236799, 236761, 68413, 238990, 237889, 239310, 107,
    236780, 236761, 15881, 239468, 237889, 239310, 107, 236796, 236761, 127359, 237865, 237889, 239310, 107,
    236788, 236761, 236743, 33830, 237889, 239310, 108, 238350, 238938, 49695, 67542, 116975, 237221, 236776,
    236951, 236799, 236951, 236780, 236951, 236796, 237800, 236788, 21719, 106, 107, 105, 4368, 107,
]  # fmt: skip


@pytest.fixture(scope="module")
def tokenizers(tmp_path_factory):
    """The whole tokenizer, the cut one, and the original id of each id of the cut one."""
    source = GgufSource(**MODEL["source"] | {"type": "gguf"})
    with open_gguf(source, inputs=[], scratch=tmp_path_factory.mktemp("gguf")) as path:
        whole = read_vocabulary(read_gguf(path))
    kept = kept_ids(whole.pieces, REACH)
    cut = replace(whole, pieces=[whole.pieces[index] for index in kept])
    return build_tokenizer(whole), build_tokenizer(cut), kept


def prompt(question: str) -> str:
    taxonomy = read_taxonomy(RESOURCES / "taxonomy.yaml")
    options = {letter: taxonomy.names[code] for letter, code in taxonomy.options.items()}
    user = read_instruction(RESOURCES / "prompts/instruction.yaml").render(question, options)
    return f"<bos><start_of_turn>user\n{user}<end_of_turn>\n<start_of_turn>model\n"


def test_known_good_ids(tokenizers):
    whole, _, _ = tokenizers
    assert whole.convert_tokens_to_ids(["<bos>", "<start_of_turn>", "<end_of_turn>", "user"]) == [2, 105, 106, 2364]
    assert whole.encode(prompt("商业银行可以吗")) == PROMPT_IDS
    assert whole.decode(PROMPT_IDS) == prompt("商业银行可以吗")


def test_saving_and_loading_keeps_ids(tokenizers, tmp_path):
    _, cut, _ = tokenizers
    cut.save_pretrained(tmp_path)
    loaded = AutoTokenizer.from_pretrained(tmp_path)
    text = prompt("宁德时代ETF 3.5% 怎么样")
    assert loaded.encode(text) == cut.encode(text)
    assert loaded.bos_token_id == cut.convert_tokens_to_ids("<bos>")


def test_every_text_of_the_task_within_reach_is_encoded_alike(tokenizers):
    whole, cut, kept = tokenizers
    responses = candidates_from_responses(RESOURCES / "recorded_responses.jsonl", "intent_understanding")
    questions = read_questions(RESOURCES / "eval.json", read_taxonomy(RESOURCES / "taxonomy.yaml"), "问句:")
    texts = [row["query"] for row in responses] + [row["question"] for row in questions]
    within = [text for text in texts if REACH.covers(text)]
    assert len(within) / len(texts) > 0.98
    for text in within:
        assert [kept[token] for token in cut.encode(prompt(text))] == whole.encode(prompt(text))
    beyond = [text for text in texts if not REACH.covers(text)]
    for text in beyond:
        assert cut.decode(cut.encode(text)) == text


WITHIN_REACH = st.text(
    st.sampled_from("股基金涨跌大盘的了吗，。？！（）0123456789%+-.: \nAKTEFabcdeit“”…、０Ａ"), max_size=40
)


@settings(max_examples=300, deadline=None)
@given(WITHIN_REACH)
def test_any_text_within_reach_is_encoded_alike(tokenizers, text: str):
    whole, cut, kept = tokenizers
    if REACH.covers(text):
        assert [kept[token] for token in cut.encode(text)] == whole.encode(text)
    assert cut.decode(cut.encode(text)) == text


@pytest.mark.parametrize(
    ("text", "within"),
    [
        ("上证50ETF涨了", True),
        ("MACD怎么看 12345678", True),
        ("", True),
        ("REITs怎么买", False),  # a Latin word of five letters
        ("Привет", False),
        ("股票🙂", False),
    ],
)
def test_reach(text: str, within: bool):
    assert REACH.covers(text) is within
