"""Figures of the report."""


rule plot_accuracy:
    input:
        "results/comparison/{dataset}/seeds.parquet",
    output:
        report(
            "results/figures/{dataset}/accuracy.svg",
            category="1 Comparison",
            labels={"data set": "{dataset}", "item": "accuracy figure"},
            caption="../report/accuracy.rst",
        ),
    log:
        "results/logs/plot_accuracy/{dataset}.log",
    benchmark:
        "results/benchmarks/plot_accuracy/{dataset}.jsonl"
    localrule: True
    params:
        code=get_code("plot_accuracy.py"),
        numbers=get_numbers("results/comparison/{dataset}/summary.json"),
    script:
        "../scripts/plot_accuracy.py"


rule plot_learning_curve:
    input:
        "results/comparison/{dataset}/learning_curve.parquet",
    output:
        report(
            "results/figures/{dataset}/learning_curve.svg",
            category="2 Reliability",
            labels={"data set": "{dataset}", "item": "learning curve"},
            caption="../report/learning_curve.rst",
        ),
    log:
        "results/logs/plot_learning_curve/{dataset}.log",
    benchmark:
        "results/benchmarks/plot_learning_curve/{dataset}.jsonl"
    localrule: True
    params:
        code=get_code("plot_learning_curve.py"),
        numbers=get_numbers("results/comparison/{dataset}/runs.json"),
    script:
        "../scripts/plot_learning_curve.py"


rule plot_confusion:
    input:
        metrics=per_system("results/metrics/{model}/{dataset}/{run}.json", main=True),
        taxonomy=get_resource("taxonomy.yaml"),
    output:
        report(
            "results/figures/{model}/{dataset}/confusion.svg",
            category="3 Errors",
            labels={"data set": "{dataset}", "model": "{model}", "item": "confusion"},
            caption="../report/confusion.rst",
        ),
    log:
        "results/logs/plot_confusion/{model}/{dataset}.log",
    benchmark:
        "results/benchmarks/plot_confusion/{model}/{dataset}.jsonl"
    localrule: True
    params:
        variants=get_variants,
        code=get_code("plot_confusion.py"),
        numbers=get_numbers_per_variant("results/metrics/{model}/{dataset}/{run}.json"),
    script:
        "../scripts/plot_confusion.py"


rule plot_calibration:
    input:
        per_system("results/metrics/{model}/{dataset}/{run}.json", main=True),
    output:
        report(
            "results/figures/{model}/{dataset}/calibration.svg",
            category="2 Reliability",
            labels={"data set": "{dataset}", "model": "{model}", "item": "calibration"},
            caption="../report/calibration.rst",
        ),
    log:
        "results/logs/plot_calibration/{model}/{dataset}.log",
    benchmark:
        "results/benchmarks/plot_calibration/{model}/{dataset}.jsonl"
    localrule: True
    params:
        variants=get_variants,
        code=get_code("plot_calibration.py"),
        numbers=get_numbers_per_variant("results/metrics/{model}/{dataset}/{run}.json"),
    script:
        "../scripts/plot_calibration.py"


rule plot_training:
    input:
        per_system("results/{training}/{model}/{dataset}/{run}/training.json", "tuned", main=True),
    output:
        report(
            "results/figures/{model}/{dataset}/training.svg",
            category="4 Training",
            labels={"data set": "{dataset}", "model": "{model}", "item": "loss"},
            caption="../report/training.rst",
        ),
    log:
        "results/logs/plot_training/{model}/{dataset}.log",
    benchmark:
        "results/benchmarks/plot_training/{model}/{dataset}.jsonl"
    localrule: True
    params:
        variants=lambda wildcards: [system.label for system in get_systems("tuned", main=True)(wildcards)],
        code=get_code("plot_training.py"),
        numbers=get_numbers_per_variant("results/{training}/{model}/{dataset}/{run}/training.json", "tuned"),
    script:
        "../scripts/plot_training.py"
