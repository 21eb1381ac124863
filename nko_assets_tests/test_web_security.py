"""The guard: who may ask, under which name, from which page, and how much."""

from __future__ import annotations

import time

import httpx
import pytest
from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse
from fastapi.testclient import TestClient
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from nko_assets.failures import ConfigurationError
from nko_assets.web.security import (
    CSRF_COOKIE,
    LARGEST_BODY,
    SESSION_COOKIE,
    Access,
    Guard,
    is_loopback,
)

TOKEN = "correct-horse-battery-staple"
PUBLIC = Access.to("0.0.0.0", SecretStr(TOKEN), ["lessons.example"])
LOCAL = Access()
HOST = "http://127.0.0.1:8000"


def visitor(access: Access = LOCAL, base_url: str = HOST) -> TestClient:
    """A client of an application with a page, a form and an endpoint behind the guard."""
    app = FastAPI()

    @app.get("/login")
    @app.get("/")
    def page(request: Request) -> HTMLResponse:
        return HTMLResponse(f"<p>{request.state.csrf} {request.state.signed_in}</p>")

    @app.post("/write")
    async def write(request: Request) -> dict[str, int]:
        return {"bytes": len(await request.body())}

    @app.get("/api/read")
    def read() -> dict[str, bool]:
        return {"read": True}

    app.add_middleware(Guard, access=access)
    return TestClient(app, base_url=base_url, follow_redirects=False)


def send(client: TestClient, content: bytes = b"{}", **headers: str) -> httpx.Response:
    """Write as a page of the server does, with `headers` instead of its own."""
    client.get("/")
    csrf = client.cookies.get(CSRF_COOKIE) or ""
    given = {"X-CSRF-Token": csrf, "Content-Type": "application/json"} | {
        name.replace("_", "-"): value for name, value in headers.items()
    }
    return client.post("/write", content=content, headers=given)


@pytest.mark.parametrize("host", ["127.0.0.1", "127.1.2.3", "::1", "[::1]", "localhost"])
def test_this_machine_needs_no_token(host: str) -> None:
    assert is_loopback(host)
    assert Access.to(host, None).token is None


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.5", "8.8.8.8", "example.org", ""])
def test_beyond_this_machine_it_refuses_to_start_without_a_token(host: str) -> None:
    with pytest.raises(ConfigurationError, match="everybody") as told:
        Access.to(host, None)
    assert "NKO_EXPLORER_TOKEN" in told.value.next_step


def test_a_token_that_could_be_guessed_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="guessed"):
        Access.to("127.0.0.1", SecretStr("fifteen letters"))


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("127.0.0.1:8000", 200),
        ("localhost", 200),
        ("LOCALHOST:80", 200),
        ("[::1]:8000", 200),
        ("evil.example", 400),
        ("127.0.0.1.evil.example", 400),
        ("localhost.evil.example", 400),
        ("192.168.1.5", 400),
        ("[::1", 400),
        ("", 400),
    ],
)
def test_without_a_token_only_names_of_this_machine_are_answered(host: str, status: int) -> None:
    assert visitor().get("/", headers={"Host": host}).status_code == status


@pytest.mark.parametrize(
    ("host", "known"),
    [
        ("lessons.example", True),
        ("lessons.example:8000", True),
        ("192.168.1.5:8000", True),
        ("[2001:db8::1]:8000", True),
        ("localhost", True),
        ("other.example", False),
    ],
)
def test_with_a_token_addresses_and_the_given_names_are_answered(host: str, known: bool) -> None:
    assert PUBLIC.knows(host) is known


@given(st.text())
def test_no_host_breaks_the_guard(host: str) -> None:
    assert Access().knows(host) in (True, False)


def test_a_stranger_is_asked_for_the_token() -> None:
    client = visitor(PUBLIC)
    page = client.get("/?a=1&b=ߒ", headers={"Accept": "text/html"})
    assert page.status_code == 303
    assert page.headers["location"] == "/login?next=%2F%3Fa%3D1%26b%3D%25DF%2592"
    refused = client.get("/api/read")
    assert (refused.status_code, refused.headers["www-authenticate"]) == (401, "Bearer")
    assert refused.json()["next_step"]
    assert client.get("/login").status_code == 200


@pytest.mark.parametrize(
    "given", ["", "Bearer", "Bearer wrong", f"Basic {TOKEN}", f"Bearer {TOKEN}x", "Bearer ß"]
)
def test_another_token_opens_nothing(given: str) -> None:
    answer = visitor(PUBLIC).get("/api/read", headers={"Authorization": given.encode()})
    assert answer.status_code == 401


def test_programs_send_the_token_and_need_nothing_else() -> None:
    client = visitor(PUBLIC)
    bearer = {"Authorization": f"Bearer {TOKEN}"}
    assert client.get("/api/read", headers=bearer).json() == {"read": True}
    assert client.post("/write", content=b"abc", headers=bearer).json() == {"bytes": 3}


