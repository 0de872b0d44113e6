"""Predictions of the base and the tuned models, and of the baselines."""


rule evaluate_base:
    input:
        weights="results/models/{model}",
        questions="results/questions/{dataset}.jsonl",
        validation="results/curated/{dataset}/validation_questions.jsonl",
        taxonomy=get_resource("taxonomy.yaml"),
        instruction=get_resource("prompts/instruction.yaml"),
    output:
        record="results/predictions/{model}/{dataset}/base/job.json",
        evaluation="results/predictions/{model}/{dataset}/base/evaluation.jsonl",
        validation="results/predictions/{model}/{dataset}/base/validation.jsonl",
    log:
        "results/logs/evaluate_base/{model}/{dataset}.log",
    benchmark:
        "results/benchmarks/evaluate_base/{model}/{dataset}.jsonl"
    wildcard_constraints:
        model=CAUSAL,
    resources:
        **GPU_JOB,
    params:
        template=lookup(dpath="models/{model}/template", within=config, default=None),
        answer=lookup(dpath="scoring/answer", within=config),
        scoring={key: config["scoring"][key] for key in ("permutations", "max_new_tokens")},
        seed=config["seed"],
        precision=get_precision,
        versions=MODEL_VERSIONS,
        code=get_code("evaluate_model.py"),
    script:
        "../scripts/evaluate_model.py"


# The base model again, with training rows as examples in its prompt.
use rule evaluate_base as evaluate_few_shot with:
    input:
        weights="results/models/{model}",
        examples="results/curated/{dataset}/train.jsonl",
        questions="results/questions/{dataset}.jsonl",
        validation="results/curated/{dataset}/validation_questions.jsonl",
        taxonomy=get_resource("taxonomy.yaml"),
        instruction=get_resource("prompts/instruction.yaml"),
    output:
        record="results/predictions/{model}/{dataset}/few_shot/job.json",
        evaluation="results/predictions/{model}/{dataset}/few_shot/evaluation.jsonl",
        validation="results/predictions/{model}/{dataset}/few_shot/validation.jsonl",
    log:
        "results/logs/evaluate_few_shot/{model}/{dataset}.log",
    benchmark:
        "results/benchmarks/evaluate_few_shot/{model}/{dataset}.jsonl"
    params:
        few_shot=config["scoring"]["few_shot"],
        # The examples have an order of their own, so other orders of the question alone would tell little.
        scoring={"permutations": 1, "max_new_tokens": config["scoring"]["max_new_tokens"]},


use rule evaluate_base as evaluate_tuned with:
    input:
        weights="results/merged/{model}/{dataset}/{recipe}/{rows}-rows/seed-{seed}/model",
        checked="results/merged/{model}/{dataset}/{recipe}/{rows}-rows/seed-{seed}/merge_check.json",
        questions="results/questions/{dataset}.jsonl",
        validation="results/curated/{dataset}/validation_questions.jsonl",
        taxonomy=get_resource("taxonomy.yaml"),
        instruction=get_resource("prompts/instruction.yaml"),
    output:
        record="results/predictions/{model}/{dataset}/{recipe}/{rows}-rows/seed-{seed}/job.json",
        evaluation="results/predictions/{model}/{dataset}/{recipe}/{rows}-rows/seed-{seed}/evaluation.jsonl",
        validation="results/predictions/{model}/{dataset}/{recipe}/{rows}-rows/seed-{seed}/validation.jsonl",
    log:
        "results/logs/evaluate_tuned/{model}/{dataset}/{recipe}/{rows}-rows/seed-{seed}.log",
    benchmark:
        "results/benchmarks/evaluate_tuned/{model}/{dataset}/{recipe}/{rows}-rows/seed-{seed}.jsonl"
    priority: 1  # as check_merge
    params:
        answer=lookup(dpath="recipes/{recipe}/answer", within=config),


rule train_baseline:
    input:
        train="results/curated/{dataset}/train.jsonl",
        validation="results/curated/{dataset}/validation_questions.jsonl",
        questions="results/questions/{dataset}.jsonl",
        taxonomy=get_resource("taxonomy.yaml"),
    output:
        linear_evaluation=f"results/predictions/{BASELINE}/{{dataset}}/{{rows}}-rows/evaluation.jsonl",
        linear_validation=f"results/predictions/{BASELINE}/{{dataset}}/{{rows}}-rows/validation.jsonl",
        majority_evaluation=f"results/predictions/{MAJORITY}/{{dataset}}/{{rows}}-rows/evaluation.jsonl",
        majority_validation=f"results/predictions/{MAJORITY}/{{dataset}}/{{rows}}-rows/validation.jsonl",
    log:
        "results/logs/train_baseline/{dataset}/{rows}-rows.log",
    benchmark:
        "results/benchmarks/train_baseline/{dataset}/{rows}-rows.jsonl"
    localrule: True
    params:
        baseline=config["baseline"] | {"seed": config["seed"]},
        versions=get_versions("scikit-learn"),
        code=get_code("train_baseline.py"),
    script:
        "../scripts/train_baseline.py"
