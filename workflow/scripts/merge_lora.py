"""Run `llamafactory-cli export` on a rendered YAML."""

from pathlib import Path

import yaml

from finintent.errors import MergeError
from finintent.files import write_json
from finintent.logs import logged
from finintent.machine.lock import exclusive_accelerator
from finintent.machine.meter import metered
from finintent.training.fallback import ending
from finintent.training.merge import restore_tokenizer
from finintent.training.run import run_llamafactory


def main(*, config: str, record: str, log: Path) -> None:
    with exclusive_accelerator(), metered() as job:
        status = run_llamafactory("export", config)
    if status:
        raise MergeError(f"`llamafactory-cli export {config}` {ending(status, log.read_bytes())}")
    settings = yaml.safe_load(Path(config).read_text(encoding="utf-8"))
    restore_tokenizer(Path(settings["model_name_or_path"]), Path(settings["export_dir"]))
    write_json(record, job)


if "snakemake" in globals():
    with logged(snakemake.log[0]):
        main(config=snakemake.input.config, record=snakemake.output.record, log=Path(snakemake.log[0]))
