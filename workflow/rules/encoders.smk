"""Fine-tuning of encoders, and their answers."""


rule train_encoder:
    input:
        model="results/models/{model}",
        train="results/curated/{dataset}/train.jsonl",
        validation="results/curated/{dataset}/validation.jsonl",
        taxonomy=get_resource("taxonomy.yaml"),
    output:
        model=tuned_model("results/encoders/{model}/{dataset}/{rows}-rows/seed-{seed}/model"),
        training="results/encoders/{model}/{dataset}/{rows}-rows/seed-{seed}/training.json",
    log:
        "results/logs/train_encoder/{model}/{dataset}/{rows}-rows/seed-{seed}.log",
    benchmark:
        "results/benchmarks/train_encoder/{model}/{dataset}/{rows}-rows/seed-{seed}.jsonl"
    wildcard_constraints:
        model=ENCODER,
    resources:
        **GPU_TRAINING,
    params:
        training=get_encoder_training,
        versions=ENCODER_VERSIONS,
        code=get_code("train_encoder.py"),
    script:
        "../scripts/train_encoder.py"


rule evaluate_encoder:
    input:
        weights="results/encoders/{model}/{dataset}/{rows}-rows/seed-{seed}/model",
        questions="results/questions/{dataset}.jsonl",
        validation="results/curated/{dataset}/validation_questions.jsonl",
    output:
        record="results/predictions/{model}/{dataset}/{rows}-rows/seed-{seed}/job.json",
        evaluation="results/predictions/{model}/{dataset}/{rows}-rows/seed-{seed}/evaluation.jsonl",
        validation="results/predictions/{model}/{dataset}/{rows}-rows/seed-{seed}/validation.jsonl",
    log:
        "results/logs/evaluate_encoder/{model}/{dataset}/{rows}-rows/seed-{seed}.log",
    benchmark:
        "results/benchmarks/evaluate_encoder/{model}/{dataset}/{rows}-rows/seed-{seed}.jsonl"
    wildcard_constraints:
        model=ENCODER,
    priority: 1  # before the next training: a model that is not kept is gone after its evaluation
    resources:
        **GPU_JOB,
    params:
        versions=ENCODER_VERSIONS,
        code=get_code("evaluate_encoder.py"),
    script:
        "../scripts/evaluate_encoder.py"
