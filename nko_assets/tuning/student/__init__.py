"""The student: the offline reader trained on with lines that others vouch for, and judged for good."""
