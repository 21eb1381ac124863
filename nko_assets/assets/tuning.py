"""The tuning group."""

STEPS = ()
