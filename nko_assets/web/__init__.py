"""The memory over HTTP: search, new turns as they come, and whether it works."""
