"""The validated configuration, the wildcard constraints, and the helpers of the rules."""

import os
import sys
import time
from collections import Counter
from functools import cache
from pathlib import Path

from snakemake.io import sourcecache_entry
from snakemake.utils import min_version

min_version("9.27")

ROOT = Path(workflow.current_basedir.get_path_or_uri(secret_free=True)).parents[1].resolve()
SCRIPTS = ROOT / "workflow/scripts"
sys.path.insert(0, str(SCRIPTS))

from finintent.config.answers import AnswerPlan
from finintent.config.plan import Plan
from finintent.config.settings import encoder_settings, training_settings
from finintent.config.whole import complete_config
from finintent.versions import MODEL_PACKAGES, locked_versions
from finintent.code_digest import code_digest
from finintent.models.disk import disk_need, unwritable
from finintent.models.host_memory import host_mb, preparation_mb, weights_gigabytes
from finintent.errors import ConfigError, DataError
from finintent.files import parse_yaml, read_text, sha256
from finintent.report.captions import Numbers
from finintent.report.closing import STOPPED, closing_lines
from finintent.models.folder import is_downloaded, local_files
from finintent.orphans import VARIABLE as SNAKEMAKE_PROCESS
from finintent.shipped import shipped, with_shipped_files
from finintent.task.system import (
    LINEAR_BASELINE as BASELINE,
    MAJORITY_BASELINE as MAJORITY,
    main_systems,
    study_systems,
)
from finintent.training.arguments import OWN_KEYS

# Threads that wait without spinning: with OpenMP's default, a job takes several times as long beside another process.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
# A job ends when this process does, even by `kill -9`.
os.environ[SNAKEMAKE_PROCESS] = str(os.getpid())

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

# Whether results are in object storage. Jobs then share what their rules declare, and perhaps nothing else.
STORED = bool(workflow.storage_settings.default_storage_provider)
if workflow.storage_settings.default_storage_provider == "s3":
    from snakemake_storage_plugin_s3 import StorageObject

    # The plugin (0.3.6) remembers that a folder is not in the bucket, also when a job on another machine has made it.
    StorageObject.is_dir = lambda self: any(self.get_subkeys())


if slurm := sys.modules.get("snakemake_executor_plugin_slurm"):
    # The plugin (2.8.0) forgets its jobs when slurmctld does not answer, and then waits for ever.
    query, check, answered = slurm.query_job_status, slurm.Executor.check_active_jobs, True

    async def query_job_status(command, logger):
        global answered
        answer = await query(command, logger)
        answered = answer[0] is not None
        return answer

    async def check_active_jobs(self, jobs):
        async for job in check(self, jobs):
            yield job
        if not answered:
            self.logger.warning("Slurm does not answer; it will be asked again")
            for job in jobs:
                yield job

    slurm.query_job_status, slurm.Executor.check_active_jobs = query_job_status, check_active_jobs


def source_file(path):
    """Return the path of a file that comes with the study, marked so that it is not looked for in object storage.

    `local` would mark it too, but a job with such an input runs on the submitting machine only.
    """
    return sourcecache_entry(str(path), str(path)) if STORED else path


BEGAN = time.time()
MODELS = config["study"]["models"]
ENCODERS = [model for model in MODELS if config["models"][model]["kind"] == "encoder"]
RECIPES = config["study"]["recipes"]
DATASETS = config["study"]["datasets"]
PRICES = source_file(shipped("resources/prices.yaml", ROOT))
# The settings that decide the requests to Claude, by data set with a block generation.anthropic.
PLANS = {
    dataset: {key: block[key] for key in Plan.model_fields if key in block}
    for dataset in DATASETS
    if (block := config["datasets"][dataset]["generation"].get("anthropic"))
}
# The block evaluation.claude, and its settings that decide the answers, by data set that has it.
CLAUDE = {dataset: block for dataset in DATASETS if (block := config["datasets"][dataset]["evaluation"].get("claude"))}
ANSWER_PLANS = {dataset: {key: block[key] for key in AnswerPlan.model_fields} for dataset, block in CLAUDE.items()}


def sizes_of(dataset):
    """Return the sizes of the training set by recipe, largest first; None is for what has no recipe."""
    whole = {config["datasets"][dataset]["curation"]["train_rows"], *config["study"]["train_sizes"]}
    by_recipe = {recipe: set(config["study"]["recipe_sizes"].get(recipe, whole)) for recipe in RECIPES}
    return {
        recipe: sorted(sizes, reverse=True)
        for recipe, sizes in {**by_recipe, None: whole.union(*by_recipe.values())}.items()
    }


