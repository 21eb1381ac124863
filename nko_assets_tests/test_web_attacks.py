"""What people with bad intentions send: markup, SQL, paths, forged forms, too much of everything."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from typing import Any

import httpx
import pytest

from nko_assets.memory.embeddings import load_embedder
from nko_assets.memory.rows import LESSONS
from nko_assets.resources.lake import Lake
from nko_assets.resources.postgres_memory import PostgresMemory
from nko_assets.resources.review_desk import ReviewDesk
from nko_assets.resources.store import Store
from nko_assets_tests.browser import DESKTOP, Window, chromium
from nko_assets_tests.explorer import LESSON, Visitor, explorer, furnish, remember, whole
from nko_assets_tests.memory_places import empty
from nko_assets_tests.memory_rows import motif, turn, video
from nko_assets_tests.review_rows import item
from nko_assets_tests.servers.web import WebServer

SCRIPT = "</bdi></textarea><script>alert(1)</script><img src=x onerror=alert(2)>\"'><svg onload=alert(3)>"
SQL = "'; drop table reviews.decisions; --"
PAGES = ("/", "/lessons", f"/lessons/{LESSON}", "/search?q=alert", "/review", "/words", "/live")


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    root = tmp_path_factory.mktemp("root")
    (root / "secret.txt").write_text("the secret")
    return Lake(root / "data")


@pytest.fixture(scope="module")
def url(database: Store, lake: Lake) -> Iterator[str]:
    empty(database)
    memory = PostgresMemory(lambda: database, "embedded Postgres")
    embedder = cache(load_embedder)
    remember(memory, embedder)
    app = explorer(memory, embedder, lake, database, ReviewDesk(lambda: database))
    with WebServer(app) as server:
        yield server.url


@pytest.fixture
def visitor(url: str, desk: ReviewDesk, lake: Lake) -> Visitor:
    furnish(lake, desk)
    return Visitor(url, "Awa")


def poison(database: Store, desk: ReviewDesk, lake: Lake) -> str:
    """Put markup wherever text can come from; gives the id of a reading."""
    memory = PostgresMemory(lambda: database, "embedded Postgres")
    frame, word = whole(turn(LESSON, 0, text=SCRIPT)), whole(motif(SCRIPT))
    memory.upsert_videos([video(LESSON, [frame], title=SCRIPT)])
    memory.upsert_motifs(LESSONS, [replace(word, content=word.content | {"english": SCRIPT})])
    memory.call("memory_count_words", {})
    furnish(lake, desk)
    bad = item(LESSON, 0, 0, SCRIPT, other=SCRIPT + "!", english=SCRIPT, reason=SCRIPT)
    desk.put_items(LESSON, [bad])
    return bad.reading_id


def test_markup_in_readings_stays_text_on_every_page(
    url: str, database: Store, desk: ReviewDesk, lake: Lake
) -> None:
    reading = poison(database, desk, lake)
    visitor = Visitor(url, SCRIPT[:60])
    sent = {"verdict": "correct", "seen": SCRIPT, "nko": SCRIPT + "?", "note": SCRIPT}
    assert visitor.send(f"/review/{reading}", sent).status_code == 303
    for path in (*PAGES, f"/review/{reading}", f"/review/preview?nko={SCRIPT}"):
        page = visitor.see(path)
        assert page.status_code == 200, path
        for bad in ("<script>alert", "<img src=x", "<svg onload"):
            assert bad not in page.text, path


@pytest.mark.browser
def test_markup_in_readings_runs_nothing_in_a_browser(
    url: str, database: Store, desk: ReviewDesk, lake: Lake
) -> None:
    reading = poison(database, desk, lake)
    with chromium() as browser:
        window = Window(browser, url, **DESKTOP)
        window.name(SCRIPT[:60])
        for path in (*PAGES, f"/review/{reading}"):
            window.open(path)
        window.reviews()
        window.page.keyboard.press("e")
        window.page.locator("#correction-nko").fill(SCRIPT + "!")
        window.page.locator("output", has_text="script").wait_for()
        window.page.keyboard.press("Enter")
        window.page.locator("#told", has_text="Corrected.").wait_for()
        window.close()


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "null"},
    ],
)
def test_a_form_of_another_site_is_refused(
    visitor: Visitor, desk: ReviewDesk, headers: dict[str, str]
) -> None:
    reading = desk.items_of(LESSON)[0].reading_id
    visitor.http.headers.update(headers)
    assert visitor.send(f"/review/{reading}", {"verdict": "reject"}).status_code == 403
    assert desk.decisions() == []


def test_a_form_without_what_the_page_holds_is_refused(visitor: Visitor, desk: ReviewDesk) -> None:
    reading = desk.items_of(LESSON)[0].reading_id
    for csrf in ("", "guessed"):
        form = {"verdict": "reject", "csrf": csrf}
        assert visitor.send(f"/review/{reading}", form).status_code == 403
    json = visitor.http.post(f"/review/{reading}", json={"verdict": "reject"})
    assert json.status_code == 403
    assert desk.decisions() == []


def test_a_page_is_not_shown_inside_another_and_runs_no_foreign_script(visitor: Visitor) -> None:
    headers = visitor.see("/review").headers
    policy = headers["content-security-policy"]
    assert "frame-ancestors 'none'" in policy
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy


def test_a_name_that_leads_here_from_elsewhere_is_refused(url: str) -> None:
    answer = httpx.get(f"{url}/review", headers={"Host": "evil.example"})
    assert answer.status_code == 400


@pytest.mark.parametrize(
    "path",
    [
        "/static/../../secret.txt",
        "/static/%2e%2e/%2e%2e/app.py",
        "/static/..%2f..%2fapp.py",
        "/static//etc/passwd",
        "/api/frames/..%2f..%2fsecret:0",
        "/api/frames/%2e%2e%5c%2e%2e:0",
        "/api/videos/..%2f..%2fsecret.txt",
        "/api/videos/%2e%2e",
        "/lessons/..%2f..%2fsecret.txt",
        "/lessons/%00",
        "/words/..%2f..",
        "/review/..%2f..",
    ],
)
def test_paths_lead_nowhere_else(visitor: Visitor, path: str) -> None:
    # The client would resolve the dots before it sends them.
    request = visitor.http.build_request("GET", "/")
    request.url = request.url.copy_with(raw_path=path.encode())
    answer = visitor.http.send(request)
    assert answer.status_code in (400, 404, 422), path
    assert "the secret" not in answer.text
    assert "root:" not in answer.text


@pytest.mark.parametrize(
    "path",
    [
        "/search?q={}",
        "/search?q=a&video={}",
        "/search?q=a&type={}",
        "/api/search?q=a&video={}",
        "/lessons?after={}",
        "/lessons/{}",
        "/words?after={}",
        "/words?kind={}",
        "/words/{}",
        "/review/{}",
        "/review?without={}",
        "/review/preview?nko={}",
        "/?lang={}",
    ],
)
def test_sql_in_what_is_asked_is_only_text(
    visitor: Visitor, desk: ReviewDesk, database: Store, path: str
) -> None:
    answer = visitor.see(path.format(str(httpx.QueryParams({"x": SQL}))[2:]))
    assert answer.status_code in (200, 404, 422)
    with database.connect() as conn:
        assert conn.execute("select to_regclass('reviews.decisions')").fetchone() != (None,)
    assert len(desk.items_of(LESSON)) == 6


def test_sql_in_decisions_and_names_is_only_text(url: str, desk: ReviewDesk, lake: Lake) -> None:
    furnish(lake, desk)
    attacker = Visitor(url, SQL)
    reading = desk.items_of(LESSON)[0]
    form = {"verdict": "correct", "seen": reading.nko, "nko": SQL, "note": SQL}
    assert attacker.send(f"/review/{reading.reading_id}", form).status_code == 303
    (decision,) = desk.decisions()
    assert (decision.by, decision.nko, decision.note) == (SQL, SQL, SQL)


@pytest.mark.parametrize("bad", ["\x00", "a\x00b", "%00", "\ufffe", "\u202e" * 50, "߫" * 500])
def test_characters_that_break_things_break_nothing(visitor: Visitor, bad: str) -> None:
    for path, name in (("/search", "q"), ("/review/preview", "nko"), ("/search", "video")):
        assert visitor.see(path, **{"q": "a", name: bad}).status_code in (200, 400, 422), path
    visitor.http.cookies.set("nko_reviewer", bad.encode("ascii", "ignore").hex())
    assert visitor.see("/review").status_code == 200


def test_too_much_is_refused(visitor: Visitor, desk: ReviewDesk) -> None:
    reading = desk.items_of(LESSON)[0].reading_id

    def sends(form: dict[str, Any]) -> int:
        return visitor.send(f"/review/{reading}", {"verdict": "correct", **form}).status_code

    assert sends({"nko": "ߒ" * 2_001}) == 422
    assert sends({"take": "ߒ" * 2_001}) == 422
    assert sends({"nko": "a" * (2 << 20)}) == 413
    assert visitor.send("/review/release", {"reading": [reading] * 501}).status_code == 422
    assert visitor.send("/review/reviewer", {"name": "a" * 81}).status_code == 422
    assert visitor.see("/search", q="a" * 60_000).status_code in (200, 400, 414, 431)
    assert desk.decisions() == []


def test_a_name_with_invisible_characters_is_nobodys(visitor: Visitor) -> None:
    assert visitor.send("/review/reviewer", {"name": "Awa\x07"}).status_code == 422
    # Spaces of every kind are one space, so that two names that look alike are the same.
    answer = visitor.send("/review/reviewer", {"name": "Awa\n\u00a0B"})
    assert "Awa%20B" in answer.headers["set-cookie"]
