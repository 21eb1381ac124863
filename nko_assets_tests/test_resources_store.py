import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import psycopg
import pytest
from pydantic import SecretStr

from nko_assets.failures import ConfigurationError, NkoError, TransientFailure
from nko_assets.resources.migrations import migrate
from nko_assets.resources.store import MIGRATIONS, LazyStore, Store, open_store

PACKAGE = "nko_assets.reading.ledger"


@pytest.fixture
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="nko-test-", ignore_cleanup_errors=True) as name:
        yield Path(name) / "data" / "store"


@pytest.fixture(scope="module")
def used_folder() -> Iterator[Path]:
    """The folder of a server that ran before, with a table in it."""
    with tempfile.TemporaryDirectory(prefix="nko-test-", ignore_cleanup_errors=True) as name:
        folder = Path(name) / "data" / "store"
        with open_store(None, folder) as opened, opened.connect() as conn:
            conn.execute("create table kept as select 1 as n")
        yield folder


def servers_of(folder: Path) -> list[int]:
    """Process ids of the servers and guards that have to do with `folder`."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            command = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode()
        except OSError:
            continue
        if str(folder) in command and int(process.name) != os.getpid():
            found.append(int(process.name))
    return found


def eventually(condition: Callable[[], bool]) -> bool:
    for _ in range(600):
        if condition():
            return True
        time.sleep(0.1)
    return False


def user_of(folder: Path) -> subprocess.Popen[str]:
    """Another process that uses the store until its standard input ends."""
    code = (
        "import sys; from pathlib import Path; from nko_assets.resources.store import open_store\n"
        "store = open_store(None, Path(sys.argv[1])); conn = store.connect()\n"
        "print(conn.execute('select pg_postmaster_start_time()').fetchone()[0], flush=True)\n"
        "sys.stdin.read()"
    )
    return subprocess.Popen(
        [sys.executable, "-c", code, str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def test_nko_letters_are_letters_and_words_stay_whole(store: Store) -> None:
    with store.connect() as conn:
        row = conn.execute(
            "select 'ߒߞߏ' ~ '^[[:alpha:]]+$', to_tsvector('simple', 'ߌ ߣߌ߫ ߛߐ߰ߡߊ߬')::text"
        ).fetchone()
    assert row == (True, "'ߌ':1 'ߛߐ߰ߡߊ߬':3 'ߣߌ߫':2")


def test_nothing_listens_on_the_network_and_the_socket_is_private(store: Store) -> None:
    with store.connect() as conn:
        assert conn.execute("show listen_addresses").fetchone() == ("",)
        socket_folder = Path(conn.info.host)
    assert socket_folder.stat().st_mode & 0o077 == 0
    assert len(os.fsencode(socket_folder / ".s.PGSQL.5432")) <= 107


def test_commits_wait_for_the_disk(store: Store) -> None:
    with store.connect() as conn:
        assert conn.execute("show fsync").fetchone() == ("on",)
        assert conn.execute("show synchronous_commit").fetchone() == ("on",)


def test_migrations_are_applied_once_and_recorded(store: Store) -> None:
    with store.connect() as conn:
        before = conn.execute("select * from nko.migrations order by package, name").fetchall()
        assert {row[0] for row in before} == set(MIGRATIONS)
        assert all(migrate(conn, package) == [] for package in MIGRATIONS)
        after = conn.execute("select * from nko.migrations order by package, name").fetchall()
    assert after == before


def test_a_migration_that_was_changed_is_refused(store: Store) -> None:
    with store.connect() as conn, conn.transaction(force_rollback=True):
        conn.execute("update nko.migrations set sha256 = 'other'")
        with pytest.raises(ConfigurationError, match=r"0001_ledger\.sql .* in another form"):
            migrate(conn, PACKAGE)


def test_a_database_of_a_later_version_is_refused(store: Store) -> None:
    with store.connect() as conn, conn.transaction(force_rollback=True):
        conn.execute("insert into nko.migrations values (%s, '9999_later.sql', '')", [PACKAGE])
        with pytest.raises(ConfigurationError, match="later version"):
            migrate(conn, PACKAGE)


def test_other_roles_see_nothing(store: Store) -> None:
    with store.connect() as conn, conn.transaction(force_rollback=True):
        conn.execute("create role visitor")
        conn.execute("set local role visitor")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            conn.execute("select * from ledger.requests")


def test_a_database_given_by_its_address_is_used(store: Store, tmp_path: Path) -> None:
    with store.connect() as conn:
        dsn = SecretStr(f"postgresql://postgres@/postgres?host={conn.info.host}")
    with open_store(dsn, tmp_path / "store") as other, other.connect() as conn:
        assert conn.execute("select count(*) from ledger.requests").fetchone() == (0,)
    assert not (tmp_path / "store").exists()
    with store.connect() as conn:  # closing the other store left the server alone
        assert conn.execute("select 1").fetchone() == (1,)


@pytest.mark.parametrize(
    "dsn",
    [
        "postgresql://nko:hunter2@127.0.0.1:1/postgres",
        "postgresql://nko:hunter2@127.0.0.1:port/postgres",
        "password=hunter2 host",
    ],
)
def test_the_password_is_never_repeated(dsn: str, tmp_path: Path) -> None:
    with pytest.raises(NkoError) as caught:
        open_store(SecretStr(dsn), tmp_path)
    said = "".join(
        f"{error!r} {error}" for error in (caught.value, caught.value.__cause__) if error
    )
    assert "hunter2" not in said
    assert caught.value.next_step


def test_processes_share_one_server_and_the_last_one_stops_it(folder: Path) -> None:
    users = [user_of(folder), user_of(folder)]  # both at once, on a folder that is not there
    started = {user.stdout.readline() for user in users if user.stdout}
    assert len(started) == 1
    assert re.match(r"\d{4}-", started.pop())
    users[0].communicate()
    assert servers_of(folder / "cluster")
    users[1].communicate()
    assert [user.returncode for user in users] == [0, 0]
    assert eventually(lambda: not servers_of(folder))


def test_a_server_whose_last_user_was_killed_stops_and_keeps_what_was_committed(
    used_folder: Path,
) -> None:
    user = user_of(used_folder)
    assert user.stdout
    assert user.stdout.readline()
    socket_folder = Path((used_folder / "cluster" / "postmaster.pid").read_text().splitlines()[4])
    assert socket_folder.exists()
    user.send_signal(signal.SIGKILL)
    user.communicate()
    assert eventually(lambda: not servers_of(used_folder))
    assert not socket_folder.exists()
    with open_store(None, used_folder) as again, again.connect() as conn:
        assert conn.execute("select n from kept").fetchall() == [(1,)]


def test_a_server_that_was_killed_is_started_again_with_what_was_committed(
    used_folder: Path,
) -> None:
    with open_store(None, used_folder):
        pid_file = used_folder / "cluster" / "postmaster.pid"
        postmaster, *rest = pid_file.read_text().splitlines()
        os.kill(int(postmaster), signal.SIGKILL)
        assert eventually(lambda: not Path(f"/proc/{postmaster}").exists())
        # The number of the dead process now belongs to another program.
        pid_file.write_text("\n".join([str(os.getpid()), *rest]))
        with open_store(None, used_folder) as again, again.connect() as conn:
            assert conn.execute("select n from kept").fetchall() == [(1,)]
    assert eventually(lambda: not servers_of(used_folder))


def test_a_data_root_that_was_deleted_meanwhile_is_no_trouble_at_the_end(folder: Path) -> None:
    opened = open_store(None, folder)
    shutil.rmtree(folder)
    opened.close()


def test_a_cluster_of_another_version_is_not_touched(folder: Path) -> None:
    cluster = folder / "cluster"
    cluster.mkdir(parents=True)
    (cluster / "PG_VERSION").write_text("15\n")
    with pytest.raises(ConfigurationError, match="made by PostgreSQL 15"):
        open_store(None, folder)
    assert [path.name for path in cluster.iterdir()] == ["PG_VERSION"]


def as_user(uid: int, folder: Path) -> subprocess.CompletedProcess[str]:
    """Another process, of an ordinary user, that opens the store of `folder`."""
    script = (
        "import os, sys\n"
        "from pathlib import Path\n"
        "from nko_assets.resources.store import open_store\n"
        "with open_store(None, Path(sys.argv[1])) as store, store.connect() as conn:\n"
        "    print(conn.execute('select count(*) from ledger.jobs').fetchone()[0], os.geteuid())\n"
    )
    become = ["setpriv", f"--reuid={uid}", f"--regid={uid}", "--clear-groups"]
    # For an interpreter that lies where only root can enter.
    become += ["--inh-caps=+dac_override", "--ambient-caps=+dac_override"]
    return subprocess.run(
        [*become, sys.executable, "-c", script, str(folder)],
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_an_ordinary_user_runs_it_too_and_root_joins_in(folder: Path) -> None:
    folder.parent.mkdir()  # users 1 and 2 are daemon and bin on every Linux
    os.chown(folder.parent, 1, 1)
    folder.parent.parent.chmod(0o755)
    done = as_user(1, folder)
    assert done.stdout == "0 1\n", done.stderr
    with open_store(None, folder) as store, store.connect() as conn:
        assert conn.execute("select count(*) from ledger.jobs").fetchone() == (0,)
    done = as_user(2, folder)
    assert "belongs to user 1, who is not you" in done.stderr


def test_a_session_that_loses_the_database_says_so(store):
    def lose() -> None:
        with store.session() as lost:
            with store.session() as other:
                other.execute("select pg_terminate_backend(%s)", [lost.info.backend_pid])
            lost.execute("select 1")

    with pytest.raises(TransientFailure, match="The database does not answer"):
        lose()


def test_times_come_back_in_utc_whatever_the_database_is_set_to(store: Store) -> None:
    with store.connect() as conn:
        dsn = f"postgresql://postgres@/postgres?host={conn.info.host}"
        conn.execute("alter role postgres set timezone = 'Pacific/Auckland'")
    try:
        for options in ("", "&options=-c%20timezone%3DAsia/Tokyo%20-c%20work_mem%3D5MB"):
            with Store(SecretStr(dsn + options), None).session() as conn:
                (now,) = conn.execute("select now()").fetchone() or (None,)
                assert now.utcoffset() == timedelta(0)
                assert now.date() == conn.execute("select current_date").fetchall()[0][0]
                kept = conn.execute("show work_mem").fetchone()
                assert (kept == ("5MB",)) == bool(options), "other options of an address stay"
    finally:
        with store.connect() as conn:
            conn.execute("alter role postgres reset timezone")


def test_many_threads_of_many_processes_find_room(store: Store) -> None:
    with store.connect() as conn:
        assert conn.execute("show max_connections").fetchone() == ("200",)


@pytest.fixture
def crowded(store: Store) -> Iterator[str]:
    """The address of a role that may connect once at a time."""
    with store.connect() as conn:
        conn.execute("create role lonely login connection limit 1")
        host = conn.info.host
    yield f"postgresql://lonely@/postgres?host={host}"
    with store.connect() as conn:
        conn.execute("drop role lonely")


def test_a_full_database_is_waited_for(crowded: str) -> None:
    lonely = Store(SecretStr(crowded), None)
    first = lonely.connect()
    threading.Timer(0.5, first.close).start()
    with lonely.session() as second:
        assert second.execute("select 1").fetchone() == (1,)


def test_a_database_that_stays_full_is_given_up_with_a_sentence(crowded: str) -> None:
    lonely = Store(SecretStr(crowded), None, room_within_s=0.5)
    with lonely.connect(), pytest.raises(TransientFailure, match=r"no room.*0\.5 s") as caught:
        lonely.connect()
    assert "max_connections" in caught.value.next_step


def test_a_lazy_store_opens_once_when_it_is_first_asked_for(tmp_path):
    lazy = LazyStore(None, tmp_path / "store")
    assert not lazy.exists
    assert not (tmp_path / "store").exists()
    try:
        assert lazy() is lazy()
        assert lazy.exists
    finally:
        lazy.close()
    lazy.close()
    assert lazy.exists, "what was made stays"


def test_a_database_that_was_named_is_there_without_being_asked(tmp_path):
    assert LazyStore(SecretStr("postgresql://u:p@127.0.0.1:1/db"), tmp_path).exists
