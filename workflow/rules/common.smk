"""Validated configuration, wildcard constraints and the helpers that rules look things up with."""

import json
import sys
from pathlib import Path

import yaml
from snakemake.utils import min_version, validate

min_version("9.27")

ROOT = Path(workflow.current_basedir.get_path_or_uri(secret_free=True)).parents[1].resolve()
SCRIPTS = ROOT / "workflow/scripts"
sys.path.insert(0, str(SCRIPTS))

from finintent.configuration import BASELINE_NAME, check_config
from finintent.dependencies import MODEL_PACKAGES, code_digest, locked_versions
from finintent.errors import ConfigError
from finintent.files import sha256
from finintent.requests import Plan
from finintent.report import Numbers
from finintent.sources import local_files

SCHEMA = ROOT / "workflow/schemas/config.schema.yaml"
try:
    check_config(config, yaml.safe_load(SCHEMA.read_text(encoding="utf-8")))
except ConfigError as error:
    sys.exit(str(error))
validate(config, str(SCHEMA))  # fills in the defaults
# Parameters are compared by their text: the order of keys must not matter.
config |= json.loads(json.dumps(config, sort_keys=True))

MODELS = config["study"]["models"]
DATASETS = config["study"]["datasets"]
BASELINE = BASELINE_NAME
PRICES = "resources/prices.yaml"
# What decides the requests to Claude, of each data set that has settings for it.
PLANS = {
    dataset: {key: block[key] for key in Plan.model_fields if key in block}
    for dataset in DATASETS
    if (block := config["datasets"][dataset]["generation"].get("anthropic"))
}
# The data sets of this study that have a place on the Hub.
PUBLISHED = {
    dataset: config["datasets"][dataset]["publication"]
    for dataset in DATASETS
    if "publication" in config["datasets"][dataset]
}


wildcard_constraints:
    model="|".join([*config["models"], BASELINE]),
    dataset="|".join(config["datasets"]),


def get_model(wildcards):
    return config["models"][wildcards.model]


def get_source(wildcards):
    return {key: get_model(wildcards).get(key) for key in ("source", "vocabulary")}


def get_model_files(wildcards):
    source = get_model(wildcards)["source"]
    return local_files(Path(source["path"])) if source["type"] == "local" else []


def get_training(wildcards):
    shared, own = config["training"], get_model(wildcards)["training"]
    options = shared.get("llamafactory", {}) | own.get("llamafactory", {})
    return dict(sorted((shared | own | {"llamafactory": options}).items()))


def get_precision(wildcards):
    return get_training(wildcards)["precision"]


def get_dataset(wildcards):
    return config["datasets"][wildcards.dataset]


def get_resource(name):
    return lambda wildcards: f"{get_dataset(wildcards)['resources']}/{name}"


def get_responses(wildcards):
    return get_generation(wildcards)["recorded"]["responses"]


def get_generation(wildcards):
    return get_dataset(wildcards)["generation"]


def get_candidates(wildcards):
    return f"results/candidates/{wildcards.dataset}/{get_generation(wildcards)['backend']}.jsonl"


def get_generation_record(wildcards):
    return get_candidates(wildcards).removesuffix("l")


def get_publication(wildcards):
    return get_dataset(wildcards).get("publication", {})


def get_plan(wildcards):
    return PLANS[wildcards.dataset]


def get_hub_source(wildcards):
    return get_generation(wildcards)["huggingface"]


def get_curation(wildcards):
    return curation_of(wildcards.dataset)


def curation_of(dataset):
    return config["datasets"][dataset]["curation"] | {"seed": config["seed"]}


def expand_resources(name):
    return [f"{config['datasets'][dataset]['resources']}/{name}" for dataset in PLANS]


def get_evaluation(wildcards):
    return get_dataset(wildcards)["evaluation"]


def get_evaluation_file(wildcards):
    evaluation = get_evaluation(wildcards)
    if evaluation["source"] == "local":
        return evaluation["path"]
    return f"results/openfindata/{evaluation['task']}.json"


def get_template(wildcards):
    return get_model(wildcards)["template"]


def get_weights(wildcards):
    if wildcards.variant == "base":
        return {"weights": f"results/models/{wildcards.model}"}
    merged = f"results/merged/{wildcards.model}/{wildcards.dataset}"
    return {"weights": f"{merged}/model", "checked": f"{merged}/merge_check.json"}


def get_predictions(wildcards):
    variants = ["baseline"] if wildcards.model == BASELINE else ["base", "tuned"]
    return expand("results/predictions/{model}/{dataset}/{variant}.jsonl", variant=variants, **wildcards)


def get_numbers(pattern):
    return lambda wildcards: Numbers(pattern.format(**wildcards))


def get_code(script):
    """Digest of a script and of the package modules that it imports: a change of either makes its rule stale."""
    return code_digest(SCRIPTS / script)


def get_versions(*packages):
    return locked_versions(ROOT / "requirements.lock", *packages)


# A new locked version of one of these makes training and evaluation stale.
MODEL_VERSIONS = get_versions(*MODEL_PACKAGES)
