"""Benchmarks used by the tests."""
