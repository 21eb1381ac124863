"""Training files from accepted readings: pairs, conversations, samples, words, splits, report."""
