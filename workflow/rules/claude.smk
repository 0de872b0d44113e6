"""Claude's own answers to the evaluation questions, if a data set is configured for them."""


rule ask_claude:
    input:
        questions="results/questions/{dataset}.jsonl",
        taxonomy=get_resource("taxonomy.yaml"),
        instruction=get_resource("prompts/instruction.yaml"),
        prices=ancient(PRICES),  # new prices do not make old answers stale
    output:
        predictions="results/predictions/{claude}/{dataset}/zero_shot/evaluation.jsonl",
        record="results/predictions/{claude}/{dataset}/zero_shot/record.json",
    log:
        "results/logs/ask_claude/{claude}/{dataset}.log",
    benchmark:
        "results/benchmarks/ask_claude/{claude}/{dataset}.jsonl"
    wildcard_constraints:
        claude="[^/]+",
    localrule: True
    params:
        plan=lookup(dpath="{dataset}", within=ANSWER_PLANS),
        answer=lookup(dpath="scoring/answer", within=config),
        code=get_code("ask_claude.py"),
    script:
        "../scripts/ask_claude.py"


rule estimate_answers:
    input:
        questions=expand("results/questions/{dataset}.jsonl", dataset=ANSWER_PLANS),
        taxonomy=expand_resources("taxonomy.yaml", ANSWER_PLANS),
        instruction=expand_resources("prompts/instruction.yaml", ANSWER_PLANS),
        prices=PRICES,
    log:
        "results/logs/estimate_answers.log",
    localrule: True
    params:
        plans=ANSWER_PLANS,
        answer=lookup(dpath="scoring/answer", within=config),
    script:
        "../scripts/estimate_answers.py"
