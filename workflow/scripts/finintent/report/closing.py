"""What is said when a run ends."""

from collections.abc import Mapping
from pathlib import Path

STOPPED = (
    "Stopped. Finished results are kept, and so is every paid answer: the same command goes on from there, training "
    "from its last finished epoch. What went wrong in a job is in its log, below results/logs/."
)


def closing_lines(reports: Mapping[str, str], since: float) -> list[str]:
    """Return the result of each data set, the first paragraph of its report, and where the report is.

    Args:
        reports: path of each data set's report.
        since: when the run began, in seconds since the epoch; reports that are older are left out.
    """
    lines = []
    for dataset, path in reports.items():
        report = Path(path)
        if report.is_file() and report.stat().st_mtime >= since:
            paragraphs = [part.strip() for part in report.read_text(encoding="utf-8").split("\n\n")]
            result = next((part for part in paragraphs if part and not part.startswith(("#", "!", "|"))), "")
            lines += [f"{dataset}: {result}", f"The report: {path}"]
    if lines:
        lines.append("All figures on one page: run the same command with --report results/report.html")
    return lines
