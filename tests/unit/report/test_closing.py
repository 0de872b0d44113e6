"""What is said when a run ends."""

import os
from pathlib import Path

from finintent.report.closing import STOPPED, closing_lines

REPORT = "# words\n\n![figure](a.svg)\n\nThe tuned model is 3 points better.\n\nMore.\n"


def test_the_result_and_the_path_of_each_new_report(tmp_path: Path):
    reports = {name: str(tmp_path / f"{name}.md") for name in ("old", "new", "missing")}
    for name, time in (("old", 100), ("new", 200)):
        Path(reports[name]).write_text(REPORT)
        os.utime(reports[name], (time, time))
    assert closing_lines(reports, since=150) == [
        "new: The tuned model is 3 points better.",
        f"The report: {reports['new']}",
        "All figures on one page: run the same command with --report results/report.html",
    ]


def test_a_run_without_a_new_report_says_nothing(tmp_path: Path):
    assert closing_lines({"d": str(tmp_path / "report.md")}, since=0) == []


def test_what_is_kept_is_one_line():
    assert "\n" not in STOPPED
