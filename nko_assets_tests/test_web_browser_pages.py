"""Every page of the explorer in a real browser: wide and narrow, light and dark, for everyone.

With NKO_SCREENSHOTS set to a folder, what was looked at is saved there.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from typing import Any
from urllib.parse import urlencode

import pytest

from nko_assets.memory.embedded import embedded
from nko_assets.memory.embeddings import load_embedder
from nko_assets.resources.lake import Lake
from nko_assets.resources.postgres_memory import PostgresMemory
from nko_assets.resources.review_desk import ReviewDesk
from nko_assets.resources.store import Store
from nko_assets_tests.browser import DESKTOP, PHONE, Window, chromium
from nko_assets_tests.explorer import LESSON, explorer, furnish, remember, whole
from nko_assets_tests.memory_places import empty, forget_reviews
from nko_assets_tests.memory_rows import turn, video
from nko_assets_tests.review_rows import lesson_items, write_slides
from nko_assets_tests.servers.web import WebServer
from nko_assets_tests.slides import LINES

axe = pytest.importorskip(
    "axe_playwright_python.sync_playwright", reason="needs the package axe-playwright-python"
)
pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

ITEM = lesson_items(LESSON)[0].reading_id
PAGES = {
    "overview": "/",
    "lessons": "/lessons",
    "lesson": f"/lessons/{LESSON}",
    "search": "/search",
    "results": "/search?q=bolo",
    "words": "/words",
    "live": "/live",
    "review": f"/review/{ITEM}",
    "not found": "/lessons/unknown",
}
SCREENS: dict[str, dict[str, Any]] = {
    "wide light": {**DESKTOP, "color_scheme": "light"},
    "wide dark": {**DESKTOP, "color_scheme": "dark"},
    "phone light": {**PHONE, "color_scheme": "light", "locale": "fr-FR"},
    "phone dark": {**PHONE, "color_scheme": "dark", "locale": "fr-FR"},
}
# WCAG 2 A and AA, and what axe calls good practice.
SERIOUS = {"serious", "critical"}


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium() as opened:
        yield opened


@pytest.fixture(scope="module")
def memory(database: Store) -> PostgresMemory:
    empty(database)
    made = PostgresMemory(lambda: database, "embedded Postgres")
    remember(made, cache(load_embedder))
    return made


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    return Lake(tmp_path_factory.mktemp("lake"))


@pytest.fixture(scope="module")
def url(database: Store, memory: PostgresMemory, lake: Lake) -> Iterator[str]:
    forget_reviews(database)
    desk = ReviewDesk(lambda: database)
    furnish(lake, desk)
    with WebServer(explorer(memory, cache(load_embedder), lake, database, desk)) as server:
        yield server.url


@pytest.fixture(scope="module", params=SCREENS)
def window(request: pytest.FixtureRequest, browser: Any, url: str) -> Iterator[Window]:
    opened = Window(browser, url, request.param, **SCREENS[request.param])
    opened.name("Awa")
    yield opened
    opened.close()


def faults(page: Any) -> list[str]:
    """What axe finds serious, one line each."""
    return [
        f"{fault['id']}: {node['html'][:160]} {node['failureSummary']}"
        for fault in axe.Axe().run(page).response["violations"]
        if fault["impact"] in SERIOUS
        for node in fault["nodes"]
    ]


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_for_everyone_and_fits_its_screen(window: Window, name: str) -> None:
    page = window.open(PAGES[name])
    window.picture(f"{name} {window.screen}")
    if name == "not found":
        window.errors[:] = [error for error in window.errors if "404" not in error]
    assert faults(page) == []
    overflow = page.evaluate(
        "() => document.documentElement.scrollWidth - document.documentElement.clientWidth"
    )
    assert overflow <= 0, f"{overflow} pixels wider than the screen"
    assert window.errors == []


def test_the_review_is_for_everyone_while_one_corrects_and_reads_the_keys(window: Window) -> None:
    page = window.open(PAGES["review"])
    window.reviews()
    page.keyboard.press("e")
    page.locator(".review-item .keyboard-toggle").click()
    page.locator(".nko-keyboard").scroll_into_view_if_needed()
    window.picture(f"keyboard {window.screen}")
    assert faults(page) == []
    page.locator("#correction-nko").focus()
    page.keyboard.press("Escape")
    page.keyboard.press("?")
    page.get_by_role("dialog").wait_for()
    assert faults(page) == []


def test_who_comes_first_is_asked_for_a_name_and_can_go_on(browser: Any, url: str) -> None:
    window = Window(browser, url, **DESKTOP)
    page = window.open(PAGES["review"])
    assert faults(page) == []
    page.get_by_label("Your name").fill("ߊߥߊ߫")
    page.keyboard.press("Enter")
    page.locator(f".review-item[data-reading='{ITEM}']").wait_for()
    page.get_by_text("ߊߥߊ߫").first.wait_for()
    window.close()


# Where the first and the last letter of a word stand, of the first word of two letters or more.
ENDS = """(main) => {
  const texts = document.createTreeWalker(main, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) {
    const text = texts.currentNode;
    const word = /[\\u07CA-\\u07EA][\\u07CA-\\u07F3]*[\\u07CA-\\u07EA]/.exec(text.data);
    if (!word || !text.parentElement.closest("bdi.nko")) continue;
    const left = (place) => {
      const range = document.createRange();
      range.setStart(text, place);
      range.setEnd(text, place + 1);
      return range.getBoundingClientRect().left;
    };
    return [left(word.index), left(word.index + word[0].length - 1)];
  }
}"""


@pytest.mark.parametrize("name", ["lesson", "results", "words", "review"])
def test_nko_runs_from_right_to_left_in_its_own_typeface(window: Window, name: str) -> None:
    page = window.open(PAGES[name])
    nko = page.locator("main bdi.nko").first
    nko.wait_for()
    assert nko.evaluate("element => getComputedStyle(element).direction") == "rtl"
    first, last = page.locator("main").evaluate(ENDS)
    assert first > last
    assert page.evaluate(
        "async () => { await document.fonts.ready; return [...document.fonts].some("
        "font => font.family.includes('NKo') && font.status === 'loaded'); }"
    )


def test_a_mixed_line_keeps_latin_from_left_to_right(browser: Any, url: str) -> None:
    window = Window(browser, url, **DESKTOP)
    page = window.open("/search?q=bolo")
    for hit in page.locator(".hit").all():
        assert hit.evaluate("element => getComputedStyle(element).direction") == "ltr"
        latin = hit.locator(".latin").first
        assert latin.evaluate("element => getComputedStyle(element).direction") == "ltr"
    window.close()


@pytest.mark.parametrize(
    ("typed", "found"), [("ߓߟߏ", "ߓߟߏ"), ("bolo", "ߓߟߏ"), ("water", "ߖߌ"), ("écrire", "ߛߓߍ")]
)
def test_results_come_while_one_types(browser: Any, url: str, typed: str, found: str) -> None:
    window = Window(browser, url, **DESKTOP)
    page = window.open("/search")
    page.locator("#query:focus").wait_for()
    page.keyboard.type(typed)
    page.wait_for_url(lambda url: f"?{urlencode({'q': typed})}&" in url)
    assert found in page.locator(".hit").first.inner_text()
    assert page.locator("html").count() == 1
    window.close()


@pytest.mark.parametrize("away", [True, False])
def test_a_search_that_failed_is_told_until_one_succeeds(window: Window, away: bool) -> None:
    page = window.open("/search?q=water")
    alert = page.locator("#search-trouble[role=alert] p")
    assert alert.count() == 0
    window.context.route(
        "**/search?q=*", lambda route: route.abort() if away else route.fulfill(status=503)
    )
    query = page.locator("#query")
    query.fill("bolo")
    alert.wait_for()
    window.picture(f"search failed {window.screen}")
    assert faults(page) == []
    window.context.unroute("**/search?q=*")
    page.locator("form.search .query button").click()
    alert.wait_for(state="detached")
    page.locator(".hit").first.get_by_text("ߓߟߏ", exact=True).wait_for()
    # The browser notes what failed, and htmx which question took the place of which.
    unknown = [
        one
        for one in window.errors
        if not re.match("Failed to load|htmx:|Response Status Error Code 503", one)
    ]
    assert unknown == []
    window.errors.clear()


def test_nko_is_searched_with_the_keyboard_on_the_screen(browser: Any, url: str) -> None:
    window = Window(browser, url, **PHONE)
    page = window.open("/search")
    page.get_by_role("button", name="N’Ko keyboard").tap()
    for letter in "ߓߟߐ":
        page.locator(f".nko-keyboard [data-text='{letter}']").tap()
    page.get_by_role("button", name="Erase").tap()
    page.locator(".nko-keyboard [data-text='ߏ']").tap()
    assert page.locator("#query").input_value() == "ߓߟߏ"
    page.locator(".hit").first.get_by_text("bolo").wait_for()
    window.close()


def test_a_latin_keyboard_types_nko_when_it_is_asked_to(browser: Any, url: str) -> None:
    window = Window(browser, url, **DESKTOP)
    page = window.open("/search")
    query = page.locator("#query")
    query.focus()
    page.keyboard.type("b")
    page.keyboard.press("Alt+n")
    page.keyboard.type("bolOqv N'")
    page.keyboard.press("Alt+n")
    page.keyboard.type("b")
    assert query.input_value() == "bߓߏߟߐ߲߫ ߒߴb"
    page.keyboard.press("Control+z")
    assert query.input_value() != "bߓߏߟߐ߲߫ ߒߴb"
    window.open("/search")
    assert page.locator("[data-keyboard-typing]").get_attribute("aria-pressed") == "false"
    window.close()


def test_a_page_without_scripts_searches_too(browser: Any, url: str) -> None:
    window = Window(browser, url, **DESKTOP, java_script_enabled=False)
    page = window.open("/search")
    page.locator("#query").fill("bolo")
    page.keyboard.press("Enter")
    page.locator(".hit").first.get_by_text("ߓߟߏ", exact=True).wait_for()
    window.close()


@pytest.mark.parametrize("path", ["/live", "/"])
def test_new_turns_are_seen_without_loading_the_page_again(
    browser: Any, url: str, lake: Lake, memory: PostgresMemory, path: str
) -> None:
    window = Window(browser, url, **DESKTOP)
    page = window.open(path)
    page.locator("#listening.on").wait_for()
    new = f"new-lesson{len(path)}"
    write_slides(lake, new, [LINES] * 8)
    row = whole(turn(new, 7, text=LINES[2]))
    memory.upsert_videos([video(new, embedded([row], load_embedder()), title=f"ߞߊ߬ߟߊ߲ {new}")])
    page.get_by_text(new).first.wait_for()
    window.picture(f"live insert {len(path)}")
    window.close()


def insert(memory: PostgresMemory, lake: Lake, lesson: str) -> None:
    """A lesson of one turn, whose title is its id."""
    write_slides(lake, lesson, [LINES])
    row = whole(turn(lesson, 0, text=LINES[1]))
    memory.upsert_videos([video(lesson, embedded([row], load_embedder()), title=lesson)])


def test_what_came_before_the_stream_began_is_seen_too(
    browser: Any, url: str, lake: Lake, memory: PostgresMemory
) -> None:
    window = Window(browser, url, **DESKTOP)
    held: list[Any] = []
    window.context.route("**/api/turns/live", lambda route: held.append(route))  # noqa: PLW0108  playwright marks it
    page = window.open("/live")
    while not held:
        page.wait_for_timeout(20)
    insert(memory, lake, "before-the-stream")
    held[0].continue_()
    page.get_by_text("before-the-stream").first.wait_for()
    window.close()


def test_no_turn_is_seen_twice_however_slow_the_answers_are(
    browser: Any, url: str, lake: Lake, memory: PostgresMemory
) -> None:
    window = Window(browser, url, **DESKTOP)
    held: list[Any] = []
    page = window.open("/live")
    page.locator("#listening.on").wait_for()
    page.wait_for_load_state("networkidle")
    window.context.route("**/live/turns?*", lambda route: held.append(route))  # noqa: PLW0108  playwright marks it
    with page.expect_request("**/live/turns?*"):
        insert(memory, lake, "slow-1")
    insert(memory, lake, "slow-2")
    # Longer than the page gathers turns for before it asks.
    page.wait_for_timeout(1_000)
    assert len(held) == 1
    held[0].continue_()
    window.context.unroute("**/live/turns?*")
    page.get_by_text("slow-2").first.wait_for()
    ids = page.locator("#turns > li").evaluate_all("turns => turns.map((turn) => turn.id)")
    assert len(ids) == len(set(ids))
    window.close()


def test_the_interface_changes_its_language_and_keeps_it(browser: Any, url: str) -> None:
    window = Window(browser, url, **DESKTOP)
    page = window.open("/search")
    page.get_by_role("link", name="Français").click()
    page.get_by_role("heading", name="Recherche").wait_for()
    assert window.open("/words").locator("html").get_attribute("lang") == "fr"
    window.close()


@pytest.mark.parametrize("name", ["overview", "lessons", "search", "words", "live"])
def test_a_page_with_all_it_loads_is_light(browser: Any, url: str, name: str) -> None:
    window = Window(browser, url, **DESKTOP)
    window.open(PAGES[name]).wait_for_timeout(500)
    assert window.requests > 3
    assert window.taken <= 300_000
    window.close()
