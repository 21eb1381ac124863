"""Reading with Gemini: what is asked, what it costs, and what its answers are worth.

Pure domain code: no client, no database, no network. The only file written is a job file.
"""
