"""The study in one file, the card of a curated data set, and its way to the Hub."""


rule write_report:
    input:
        summary="results/comparison/{dataset}/summary.json",
        accuracy="results/comparison/{dataset}/accuracy.csv",
        questions="results/comparison/{dataset}/questions.csv",
        slices="results/comparison/{dataset}/slices.csv",
        curation="results/curated/{dataset}/curation.json",
        quality="results/curated/{dataset}/quality.json",
        training=expand("results/sft/{model}/{{dataset}}/training.json", model=MODELS),
        published="resources/reference/published_results.csv",
    output:
        "results/comparison/{dataset}/report.md",
    log:
        "results/logs/write_report/{dataset}.log",
    benchmark:
        "results/benchmarks/write_report/{dataset}.jsonl"
    params:
        seed=config["seed"],
        template=sha256(ROOT / "workflow/report/report.md.j2"),
        code=get_code("write_report.py"),
    script:
        "../scripts/write_report.py"


rule write_card:
    input:
        record=get_generation_record,
        curation="results/curated/{dataset}/curation.json",
        quality="results/curated/{dataset}/quality.json",
        taxonomy=get_resource("taxonomy.yaml"),
        instruction=get_resource("prompts/instruction.yaml"),
    output:
        "results/curated/{dataset}/README.md",
    log:
        "results/logs/write_card/{dataset}.log",
    benchmark:
        "results/benchmarks/write_card/{dataset}.jsonl"
    params:
        publication=get_publication,
        template=sha256(ROOT / "workflow/report/dataset_card.md.j2"),
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