# The systems that are evaluated on each data set.
SYSTEMS = {
    dataset: study_systems(
        {model: [None] if model in ENCODERS else RECIPES for model in MODELS},
        sizes=sizes_of(dataset),
        seeds=config["study"]["seeds"],
        few_shot=config["scoring"]["few_shot"] > 0,
        zero_shot=[CLAUDE[dataset]["model"]] if dataset in CLAUDE else [],
    )
    for dataset in DATASETS
}
# The variants that run on this machine's accelerator.
COMPUTED = ("base", "few_shot", "tuned")
# Each data set's tuned models, and the folders of those that were merged and of the encoders.
TUNED = [(dataset, system) for dataset, systems in SYSTEMS.items() for system in systems if system.variant == "tuned"]
MERGED = [f"results/merged/{system.model}/{dataset}/{system.run}" for dataset, system in TUNED if system.recipe]
FINETUNED = [
    f"results/encoders/{system.model}/{dataset}/{system.run}" for dataset, system in TUNED if not system.recipe
]
# The block publication of each data set of this study that has one.
PUBLISHED = {
    dataset: config["datasets"][dataset]["publication"]
    for dataset in DATASETS
    if "publication" in config["datasets"][dataset]
}


def models_of(kind):
    """Return a pattern of the models of one kind, which nothing matches where there are none."""
    return "|".join(name for name, model in config["models"].items() if model["kind"] == kind) or "(?!)"


CAUSAL, ENCODER = models_of("causal"), models_of("encoder")


wildcard_constraints:
    model="|".join(sorted({system.model for systems in SYSTEMS.values() for system in systems} | {*config["models"]})),
    dataset="|".join(config["datasets"]),
    recipe="|".join(config["recipes"]),
    rows="[0-9]+",
    seed="[0-9]+",


def lookup(dpath, within, **default):
    """Return a value, by a path with slashes, of nested dictionaries; a function of the wildcards if the path has some.

    It stands for Snakemake's own, which walks every key of `within` for each job.
    """

    def find(wildcards):
        value = within
        for key in dpath.split("/"):
            key = key.format(**wildcards)
            if key not in value and "default" in default:
                return default["default"]
            value = value[key]
        return value

    return find if "{" in dpath else find({})


def get_model(wildcards):
    return config["models"][wildcards.model]


def get_source(wildcards):
    described = {key: get_model(wildcards).get(key) for key in ("kind", "vocabulary", "template")}
    return {"source": get_download(wildcards)} | described


def get_model_files(wildcards):
    source = get_model(wildcards)["source"]
    if is_downloaded(source):
        return [f"results/downloads/{wildcards.model}.json"]
    if source["type"] == "local":
        return [source_file(path) for path in local_files(Path(source["path"]))]
    return [source_file(source["path"])] if "path" in source else []


def get_download(wildcards):
    """Return where a model's files come from; keys that only describe them are left out, as they make nothing stale."""
    return {key: value for key, value in get_model(wildcards)["source"].items() if key not in ("size_gb", "gated")}


def get_download_mb(wildcards):
    return round(1000 * get_model(wildcards)["source"]["size_gb"])


# What a scheduler is asked for. One processor launches kernels or reads rows, one is for Snakemake and the system.
CPUS = 2


def per_model(amount):
    """Return a function of the wildcards that gives an amount, a function of a model's source, computed once a model."""
    computed = cache(lambda model: amount(config["models"][model]["source"]))
    return lambda wildcards: computed(wildcards.model)


get_host_mb, get_preparation_mb = per_model(host_mb), per_model(preparation_mb)


# The longest time of a job, and of a training, in minutes: many times what docs/results.md has. Four jobs and a training
# of 7 billion parameters, one after the other, stay below a day.
get_runtime = per_model(lambda source: round(20 + 3 * weights_gigabytes(source)))
get_training_runtime = per_model(lambda source: round(120 + 60 * weights_gigabytes(source)))

GPU_JOB = {"gpu": 1, "mem_mb": get_host_mb, "runtime": get_runtime, "cpus_per_task": CPUS}
GPU_TRAINING = GPU_JOB | {"runtime": get_training_runtime}


def get_training(wildcards):
    """Return the settings that decide a training's result."""
    settings = training_settings(config, wildcards.model, wildcards.recipe)
    unused = ("answer", "shuffle_options", "per_device_eval_batch_size")
    return {key: settings[key] for key in sorted(settings) if key not in unused}


def get_encoder_training(wildcards):
    return encoder_settings(config, wildcards.model)


def get_recipe(wildcards):
    return config["recipes"][wildcards.recipe]


