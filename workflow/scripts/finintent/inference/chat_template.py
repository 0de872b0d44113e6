"""The chat template of a model folder: transformers' `apply_chat_template` asks as training does."""

import copy
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from jinja2 import TemplateError
from llamafactory.data import get_template_and_fix_tokenizer
from llamafactory.hparams import DataArguments
from transformers import AutoConfig, AutoTokenizer, GenerationConfig

from finintent.errors import ModelError
from finintent.files import read_json, write_json
from finintent.models.folder import splits_special_tokens

# White space at either end, quotation marks, what Jinja could take for its own: where templates differ.
QUESTIONS = tuple(
    {"role": "user", "content": text}
    for text in (
        "问句: 茅台还能买吗？\n\nA. 甲\nB. 乙\n\n请仅回答选项字母。",
        "  two spaces, 'quoted' and \"quoted\"\t",
        "\n{{ content }}{% if true %}\\n{# none #}\n",
        "<b>5 > 3 & 2</b>",
    )
)


def complete_chat(folder: Path, template: str) -> str | None:
    """Write the chat template that gives the token ids of training, and the tokens that end an answer, into a folder.

    The model's own chat template stays where it gives them, since it may know more, such as tools. Otherwise
    LlamaFactory's is taken, and where that does not give them either, none: ChatGLM3's roles are ids that no text
    reaches.

    Args:
        folder: a model folder with a tokenizer and config.json; files in it that are links are replaced, not changed.
        template: LlamaFactory's name of the template that the model is trained with.

    Returns:
        "own", "llamafactory" or None, by where the chat template comes from.

    Raises:
        ModelError: the template needs tokens that the tokenizer does not have.
    """
    tokenizer = AutoTokenizer.from_pretrained(folder, split_special_tokens=splits_special_tokens(folder))
    trained = copy.deepcopy(tokenizer)
    rules = get_template_and_fix_tokenizer(trained, DataArguments(template=template))
    answer = {"role": "assistant", "content": ""}
    turns = [rules.encode_oneturn(trained, [question, answer]) for question in QUESTIONS]
    used = {token for turn in turns for token in turn[0] + turn[1]}
    # Some templates also add tokens that only tools use.
    added = sorted(trained.get_added_vocab().items() - tokenizer.get_vocab().items())
    if lacking := [text for text, number in added if number in used]:
        raise ModelError(
            f"{folder}: the tokenizer does not have {' and '.join(lacking)}, which LlamaFactory's template "
            f"{template!r} uses: it is another model's; correct `template` of the model in the config"
        )
    prompts = [([question], turn[0]) for question, turn in zip(QUESTIONS, turns, strict=True)]
    for origin, text in _candidates(rules, tokenizer):
        if _gives(tokenizer, text, prompts):
            if origin != "own":
                _write(folder / "chat_template.jinja", text)
            _write_ends(folder, rules.get_stop_token_ids(trained))
            return origin
    return None


def _candidates(rules: Any, tokenizer: Any) -> Iterator[tuple[str, str]]:
    if tokenizer.chat_template is not None:
        yield "own", tokenizer.chat_template
    bare = copy.deepcopy(tokenizer)
    bare.chat_template = None
    rules.fix_jinja_template(bare)  # sets none where a slot of the template is an id
    if bare.chat_template is not None:
        yield "llamafactory", bare.chat_template


def _gives(tokenizer: Any, text: str, prompts: list[tuple[list[dict[str, str]], list[int]]]) -> bool:
    return all(_ids(tokenizer, text, chat) == ids for chat, ids in prompts)


def _ids(tokenizer: Any, text: str, chat: list[dict[str, str]]) -> list[int] | None:
    """Return the token ids of a conversation, None where the template refuses it."""
    with suppress(TemplateError):
        return tokenizer.apply_chat_template(chat, chat_template=text, add_generation_prompt=True)["input_ids"]
    return None


def _write(path: Path, text: str) -> None:
    path.unlink(missing_ok=True)  # a link leads to the original
    path.write_text(text, encoding="utf-8")


def _write_ends(folder: Path, ends: list[int]) -> None:
    """Let generation end where an answer of training ends, beside where the model's own configuration lets it end."""
    path = folder / "generation_config.json"
    # The text of a file that is there stays otherwise: transformers reads values that it refuses to write.
    config = (
        read_json(path)
        if path.is_file()
        else GenerationConfig.from_model_config(AutoConfig.from_pretrained(folder)).to_diff_dict()
    )
    found = config.get("eos_token_id")
    own = found if isinstance(found, list) else [found]
    merged = [*own, *sorted(set(ends) - set(own))]
    if merged != own:
        path.unlink(missing_ok=True)
        write_json(path, config | {"eos_token_id": merged})
