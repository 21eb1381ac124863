"""Which model to tune: what each candidate would take and cost with the data at hand."""