def get_form(wildcards):
    """Return the form of a recipe's training rows: that of the answer, and the seed of the options' orders."""
    recipe = get_recipe(wildcards)
    return {"answer": recipe["answer"], "shuffle": config["seed"] if recipe["shuffle_options"] else None}


def get_precision(wildcards):
    """Return the precision of a model's answers, which is that of its training where it was tuned."""
    if "recipe" in wildcards.keys():
        return get_training(wildcards)["precision"]
    return get_model(wildcards)["training"].get("precision", config["training"]["precision"])


def get_dataset(wildcards):
    return config["datasets"][wildcards.dataset]


def get_resource(name):
    return lambda wildcards: resource(name, wildcards.dataset)


def resource(name, dataset):
    return source_file(f"{config['datasets'][dataset]['resources']}/{name}")


def get_personas(wildcards):
    """Return the data set's personas; only rows that were written for personas have them."""
    path = resource("personas.yaml", wildcards.dataset)
    return path if Path(path).is_file() else []


def get_recorded_responses(wildcards):
    return source_file(get_generation(wildcards)["recorded"]["responses"])


def get_own_rows(wildcards):
    return source_file(get_generation(wildcards)["file"]["path"])


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
    return [resource(name, dataset) for dataset in datasets]


def get_evaluation_file(wildcards):
    evaluation = get_dataset(wildcards)["evaluation"]
    if evaluation["source"] == "local":
        return source_file(evaluation["path"])
    return f"results/openfindata/{evaluation['task']}.json"


def tuned_model(path):
    """Mark a tuned model's folder, which is deleted after its last use unless the configuration keeps it."""
    return directory(path) if config["keep_merged"] else temp(directory(path))


@cache  # of 100 models, each job of one would read the systems of all
def systems_of(dataset, model):
    """Return the systems of a data set, or those of one model if `model` is not None."""
    return [system for system in SYSTEMS[dataset] if model in (None, system.model)]


def get_systems(*variants, main=False, merged=False):
    """Return a function that gives the systems of a job's data set, or of its model if the job has one.

    `variants`: only systems of these variants; `main`: only the main run of each model and variant; `merged`: only
    tuned language models, no encoders.
    """

    def choose(wildcards):
        found = [
            system
            for system in systems_of(wildcards.dataset, wildcards.get("model"))
            if (not variants or system.variant in variants) and (system.recipe or not merged)
        ]
        return main_systems(found) if main else found

    return choose


def system_path(pattern, system, dataset):
    """Return a system's path; {training} is the folder of the records of training, which depends on its kind."""
    training = "encoders" if system.model in ENCODERS else "sft"
    return pattern.format(model=system.model, dataset=dataset, run=system.run, training=training)


def per_system(pattern, *variants, main=False, merged=False):
    """Return a function that gives one path for each system that `get_systems` selects."""
    return lambda wildcards: [
        system_path(pattern, system, wildcards.dataset)
        for system in get_systems(*variants, main=main, merged=merged)(wildcards)
    ]


def get_asked(wildcards):
    """Return the ids of the models behind an API."""
    return [system.model for system in get_systems("zero_shot")(wildcards)]


def get_validation(wildcards):
    """Return the file of validation predictions; a model behind an API has none."""
    if wildcards.run == "zero_shot":
        return {}
    return {"validation": "results/predictions/{model}/{dataset}/{run}/validation.jsonl".format(**wildcards)}


@cache
def fetched(path):
    """Return where a result lies on this machine; from object storage it is fetched first."""
    if not STORED:
        return Path(path)
    stored = workflow.modifier.path_modifier.apply_default_storage(path).flags["storage_object"]
    stored.local_path().parent.mkdir(parents=True, exist_ok=True)
    stored.retrieve_object()
    return stored.local_path()


def get_numbers_per_variant(pattern, *variants):
    """Return a function that gives the numbers for a caption, of each variant's main run by the variant's name."""
    return lambda wildcards: {
        system.label: Numbers(system_path(pattern, system, wildcards.dataset), fetched)
        for system in get_systems(*variants, main=True)(wildcards)
    }


def get_numbers(pattern):
    return lambda wildcards: Numbers(pattern.format(**wildcards), fetched)


def get_code(script):
    """Return a digest of a script and of the package modules that it imports; a change of it makes the rule stale."""
    return code_digest(SCRIPTS / script)


def get_versions(*packages):
    return locked_versions(ROOT / "requirements.lock", *packages)


# A new locked version of one of these makes training and evaluation stale.
MODEL_VERSIONS = get_versions(*MODEL_PACKAGES)
ENCODER_VERSIONS = get_versions("torch", "transformers", "accelerate", "tokenizers")
