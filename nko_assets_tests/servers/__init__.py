"""Servers used by the tests."""
