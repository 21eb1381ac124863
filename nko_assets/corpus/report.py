"""The training report: success criteria, funnel, samples and checks over the whole corpus.

`report_lessons` reduces one lesson, this module adds the lessons up, `report_page` draws the page.
"""

from __future__ import annotations

from nko_assets.corpus.report_data import Report, ReportInputs, SampleScore, SplitFacts, Targets
from nko_assets.corpus.report_lessons import LessonFacts, lesson_facts
from nko_assets.corpus.report_page import render_page

__all__ = [
    "LessonFacts",
    "Report",
    "ReportInputs",
    "SampleScore",
    "SplitFacts",
    "Targets",
    "build_report",
    "lesson_facts",
    "render_page",
    "report_json",
]


def build_report(inputs: ReportInputs) -> Report:
    """Add up `inputs`; the same inputs give the same report."""


def report_json(report: Report) -> str:
    """`report` as JSON, UTF-8 text without escapes; the pictures of samples are left out."""
