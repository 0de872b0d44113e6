"""Answers and metrics of each system, and the comparison of all."""


rule score_predictions:
    input:
        unpack(get_validation),
        evaluation="results/predictions/{model}/{dataset}/{run}/evaluation.jsonl",
        taxonomy=get_resource("taxonomy.yaml"),
    output:
        answers="results/answers/{model}/{dataset}/{run}.parquet",
        metrics="results/metrics/{model}/{dataset}/{run}.json",
    log:
        "results/logs/score_predictions/{model}/{dataset}/{run}.log",
    benchmark:
        "results/benchmarks/score_predictions/{model}/{dataset}/{run}.jsonl"
    wildcard_constraints:
        run="base|few_shot|zero_shot|([^/]+/)?[0-9]+-rows(/seed-[0-9]+)?",
    localrule: True
    params:
        code=get_code("score_predictions.py"),
    script:
        "../scripts/score_predictions.py"


rule tabulate_accuracy:
    input:
        metrics=per_system("results/metrics/{model}/{dataset}/{run}.json"),
    output:
        accuracy="results/comparison/{dataset}/accuracy.parquet",
        accuracy_csv=report(
            "results/comparison/{dataset}/accuracy.csv",
            category="1 Comparison",
            labels={"data set": "{dataset}", "item": "every scorer"},
            caption="../report/comparison.rst",
        ),
        permutations="results/comparison/{dataset}/permutations.parquet",
        permutations_csv=report(
            "results/comparison/{dataset}/permutations.csv",
            category="2 Reliability",
            labels={"data set": "{dataset}", "item": "orders of the options"},
            caption="../report/permutations.rst",
        ),
    log:
        "results/logs/tabulate_accuracy/{dataset}.log",
    benchmark:
        "results/benchmarks/tabulate_accuracy/{dataset}.jsonl"
    localrule: True
    params:
        systems=get_systems(),
        code=get_code("tabulate_accuracy.py"),
        numbers=get_numbers("results/comparison/{dataset}/summary.json"),
    script:
        "../scripts/tabulate_accuracy.py"


rule compare_models:
    input:
        answers=per_system("results/answers/{model}/{dataset}/{run}.parquet"),
        seeds="results/comparison/{dataset}/seeds.parquet",
        permutations="results/comparison/{dataset}/permutations.parquet",
        cost="results/comparison/{dataset}/cost.parquet",
        asked=per_system("results/predictions/{model}/{dataset}/{run}/record.json", "zero_shot"),
    output:
        tests="results/comparison/{dataset}/tests.parquet",
        tests_csv=report(
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
    localrule: True
    params:
        systems=get_systems(),
        main_recipe=RECIPES[0],
        asked=get_asked,
        seed=config["seed"],
        code=get_code("compare_models.py"),
        numbers=get_numbers("results/comparison/{dataset}/summary.json"),
    script:
        "../scripts/compare_models.py"


rule summarise_runs:
    input:
        answers=per_system("results/answers/{model}/{dataset}/{run}.parquet"),
    output:
        seeds="results/comparison/{dataset}/seeds.parquet",
        seeds_csv=report(
            "results/comparison/{dataset}/seeds.csv",
            category="1 Comparison",
            labels={"data set": "{dataset}", "item": "accuracy over training seeds"},
            caption="../report/seeds.rst",
        ),
        learning_curve="results/comparison/{dataset}/learning_curve.parquet",
        learning_curve_csv=report(
            "results/comparison/{dataset}/learning_curve.csv",
            category="2 Reliability",
            labels={"data set": "{dataset}", "item": "learning curve table"},
            caption="../report/learning_curve.rst",
        ),
        sentences="results/comparison/{dataset}/runs.json",
    log:
        "results/logs/summarise_runs/{dataset}.log",
    benchmark:
        "results/benchmarks/summarise_runs/{dataset}.jsonl"
    localrule: True
    params:
        systems=get_systems(),
        main_recipe=RECIPES[0],
        seed=config["seed"],
        code=get_code("summarise_runs.py"),
        numbers=get_numbers("results/comparison/{dataset}/runs.json"),
    script:
        "../scripts/summarise_runs.py"


rule analyse_errors:
    input:
        answers=per_system("results/answers/{model}/{dataset}/{run}.parquet", main=True),
        rows="results/curated/{dataset}/validation.jsonl",
    output:
        questions="results/comparison/{dataset}/questions.parquet",
        questions_csv=report(
            "results/comparison/{dataset}/questions.csv",
            category="3 Errors",
            labels={"data set": "{dataset}", "item": "every question"},
            caption="../report/questions.rst",
        ),
        slices="results/comparison/{dataset}/slices.parquet",
        slices_csv=report(
            "results/comparison/{dataset}/slices.csv",
            category="3 Errors",
            labels={"data set": "{dataset}", "item": "kinds of questions"},
            caption="../report/slices.rst",
        ),
    log:
        "results/logs/analyse_errors/{dataset}.log",
    benchmark:
        "results/benchmarks/analyse_errors/{dataset}.jsonl"
    localrule: True
    params:
        systems=get_systems(main=True),
        code=get_code("analyse_errors.py"),
    script:
        "../scripts/analyse_errors.py"


rule summarise_cost:
    input:
        training=per_system("results/{training}/{model}/{dataset}/{run}/training.json", "tuned"),
        merge=per_system("results/merged/{model}/{dataset}/{run}/merge.json", "tuned", merged=True),
        check=per_system("results/merged/{model}/{dataset}/{run}/merge_check.json", "tuned", merged=True),
        evaluation=per_system("results/predictions/{model}/{dataset}/{run}/job.json", *COMPUTED),
    output:
        cost="results/comparison/{dataset}/cost.parquet",
        cost_csv=report(
            "results/comparison/{dataset}/cost.csv",
            category="4 Training",
            labels={"data set": "{dataset}", "item": "cost of each model"},
            caption="../report/cost.rst",
        ),
        jobs="results/comparison/{dataset}/jobs.parquet",
        jobs_csv=report(
            "results/comparison/{dataset}/jobs.csv",
            category="4 Training",
            labels={"data set": "{dataset}", "item": "jobs on the accelerator"},
            caption="../report/cost.rst",
        ),
    log:
        "results/logs/summarise_cost/{dataset}.log",
    benchmark:
        "results/benchmarks/summarise_cost/{dataset}.jsonl"
    localrule: True
    params:
        trained=get_systems("tuned"),
        merged=get_systems("tuned", merged=True),
        computed=get_systems(*COMPUTED),
        usd_per_hour=config["gpu"].get("usd_per_hour"),
        code=get_code("summarise_cost.py"),
    script:
        "../scripts/summarise_cost.py"


rule check_estimate:
    input:
        jobs="results/comparison/{dataset}/jobs.parquet",
    output:
        estimate="results/comparison/{dataset}/estimate.parquet",
        estimate_csv=report(
            "results/comparison/{dataset}/estimate.csv",
            category="4 Training",
            labels={"data set": "{dataset}", "item": "estimate against measurement"},
            caption="../report/estimate.rst",
        ),
    log:
        "results/logs/check_estimate/{dataset}.log",
    benchmark:
        "results/benchmarks/check_estimate/{dataset}.jsonl"
    localrule: True
    params:
        code=get_code("check_estimate.py"),
    script:
        "../scripts/check_estimate.py"


# Without an output, it runs whenever it is asked for: what is on the disk by then changes the estimate.
rule estimate_study:
    log:
        "results/logs/estimate_study.log",
    localrule: True
    params:
        systems=SYSTEMS,
        path="results/estimate.json",
    script:
        "../scripts/estimate_study.py"
