"""Write a base model as an ordinary Hugging Face folder."""

from pathlib import Path
from typing import Any

from finintent.errors import ModelError
from finintent.files import parse, read_json, write_json
from finintent.logs import logged
from finintent.models.folder import HUBS, OWN_FILE, download_folder, is_downloaded, local_files


def main(
    *,
    source: dict[str, Any],
    vocabulary: dict[str, Any] | None,
    template: str | None,
    inputs: list[str],
    directory: Path,
    kind: str = "causal",
) -> None:
    directory.mkdir(parents=True, exist_ok=True)
    record = {"source": source, "vocabulary": vocabulary}
    if is_downloaded(source):
        record |= read_json(inputs[0])
    if source["type"] == "gguf":
        record |= convert_gguf(source, vocabulary, inputs, directory)
    elif source["type"] in HUBS:
        folder = download_folder(inputs[0])
        record |= use_checkpoint(kind, source, folder, [folder / name for name in record["files"]], directory)
    else:
        files = local_files(folder := Path(source["path"]))
        record |= use_checkpoint(kind, source, folder, files, directory)
        record["files"] = {file.name: [file.stat().st_size, file.stat().st_mtime_ns] for file in files}
    if template:  # without one LlamaFactory takes the chat template that is there
        from finintent.inference.chat_template import complete_chat

        record["chat_template"] = complete_chat(directory, template)
    write_json(directory / OWN_FILE, record)


def use_checkpoint(
    kind: str, source: dict[str, Any], folder: Path, files: list[Path], directory: Path
) -> dict[str, Any]:
    """Link a checkpoint's files, or convert it where its architecture needs that; return what the converter says."""
    if missing := [file for file in files if not file.is_file()]:
        raise ModelError(
            f"{missing[0]}: no such file, although it was downloaded; fetch it again with "
            "`snakemake --forcerun download_model`"
        )
    if kind == "encoder":
        from finintent.models.encoder import check_encoder

        check_encoder(folder)
        for file in files:
            (directory / file.name).symlink_to(file.resolve())
        return {}
    if "convert" in source:
        from finintent.models.conversion import convert

        return {"conversion": convert(source["convert"], folder, directory)}
    if not any(file.suffix == ".safetensors" for file in files):
        raise ModelError(
            f"{folder}: no safetensors among {', '.join(file.name for file in files)}; a merge is checked against "
            "those: take a revision that has them, or convert the weights"
        )
    for file in files:
        (directory / file.name).symlink_to(file.resolve())
    return {}


def convert_gguf(
    source: dict[str, Any], vocabulary: dict[str, Any] | None, inputs: list[str], directory: Path
) -> dict[str, int]:
    """Convert a GGUF file, wherever it lies."""
    import torch

    from finintent.config.gguf import GgufSource
    from finintent.models.gguf import convert
    from finintent.models.gguf_source import open_gguf
    from finintent.models.vocabulary import Reach

    where = parse("config: source", source, GgufSource)
    with open_gguf(where, inputs, scratch=directory) as path:
        return convert(
            path,
            reach=parse("config: vocabulary", vocabulary, Reach) if vocabulary else None,
            dtype=getattr(torch, where.dtype),
            directory=directory,
        )


if "snakemake" in globals():
    with logged(snakemake.log[0]):
        main(
            source=snakemake.params.source["source"],
            vocabulary=snakemake.params.source["vocabulary"],
            template=snakemake.params.source["template"],
            inputs=list(snakemake.input),
            directory=Path(snakemake.output[0]),
            kind=snakemake.params.source["kind"],
        )
