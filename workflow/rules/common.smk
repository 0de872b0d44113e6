"""The validated configuration, the wildcard constraints, and the helpers of the rules."""

import sys
from pathlib import Path

from snakemake.utils import min_version

min_version("9.27")

ROOT = Path(workflow.current_basedir.get_path_or_uri(secret_free=True)).parents[1].resolve()
SCRIPTS = ROOT / "workflow/scripts"
sys.path.insert(0, str(SCRIPTS))

from finintent.config.answers import AnswerPlan
from finintent.config.plan import Plan
from finintent.config.whole import complete_config
from finintent.versions import MODEL_PACKAGES, locked_versions
from finintent.code_digest import code_digest
from finintent.models.disk import disk_need
from finintent.errors import ConfigError, DataError
from finintent.files import parse_yaml, read_text, sha256
from finintent.report.captions import Numbers
from finintent.models.folder import is_downloaded, local_files
from finintent.shipped import shipped, with_shipped_files
from finintent.task.system import (
    LINEAR_BASELINE as BASELINE,
    MAJORITY_BASELINE as MAJORITY,
    main_systems,
    study_systems,
)
from finintent.training.arguments import OWN_KEYS

try:
    for file in workflow.configfiles:
        parse_yaml(file, read_text(file))  # Snakemake keeps the last of two keys with one name, without a word
except DataError as error:
    sys.exit(str(error))

# A run in another folder, as a module for example, reads what comes with the workflow.
config |= with_shipped_files(config, ROOT)
try:
    config |= complete_config(config, set_by_workflow=OWN_KEYS, baselines=(BASELINE, MAJORITY))
except ConfigError as error:
    sys.exit(str(error))

MODELS = config["study"]["models"]
DATASETS = config["study"]["datasets"]
PRICES = shipped("resources/prices.yaml", ROOT)
# The settings that decide the requests to Claude, by data set with a block generation.anthropic.
PLANS = {
    dataset: {key: block[key] for key in Plan.model_fields if key in block}
    for dataset in DATASETS
    if (block := config["datasets"][dataset]["generation"].get("anthropic"))
}
# The block evaluation.claude, and its settings that decide the answers, by data set that has it.
CLAUDE = {dataset: block for dataset in DATASETS if (block := config["datasets"][dataset]["evaluation"].get("claude"))}
ANSWER_PLANS = {dataset: {key: block[key] for key in AnswerPlan.model_fields} for dataset, block in CLAUDE.items()}
# The systems that are evaluated on each data set; the first training size and the first seed are those of the main run.
SYSTEMS = {
    dataset: study_systems(
        MODELS,
        sizes=list(
            dict.fromkeys([config["datasets"][dataset]["curation"]["train_rows"], *config["study"]["train_sizes"]])
        ),
        seeds=config["study"]["seeds"],
        few_shot=config["scoring"]["few_shot"] > 0,
        zero_shot=[CLAUDE[dataset]["model"]] if dataset in CLAUDE else [],
    )
    for dataset in DATASETS
}
# The variants that run on this machine's accelerator.
COMPUTED = ("base", "few_shot", "tuned")
# Folders of the merged models.
MERGED = [
    f"results/merged/{system.model}/{dataset}/{system.run}"
    for dataset, systems in SYSTEMS.items()
    for system in systems
    if system.variant == "tuned"
]
# The block publication of each data set of this study that has one.
PUBLISHED = {
    dataset: config["datasets"][dataset]["publication"]
    for dataset in DATASETS
    if "publication" in config["datasets"][dataset]
}


wildcard_constraints:
    model="|".join(sorted({system.model for systems in SYSTEMS.values() for system in systems} | {*config["models"]})),
    dataset="|".join(config["datasets"]),
    rows="[0-9]+",
    seed="[0-9]+",


def get_model(wildcards):
    return config["models"][wildcards.model]


def get_source(wildcards):
    described = {key: get_model(wildcards).get(key) for key in ("vocabulary", "template")}
    return {"source": get_download(wildcards)} | described


def get_model_files(wildcards):
    source = get_model(wildcards)["source"]
    if is_downloaded(source):
        return [f"results/downloads/{wildcards.model}.json"]
    if source["type"] == "local":
        return local_files(Path(source["path"]))
    return [source["path"]] if "path" in source else []


def get_download(wildcards):
    """Return where a model's files come from; keys that only describe them are left out, as they make nothing stale."""
    return {key: value for key, value in get_model(wildcards)["source"].items() if key not in ("size_gb", "gated")}


