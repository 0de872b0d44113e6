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


rule plot_model:
    input:
        metrics=per_system("results/metrics/{model}/{dataset}/{run}.json", main=True),
        training=per_system("results/{training}/{model}/{dataset}/{run}/training.json", "tuned", main=True),
        taxonomy=get_resource("taxonomy.yaml"),
    output:
        confusion=report(
            "results/figures/{model}/{dataset}/confusion.svg",
            category="3 Errors",
            labels={"data set": "{dataset}", "model": "{model}", "item": "confusion"},
            caption="../report/confusion.rst",
        ),
        calibration=report(
            "results/figures/{model}/{dataset}/calibration.svg",
            category="2 Reliability",
            labels={"data set": "{dataset}", "model": "{model}", "item": "calibration"},
            caption="../report/calibration.rst",
        ),
        training=report(
            "results/figures/{model}/{dataset}/training.svg",
            category="4 Training",
            labels={"data set": "{dataset}", "model": "{model}", "item": "loss"},
            caption="../report/training.rst",
        ),
    log:
        "results/logs/plot_model/{model}/{dataset}.log",
    benchmark:
        "results/benchmarks/plot_model/{model}/{dataset}.jsonl"
    wildcard_constraints:
        model="|".join(MODELS),
    localrule: True
    params:
        code=get_code("plot_model.py"),
        numbers=get_numbers_per_variant("results/metrics/{model}/{dataset}/{run}.json"),
        training_numbers=get_numbers_per_variant("results/{training}/{model}/{dataset}/{run}/training.json", "tuned"),
    script:
        "../scripts/plot_model.py"


use rule plot_model as plot_baseline with:
    output:
        confusion=report(
            "results/figures/{model}/{dataset}/confusion.svg",
            category="3 Errors",
            labels={"data set": "{dataset}", "model": "{model}", "item": "confusion"},
            caption="../report/confusion.rst",
        ),
        calibration=report(
            "results/figures/{model}/{dataset}/calibration.svg",
            category="2 Reliability",
            labels={"data set": "{dataset}", "model": "{model}", "item": "calibration"},
            caption="../report/calibration.rst",
        ),
    log:
        "results/logs/plot_baseline/{model}/{dataset}.log",
    benchmark:
        "results/benchmarks/plot_baseline/{model}/{dataset}.jsonl"
    wildcard_constraints:
        model=BASELINE,
    localrule: True  # `use rule` does not inherit it
