"""Run `llamafactory-cli export` on a rendered YAML."""

import subprocess

from finintent.accelerator import child_environment, exclusive_accelerator
from finintent.errors import MergeError
from finintent.logs import logged


def main(config: str) -> None:
    command = ["llamafactory-cli", "export", config]
    with exclusive_accelerator():
        print("$", *command, flush=True)
        status = subprocess.run(command, env=child_environment(), check=False).returncode
    if status:
        raise MergeError(f"`{' '.join(command)}` ended with status {status}; the log has its words")


if "snakemake" in globals():
    with logged(snakemake.log[0]):
        main(snakemake.input.config)
