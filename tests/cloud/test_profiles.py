"""The profiles for Kubernetes and cloud batch services, against the plugins' own code; nothing is submitted.

Google's plugin does not install beside the locked packages. In an environment of its own, with pytest in it:
`pytest --noconftest tests/cloud`.
"""

import logging
import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]

GPU_RULES = {
    "render_configs", "train_lora", "merge_lora", "check_merge", "evaluate_base", "evaluate_few_shot",
    "evaluate_tuned", "train_encoder", "evaluate_encoder",
}  # fmt: skip
PROFILES = {"kubernetes": "kubernetes", "aws-batch": "aws_batch", "google-batch": "googlebatch"}


def read(profile: str) -> dict[str, Any]:
    return yaml.safe_load((ROOT / f"profiles/{profile}/profile.yaml").read_text())


def plugin(profile: str) -> Any:
    name = f"snakemake_executor_plugin_{PROFILES[profile]}"
    return pytest.importorskip(name, reason=f"needs {name.replace('_', '-')}: docs/cluster.md")


def options(settings: type) -> set[str]:
    return {name.replace("_", "-") for name in settings.__dataclass_fields__}


@pytest.mark.parametrize("profile", PROFILES)
def test_each_setting_is_one_of_the_plugin(profile: str):
    executor, written = plugin(profile), read(profile)
    own = {key.removeprefix(f"{written['executor']}-") for key in written if key.startswith(f"{written['executor']}-")}
    known = options(executor.ExecutorSettings)
    assert own
    assert own <= known
    required = {
        name for name, field in executor.ExecutorSettings.__dataclass_fields__.items() if field.metadata.get("required")
    }
    assert {name.replace("_", "-") for name in required} <= own


@pytest.mark.parametrize("profile", PROFILES)
def test_each_profile_gives_every_gpu_rule_a_gpu_and_keeps_the_default_rerun_triggers(profile: str):
    written = read(profile)
    default = yaml.safe_load((ROOT / "profiles/default/profile.yaml").read_text())
    rules = "".join(path.read_text() for path in (ROOT / "workflow/rules").glob("*.smk"))
    named = {*written["set-resources"], *written.get("set-threads", {}), *written["groups"]}
    assert named <= {*re.findall(r"^(?:use rule \w+ as|rule) (\w+)", rules, re.MULTILINE)}
    assert {rule for rule, resources in written["set-resources"].items() if "gpu" in resources} == GPU_RULES
    assert {key: written[key] for key in ("rerun-triggers", "rerun-incomplete")} == {
        key: default[key] for key in ("rerun-triggers", "rerun-incomplete")
    }


def resources_of(profile: str, rule: str) -> dict[str, Any]:
    written = read(profile)
    cores = {"_cores": written.get("set-threads", {}).get(rule, 1)}
    return cores | written.get("default-resources", {}) | written["set-resources"].get(rule, {})


@pytest.mark.parametrize("rule", ["train_lora", "score_predictions"])
def test_aws_batch_is_asked_for_the_memory_and_the_gpu_of_the_profile(rule: str, caplog: pytest.LogCaptureFixture):
    plugin("aws-batch")
    from snakemake_executor_plugin_aws_batch.batch_job_builder import BatchJobBuilder

    resources, registered = resources_of("aws-batch", rule), []
    client = SimpleNamespace(register_job_definition=lambda **definition: registered.append(definition))
    builder = BatchJobBuilder(
        logger=logging.getLogger("aws-batch"),
        job=SimpleNamespace(name=rule, resources=resources),
        envvars={},
        container_image="image",
        settings=SimpleNamespace(job_role="role", task_timeout=60, tags=None),
        job_command="command",
        batch_client=client,
    )
    builder.build_job_definition()
    asked = {part["type"]: part["value"] for part in registered[0]["containerProperties"]["resourceRequirements"]}
    gpu = {"GPU": "1"} if rule in GPU_RULES else {}
    assert asked == {"VCPU": str(resources["_cores"]), "MEMORY": str(resources["mem_mb"])} | gpu
    assert not caplog.records  # no warning that the memory was lowered


def test_kubernetes_limits_a_training_pod_to_one_gpu():
    executor_class = plugin("kubernetes").Executor
    created = []
    executor = executor_class.__new__(executor_class)
    vars(executor).update(
        logger=logging.getLogger("kubernetes"),
        run_namespace="run",
        namespace="ns",
        container_image="image",
        k8s_cpu_scalar=0.95,
        k8s_service_account_name="account",
        privileged=False,
        persistent_volumes=plugin("kubernetes").parse_persistent_volumes(
            read("kubernetes")["kubernetes-persistent-volumes"]
        ),
        secret_envvars={},
        batchapi=SimpleNamespace(create_namespaced_job=lambda namespace, body: created.append(body)),
        format_job_exec=lambda job: "command",
        report_job_submission=lambda job: None,
        _kubernetes_retry=lambda call: call(),
    )
    resources = resources_of("kubernetes", "train_lora")
    executor.run_job(SimpleNamespace(jobid=1, attempt=1, resources=resources, is_containerized=False))
    pod = created[0].spec.template.spec
    container = pod.containers[0]
    assert container.resources.limits["nvidia.com/gpu"] == "1"
    assert container.resources.limits["memory"] == container.resources.requests["memory"] == "28000M"
    assert pod.node_selector == {"node.kubernetes.io/instance-type": "g5.2xlarge"}
    assert [(mount.name, mount.mount_path) for mount in container.volume_mounts] == [
        ("workdir", container.working_dir),
        ("finintent-checkpoints", f"{container.working_dir}/results/checkpoints"),
    ]


@pytest.mark.parametrize("rule", ["train_lora", "score_predictions"])
def test_google_batch_is_asked_for_the_card_and_the_image_of_the_profile(rule: str):
    module = plugin("google-batch")
    written = read("google-batch")
    prefix = f"{written['executor']}-"
    given = {
        key.removeprefix(prefix).replace("-", "_"): value for key, value in written.items() if key.startswith(prefix)
    }
    executor = module.Executor.__new__(module.Executor)
    vars(executor).update(
        executor_settings=module.ExecutorSettings(**given),
        workflow=SimpleNamespace(
            remote_execution_settings=SimpleNamespace(
                container_image="image",
                preemptible_rules=SimpleNamespace(is_preemptible=lambda rule: False),
            )
        ),
    )
    job = SimpleNamespace(
        resources=resources_of("google-batch", rule), is_group=lambda: False, rule=SimpleNamespace(name=rule)
    )
    policy = executor.get_allocation_policy(job).instances[0]
    gpu = rule in GPU_RULES
    assert [(card.type_, card.count) for card in policy.policy.accelerators] == ([("nvidia-l4", 1)] if gpu else [])
    assert policy.install_gpu_drivers is gpu
    assert policy.policy.machine_type == ("g2-standard-8" if gpu else "n2-standard-8")
    assert (policy.policy.boot_disk.image, policy.policy.boot_disk.size_gb) == ("batch-cos", 100)
    assert executor.get_task_resources(job).memory_mib == 28000
    assert executor.get_container(job).image_uri == "image"
