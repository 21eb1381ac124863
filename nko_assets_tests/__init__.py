"""Tests, benchmarks and protocol servers of nko_assets; mirrors the package."""
