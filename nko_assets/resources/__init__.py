"""The outside world, one protocol each: source, reader, lake."""
