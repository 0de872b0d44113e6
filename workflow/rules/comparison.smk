"""Metrics of each model, and the comparison of all."""


rule summarise_metrics:
    input:
        predictions=get_predictions,
        taxonomy=get_resource("taxonomy.yaml"),
    output:
        "results/metrics/{model}/{dataset}.json",
    log:
        "results/logs/summarise_metrics/{model}/{dataset}.log",
    benchmark:
        "results/benchmarks/summarise_metrics/{model}/{dataset}.jsonl"
    params:
        code=get_code("summarise_metrics.py"),
    script:
        "../scripts/summarise_metrics.py"


# Paths that end in {model}/{dataset}/{variant}.jsonl, in which scripts find the model's name.
ALL_PREDICTIONS = [
    *expand("results/predictions/{model}/{{dataset}}/{variant}.jsonl", model=MODELS, variant=["base", "tuned"]),
    f"results/predictions/{BASELINE}/{{dataset}}/baseline.jsonl",
]


rule compare_models:
    input:
        metrics=expand("results/metrics/{model}/{{dataset}}.json", model=[*MODELS, BASELINE]),
        predictions=ALL_PREDICTIONS,
        taxonomy=get_resource("taxonomy.yaml"),
    output:
        accuracy=report(
            "results/comparison/{dataset}/accuracy.csv",
            category="1 Comparison",
            labels={"data set": "{dataset}", "item": "accuracy table"},
            caption="../report/comparison.rst",
        ),
        tests=report(
            "results/comparison/{dataset}/tests.csv",
            category="1 Comparison",
            labels={"data set": "{dataset}", "item": "paired tests"},
            caption="../report/tests.rst",
        ),
        summary="results/comparison/{dataset}/summary.json",
    log:
        "results/logs/compare_models/{dataset}.log",
    benchmark:
        "results/benchmarks/compare_models/{dataset}.jsonl"
    params:
        models=MODELS,
        baseline=BASELINE,
        seed=config["seed"],
        code=get_code("compare_models.py"),
        numbers=get_numbers("results/comparison/{dataset}/summary.json"),
    script:
        "../scripts/compare_models.py"


rule analyse_errors:
    input:
        predictions=ALL_PREDICTIONS,
        taxonomy=get_resource("taxonomy.yaml"),
    output:
        questions=report(
            "results/comparison/{dataset}/questions.csv",
            category="3 Errors",
            labels={"data set": "{dataset}", "item": "every question"},
            caption="../report/questions.rst",
        ),
        slices=report(
            "results/comparison/{dataset}/slices.csv",
            category="3 Errors",
            labels={"data set": "{dataset}", "item": "kinds of questions"},
            caption="../report/slices.rst",
        ),
    log:
        "results/logs/analyse_errors/{dataset}.log",
    benchmark:
        "results/benchmarks/analyse_errors/{dataset}.jsonl"
    params:
        code=get_code("analyse_errors.py"),
    script:
        "../scripts/analyse_errors.py"