def test_a_session_is_known_until_it_ends_and_only_under_its_token() -> None:
    session = PUBLIC.session()
    client = visitor(PUBLIC)
    client.cookies.set(SESSION_COOKIE, session)
    assert client.get("/api/read").status_code == 200
    until, _, signature = session.partition(".")
    assert not PUBLIC.knows_session(f"{int(until) + 1}.{signature}")
    assert not PUBLIC.knows_session(f"{int(time.time()) - 1}.{signature}")
    assert not Access.to("::", SecretStr(TOKEN + "!")).knows_session(session)


@given(st.text())
def test_no_invented_session_is_known(cookie: str) -> None:
    assert not PUBLIC.knows_session(cookie)


def test_a_page_of_the_server_may_write() -> None:
    client = visitor()
    assert send(client, b"12345").json() == {"bytes": 5}
    assert send(client, Origin=HOST, Sec_Fetch_Site="same-origin").status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "http://127.0.0.1:9000"},
        {"Origin": "null"},
        {"Sec_Fetch_Site": "cross-site"},
        {"Sec_Fetch_Site": "same-site"},
        {"Sec_Fetch_Site": "cross-site", "Origin": HOST},
        {"X_CSRF_Token": "invented"},
        {"X_CSRF_Token": ""},
    ],
)
def test_a_page_of_another_site_may_not(headers: dict[str, str]) -> None:
    assert send(visitor(), **headers).status_code == 403


def test_a_form_may_carry_what_a_script_sends_as_a_header() -> None:
    client = visitor()
    client.get("/")
    csrf = client.cookies[CSRF_COOKIE]
    assert client.post("/write", data={"csrf": csrf}).status_code == 200
    assert client.post("/write", data={"csrf": "invented"}).status_code == 403
    assert client.post("/write", data={}).status_code == 403
    assert visitor().post("/write", data={"csrf": ""}).status_code == 403


def test_a_body_has_a_limit_however_it_comes() -> None:
    client = visitor()
    assert send(client, b"x" * LARGEST_BODY).json() == {"bytes": LARGEST_BODY}
    assert send(client, b"x" * (LARGEST_BODY + 1)).status_code == 413
    csrf = {"X-CSRF-Token": client.cookies[CSRF_COOKIE]}
    pieces = (b"x" * 100_000 for _ in range(12))
    assert client.post("/write", content=pieces, headers=csrf).status_code == 413


def test_every_answer_tells_browsers_what_they_may_do() -> None:
    for path in ("/", "/api/read", "/nothing"):
        headers = visitor().get(path).headers
        policy = headers["content-security-policy"]
        assert policy.startswith("default-src 'none'")
        assert "unsafe" not in policy
        assert "http" not in policy
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "same-origin"


def test_cookies_are_out_of_reach_of_scripts_and_of_other_sites() -> None:
    plain = visitor().get("/").headers["set-cookie"]
    assert "HttpOnly" in plain
    assert "SameSite=Strict" in plain
    assert "Secure" not in plain
    assert "Secure" in visitor(base_url="https://127.0.0.1").get("/").headers["set-cookie"]
    assert "set-cookie" not in visitor().get("/api/read").headers


@pytest.mark.parametrize("path", ["/a%00b", "/?q=a%00b"])
def test_a_nul_is_no_part_of_an_address(path: str) -> None:
    assert visitor().get(path).status_code == 400


def test_a_person_whose_form_is_too_old_gets_a_page_in_their_language() -> None:
    person = {"Accept": "text/html,*/*;q=0.8", "Accept-Language": "fr"}
    page = visitor().post("/write", data={"csrf": "of yesterday"}, headers=person)
    assert page.status_code == 403
    assert page.headers["content-type"].startswith("text/html")
    assert "Le formulaire est trop ancien" in page.text
    assert "copiez ce que vous avez écrit" in page.text
    # The form of the next page is one that this server knows.
    assert CSRF_COOKIE in page.headers["set-cookie"]


def test_a_script_of_a_french_page_is_told_in_french() -> None:
    script = {"Accept": "application/json", "Accept-Language": "fr"}
    told = visitor().post("/write", data={"csrf": "of yesterday"}, headers=script).json()
    assert told["message"].startswith("Le formulaire est trop ancien")
    assert told["next_step"]


def test_a_person_who_is_signed_out_meanwhile_is_told_so_on_a_page() -> None:
    page = visitor(PUBLIC).post("/write", data={}, headers={"Accept": "text/html"})
    assert page.status_code == 401
    assert "A token is needed." in page.text


@pytest.mark.parametrize("host", ["evil.example", "[::1", ""])
def test_nobody_gets_a_page_under_a_name_that_is_not_of_this_server(host: str) -> None:
    answer = visitor().get("/", headers={"Host": host, "Accept": "text/html"})
    assert answer.headers["content-type"] == "application/json"
