# The whole study:  make study      The tests:  make test
PYTHON ?= python3.11
VENV := .venv
UV_VERSION := 0.13.9
ACTIVATE := . $(VENV)/bin/activate
LOCK := requirements.lock
CLUSTER_LOCK := requirements-cluster.lock
COMPILE := uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header

# Each job is a process of its own: where bytecode is not kept, as in many containers, each would compile PyTorch again.
export PYTHONDONTWRITEBYTECODE :=

.PHONY: study test lint format config-docs cluster lock lock-cluster clean

study: $(VENV)/installed
	$(ACTIVATE) && snakemake --cores 1 --resources gpu=1
	$(ACTIVATE) && snakemake --cores 1 --report results/report.html

# Two workers: more would need about 2 GB of memory each.
test: lint
	$(ACTIVATE) && pytest --numprocesses 2 --dist worksteal

lint: $(VENV)/installed
	$(ACTIVATE) && ruff check . && ruff format --check . && lint-imports --no-cache >/dev/null && snakefmt --check Snakefile workflow

format: $(VENV)/installed
	$(ACTIVATE) && ruff check --fix . && ruff format . && snakefmt Snakefile workflow

# What is made from the configuration's models: docs/configuration.md and the JSON schema for editors. And the lists of
# what the installed LlamaFactory has.
config-docs: $(VENV)/installed
	$(ACTIVATE) && python -m finintent.config.reference

# The environment, exactly as locked and checked by hash.
$(VENV)/installed: $(LOCK) envs/install.sh envs/cpu-excludes.txt
	$(PYTHON) -m venv --clear $(VENV)
	$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)
	$(ACTIVATE) && sh envs/install.sh $(LOCK)
	$(ACTIVATE) && uv pip install --quiet --no-deps --editable .
	touch $@

# What docs/cluster.md needs in the environment too: Snakemake's plugins for schedulers.
cluster: $(VENV)/installed
	$(ACTIVATE) && uv pip install --quiet --require-hashes --requirement $(CLUSTER_LOCK)

# Pin the newest versions that pyproject.toml allows.
lock: $(VENV)/installed
	$(ACTIVATE) && $(COMPILE) --upgrade --group dev pyproject.toml --output-file $(LOCK)
	$(MAKE) lock-cluster

# The same for the plugins of `make cluster`. What they need of the environment's packages keeps its version.
lock-cluster: $(VENV)/installed
	$(ACTIVATE) && $(COMPILE) --upgrade --constraint $(LOCK) --group pyproject.toml:cluster --output-file $(CLUSTER_LOCK)

# Everything that can be made again, but for the environment.
clean:
	rm -rf results/*/ results/report.html .snakemake
