"""Metrics of each set of predictions, and the comparison of all."""


rule summarise_metrics:
    input:
        unpack(get_validation),
        evaluation="results/predictions/{model}/{dataset}/{run}/evaluation.jsonl",
        taxonomy=get_resource("taxonomy.yaml"),
    output:
        "results/metrics/{model}/{dataset}/{run}.json",
    log:
        "results/logs/summarise_metrics/{model}/{dataset}/{run}.log",
    benchmark:
        "results/benchmarks/summarise_metrics/{model}/{dataset}/{run}.jsonl"
    wildcard_constraints:
        run="base|few_shot|zero_shot|[0-9]+-rows(/seed-[0-9]+)?",
    params:
        code=get_code("summarise_metrics.py"),
    script:
        "../scripts/summarise_metrics.py"


rule compare_models:
    input:
        metrics=per_system("results/metrics/{model}/{dataset}/{run}.json", get_main_systems),
        predictions=per_system("results/predictions/{model}/{dataset}/{run}/evaluation.jsonl", get_main_systems),
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
        permutations=report(
            "results/comparison/{dataset}/permutations.csv",
            category="2 Reliability",
            labels={"data set": "{dataset}", "item": "orders of the options"},
            caption="../report/permutations.rst",
        ),
        summary="results/comparison/{dataset}/summary.json",
    log:
        "results/logs/compare_models/{dataset}.log",
    benchmark:
        "results/benchmarks/compare_models/{dataset}.jsonl"
    params:
        systems=get_main_systems,
        seed=config["seed"],
        code=get_code("compare_models.py"),
        numbers=get_numbers("results/comparison/{dataset}/summary.json"),
    script:
        "../scripts/compare_models.py"


rule summarise_runs:
    input:
        predictions=per_system("results/predictions/{model}/{dataset}/{run}/evaluation.jsonl", get_systems),
        taxonomy=get_resource("taxonomy.yaml"),
    output:
        seeds=report(
            "results/comparison/{dataset}/seeds.csv",
            category="2 Reliability",
            labels={"data set": "{dataset}", "item": "training seeds"},
            caption="../report/seeds.rst",
        ),
        learning_curve=report(
            "results/comparison/{dataset}/learning_curve.csv",
            category="2 Reliability",
            labels={"data set": "{dataset}", "item": "learning curve table"},
            caption="../report/learning_curve.rst",
        ),
        words="results/comparison/{dataset}/runs.json",
    log:
        "results/logs/summarise_runs/{dataset}.log",
    benchmark:
        "results/benchmarks/summarise_runs/{dataset}.jsonl"
    params:
        systems=get_systems,
        rows=get_rows,
        seed=config["seed"],
        code=get_code("summarise_runs.py"),
        numbers=get_numbers("results/comparison/{dataset}/runs.json"),
    script:
        "../scripts/summarise_runs.py"


rule analyse_errors:
    input:
        predictions=per_system("results/predictions/{model}/{dataset}/{run}/evaluation.jsonl", get_main_systems),
        validation=per_system("results/predictions/{model}/{dataset}/{run}/validation.jsonl", get_validated_systems),
        rows="results/curated/{dataset}/validation.jsonl",
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
        systems=get_main_systems,
        validated=get_validated_systems,
        code=get_code("analyse_errors.py"),
    script:
        "../scripts/analyse_errors.py"


rule summarise_cost:
    input:
        training=per_system("results/sft/{model}/{dataset}/{run}/training.json", get_tuned_systems),
        merge=per_system("results/merged/{model}/{dataset}/{run}/merge.json", get_tuned_systems),
        check=per_system("results/merged/{model}/{dataset}/{run}/merge_check.json", get_tuned_systems),
        evaluation=per_system("results/predictions/{model}/{dataset}/{run}/job.json", get_computed_systems),
    output:
        cost=report(
            "results/comparison/{dataset}/cost.csv",
            category="4 Training",
            labels={"data set": "{dataset}", "item": "cost of each model"},
            caption="../report/cost.rst",
        ),
        jobs=report(
            "results/comparison/{dataset}/jobs.csv",
            category="4 Training",
            labels={"data set": "{dataset}", "item": "jobs on the accelerator"},
            caption="../report/cost.rst",
        ),
    log:
        "results/logs/summarise_cost/{dataset}.log",
    benchmark:
        "results/benchmarks/summarise_cost/{dataset}.jsonl"
    params:
        trained=get_tuned_systems,
        computed=get_computed_systems,
        usd_per_hour=config["gpu"].get("usd_per_hour"),
        code=get_code("summarise_cost.py"),
    script:
        "../scripts/summarise_cost.py"
