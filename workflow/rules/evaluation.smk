"""Predictions: of the base and the tuned model, and of the linear baseline."""


rule evaluate_model:
    input:
        unpack(get_weights),
        questions="results/questions/{dataset}.jsonl",
        taxonomy=get_resource("taxonomy.yaml"),
        instruction=get_resource("prompts/instruction.yaml"),
    output:
        "results/predictions/{model}/{dataset}/{variant}.jsonl",
    log:
        "results/logs/evaluate_model/{model}/{dataset}/{variant}.log",
    benchmark:
        "results/benchmarks/evaluate_model/{model}/{dataset}/{variant}.jsonl"
    wildcard_constraints:
        variant="base|tuned",
    resources:
        gpu=1,
    params:
        template=get_template,
        scoring=config["scoring"],
        precision=get_precision,
        versions=MODEL_VERSIONS,
        code=get_code("evaluate_model.py"),
    script:
        "../scripts/evaluate_model.py"


rule train_baseline:
    input:
        train="results/curated/{dataset}/train.jsonl",
        questions="results/questions/{dataset}.jsonl",
    output:
        f"results/predictions/{BASELINE}/{{dataset}}/baseline.jsonl",
    log:
        "results/logs/train_baseline/{dataset}.log",
    benchmark:
        "results/benchmarks/train_baseline/{dataset}.jsonl"
    params:
        baseline=config["baseline"] | {"seed": config["seed"]},
        versions=get_versions("scikit-learn"),
        code=get_code("train_baseline.py"),
    script:
        "../scripts/train_baseline.py"
