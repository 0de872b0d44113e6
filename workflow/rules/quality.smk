"""Diversity and quality of a curated data set."""


rule measure_quality:
    input:
        record=get_generation_record,
        train="results/curated/{dataset}/train.jsonl",
        validation="results/curated/{dataset}/validation.jsonl",
        rejected="results/curated/{dataset}/rejected.jsonl",
        taxonomy=get_resource("taxonomy.yaml"),
        personas=get_personas,
    output:
        report(
            "results/curated/{dataset}/quality.json",
            category="5 Data and cost",
            labels={"data set": "{dataset}", "item": "generation and quality"},
            caption="../report/quality.rst",
        ),
    log:
        "results/logs/measure_quality/{dataset}.log",
    benchmark:
        "results/benchmarks/measure_quality/{dataset}.jsonl"
    localrule: True
    params:
        code=get_code("measure_quality.py"),
        numbers=get_numbers("results/curated/{dataset}/quality.json"),
    script:
        "../scripts/measure_quality.py"


rule plot_quality:
    input:
        "results/curated/{dataset}/quality.json",
    output:
        report(
            "results/figures/{dataset}/quality.svg",
            category="5 Data and cost",
            labels={"data set": "{dataset}", "item": "quality figure"},
            caption="../report/quality_figure.rst",
        ),
    log:
        "results/logs/plot_quality/{dataset}.log",
    benchmark:
        "results/benchmarks/plot_quality/{dataset}.jsonl"
    localrule: True
    params:
        threshold=lookup(dpath="datasets/{dataset}/curation/decontamination_threshold", within=config),
        code=get_code("plot_quality.py"),
        numbers=get_numbers("results/curated/{dataset}/quality.json"),
    script:
        "../scripts/plot_quality.py"
