"""Software-defined assets that turn recorded N'Ko lessons into training data and a tuned model."""
