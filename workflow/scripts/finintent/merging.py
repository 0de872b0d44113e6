"""What LlamaFactory's export leaves to be done."""

from pathlib import Path

from transformers import AutoTokenizer


def restore_tokenizer(base: Path, merged: Path) -> None:
    """Give a merged model its base's tokenizer.

    LlamaFactory's export writes the tokenizer as it loaded it, with flags of its own, and where it knows no chat
    template an empty one, of which it also makes a Modelfile for Ollama.
    """
    for name in ("chat_template.jinja", "Modelfile"):
        (merged / name).unlink(missing_ok=True)
    AutoTokenizer.from_pretrained(base).save_pretrained(merged)
