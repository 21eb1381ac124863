"""A small channel with known text, so that everything runs with nothing configured."""
