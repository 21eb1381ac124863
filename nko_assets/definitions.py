"""The code location that Dagster loads."""

from nko_assets.build import build_definitions

defs = build_definitions()
