"""Write the card of a curated data set: what it contains, how it was made, what it is for."""

from typing import Any

from finintent.data.dataset_card import dataset_card
from finintent.files import read_json
from finintent.logs import logged
from finintent.task.taxonomy import read_taxonomy
from finintent.task.wording import read_instruction


def main(
    *,
    record: str,
    curation: str,
    quality: str,
    taxonomy: str,
    instruction: str,
    publication: dict[str, Any],
    output: str,
) -> None:
    measured = read_json(quality)
    numbers = {
        "length, median in characters": measured["length"]["median"],
        "distinct character bigrams": round(measured["distinct_n"]["2"]["all"], 3),
        "candidates rejected as duplicates": round(measured["near_duplicate_rate"], 3),
        "similarity to the nearest evaluation question, 95th percentile": round(
            measured["nearest_evaluation"]["p95"], 1
        ),
        "evenness of the labels (1 = even)": round(measured["label_balance"]["normalised_entropy"], 3),
    }
    if measured["judge"]:
        numbers["agreement with a second model, Cohen's kappa"] = measured["judge"]["kappa"]
    facts = (
        read_taxonomy(taxonomy).model_dump()
        | read_json(curation)
        | read_json(record)
        | publication
        | {"instruction_version": read_instruction(instruction).version, "quality": numbers}
    )
    dataset_card(facts, output)


if "snakemake" in globals():
    with logged(snakemake.log[0]):
        main(
            record=snakemake.input.record,
            curation=snakemake.input.curation,
            quality=snakemake.input.quality,
            taxonomy=snakemake.input.taxonomy,
            instruction=snakemake.input.instruction,
            publication=dict(snakemake.params.publication),
            output=snakemake.output[0],
        )
