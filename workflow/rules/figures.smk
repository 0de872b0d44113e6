"""Figures of the report."""


rule plot_accuracy:
    input:
        "results/comparison/{dataset}/accuracy.csv",
    output:
        report(
            "results/figures/{dataset}/accuracy.svg",
            category="Comparison",
            labels={"data set": "{dataset}", "item": "accuracy figure"},
            caption="../report/accuracy.rst",
        ),
    log:
        "results/logs/plot_accuracy/{dataset}.log",
    benchmark:
        "results/benchmarks/plot_accuracy/{dataset}.jsonl"
    params:
        code=get_code("plot_accuracy.py"),
        numbers=get_numbers("results/comparison/{dataset}/summary.json"),
    script:
        "../scripts/plot_accuracy.py"


rule plot_quality:
    input:
        "results/curated/{dataset}/quality.json",
    output:
        report(
            "results/figures/{dataset}/quality.svg",
            category="Data",
            labels={"data set": "{dataset}", "item": "quality figure"},
            caption="../report/quality_figure.rst",
        ),
    log:
        "results/logs/plot_quality/{dataset}.log",
    benchmark:
        "results/benchmarks/plot_quality/{dataset}.jsonl"
    params:
        curation=get_curation,
        code=get_code("plot_quality.py"),
        numbers=get_numbers("results/curated/{dataset}/quality.json"),
    script:
        "../scripts/plot_quality.py"


rule plot_confusion:
    input:
        metrics="results/metrics/{model}/{dataset}.json",
        taxonomy=get_resource("taxonomy.yaml"),
    output:
        report(
            "results/figures/{model}/{dataset}/confusion.svg",
            category="Errors",
            labels={"data set": "{dataset}", "model": "{model}", "item": "confusion"},
            caption="../report/confusion.rst",
        ),
    log:
        "results/logs/plot_confusion/{model}/{dataset}.log",
    benchmark:
        "results/benchmarks/plot_confusion/{model}/{dataset}.jsonl"
    params:
        code=get_code("plot_confusion.py"),
        numbers=get_numbers("results/metrics/{model}/{dataset}.json"),
    script:
        "../scripts/plot_confusion.py"


rule plot_training:
    input:
        "results/sft/{model}/{dataset}/training.json",
    output:
        report(
            "results/figures/{model}/{dataset}/training.svg",
            category="Training",
            labels={"data set": "{dataset}", "model": "{model}", "item": "loss"},
            caption="../report/training.rst",
        ),
    log:
        "results/logs/plot_training/{model}/{dataset}.log",
    benchmark:
        "results/benchmarks/plot_training/{model}/{dataset}.jsonl"
    params:
        code=get_code("plot_training.py"),
        numbers=get_numbers("results/sft/{model}/{dataset}/training.json"),
    script:
        "../scripts/plot_training.py"
