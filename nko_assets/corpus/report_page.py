"""The training report as one HTML page that needs no other file."""

from __future__ import annotations

from nko_assets.corpus.report_data import Report


def render_page(report: Report) -> str:
    """`report` as a page; everything that came from a video is escaped."""
