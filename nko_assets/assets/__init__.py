"""Thin Dagster adapters: one module a group, each calling a domain function."""
