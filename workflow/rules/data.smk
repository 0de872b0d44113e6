"""Questions, curation, Alpaca files."""


rule prepare_questions:
    input:
        file=get_evaluation_file,
        taxonomy=get_resource("taxonomy.yaml"),
    output:
        "results/questions/{dataset}.jsonl",
    log:
        "results/logs/prepare_questions/{dataset}.log",
    benchmark:
        "results/benchmarks/prepare_questions/{dataset}.jsonl"
    params:
        evaluation=get_evaluation,
        code=get_code("prepare_questions.py"),
    script:
        "../scripts/prepare_questions.py"


rule curate_dataset:
    input:
        candidates=get_candidates,
        questions="results/questions/{dataset}.jsonl",
        taxonomy=get_resource("taxonomy.yaml"),
        personas=get_resource("personas.yaml"),
    output:
        train="results/curated/{dataset}/train.jsonl",
        validation="results/curated/{dataset}/validation.jsonl",
        rejected="results/curated/{dataset}/rejected.jsonl",
        curation=report(
            "results/curated/{dataset}/curation.json",
            category="Data",
            labels={"data set": "{dataset}", "item": "curation counts"},
            caption="../report/curation.rst",
        ),
    log:
        "results/logs/curate_dataset/{dataset}.log",
    benchmark:
        "results/benchmarks/curate_dataset/{dataset}.jsonl"
    params:
        curation=get_curation,
        code=get_code("curate_dataset.py"),
        numbers=get_numbers("results/curated/{dataset}/curation.json"),
    script:
        "../scripts/curate_dataset.py"


rule measure_quality:
    input:
        record=get_generation_record,
        train="results/curated/{dataset}/train.jsonl",
        validation="results/curated/{dataset}/validation.jsonl",
        rejected="results/curated/{dataset}/rejected.jsonl",
        questions="results/questions/{dataset}.jsonl",
        taxonomy=get_resource("taxonomy.yaml"),
        personas=get_resource("personas.yaml"),
    output:
        report(
            "results/curated/{dataset}/quality.json",
            category="Data",
            labels={"data set": "{dataset}", "item": "generation and quality"},
            caption="../report/quality.rst",
        ),
    log:
        "results/logs/measure_quality/{dataset}.log",
    benchmark:
        "results/benchmarks/measure_quality/{dataset}.jsonl"
    params:
        code=get_code("measure_quality.py"),
        numbers=get_numbers("results/curated/{dataset}/quality.json"),
    script:
        "../scripts/measure_quality.py"


rule format_alpaca:
    input:
        train="results/curated/{dataset}/train.jsonl",
        validation="results/curated/{dataset}/validation.jsonl",
        taxonomy=get_resource("taxonomy.yaml"),
        instruction=get_resource("prompts/instruction.yaml"),
    output:
        train="results/alpaca/{dataset}/train.json",
        validation="results/alpaca/{dataset}/validation.json",
        info="results/alpaca/{dataset}/dataset_info.json",
    log:
        "results/logs/format_alpaca/{dataset}.log",
    benchmark:
        "results/benchmarks/format_alpaca/{dataset}.jsonl"
    params:
        code=get_code("format_alpaca.py"),
    script:
        "../scripts/format_alpaca.py"
