"""`nko schema`: the SQL that makes the memory in a database reached only through an editor."""

from __future__ import annotations

import typer


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""

    @app.command("schema")
    def schema() -> None:
        """Print the SQL that makes the memory, to paste into the SQL editor of a new project."""
        from nko_assets.resources.migrations import migration_script

        typer.echo(migration_script("nko_assets.memory"))
