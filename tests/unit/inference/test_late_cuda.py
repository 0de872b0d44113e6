"""A job's process leaves CUDA alone until a card is chosen."""

import os
import subprocess
import sys

from tiny import ROOT

UNTOUCHED = """
import runpy, sys, torch
def touched(): raise SystemExit(f"{script} initialises CUDA before it chooses a card")
torch._C._cuda_getDeviceCount = torch.cuda._lazy_init = touched
for script in sys.argv[1:]:
    runpy.run_path(script)
torch._C._cuda_getDeviceCount = lambda: 1
from transformers.utils import is_torch_cuda_available
assert is_torch_cuda_available()  # nothing remembers that the GPU was hidden
"""


def test_no_job_initialises_cuda_when_it_is_imported():
    scripts = [
        path for path in (ROOT / "workflow/scripts").glob("*.py") if "exclusive_accelerator()" in path.read_text()
    ]
    assert len(scripts) == 6
    environment = os.environ | {"PYTHONPATH": str(ROOT / "workflow/scripts")}
    subprocess.run([sys.executable, "-c", UNTOUCHED, *scripts], env=environment, check=True)
