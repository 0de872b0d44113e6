"""Tokenizers that are built from a GGUF file's vocabulary give the ids of the models' own."""

import json

import pytest
from tokenizers import Tokenizer
from transformers import AutoTokenizer
from transformers.convert_slow_tokenizer import generate_merges

from architectures import real_tokenizer
from finintent.errors import ModelError
from finintent.files import read_json, read_jsonl
from finintent.models.gguf_tokenizer import (
    CONTROL,
    PLACEHOLDER,
    USER_DEFINED,
    Piece,
    Vocabulary,
    build_tokenizer,
    derive_merges,
)
from finintent.task.questions import read_questions
from finintent.task.taxonomy import read_taxonomy
from finintent.task.wording import read_instruction
from tiny import NORMAL, ROOT, tiny_pieces

RESOURCES = ROOT / "resources/intent_understanding"
KINDS = {"qwen2.5": ("gpt2", "qwen2"), "llama3": ("gpt2", "llama-bpe")}
ODD = [
    "", " ", "  two spaces,\ttab \n\n\r\n end ", "A", "don't WE'LL i'd", "3.5% 的ETF 20231231", "1234567890",
    "Ａ１，。？！…—“”", "🀄👩‍👩‍👧🏽ก ภาษาไทย", "e\u0301 \u0439 \u1e9b\u0323", "한국어 \u1100\u1161", "مرحبا ١٢٣",
    "\u200b\ufeff\u00a0x\u3000y",
    "\x00\x07\x1b", "def f(x):\n    return x  # 注释\n", "a" * 300, "#" * 70, "\n" * 12,
    "<|im_start|>user\n你好<|im_end|>",
    "<|endoftext|>", "<tool_call>{}</tool_call>", "<|fim_prefix|> <|im_start", "<|begin_of_text|><|eot_id|>",
]  # fmt: skip


def texts() -> list[str]:
    """Every text that the repository ships, in the model's prompt, and odd ones."""
    taxonomy = read_taxonomy(RESOURCES / "taxonomy.yaml")
    instruction = read_instruction(RESOURCES / "prompts/instruction.yaml")
    options = {letter: taxonomy.names[code] for letter, code in taxonomy.options.items()}
    questions = [row["question"] for row in read_questions(RESOURCES / "eval.json", taxonomy, "问句:")]
    responses = [json.dumps(row, ensure_ascii=False) for row in read_jsonl(RESOURCES / "recorded_responses.jsonl")]
    files = [path.read_text(encoding="utf-8") for path in sorted(RESOURCES.rglob("*.[ymj]*"))]
    return [*ODD, *questions, *(instruction.render(text, options) for text in questions), *responses, *files]


@pytest.fixture(scope="module", params=KINDS)
def pair(request: pytest.FixtureRequest, tmp_path_factory) -> tuple[Tokenizer, object]:
    """A model's own tokenizer, and the one built from its vocabulary as a GGUF file holds it, saved and loaded."""
    path = real_tokenizer(request.param) / "tokenizer.json"
    own = read_json(path)
    ids = own["model"]["vocab"] | {token["content"]: token["id"] for token in own["added_tokens"]}
    kinds = {token["content"]: CONTROL if token["special"] else USER_DEFINED for token in own["added_tokens"]}
    pieces = [Piece(text, kinds.get(text, NORMAL)) for text in sorted(ids, key=ids.__getitem__)]
    pieces += [Piece(f"[PAD{len(pieces) + number}]", PLACEHOLDER) for number in range(3)]
    merges = [merge if isinstance(merge, str) else " ".join(merge) for merge in own["model"]["merges"]]
    built = build_tokenizer(
        Vocabulary(KINDS[request.param], pieces, merges, special={"eos_token": pieces[-4].text}, chat_template=None)
    )
    folder = tmp_path_factory.mktemp("tokenizer")
    built.save_pretrained(folder)
    return Tokenizer.from_file(str(path)), AutoTokenizer.from_pretrained(folder)


def test_ids_are_those_of_the_models_own_tokenizer(pair):
    own, built = pair
    shipped = texts()
    assert len(shipped) > 500
    for text in shipped:
        ids = own.encode(text, add_special_tokens=False).ids
        assert (text, built.encode(text, add_special_tokens=False)) == (text, ids)
    assert len(built) == own.get_vocab_size()


def test_merges_are_those_that_transformers_derives():
    texts = [*(piece.text for piece in tiny_pieces()), "the", "then", "mode", "hen", "en"]
    ids = {text: index for index, text in enumerate(texts)}
    expected = generate_merges(ids, {text: -index for text, index in ids.items()})
    assert derive_merges(ids) == expected
    assert [merge for merge in expected if "".join(merge) == "then"] == [("the", "n"), ("th", "en"), ("t", "hen")]


@pytest.mark.parametrize("kind", [("gpt2", "starcoder"), ("bert", "default")])
def test_an_unknown_tokenizer_is_refused(kind: tuple[str, str]):
    with pytest.raises(ModelError, match=f"{' with '.join(kind)}: unknown, expected one of llama with default, gpt2"):
        build_tokenizer(Vocabulary(kind, tiny_pieces(), merges=None, special={}, chat_template=None))
