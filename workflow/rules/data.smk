"""From candidates to a training and a validation set, in LlamaFactory's format."""


rule curate_dataset:
    input:
        candidates=get_candidates,
        questions="results/questions/{dataset}.jsonl",
        taxonomy=get_resource("taxonomy.yaml"),
        personas=get_personas,
    output:
        train="results/curated/{dataset}/train.jsonl",
        validation="results/curated/{dataset}/validation.jsonl",
        validation_questions="results/curated/{dataset}/validation_questions.jsonl",
        rejected="results/curated/{dataset}/rejected.jsonl",
        curation=report(
            "results/curated/{dataset}/curation.json",
            category="5 Data and cost",
            labels={"data set": "{dataset}", "item": "curation counts"},
            caption="../report/curation.rst",
        ),
    log:
        "results/logs/curate_dataset/{dataset}.log",
    benchmark:
        "results/benchmarks/curate_dataset/{dataset}.jsonl"
    localrule: True
    params:
        curation=get_curation,
        code=get_code("curate_dataset.py"),
        numbers=get_numbers("results/curated/{dataset}/curation.json"),
    script:
        "../scripts/curate_dataset.py"


rule format_alpaca:
    input:
        train="results/curated/{dataset}/train.jsonl",
        validation="results/curated/{dataset}/validation.jsonl",
        taxonomy=get_resource("taxonomy.yaml"),
        instruction=get_resource("prompts/instruction.yaml"),
    output:
        train="results/alpaca/{dataset}/{recipe}/{rows}-rows/train.json",
        validation="results/alpaca/{dataset}/{recipe}/{rows}-rows/validation.json",
        record="results/alpaca/{dataset}/{recipe}/{rows}-rows/record.json",
    log:
        "results/logs/format_alpaca/{dataset}/{recipe}/{rows}-rows.log",
    benchmark:
        "results/benchmarks/format_alpaca/{dataset}/{recipe}/{rows}-rows.jsonl"
    localrule: True
    params:
        form=get_form,
        code=get_code("format_alpaca.py"),
    script:
        "../scripts/format_alpaca.py"


rule describe_alpaca:
    output:
        "results/alpaca/{dataset}/{recipe}/{rows}-rows/dataset_info.json",
    log:
        "results/logs/describe_alpaca/{dataset}/{recipe}/{rows}-rows.log",
    benchmark:
        "results/benchmarks/describe_alpaca/{dataset}/{recipe}/{rows}-rows.jsonl"
    localrule: True
    params:
        code=get_code("describe_alpaca.py"),
    script:
        "../scripts/describe_alpaca.py"
