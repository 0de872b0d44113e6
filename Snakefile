"""Which open model, tuned on data that Claude wrote, understands our users best, and is the gain real?"""


configfile: "config/config.yaml"


include: "workflow/rules/common.smk"  # validates the configuration
include: "workflow/rules/questions.smk"
include: "workflow/rules/candidates.smk"
include: "workflow/rules/data.smk"
include: "workflow/rules/quality.smk"
include: "workflow/rules/publication.smk"
include: "workflow/rules/models.smk"
include: "workflow/rules/training.smk"
include: "workflow/rules/encoders.smk"
include: "workflow/rules/evaluation.smk"
include: "workflow/rules/claude.smk"
include: "workflow/rules/comparison.smk"
include: "workflow/rules/figures.smk"


report: "workflow/report/workflow.rst"


rule all:
    default_target: True
    input:
        expand("results/comparison/{dataset}/report.md", dataset=DATASETS),
        expand("results/curated/{dataset}/README.md", dataset=DATASETS),
        expand(
            "results/figures/{dataset}/{figure}.svg",
            dataset=DATASETS,
            figure=["quality", "accuracy", "learning_curve"],
        ),
        expand("results/figures/{model}/{dataset}/training.svg", model=MODELS, dataset=DATASETS),
        expand(
            "results/figures/{model}/{dataset}/{figure}.svg",
            model=[*MODELS, BASELINE],
            dataset=DATASETS,
            figure=["confusion", "calibration"],
        ),
        expand("{folder}/README.md", folder=MERGED),
        expand("{folder}/{part}", folder=MERGED if config["keep_merged"] else [], part=["model", "classifier.json"]),
        expand("{folder}/model", folder=FINETUNED if config["keep_merged"] else []),
