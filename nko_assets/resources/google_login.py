"""What may be told of a log-in at Google Cloud that fails."""

from __future__ import annotations

from google.auth.exceptions import DefaultCredentialsError, GoogleAuthError

LOG_IN = (
    "Log in with `gcloud auth application-default login`, or let GOOGLE_APPLICATION_CREDENTIALS "
    "be the path of a service account's key file."
)


def told(error: GoogleAuthError) -> str:
    """What `error` says on one line; nothing of what the variable above holds.

    Google's client repeats it as the name of a file that is not there, and people also put the
    key itself into it.
    """
    if isinstance(error, DefaultCredentialsError):
        return "no credentials, or none that can be read"
    return " ".join(f"{type(error).__name__}: {error}".split())[:500]
