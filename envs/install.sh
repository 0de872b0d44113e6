#!/bin/sh
# Install the lock into the active environment. Usage: install.sh requirements.lock
#
# On Linux, PyPI's PyTorch brings 4 GB of CUDA libraries. A machine without an NVIDIA driver gets the CPU builds of
# the same versions from PyTorch's own index instead, where that can be reached; TORCH_BACKEND=pypi keeps PyPI's.
set -eu
lock=$1
here=$(dirname "$0")

if [ "${TORCH_BACKEND:-cpu}" = cpu ] && [ "$(uname -s)" = Linux ] && ! command -v nvidia-smi >/dev/null 2>&1; then
    torch=$(sed -nE 's/^((torch|torchaudio|torchvision)==[^ ;]+).*/\1/p' "$lock")
    # The lock's hashes are those of PyPI's files: these three are pinned by version.
    # shellcheck disable=SC2086 # one word a package
    if UV_HTTP_RETRIES=0 uv pip install --quiet --torch-backend cpu --no-deps $torch; then
        exec uv pip install --require-hashes --excludes "$here/cpu-excludes.txt" --requirement "$lock"
    fi
    echo "PyTorch's CPU builds could not be installed (see above): installing PyPI's builds, with CUDA" >&2
fi
exec uv pip install --require-hashes --requirement "$lock"
