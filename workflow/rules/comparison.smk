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


rule compare_models:
    input:
        metrics=expand("results/metrics/{model}/{{dataset}}.json", model=[*MODELS, BASELINE]),
        tuned=expand("results/predictions/{model}/{{dataset}}/tuned.jsonl", model=MODELS),
        baseline=f"results/predictions/{BASELINE}/{{dataset}}/baseline.jsonl",
    output:
        accuracy=report(
            "results/comparison/{dataset}/accuracy.csv",
            category="Comparison",
            labels={"data set": "{dataset}", "item": "accuracy table"},
            caption="../report/comparison.rst",
        ),
        tests=report(
            "results/comparison/{dataset}/tests.csv",
            category="Comparison",
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
        code=get_code("compare_models.py"),
        numbers=get_numbers("results/comparison/{dataset}/summary.json"),
    script:
        "../scripts/compare_models.py"
