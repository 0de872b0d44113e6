"""Test the planned contrasts of the study, and answer its question in sentences."""

from finintent.analysis.answers import read_answers
from finintent.analysis.comparison import compared, contrast_table
from finintent.analysis.contrasts import planned_contrasts
from finintent.analysis.findings import summary
from finintent.analysis.tables import read_table, write_table
from finintent.files import read_json, write_json
from finintent.logs import logged
from finintent.task.system import System


def main(
    *,
    systems: list[System],
    main_recipe: str,
    answers: list[str],
    seeds: str,
    permutations: str,
    cost: str,
    asked: dict[str, str],
    seed: int,
    outputs: dict[str, str],
) -> None:
    """Compare the systems; `asked` has the path of the record of the answers by the id of a model behind an API."""
    answered = {system: read_answers(path) for system, path in zip(systems, answers, strict=True)}
    comparisons = compared(planned_contrasts(systems, main_recipe), answered, seed=seed)
    write_table(contrast_table(comparisons), outputs["tests"], outputs["tests_csv"])
    bills = {model: read_json(path) for model, path in asked.items()}
    found = summary(
        read_table(seeds),
        comparisons,
        permutations=read_table(permutations),
        cost=read_table(cost),
        asked={model: 1000 * bill["cost_usd"] / bill["questions"] for model, bill in bills.items()},
    )
    write_json(outputs["summary"], found)


if "snakemake" in globals():
    with logged(snakemake.log[0]):
        main(
            systems=[System(*values) for values in snakemake.params.systems],
            main_recipe=snakemake.params.main_recipe,
            answers=snakemake.input.answers,
            seeds=snakemake.input.seeds,
            permutations=snakemake.input.permutations,
            cost=snakemake.input.cost,
            asked=dict(zip(snakemake.params.asked, snakemake.input.asked, strict=True)),
            seed=snakemake.params.seed,
            outputs=dict(snakemake.output.items()),
        )
