"""Evaluation questions: from a local file, or from OpenFinData's release."""


rule download_questions:
    output:
        "results/openfindata/{task}.json",
    log:
        "results/logs/download_questions/{task}.log",
    benchmark:
        "results/benchmarks/download_questions/{task}.jsonl"
    wildcard_constraints:
        task="[a-z_]+",
    retries: 2
    localrule: True
    params:
        code=get_code("download_questions.py"),
    script:
        "../scripts/download_questions.py"


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
    localrule: True
    params:
        # Not the whole block: most of its keys are settings of Claude's answers.
        marker=lookup(dpath="datasets/{dataset}/evaluation/marker", within=config),
        code=get_code("prepare_questions.py"),
    script:
        "../scripts/prepare_questions.py"
