"""Candidates: from recorded answers, a file of one's own, Claude, or a data set of the Hub."""


rule collect_candidates:
    input:
        responses=get_recorded_responses,
    output:
        candidates="results/candidates/{dataset}/recorded.jsonl",
        record="results/candidates/{dataset}/recorded.json",
    log:
        "results/logs/collect_candidates/{dataset}.log",
    benchmark:
        "results/benchmarks/collect_candidates/{dataset}.jsonl"
    localrule: True
    params:
        dataset=get_recorded_dataset,
        code=get_code("collect_candidates.py"),
    script:
        "../scripts/collect_candidates.py"


rule read_own_rows:
    input:
        rows=get_own_rows,
        taxonomy=get_resource("taxonomy.yaml"),
        instruction=get_resource("prompts/instruction.yaml"),
    output:
        candidates="results/candidates/{dataset}/file.jsonl",
        record="results/candidates/{dataset}/file.json",
    log:
        "results/logs/read_own_rows/{dataset}.log",
    benchmark:
        "results/benchmarks/read_own_rows/{dataset}.jsonl"
    localrule: True
    params:
        source=lookup(dpath="datasets/{dataset}/generation/file", within=config),
        code=get_code("read_own_rows.py"),
    script:
        "../scripts/read_own_rows.py"


rule generate_candidates:
    input:
        questions="results/questions/{dataset}.jsonl",
        taxonomy=get_resource("taxonomy.yaml"),
        personas=get_resource("personas.yaml"),
        prompt=get_resource("prompts/generation.yaml"),
        prices=ancient(PRICES),  # new prices do not make old answers stale
    output:
        candidates="results/candidates/{dataset}/anthropic.jsonl",
        record="results/candidates/{dataset}/anthropic.json",
    log:
        "results/logs/generate_candidates/{dataset}.log",
    benchmark:
        "results/benchmarks/generate_candidates/{dataset}.jsonl"
    localrule: True
    params:
        plan=lookup(dpath="{dataset}", within=PLANS),
        curation=get_curation,
        code=get_code("generate_candidates.py"),
    script:
        "../scripts/generate_candidates.py"


rule download_candidates:
    input:
        taxonomy=get_resource("taxonomy.yaml"),
        instruction=get_resource("prompts/instruction.yaml"),
    output:
        candidates="results/candidates/{dataset}/huggingface.jsonl",
        record="results/candidates/{dataset}/huggingface.json",
    log:
        "results/logs/download_candidates/{dataset}.log",
    benchmark:
        "results/benchmarks/download_candidates/{dataset}.jsonl"
    localrule: True
    params:
        source=lookup(dpath="datasets/{dataset}/generation/huggingface", within=config),
        code=get_code("download_candidates.py"),
    script:
        "../scripts/download_candidates.py"


rule estimate_generation:
    input:
        questions=expand("results/questions/{dataset}.jsonl", dataset=PLANS),
        taxonomy=expand_resources("taxonomy.yaml", PLANS),
        personas=expand_resources("personas.yaml", PLANS),
        prompt=expand_resources("prompts/generation.yaml", PLANS),
        prices=PRICES,
    log:
        "results/logs/estimate_generation.log",
    localrule: True
    params:
        plans=PLANS,
        curation={dataset: curation_of(dataset) for dataset in PLANS},
    script:
        "../scripts/estimate_generation.py"
