"""Signing in with the token, and out again."""

from __future__ import annotations

from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from pydantic import SecretStr

from nko_assets.resources.lake import Lake
from nko_assets.resources.postgres_memory import PostgresMemory
from nko_assets.resources.store import Store
from nko_assets.web import login
from nko_assets.web.security import Access
from nko_assets_tests.pages import Page, client

TOKEN = "correct-horse-battery-staple"


@pytest.fixture
def stranger(database: Store, tmp_path: Path) -> TestClient:
    memory = PostgresMemory(lambda: database, "embedded Postgres")
    access = Access.to("0.0.0.0", SecretStr(TOKEN))
    return client(memory, Lake(tmp_path), lambda: database, access=access)


def give(visitor: TestClient, token: str, after: str = "/lessons"):
    form = Page(visitor.get("/login", params={"next": after}).text)
    sent = {one["name"]: one.attributes.get("value", "") for one in form.all("input")}
    return visitor.post("/login", data={**sent, "token": token})


def test_who_gives_the_token_comes_to_the_page_that_was_asked_for(stranger: TestClient) -> None:
    asked = stranger.get("/lessons")
    assert asked.headers["location"] == "/login?next=%2Flessons"
    answer = give(stranger, TOKEN)
    assert (answer.status_code, answer.headers["location"]) == (303, "/lessons")
    assert "HttpOnly" in answer.headers["set-cookie"]
    assert TOKEN not in answer.headers["set-cookie"]
    page = Page(stranger.get("/lessons").text)
    assert page.one("form", action="/logout")


def test_who_signs_out_is_a_stranger_again(stranger: TestClient) -> None:
    give(stranger, TOKEN)
    csrf = stranger.cookies["nko_csrf"]
    assert stranger.post("/logout", data={"csrf": csrf}).headers["location"] == "/login"
    assert stranger.get("/lessons").status_code == 303


def test_another_token_is_told_to_be_wrong_and_opens_nothing(stranger: TestClient) -> None:
    assert login.PAUSE_S >= 1
    answer = give(stranger, "correct-horse-battery-stable")
    assert answer.status_code == 401
    page = Page(answer.text)
    assert page.one("p", role="alert").text
    assert page.one("input", id="token").attributes.get("value") is None
    assert stranger.get("/lessons").status_code == 303


@pytest.mark.parametrize(
    "after",
    [
        "https://evil.example",
        "//evil.example",
        "/\\evil.example",
        "evil",
        "",
        "/a\r\nSet-Cookie: x",
    ],
)
def test_nobody_is_led_to_another_site(stranger: TestClient, after: str) -> None:
    assert give(stranger, TOKEN, after).headers["location"] == "/"


def test_a_french_reader_is_asked_in_french(stranger: TestClient) -> None:
    page = stranger.get("/login", headers={"Accept-Language": "fr"})
    assert page.headers["content-language"] == "fr"
    assert "Jeton" in page.text
