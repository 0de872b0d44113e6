"""An executor that gives each job an empty folder, as a cloud service would: jobs share bucket and image alone."""

import os
import subprocess
import tempfile
from collections.abc import AsyncGenerator

from snakemake_interface_executor_plugins.executors.base import SubmittedJobInfo
from snakemake_interface_executor_plugins.executors.remote import RemoteExecutor
from snakemake_interface_executor_plugins.jobs import JobExecutorInterface
from snakemake_interface_executor_plugins.settings import CommonSettings

# As those of the plugins for Kubernetes and AWS Batch, but for `pip install` of the storage plugin in each job.
common_settings = CommonSettings(
    non_local_exec=True,
    implies_no_shared_fs=True,
    job_deploy_sources=True,
    pass_default_storage_provider_args=True,
    pass_default_resources_args=True,
    pass_envvar_declarations_to_cmd=False,
    auto_deploy_default_storage_provider=False,
    init_seconds_before_status_checks=1,
)


class Executor(RemoteExecutor):
    """Runs jobs as processes."""

    def run_job(self, job: JobExecutorInterface) -> None:
        """Start a job in a folder of its own."""
        folder = tempfile.mkdtemp(prefix=f"{job.name}-", dir=os.environ["PODS"])
        with open(f"{folder}.log", "w") as log:
            process = subprocess.Popen(
                ["/bin/sh", "-c", self.format_job_exec(job)],
                cwd=folder,
                env={**os.environ, **self.envvars(), "PYTHONPATH": "workflow/scripts"},
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        self.report_job_submission(SubmittedJobInfo(job, external_jobid=str(process.pid), aux={"process": process}))

    async def check_active_jobs(self, active_jobs: list[SubmittedJobInfo]) -> AsyncGenerator[SubmittedJobInfo, None]:
        """Report the jobs that ended, and yield the others."""
        self.next_seconds_between_status_checks = 1
        for job in active_jobs:
            status = job.aux["process"].poll()
            if status is None:
                yield job
            elif status:
                self.report_job_error(job)
            else:
                self.report_job_success(job)

    def cancel_jobs(self, active_jobs: list[SubmittedJobInfo]) -> None:
        """End the jobs."""
        for job in active_jobs:
            job.aux["process"].kill()
