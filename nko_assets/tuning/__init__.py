"""From training files to a tuned model: data sets, trainers, models that answer, evaluation."""
