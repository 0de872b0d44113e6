"""What LlamaFactory's export leaves to be done."""

from pathlib import Path
from typing import Any

from finintent.models.folder import weights_dtype


def restore_tokenizer(base: Path, merged: Path) -> None:
    """Give a merged model its base's tokenizer.

    LlamaFactory's export writes the tokenizer as it loaded it, with flags of its own, and where it knows no chat
    template an empty one, of which it also makes a Modelfile for Ollama.
    """
    from transformers import AutoTokenizer  # slow to import, and `merge_config` does without

    for name in ("chat_template.jinja", "Modelfile"):
        (merged / name).unlink(missing_ok=True)
    AutoTokenizer.from_pretrained(base).save_pretrained(merged)


def merge_config(*, model: str, adapter: str, merged: str) -> dict[str, Any]:
    """Return the arguments of `llamafactory-cli export`.

    The merged weights keep the base's own precision, as its config.json names it. The export needs no template:
    LlamaFactory 0.9.5 fails after it has written the weights with some of its own, and before that with some chat
    templates of tokenizers, so it gets the empty one.
    """
    return {
        "model_name_or_path": model,
        "adapter_name_or_path": adapter,
        "template": "empty",
        "finetuning_type": "lora",
        "export_dir": merged,
        "export_device": "auto",
        "export_size": 5,
        "infer_dtype": weights_dtype(Path(model)),
    }
