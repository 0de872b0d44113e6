"""The card of a curated data set, and its way to the Hub."""


rule write_card:
    input:
        record=get_generation_record,
        curation="results/curated/{dataset}/curation.json",
        quality="results/curated/{dataset}/quality.json",
        taxonomy=get_resource("taxonomy.yaml"),
        instruction=get_resource("prompts/instruction.yaml"),
        template=workflow.source_path("../report/dataset_card.md.j2"),
    output:
        "results/curated/{dataset}/README.md",
    log:
        "results/logs/write_card/{dataset}.log",
    benchmark:
        "results/benchmarks/write_card/{dataset}.jsonl"
    params:
        publication=get_publication,
        code=get_code("write_card.py"),
    script:
        "../scripts/write_card.py"


# Runs when it is asked for by name, never as part of the study.
rule push_dataset:
    input:
        cards=expand("results/curated/{dataset}/README.md", dataset=PUBLISHED),
        splits=expand("results/curated/{dataset}/{split}.jsonl", dataset=PUBLISHED, split=["train", "validation"]),
    log:
        "results/logs/push_dataset.log",
    params:
        publications=PUBLISHED,
    script:
        "../scripts/push_dataset.py"
