"""The training group."""

STEPS = ()
