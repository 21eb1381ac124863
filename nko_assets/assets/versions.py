"""The versions by which Dagster tells what is out of date: of what is made, and what it is made from."""

from __future__ import annotations

from collections.abc import Iterable

import dagster as dg
from dagster._core.execution.plan.execute_step import (
    _build_data_version_tags,
    _get_input_provenance_data,
)

from nko_assets.resources.lake import fingerprint
from nko_assets.steps import Performed, Step


def version_of(performed: Iterable[Performed]) -> dg.DataVersion:
    """What the artefacts hold, as Dagster compares it; those of a range have one version together."""
    return dg.DataVersion(fingerprint(contents=[one.record.content for one in performed]))


def provenance_tags(
    context: dg.AssetExecutionContext, step: Step, version: dg.DataVersion
) -> dict[str, str]:
    """The tags of a materialization that is logged, as Dagster gives them to a result by itself."""
    inputs = _get_input_provenance_data(
        dg.AssetKey(step.name), context.get_step_execution_context()
    )
    return _build_data_version_tags(
        version, step.code_version, inputs, data_version_is_user_provided=True
    )
