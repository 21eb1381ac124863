"""Measuring models that answer: benchmarks, metrics, significance, contamination, the report."""
