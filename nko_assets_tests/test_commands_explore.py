"""`nko explore`: it serves the memory of a data root, and ends at Ctrl-C though someone follows."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx

from nko_assets_tests.sse import followed


def test_it_serves_an_empty_memory_until_it_is_interrupted(tmp_path: Path) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    kept = {name: value for name, value in os.environ.items() if not name.startswith("NKO_")}
    server = subprocess.Popen(
        [
            *(sys.executable, "-c", "from nko_assets.cli import main; main()", "explore"),
            *("--data", str(tmp_path / "data"), "--port", str(port)),
        ],
        env=kept,
        stderr=subprocess.PIPE,
        text=True,
    )
    url = f"http://127.0.0.1:{port}"
    try:
        while not _works(f"{url}/api/health", server):
            time.sleep(0.2)
        found = httpx.get(f"{url}/api/search", params={"q": "ߒߞߏ"}, timeout=60)
        assert found.json() == {"results": []}
        with followed(f"{url}/api/turns/live") as events:
            next(events)
            server.send_signal(signal.SIGINT)
            _, said = server.communicate()
    finally:
        server.kill()
    assert f"{url}/docs" in said
    assert "Traceback" not in said


def _works(url: str, server: subprocess.Popen[str]) -> bool:
    assert server.poll() is None, server.stderr.read() if server.stderr else ""
    try:
        return httpx.get(url).is_success
    except httpx.TransportError:
        return False


def _refused(*options: str, **variables: str) -> str:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("NKO_")}
    ended = subprocess.run(
        [
            *(sys.executable, "-c", "from nko_assets.cli import main; main()", "explore"),
            *options,
        ],
        env=kept | variables,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 2
    assert "Traceback" not in ended.stderr
    return " ".join(ended.stderr.split())


def test_it_does_not_listen_beyond_this_machine_without_a_token(tmp_path: Path) -> None:
    asked = ("--data", str(tmp_path / "data"), "--host", "0.0.0.0")
    assert "NKO_EXPLORER_TOKEN" in _refused(*asked)
    assert "guessed" in _refused(*asked, NKO_EXPLORER_TOKEN="short")
    assert "cannot be read" in _refused(*asked, "--token-file", str(tmp_path / "none"))
    assert not (tmp_path / "data").exists()


def test_a_port_that_is_taken_is_told_in_a_sentence(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        assert "--port" in _refused("--data", str(tmp_path / "data"), "--port", port)