def get_download_mb(wildcards):
    return round(1000 * get_model(wildcards)["source"]["size_gb"])


def get_training(wildcards):
    shared, own = config["training"], get_model(wildcards)["training"]
    options = shared["llamafactory"] | own.get("llamafactory", {})
    settings = shared | own | {"llamafactory": options}
    return {key: settings[key] for key in sorted(settings) if key != "per_device_eval_batch_size"}


def get_precision(wildcards):
    return get_training(wildcards)["precision"]


def get_dataset(wildcards):
    return config["datasets"][wildcards.dataset]


def get_resource(name):
    return lambda wildcards: f"{get_dataset(wildcards)['resources']}/{name}"


def get_personas(wildcards):
    """Return the data set's personas; only rows that were written for personas have them."""
    path = get_resource("personas.yaml")(wildcards)
    return path if Path(path).is_file() else []


def get_recorded_dataset(wildcards):
    return get_generation(wildcards)["recorded"].get("dataset", wildcards.dataset)


def get_generation(wildcards):
    return get_dataset(wildcards)["generation"]


def get_candidates(wildcards):
    return f"results/candidates/{wildcards.dataset}/{get_generation(wildcards)['backend']}.jsonl"


def get_generation_record(wildcards):
    return get_candidates(wildcards).removesuffix("l")


def get_curation(wildcards):
    return curation_of(wildcards.dataset)


def curation_of(dataset):
    return config["datasets"][dataset]["curation"] | {"seed": config["seed"]}


def expand_resources(name, datasets):
    return [f"{config['datasets'][dataset]['resources']}/{name}" for dataset in datasets]


def get_evaluation_file(wildcards):
    evaluation = get_dataset(wildcards)["evaluation"]
    if evaluation["source"] == "local":
        return evaluation["path"]
    return f"results/openfindata/{evaluation['task']}.json"


def get_option_shuffle(wildcards):
    return config["seed"] if get_dataset(wildcards)["shuffle_options"] else None


def get_all_rows(pattern):
    """Return a function that gives the file of all training rows of a data set; `pattern` has {dataset} and {rows}."""
    return lambda wildcards: pattern.format(**wildcards, rows=get_curation(wildcards)["train_rows"])


def merged_model(path):
    """Mark a merged model's folder, which is deleted after its last use unless the configuration keeps it."""
    return directory(path) if config["keep_merged"] else temp(directory(path))


def get_systems(*variants, main=False):
    """Return a function that gives the systems of a job's data set, or of its model if the job has one.

    `variants`: only systems of these variants; `main`: only the main run of each model and variant.
    """

    def choose(wildcards):
        wanted = wildcards.get("model")
        found = [
            system
            for system in SYSTEMS[wildcards.dataset]
            if wanted in (None, system.model) and (not variants or system.variant in variants)
        ]
        return main_systems(found) if main else found

    return choose


def per_system(pattern, *variants, main=False):
    """Return a function that gives one path for each system that `get_systems` selects."""
    return lambda wildcards: [
        pattern.format(model=system.model, dataset=wildcards.dataset, run=system.run)
        for system in get_systems(*variants, main=main)(wildcards)
    ]


def get_variants(wildcards):
    """Return the names of the panels of a model's figure."""
    return [system.label for system in get_systems(main=True)(wildcards)]


def get_validation(wildcards):
    """Return the file of validation predictions; a model behind an API has none."""
    if wildcards.run == "zero_shot":
        return {}
    return {"validation": "results/predictions/{model}/{dataset}/{run}/validation.jsonl".format(**wildcards)}


def get_numbers_per_variant(pattern, *variants):
    """Return a function that gives the numbers for a caption, of each variant's main run by the variant's name."""
    return lambda wildcards: {
        system.label: Numbers(pattern.format(model=system.model, dataset=wildcards.dataset, run=system.run))
        for system in get_systems(*variants, main=True)(wildcards)
    }


def get_numbers(pattern):
    return lambda wildcards: Numbers(pattern.format(**wildcards))


def get_code(script):
    """Return a digest of a script and of the package modules that it imports; a change of it makes the rule stale."""
    return code_digest(SCRIPTS / script)


def get_versions(*packages):
    return locked_versions(ROOT / "requirements.lock", *packages)


# A new locked version of one of these makes training and evaluation stale.
MODEL_VERSIONS = get_versions(*MODEL_PACKAGES)
