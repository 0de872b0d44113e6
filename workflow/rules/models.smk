"""Base models as ordinary Hugging Face folders."""


rule download_model:
    output:
        "results/downloads/{model}.json",  # a record; the files lie in the folder beside it
    log:
        "results/logs/download_model/{model}.log",
    benchmark:
        "results/benchmarks/download_model/{model}.jsonl"
    retries: 2
    localrule: True
    resources:
        disk_mb=get_download_mb,
    params:
        source=get_download,
        code=get_code("download_model.py"),
    script:
        "../scripts/download_model.py"


rule prepare_model:
    input:
        get_model_files,
    output:
        directory("results/models/{model}"),
    log:
        "results/logs/prepare_model/{model}.log",
    benchmark:
        "results/benchmarks/prepare_model/{model}.jsonl"
    localrule: STORED  # on the machine that has the downloaded files
    resources:
        mem_mb=get_preparation_mb,
        runtime=get_runtime,
        cpus_per_task=CPUS,
    params:
        source=get_source,
        versions=get_versions("gguf", "llamafactory", "transformers", "tokenizers"),
        code=get_code("prepare_model.py"),
    script:
        "../scripts/prepare_model.py"


onstart:
    if problem := unwritable(Path("results")):
        sys.exit(problem)
    if need := disk_need(
        {model: config["models"][model]["source"] for model in MODELS},
        runs=Counter(system.model for _, system in TUNED),
        keep_merged=config["keep_merged"],
        results=Path("results"),
    ):
        print(need, file=sys.stderr)
