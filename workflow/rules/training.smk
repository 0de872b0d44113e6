"""LoRA fine-tuning and merging with LlamaFactory."""


rule render_configs:
    input:
        model="results/models/{model}",
        alpaca=multiext("results/alpaca/{dataset}/{recipe}/{rows}-rows/", "train.json", "validation.json"),
    output:
        train="results/sft/{model}/{dataset}/{recipe}/{rows}-rows/seed-{seed}/train.yaml",
        merge="results/sft/{model}/{dataset}/{recipe}/{rows}-rows/seed-{seed}/merge.yaml",
    log:
        "results/logs/render_configs/{model}/{dataset}/{recipe}/{rows}-rows/seed-{seed}.log",
    benchmark:
        "results/benchmarks/render_configs/{model}/{dataset}/{recipe}/{rows}-rows/seed-{seed}.jsonl"
    wildcard_constraints:
        model=CAUSAL,
    resources:
        **GPU_JOB,  # precision and device depend on the machine that will train
    params:
        training=get_training,
        template=lookup(dpath="models/{model}/template", within=config, default=None),
        versions=MODEL_VERSIONS,
        code=get_code("render_configs.py"),
    script:
        "../scripts/render_configs.py"


rule train_lora:
    input:
        config="results/sft/{model}/{dataset}/{recipe}/{rows}-rows/seed-{seed}/train.yaml",
        model="results/models/{model}",
        alpaca=multiext("results/alpaca/{dataset}/{recipe}/{rows}-rows/", "train.json", "validation.json"),
        record="results/alpaca/{dataset}/{recipe}/{rows}-rows/record.json",
        # It only describes the files beside it: training needs it, but it does not change a row.
        description=ancient("results/alpaca/{dataset}/{recipe}/{rows}-rows/dataset_info.json"),
    output:
        adapter=directory("results/sft/{model}/{dataset}/{recipe}/{rows}-rows/seed-{seed}/adapter"),
        training="results/sft/{model}/{dataset}/{recipe}/{rows}-rows/seed-{seed}/training.json",
    log:
        "results/logs/train_lora/{model}/{dataset}/{recipe}/{rows}-rows/seed-{seed}.log",
    benchmark:
        "results/benchmarks/train_lora/{model}/{dataset}/{recipe}/{rows}-rows/seed-{seed}.jsonl"
    wildcard_constraints:
        model=CAUSAL,
    resources:
        **GPU_TRAINING,
    params:
        versions=MODEL_VERSIONS,
        code=get_code("train_lora.py") + get_code("finintent/training/trainer.py"),  # which it runs as a command
    script:
        "../scripts/train_lora.py"


rule merge_lora:
    input:
        config="results/sft/{model}/{dataset}/{recipe}/{rows}-rows/seed-{seed}/merge.yaml",
        model="results/models/{model}",
        adapter="results/sft/{model}/{dataset}/{recipe}/{rows}-rows/seed-{seed}/adapter",
    output:
        merged=tuned_model("results/merged/{model}/{dataset}/{recipe}/{rows}-rows/seed-{seed}/model"),
        record="results/merged/{model}/{dataset}/{recipe}/{rows}-rows/seed-{seed}/merge.json",
    log:
        "results/logs/merge_lora/{model}/{dataset}/{recipe}/{rows}-rows/seed-{seed}.log",
    benchmark:
        "results/benchmarks/merge_lora/{model}/{dataset}/{recipe}/{rows}-rows/seed-{seed}.jsonl"
    wildcard_constraints:
        model=CAUSAL,
    resources:
        **GPU_JOB,
    params:
        versions=MODEL_VERSIONS,
        code=get_code("merge_lora.py"),
    script:
        "../scripts/merge_lora.py"


rule check_merge:
    input:
        base="results/models/{model}",
        adapter="results/sft/{model}/{dataset}/{recipe}/{rows}-rows/seed-{seed}/adapter",
        merged="results/merged/{model}/{dataset}/{recipe}/{rows}-rows/seed-{seed}/model",
        probes="results/alpaca/{dataset}/{recipe}/{rows}-rows/validation.json",
    output:
        "results/merged/{model}/{dataset}/{recipe}/{rows}-rows/seed-{seed}/merge_check.json",
    log:
        "results/logs/check_merge/{model}/{dataset}/{recipe}/{rows}-rows/seed-{seed}.log",
    benchmark:
        "results/benchmarks/check_merge/{model}/{dataset}/{recipe}/{rows}-rows/seed-{seed}.jsonl"
    wildcard_constraints:
        model=CAUSAL,
    priority: 1  # before the next merge: a merged model that is not kept is gone after its evaluation
    resources:
        **GPU_JOB,
    params:
        versions=MODEL_VERSIONS,
        code=get_code("check_merge.py"),
    script:
        "../scripts/check_merge.py"
