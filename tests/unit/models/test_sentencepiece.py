import json
import shutil
from functools import cache
from pathlib import Path

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from sentencepiece import SentencePieceProcessor, SentencePieceTrainer
from transformers import AutoTokenizer, PreTrainedTokenizerBase

from architectures import real_tokenizer
from checkpoints import GOLDEN, KINDS
from finintent.errors import ModelError
from finintent.files import read_json
from finintent.models.conversion import ARCHITECTURES, convert_tokenizer
from finintent.models.sentencepiece import read_sentencepiece
from tiny import ROOT


@cache
def processor(folder: Path) -> SentencePieceProcessor:
    return SentencePieceProcessor(model_file=str(folder / "tokenizer.model"))


def sentencepiece_ids(folder: Path, text: str) -> list[int]:
    return processor(folder).encode(text)


@pytest.fixture(scope="module", params=[True, False], ids=["dummy_prefix", "no_dummy_prefix"])
def small(request, tmp_path_factory):
    """A sentencepiece model trained on a few lines, in the manner of one of the two originals."""
    folder = tmp_path_factory.mktemp("sentencepiece")
    queries = read_json(ROOT / "resources/intent_understanding/eval.json")
    text = [row["question"] for row in queries] + ["people who study philosophy", "a  b\tc"]
    SentencePieceTrainer.train(
        sentence_iterator=iter(text),
        model_prefix=str(folder / "tokenizer"),
        model_type="bpe",
        vocab_size=1800,
        byte_fallback=True,
        normalization_rule_name="identity",
        remove_extra_whitespaces=False,
        add_dummy_prefix=request.param,
        user_defined_symbols=[] if request.param else ["<reserved_106>", "<reserved_107>", "\n", "+", "..."],
        minloglevel=2,
    )
    return folder, ARCHITECTURES["chatglm3" if request.param else "baichuan2"].build_tokenizer(
        folder / "tokenizer.model"
    )[0]


SNIPPETS = [*"基金股票怎么买吗问询 \n\tABab+.<>/s▁é🀄ก", "  ", "people", "...", "<|user|>", "<reserved_106>", "sop"]
TEXTS = st.lists(st.sampled_from(SNIPPETS), max_size=20).map("".join) | st.text(max_size=40)


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=TEXTS)
def test_ids_are_those_of_sentencepiece(small, text: str):
    folder, tokenizer = small
    assume(tokenizer.split_special_tokens or not any(token in text for token in ("<s>", "</s>", "<unk>")))
    assert tokenizer.encode(text, add_special_tokens=False) == sentencepiece_ids(folder, text)


@pytest.mark.parametrize("kind", KINDS)
def test_a_foreign_tokenizer_is_refused(tmp_path, kind: str):
    shutil.copy(GOLDEN / kind / "original/config.json", tmp_path)
    (tmp_path / "tokenizer.model").write_text("no model")
    with pytest.raises(ModelError, match="not a sentencepiece model"):
        convert_tokenizer(kind, tmp_path, tmp_path)
    SentencePieceTrainer.train(
        sentence_iterator=iter(["a b c"]), model_prefix=str(tmp_path / "tokenizer"), vocab_size=7, minloglevel=2
    )
    with pytest.raises(ModelError, match=r"model_type is 1, expected 2"):
        convert_tokenizer(kind, tmp_path, tmp_path)


def test_more_tokens_than_embeddings_are_refused(small, tmp_path):
    shutil.copy(small[0] / "tokenizer.model", tmp_path)
    prefix = read_sentencepiece(tmp_path / "tokenizer.model").dummy_prefix
    kind = "chatglm3" if prefix else "baichuan2"
    shutil.copy(GOLDEN / kind / "original/config.json", tmp_path)
    with pytest.raises(ModelError, match="embedding of 512 rows"):
        convert_tokenizer(kind, tmp_path, tmp_path / "native")


@pytest.fixture(scope="module", params=KINDS)
def real(request, tmp_path_factory) -> tuple[str, PreTrainedTokenizerBase, Path]:
    """The kind, the converted real tokenizer as AutoTokenizer reads it, and its folder."""
    folder = tmp_path_factory.mktemp("tokenizer")
    convert_tokenizer(request.param, real_tokenizer(request.param), folder)
    return request.param, AutoTokenizer.from_pretrained(folder), folder


def test_ids_are_those_of_the_original_tokenizer(real):
    kind, tokenizer, _ = real
    rows = json.loads((GOLDEN / kind / "tokenizer_reference.json").read_text(encoding="utf-8"))["texts"]
    assert len(rows) == 17
    for row in rows:
        ids = tokenizer.encode(row["text"], add_special_tokens=False)
        assert (row["text"], ids) == (row["text"], row["ids"])
        assert tokenizer.decode(ids) == row["text"]


def test_ids_of_special_tokens(real):
    kind, tokenizer, folder = real
    expected = {
        "chatglm3": {"[MASK]": 64789, "[gMASK]": 64790, "[sMASK]": 64791, "sop": 64792, "eop": 64793,
                     "<|system|>": 64794, "<|user|>": 64795, "<|assistant|>": 64796, "<|observation|>": 64797},
        "baichuan2": {"<reserved_106>": 195, "<reserved_107>": 196},
    }[kind]  # fmt: skip
    assert tokenizer.convert_tokens_to_ids(list(expected)) == list(expected.values())
    assert (tokenizer.eos_token_id, tokenizer.pad_token_id, tokenizer.unk_token_id) == (2, 0, 0)
    assert not [path.name for path in folder.iterdir() if path.suffix in (".model", ".py")]


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=TEXTS)
def test_random_texts_are_encoded_as_by_sentencepiece(real, text: str):
    kind, tokenizer, _ = real
    assume(tokenizer.split_special_tokens or not any(token in text for token in ("<s>", "</s>", "<unk>")))
    assert tokenizer.encode(text, add_special_tokens=False) == sentencepiece_ids(real_tokenizer(kind), text)
