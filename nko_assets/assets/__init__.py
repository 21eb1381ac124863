"""Thin Dagster adapters: one module a group, each declaring steps that call the domain."""
