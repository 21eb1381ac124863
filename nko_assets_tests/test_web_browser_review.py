"""Review in a real browser, by keyboard alone.

With NKO_SCREENSHOTS set to a folder, what was looked at is saved there.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from nko_assets.memory.embeddings import load_embedder
from nko_assets.reading.decisions import HumanDecision
from nko_assets.resources.lake import Lake
from nko_assets.resources.postgres_memory import PostgresMemory
from nko_assets.resources.review_desk import ReviewDesk
from nko_assets.resources.store import Store
from nko_assets_tests.browser import DESKTOP, Window, chromium
from nko_assets_tests.explorer import LESSON, explorer, furnish
from nko_assets_tests.review_rows import lesson_items
from nko_assets_tests.servers.web import WebServer
from nko_assets_tests.slides import LINES

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

ITEMS = [item.reading_id for item in lesson_items(LESSON)]


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium() as opened:
        yield opened


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    return Lake(tmp_path_factory.mktemp("lake"))


@pytest.fixture(scope="module")
def url(database: Store, lake: Lake) -> Iterator[str]:
    memory = PostgresMemory(lambda: database, "embedded Postgres")
    app = explorer(memory, load_embedder, lake, database, ReviewDesk(lambda: database))
    with WebServer(app) as server:
        yield server.url


@pytest.fixture
def reviewer(
    browser: Any, url: str, desk: ReviewDesk, lake: Lake
) -> Iterator[Callable[[str], Window]]:
    """Opens the page of review for a name; what went wrong in a window fails its test."""
    furnish(lake, desk)
    with ExitStack() as stack:

        def opened(name: str) -> Window:
            window = Window(browser, url, **DESKTOP)
            stack.callback(window.close)
            window.name(name)
            shows(window, 0)
            return window

        yield opened


def reading(window: Window) -> str:
    return str(window.page.locator(".review-item").get_attribute("data-reading"))


def shows(window: Window, place: int) -> None:
    """Wait until a reading is on the screen, long enough for its keys to count."""
    window.page.locator(f".review-item[data-reading='{ITEMS[place]}']").wait_for()
    window.reviews()


def told(window: Window, text: str) -> None:
    window.page.locator("#told", has_text=text).wait_for()


def press(window: Window, *keys: str) -> None:
    for key in keys:
        window.page.keyboard.press(key)


def verdicts(desk: ReviewDesk) -> list[tuple[str, str]]:
    return [(decision.reading_id, decision.verdict) for decision in desk.decisions()]


def test_a_queue_is_reviewed_by_keyboard_alone(reviewer, desk):
    awa = reviewer("Awa")
    awa.picture("review")
    press(awa, "Enter")
    shows(awa, 1)
    told(awa, "Accepted.")
    press(awa, "x")
    shows(awa, 2)
    told(awa, "Rejected.")
    press(awa, "2")
    shows(awa, 3)
    told(awa, "Corrected.")
    press(awa, "s")
    shows(awa, 4)
    told(awa, "Skipped.")
    assert verdicts(desk) == [(ITEMS[0], "accept"), (ITEMS[1], "reject"), (ITEMS[2], "correct")]
    assert desk.decisions()[2].nko == LINES[2] + " ߌ"
    press(awa, "Enter")
    shows(awa, 5)
    press(awa, "Enter")
    awa.page.get_by_text("Nothing waits for you").wait_for()
    awa.picture("review-done")


def test_nko_is_corrected_by_typing_and_its_latin_follows(reviewer, desk):
    awa = reviewer("Awa")
    press(awa, "e")
    field = awa.page.locator("#correction-nko")
    assert field.evaluate("field => document.activeElement === field")
    press(awa, "Alt+n")
    awa.page.keyboard.type(" nxko")
    assert field.input_value() == LINES[0] + " ߣ߬ߞߏ"
    awa.page.locator("output", has_text="noko").wait_for()
    awa.page.locator(".keyboard-toggle").click()
    awa.page.locator(".nko-keyboard [data-text='\u07f2']").click()
    assert field.input_value() == LINES[0] + " ߣ߬ߞߏ߲"
    awa.page.locator("output", has_text="nkon").wait_for()
    awa.picture("review-correct")
    field.focus()
    press(awa, "Enter")
    shows(awa, 1)
    told(awa, "Corrected.")
    (decision,) = desk.decisions()
    assert decision.nko == LINES[0] + " ߣ߬ߞߏ߲"


def test_enter_beside_the_fields_saves_the_open_correction(reviewer, desk):
    awa = reviewer("Awa")
    press(awa, "e")
    awa.page.locator("#correction-nko").fill("ߒߞߏ")
    awa.page.locator("svg.frame").click()
    press(awa, "Enter")
    shows(awa, 1)
    told(awa, "Corrected.")
    assert desk.decisions()[0].nko == "ߒߞߏ"


def test_letters_beside_the_fields_lose_no_open_correction(reviewer, desk):
    awa = reviewer("Awa")
    press(awa, "e")
    awa.page.locator("#correction-nko").fill("ߒߞߏ")
    awa.page.locator("svg.frame").click()
    for key in ("x", "s", "2", "u"):
        press(awa, key)
    assert reading(awa) == ITEMS[0]
    assert awa.page.locator("#correction-nko").input_value() == "ߒߞߏ"
    assert desk.decisions() == []


def test_shift_enter_in_a_field_of_one_line_saves_the_correction(reviewer, desk):
    awa = reviewer("Awa")
    press(awa, "e")
    awa.page.locator("#correction-english").fill("good morning to you")
    press(awa, "Shift+Enter")
    shows(awa, 1)
    told(awa, "Corrected.")
    (decision,) = desk.decisions()
    assert (decision.nko, decision.english) == (None, "good morning to you")


def test_letters_typed_into_a_field_are_no_commands(reviewer, desk):
    awa = reviewer("Awa")
    press(awa, "e")
    awa.page.locator("#correction-note").focus()
    awa.page.keyboard.type("xsue?2")
    assert awa.page.locator("#correction-note").input_value() == "xsue?2"
    assert reading(awa) == ITEMS[0]
    press(awa, "Escape")
    assert not awa.page.locator("details.correction").get_attribute("open")
    assert awa.page.locator("#correction-note").input_value() == ""
    assert verdicts(desk) == []


def test_the_last_decisions_are_taken_back_one_by_one(reviewer, desk):
    awa = reviewer("Awa")
    press(awa, "Enter")
    shows(awa, 1)
    press(awa, "x")
    shows(awa, 2)
    press(awa, "u")
    shows(awa, 1)
    told(awa, "Taken back")
    assert verdicts(desk) == [(ITEMS[0], "accept")]
    press(awa, "u")
    shows(awa, 0)
    assert verdicts(desk) == []
    press(awa, "u")
    told(awa, "nothing to take back")
    press(awa, "x")
    shows(awa, 1)
    assert verdicts(desk) == [(ITEMS[0], "reject")]


def test_a_decision_whose_undo_did_not_reach_the_server_is_still_the_last(reviewer, desk):
    awa = reviewer("Awa")
    press(awa, "Enter")
    shows(awa, 1)
    press(awa, "x")
    shows(awa, 2)
    told(awa, "Rejected.")
    awa.context.route("**/undo", lambda route: route.abort())
    press(awa, "u")
    awa.page.locator("#trouble p").wait_for()
    awa.errors.clear()
    awa.context.unroute("**/undo")
    press(awa, "u")
    told(awa, "Taken back")
    assert verdicts(desk) == [(ITEMS[0], "accept")]


def test_two_reviewers_have_different_readings(reviewer, browser, url):
    awa = reviewer("Awa")
    bakari = Window(browser, url, **DESKTOP)
    bakari.name("Bakari")
    assert reading(bakari) not in {reading(awa), ITEMS[1]}
    bakari.close()


def test_who_was_slower_is_told_and_goes_on(reviewer, desk, browser, url):
    awa = reviewer("Awa")
    bakari = Window(browser, url, **DESKTOP)
    bakari.name("Bakari")
    bakari.open(f"/review/{ITEMS[0]}")
    shows(bakari, 0)
    press(bakari, "x")
    told(bakari, "Rejected.")
    press(awa, "Enter")
    alert = awa.page.get_by_role("alert")
    alert.get_by_text("Bakari was faster").wait_for()
    shows(awa, 1)
    awa.picture("review-conflict")
    awa.errors[:] = [error for error in awa.errors if "409" not in error]
    alert.get_by_role("link").click()
    awa.page.get_by_text("Bakari rejected it").wait_for()
    assert verdicts(desk) == [(ITEMS[0], "reject")]
    bakari.close()


def test_who_left_the_page_open_for_long_is_told_that_somebody_else_has_it(
    desk, lake, database, browser, url
):
    furnish(lake, desk)
    awa = Window(browser, url, **DESKTOP)
    awa.page.clock.install()
    awa.name("Awa")
    shows(awa, 0)
    with awa.page.expect_response("**/review/hold") as held:
        awa.page.clock.fast_forward("09:00")
    assert held.value.ok
    assert awa.page.get_by_role("alert").inner_text() == ""
    with database.connect() as conn:
        conn.execute(
            "update reviews.items"
            " set claimed_by = 'Bakari', claimed_until = now() + interval '1 hour'"
        )
    awa.page.clock.fast_forward("11:00")
    press(awa, "Shift")
    awa.page.get_by_role("alert").get_by_text("before somebody else now").wait_for()
    awa.errors[:] = [error for error in awa.errors if "409" not in error]
    awa.close()


def test_a_page_that_nobody_is_at_gives_its_reading_up(desk, lake, browser, url):
    furnish(lake, desk)
    awa = Window(browser, url, **DESKTOP)
    asked: list[str] = []
    awa.page.on("request", lambda request: asked.append(request.url))
    awa.page.clock.install()
    awa.name("Awa")
    shows(awa, 0)
    press(awa, "Shift")
    asked.clear()
    with awa.page.expect_response("**/review/hold"):
        awa.page.clock.fast_forward("09:00")
    for _ in range(3):
        awa.page.clock.fast_forward("09:00")
    assert len(asked) == 1
    with awa.page.expect_response("**/review/hold"):
        press(awa, "Shift")
    assert len(asked) == 2
    awa.close()


def held_back(window: Window, place: str) -> list[Any]:
    """The requests for `place` from now on; each waits until the test lets it go on or breaks it."""
    held: list[Any] = []
    window.context.route(place, lambda route: held.append(route))  # noqa: PLW0108  playwright marks it
    return held


def test_what_comes_back_late_takes_the_place_of_nothing(reviewer, desk):
    awa = reviewer("Awa")
    awa.page.wait_for_load_state("networkidle")
    held = held_back(awa, f"**/review/{ITEMS[0]}")
    press(awa, "Enter")
    shows(awa, 1)
    press(awa, "e", "Alt+n")
    awa.page.keyboard.type(" bolo")
    held[0].abort()
    awa.page.locator("#trouble p", has_text="comes back after this one").wait_for()
    awa.errors.clear()
    awa.page.keyboard.type("mu xa")
    assert reading(awa) == ITEMS[1]
    assert awa.page.locator("#correction-nko").input_value().endswith(" ߓߏߟߏߡߎ ߬ߊ")
    press(awa, "Escape")
    awa.page.locator("svg.frame").click()
    awa.context.unroute(f"**/review/{ITEMS[0]}")
    press(awa, "x")
    shows(awa, 0)
    awa.page.locator("#trouble p", has_text="did not reach the server").wait_for()
    press(awa, "Enter")
    shows(awa, 2)
    told(awa, "Accepted.")
    assert verdicts(desk) == [(ITEMS[1], "reject"), (ITEMS[0], "accept")]


def test_who_writes_is_not_interrupted_by_what_was_taken_back(reviewer, desk):
    awa = reviewer("Awa")
    press(awa, "Enter")
    shows(awa, 1)
    told(awa, "Accepted.")
    held = held_back(awa, "**/undo")
    with awa.page.expect_request("**/undo"):
        press(awa, "u")
    press(awa, "e")
    awa.page.locator("#correction-nko").fill("ߒߞߏ")
    held[0].continue_()
    awa.page.locator("#trouble p", has_text="comes back after this one").wait_for()
    assert reading(awa) == ITEMS[1]
    press(awa, "Enter")
    shows(awa, 0)
    assert verdicts(desk) == [(ITEMS[1], "correct")]


def test_a_reading_that_is_gone_meanwhile_does_not_come_back(reviewer, desk):
    awa = reviewer("Awa")
    awa.page.wait_for_load_state("networkidle")
    desk.put_items(LESSON, lesson_items(LESSON)[1:])
    press(awa, "Enter")
    shows(awa, 1)
    awa.page.locator("#trouble p", has_text="its frame was read again").wait_for()
    awa.errors[:] = [error for error in awa.errors if "404" not in error]
    press(awa, "x")
    shows(awa, 2)
    told(awa, "Rejected.")
    assert verdicts(desk) == [(ITEMS[1], "reject")]


def test_a_decision_on_what_is_gone_meanwhile_stands_before_no_earlier_one(reviewer, desk):
    awa = reviewer("Awa")
    press(awa, "x")
    shows(awa, 1)
    press(awa, "Enter")
    shows(awa, 2)
    told(awa, "Accepted.")
    desk.put_items(LESSON, [one for one in lesson_items(LESSON) if one.reading_id != ITEMS[1]])
    press(awa, "u")
    told(awa, "no longer asked for")
    assert reading(awa) == ITEMS[2]
    press(awa, "u")
    shows(awa, 0)
    assert verdicts(desk) == []


def test_who_was_slower_finds_what_they_wrote(reviewer, desk):
    awa = reviewer("Awa")
    seen = desk.item(ITEMS[0])
    desk.decide(HumanDecision(ITEMS[0], "reject", "Bakari", "2026-11-24T00:00:00Z", seen.nko), None)
    press(awa, "e")
    awa.page.locator("#correction-nko").fill("ߒߞߏ ߓߟߏ")
    press(awa, "Enter")
    awa.page.locator("#trouble p", has_text="Bakari was faster").wait_for()
    awa.errors[:] = [error for error in awa.errors if "409" not in error]
    shows(awa, 1)
    press(awa, "s")
    shows(awa, 0)
    awa.page.locator("#trouble p", has_text="What you wrote stands in the fields").wait_for()
    awa.page.get_by_text("Bakari").first.wait_for()
    assert awa.page.locator("#correction-nko").input_value() == "ߒߞߏ ߓߟߏ"
    awa.picture("review-slower")
    press(awa, "Enter")
    told(awa, "Corrected.")
    assert [(one.by, one.nko) for one in desk.decisions()][-1] == ("Awa", "ߒߞߏ ߓߟߏ")


def test_enter_agrees_to_the_correction_that_stands(reviewer, desk):
    awa = reviewer("Awa")
    seen = desk.item(ITEMS[0])
    made = HumanDecision(
        ITEMS[0], "correct", "Bakari", "2026-11-24T00:00:00Z", seen.nko, nko="ߒߞߏ ߓߟߏ"
    )
    desk.decide(made, None)
    awa.open(f"/review/{ITEMS[0]}")
    shows(awa, 0)
    awa.page.get_by_role("heading", name="As Bakari corrected it").wait_for()
    awa.picture("review-corrected")
    press(awa, "Enter")
    told(awa, "Accepted.")
    decision = desk.decisions()[-1]
    assert (decision.by, decision.nko) == ("Awa", "ߒߞߏ ߓߟߏ")


def test_digits_of_a_french_keyboard_take_what_another_read(reviewer, desk):
    awa = reviewer("Awa")
    awa.page.locator(".review-item").evaluate(
        "item => item.dispatchEvent(new KeyboardEvent('keydown',"
        " {key: 'é', code: 'Digit2', bubbles: true}))"
    )
    told(awa, "Corrected.")
    assert verdicts(desk) == [(ITEMS[0], "correct")]


def test_a_correction_that_did_not_reach_the_server_comes_back(reviewer, desk):
    awa = reviewer("Awa")
    awa.context.route(f"**/review/{ITEMS[0]}", lambda route: route.abort())
    press(awa, "e")
    awa.page.locator("#correction-nko").fill("ߒߞߏ")
    press(awa, "Enter")
    awa.page.locator("#trouble p").wait_for()
    awa.errors.clear()
    shows(awa, 1)
    press(awa, "s")
    shows(awa, 0)
    assert awa.page.locator("#correction-nko").input_value() == "ߒߞߏ"
    assert verdicts(desk) == []
    awa.context.unroute(f"**/review/{ITEMS[0]}")
    awa.page.locator("#correction-nko").focus()
    press(awa, "Enter")
    shows(awa, 2)
    told(awa, "Corrected.")
    assert desk.decisions()[0].nko == "ߒߞߏ"


def test_a_correction_that_came_back_stays_when_the_next_reading_arrives(reviewer, desk):
    awa = reviewer("Awa")
    awa.page.wait_for_load_state("networkidle")
    held = held_back(awa, "**/review/next")
    awa.context.route(f"**/review/{ITEMS[1]}", lambda route: route.abort())
    press(awa, "Enter")
    shows(awa, 1)
    press(awa, "e")
    awa.page.locator("#correction-nko").fill("ߒߞߏ")
    press(awa, "Enter")
    awa.page.locator("#trouble p").wait_for()
    with awa.page.expect_response("**/review/next"):
        held[0].continue_()
    shows(awa, 1)
    assert awa.page.locator("#correction-nko").input_value() == "ߒߞߏ"
    awa.errors.clear()
    awa.context.unroute(f"**/review/{ITEMS[1]}")
    awa.page.locator("#correction-nko").focus()
    press(awa, "Enter")
    shows(awa, 2)
    told(awa, "Corrected.")
    assert verdicts(desk) == [(ITEMS[0], "accept"), (ITEMS[1], "correct")]


def test_the_next_reading_is_there_before_the_decision_has_arrived(reviewer, desk):
    awa = reviewer("Awa")
    awa.page.wait_for_load_state("networkidle")
    held = held_back(awa, f"**/review/{ITEMS[0]}")
    press(awa, "Enter")
    shows(awa, 1)
    assert verdicts(desk) == []
    held[0].continue_()
    told(awa, "Accepted.")
    assert verdicts(desk) == [(ITEMS[0], "accept")]


def test_a_key_that_is_held_down_decides_once(reviewer, desk):
    awa = reviewer("Awa")
    for _ in range(5):
        awa.page.keyboard.down("x")
    awa.page.keyboard.up("x")
    shows(awa, 1)
    told(awa, "Rejected.")
    assert verdicts(desk) == [(ITEMS[0], "reject")]


def test_a_key_pressed_twice_does_not_decide_on_what_nobody_saw(desk, lake, browser, url):
    furnish(lake, desk)
    awa = Window(browser, url, **DESKTOP)
    awa.page.clock.install()
    awa.name("Awa")
    shows(awa, 0)
    awa.page.clock.pause_at(datetime.now(UTC) + timedelta(minutes=1))
    press(awa, "Enter")
    shows(awa, 1)
    press(awa, "Enter", "Enter")
    awa.page.clock.run_for(240)
    press(awa, "Enter")
    told(awa, "Accepted.")
    assert verdicts(desk) == [(ITEMS[0], "accept")]
    awa.page.clock.run_for(20)
    press(awa, "x")
    shows(awa, 2)
    told(awa, "Rejected.")
    assert verdicts(desk) == [(ITEMS[0], "accept"), (ITEMS[1], "reject")]
    awa.close()


def test_the_keys_are_listed_and_can_be_turned_off(reviewer, desk):
    awa = reviewer("Awa")
    press(awa, "?")
    help_ = awa.page.get_by_role("dialog")
    help_.get_by_text("take the last decision back").wait_for()
    awa.picture("review-keys")
    press(awa, "x")
    help_.get_by_role("checkbox").uncheck()
    press(awa, "Escape")
    press(awa, "x")
    assert reading(awa) == ITEMS[0]
    awa.page.reload()
    shows(awa, 0)
    press(awa, "x")
    awa.page.get_by_role("button", name="Reject").click()
    shows(awa, 1)
    told(awa, "Rejected.")
    assert verdicts(desk) == [(ITEMS[0], "reject")]


def test_what_was_held_is_given_back_when_the_page_is_left(reviewer, desk):
    awa = reviewer("Awa")
    awa.page.wait_for_load_state("networkidle")
    awa.open("/search")
    # The browser says so when the next page is on the screen already.
    while desk.item(ITEMS[0]).claimed_by == "Awa":
        time.sleep(0.02)
    assert desk.next_item("Bakari").reading_id == ITEMS[0]


def test_a_page_that_is_loaded_again_keeps_what_it_holds(reviewer, desk):
    awa = reviewer("Awa")
    awa.page.wait_for_load_state("networkidle")
    awa.page.reload()
    shows(awa, 0)
    awa.page.wait_for_load_state("networkidle")
    item = desk.next_item("Bakari")
    assert item is not None
    assert item.reading_id == ITEMS[2]


def test_without_scripts_forms_do_the_same(browser, url, desk, lake):
    furnish(lake, desk)
    plain = Window(browser, url, **DESKTOP, java_script_enabled=False)
    plain.name("Awa")
    page = plain.page
    page.locator("details.correction > summary").click()
    page.locator("#correction-nko").fill("ߒߞߏ")
    page.get_by_role("button", name="Save the correction").click()
    page.get_by_text("Corrected.").wait_for()
    assert desk.decisions()[0].nko == "ߒߞߏ"
    page.get_by_role("button", name="Take the last decision back").click()
    page.locator(f".review-item[data-reading='{ITEMS[0]}']").wait_for()
    assert desk.decisions() == []
    page.get_by_role("button", name="Skip").click()
    page.locator(f".review-item[data-reading='{ITEMS[1]}']").wait_for()
    plain.close()


def test_enter_in_a_field_saves_the_correction_without_scripts(browser, url, desk, lake):
    furnish(lake, desk)
    plain = Window(browser, url, **DESKTOP, java_script_enabled=False)
    plain.name("Awa")
    plain.page.locator("details.correction > summary").click()
    plain.page.locator("#correction-english").fill("good morning to you")
    press(plain, "Enter")
    plain.page.get_by_role("button", name="Take the last decision back").wait_for()
    (decision,) = desk.decisions()
    assert (decision.verdict, decision.nko) == ("correct", None)
    assert decision.english == "good morning to you"
    plain.close()
