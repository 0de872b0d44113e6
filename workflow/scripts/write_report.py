"""Write the study as one Markdown file, and its provenance as YAML."""

from pathlib import Path
from typing import Any

import yaml

from finintent.logs import logged
from finintent.report.markdown import markdown_report
from finintent.report.provenance import study_record


def main(
    *,
    dataset: str,
    config: dict[str, Any],
    models: dict[str, str],
    training: str,
    inputs: dict[str, Any],
    outputs: dict[str, str],
) -> None:
    provenance = study_record(config, {name: Path(folder) for name, folder in models.items()}, training)
    text = yaml.safe_dump(provenance, allow_unicode=True, sort_keys=False)
    Path(outputs["provenance"]).write_text(text, encoding="utf-8")
    Path(outputs["report"]).write_text(markdown_report(dataset, provenance, **inputs), encoding="utf-8")


if "snakemake" in globals():
    with logged(snakemake.log[0]):
        inputs = dict(snakemake.input.items())
        models, training, asked = (inputs.pop(name) for name in ("models", "training", "asked"))
        main(
            dataset=snakemake.wildcards.dataset,
            config=snakemake.config,
            models=dict(zip(snakemake.params.models, models, strict=True)),
            training=training[0],
            inputs=inputs | {"asked": dict(zip(snakemake.params.asked, asked, strict=True))},
            outputs=dict(snakemake.output.items()),
        )
