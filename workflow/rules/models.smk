"""Base models as ordinary Hugging Face folders."""


rule prepare_model:
    input:
        get_model_files,
    output:
        directory("results/models/{model}"),
    log:
        "results/logs/prepare_model/{model}.log",
    benchmark:
        "results/benchmarks/prepare_model/{model}.jsonl"
    params:
        source=get_source,
        versions=get_versions("gguf", "transformers", "tokenizers"),
        code=get_code("prepare_model.py"),
    script:
        "../scripts/prepare_model.py"
