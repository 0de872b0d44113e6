"""The report in one file, the cards of models and curated data sets, and the upload of a data set to the Hub."""


rule write_report:
    input:
        summary="results/comparison/{dataset}/summary.json",
        runs="results/comparison/{dataset}/runs.json",
        accuracy="results/comparison/{dataset}/accuracy.parquet",
        permutations="results/comparison/{dataset}/permutations.parquet",
        seeds="results/comparison/{dataset}/seeds.parquet",
        learning_curve="results/comparison/{dataset}/learning_curve.parquet",
        questions="results/comparison/{dataset}/questions.parquet",
        slices="results/comparison/{dataset}/slices.parquet",
        curation="results/curated/{dataset}/curation.json",
        quality="results/curated/{dataset}/quality.json",
        cost="results/comparison/{dataset}/cost.parquet",
        jobs="results/comparison/{dataset}/jobs.parquet",
        estimate="results/comparison/{dataset}/estimate.parquet",
        training=per_system("results/{training}/{model}/{dataset}/{run}/training.json", "tuned", main=True),
        models=expand("results/models/{model}", model=MODELS),
        asked=per_system("results/predictions/{model}/{dataset}/{run}/record.json", "zero_shot"),
        published=source_file(shipped("resources/reference/published_results.csv", ROOT)),
    output:
        report="results/comparison/{dataset}/report.md",
        provenance=report(
            "results/comparison/{dataset}/provenance.yaml",
            category="6 Provenance",
            labels={"data set": "{dataset}", "item": "versions, digests, configuration"},
            caption="../report/provenance.rst",
        ),
    log:
        "results/logs/write_report/{dataset}.log",
    benchmark:
        "results/benchmarks/write_report/{dataset}.jsonl"
    localrule: True
    params:
        models=MODELS,
        asked=get_asked,
        template=sha256(ROOT / "workflow/report/report.md.j2"),
        code=get_code("write_report.py"),
    script:
        "../scripts/write_report.py"


rule write_model_card:
    input:
        model="results/models/{model}",
        training="results/sft/{model}/{dataset}/{recipe}/{rows}-rows/seed-{seed}/training.json",
        base_answers="results/answers/{model}/{dataset}/base.parquet",
        tuned_answers="results/answers/{model}/{dataset}/{recipe}/{rows}-rows/seed-{seed}.parquet",
        base_metrics="results/metrics/{model}/{dataset}/base.json",
        tuned_metrics="results/metrics/{model}/{dataset}/{recipe}/{rows}-rows/seed-{seed}.json",
        quality="results/curated/{dataset}/quality.json",
        validation="results/curated/{dataset}/validation.jsonl",
        taxonomy=get_resource("taxonomy.yaml"),
        instruction=get_resource("prompts/instruction.yaml"),
    output:
        card="results/merged/{model}/{dataset}/{recipe}/{rows}-rows/seed-{seed}/README.md",
        classifier="results/merged/{model}/{dataset}/{recipe}/{rows}-rows/seed-{seed}/classifier.json",
    log:
        "results/logs/write_model_card/{model}/{dataset}/{recipe}/{rows}-rows/seed-{seed}.log",
    benchmark:
        "results/benchmarks/write_model_card/{model}/{dataset}/{recipe}/{rows}-rows/seed-{seed}.jsonl"
    wildcard_constraints:
        model=CAUSAL,
    localrule: True
    params:
        seed=config["seed"],
        template=lookup(dpath="models/{model}/template", within=config, default=None),
        precision=get_precision,
        answer=lookup(dpath="recipes/{recipe}/answer", within=config),
        card_template=sha256(ROOT / "workflow/report/model_card.md.j2"),
        code=get_code("write_model_card.py"),
    script:
        "../scripts/write_model_card.py"


rule write_card:
    input:
        record=get_generation_record,
        curation="results/curated/{dataset}/curation.json",
        quality="results/curated/{dataset}/quality.json",
        taxonomy=get_resource("taxonomy.yaml"),
        instruction=get_resource("prompts/instruction.yaml"),
    output:
        "results/curated/{dataset}/README.md",
    log:
        "results/logs/write_card/{dataset}.log",
    benchmark:
        "results/benchmarks/write_card/{dataset}.jsonl"
    localrule: True
    params:
        publication=lookup(dpath="datasets/{dataset}/publication", within=config, default={}),
        template=sha256(ROOT / "workflow/report/dataset_card.md.j2"),
        code=get_code("write_card.py"),
    script:
        "../scripts/write_card.py"


# Runs when it is asked for by name, never as part of the study.
rule push_dataset:
    input:
        cards=expand("results/curated/{dataset}/README.md", dataset=PUBLISHED),
        splits=expand("results/curated/{dataset}/{split}.jsonl", dataset=PUBLISHED, split=["train", "validation"]),
    log:
        "results/logs/push_dataset.log",
    localrule: True
    params:
        publications=PUBLISHED,
    script:
        "../scripts/push_dataset.py"
