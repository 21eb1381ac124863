"""Review over HTTP: one reading after the other, decisions that stay, and two people at once."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

import pytest

from nko_assets.memory.embeddings import load_embedder
from nko_assets.resources.lake import Lake
from nko_assets.resources.postgres_memory import PostgresMemory
from nko_assets.resources.review_desk import ReviewDesk
from nko_assets.resources.store import Store
from nko_assets_tests.explorer import LESSON, Visitor, explorer, furnish, reading_on
from nko_assets_tests.review_rows import item, lesson_items
from nko_assets_tests.servers.web import WebServer
from nko_assets_tests.slides import LINES

ITEMS = lesson_items(LESSON)


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
def awa(url: str, desk: ReviewDesk, lake: Lake) -> Visitor:
    """A reviewer before a queue of six."""
    furnish(lake, desk)
    return Visitor(url, "Awa")


def form(place: int, verdict: str, **more: object) -> dict[str, object]:
    """What the page of an item sends when nothing in it was changed."""
    told = ITEMS[place]
    return {
        "verdict": verdict,
        "seen": told.nko,
        "seen_decision": "",
        "nko": told.nko,
        "english": told.english or "",
        "english_seen": told.english or "",
        "french": "",
        "french_seen": "",
        "note": "",
        **more,
    }


def at(place: int) -> str:
    return f"/review/{ITEMS[place].reading_id}"


def test_a_stranger_is_asked_for_a_name_first(url: str, desk: ReviewDesk, lake: Lake) -> None:
    furnish(lake, desk)
    visitor = Visitor(url)
    assert 'name="name"' in visitor.see("/review").text
    assert visitor.send(at(0), form(0, "accept")).status_code == 403
    answer = visitor.send("/review/reviewer", {"name": " ߊߥߊ߫  Keïta "})
    assert answer.headers["location"] == "/review"
    assert "ߊߥߊ߫ Keïta" in visitor.see("/review").text
    visitor.send("/review/reviewer", {"name": ""})
    assert 'name="name"' in visitor.see("/review").text


def test_the_reading_that_teaches_most_comes_first_with_its_line_boxed(awa: Visitor) -> None:
    page = awa.see("/review")
    assert reading_on(page) == ITEMS[0].reading_id
    x0, y0, x1, y1 = ITEMS[0].box
    box = f'x="{x0 - 6}" y="{y0 - 6}" width="{x1 - x0 + 12}" height="{y1 - y0 + 12}"'
    assert f'class="box" {box}' in page.text
    assert 'viewBox="0 0 1280 720"' in page.text


def test_a_tone_mark_in_which_readers_differ_is_marked_in_both(awa: Visitor) -> None:
    page = awa.see("/review").text
    assert '<mark class="marks">ߌ߫</mark>' in page
    assert '<mark class="marks">ߌ߬</mark>' in page


def test_a_decision_is_kept_and_the_next_reading_comes(awa: Visitor, desk: ReviewDesk) -> None:
    awa.see("/review")
    answer = awa.send(at(0), form(0, "accept"))
    assert answer.status_code == 303
    after = awa.see(answer.headers["location"])
    assert "Accepted." in after.text
    assert reading_on(after) == ITEMS[1].reading_id
    (decision,) = desk.decisions()
    assert (decision.verdict, decision.by, decision.seen) == ("accept", "Awa", LINES[0])


def test_the_counts_know_of_the_decision_that_they_answer(awa: Visitor) -> None:
    awa.see("/review")
    for place, told in enumerate(
        ("5 wait · 1 decided · 1 by you", "4 wait · 2 decided · 2 by you")
    ):
        answer = awa.send(at(place), form(place, "accept"), script=True).json()
        assert answer["counts"].startswith(told)


def test_a_correction_keeps_only_what_was_changed(awa: Visitor, desk: ReviewDesk) -> None:
    awa.send(at(0), form(0, "correct", nko="ߌ ߣߌ߫ ߛߐ߰ߡߊ߫", note=" seen twice "))
    awa.send(at(1), form(1, "correct", english="", french="comment vas-tu ?"))
    awa.send(at(2), form(2, "correct"))
    first, second, third = desk.decisions()
    assert (first.nko, first.english, first.note) == ("ߌ ߣߌ߫ ߛߐ߰ߡߊ߫", None, "seen twice")
    assert (second.nko, second.english, second.french) == (None, "", "comment vas-tu ?")
    assert third.verdict == "accept"


def test_what_another_reader_read_is_taken_with_one_button(awa: Visitor, desk: ReviewDesk) -> None:
    other = ITEMS[0].said[1].nko
    awa.send(at(0), {**form(0, "correct", take=other), "verdict": "correct"})
    (decision,) = desk.decisions()
    assert (decision.verdict, decision.nko) == ("correct", other)


@pytest.mark.parametrize("verdict", ["accept", "reject", "skip", "correct"])
def test_a_reading_of_any_length_can_be_decided_on(
    awa: Visitor, desk: ReviewDesk, verdict: str
) -> None:
    long = replace(ITEMS[0], nko=" ".join(["ߌ ߣߌ߫"] * 500), english="good morning " * 250)
    desk.put_items(LESSON, [long, *ITEMS[1:]])
    page = awa.see(at(0)).text
    assert long.nko in page
    changed = long.nko + " ߒߞߏ" if verdict == "correct" else long.nko
    told = {"seen": long.nko, "nko": changed, "english": long.english, "english_seen": long.english}
    much = {"verdict": "correct", "nko": "ߒ" * (2 * len(long.english or "") + 1)}
    assert awa.send(at(0), {**form(0, verdict), **told, **much}).status_code == 422
    answer = awa.send(at(0), {**form(0, verdict), **told}, script=True)
    assert answer.status_code == 200
    assert [one.verdict for one in desk.decisions()] == ([] if verdict == "skip" else [verdict])
    assert awa.see("/review/preview", nko=changed, english=long.english).status_code == 200


def test_two_reviewers_never_get_the_same_reading(awa: Visitor, url: str) -> None:
    bakari = Visitor(url, "Bakari")
    mine, theirs = reading_on(awa.see("/review")), reading_on(bakari.see("/review"))
    assert mine != theirs
    ahead = reading_on(awa.send("/review/next", {"without": [mine]}, script=True))
    assert ahead not in {mine, theirs}
    assert reading_on(awa.see("/review")) == mine


def test_who_was_slower_is_told_kindly_and_sees_what_stands_now(awa: Visitor, url: str) -> None:
    bakari = Visitor(url, "Bakari")
    awa.send(at(0), form(0, "reject"))
    slower = bakari.send(at(0), form(0, "accept"))
    assert slower.status_code == 409
    assert "Awa was faster and rejected this reading" in slower.text
    assert reading_on(slower) == ITEMS[0].reading_id
    told = bakari.send(at(0), form(0, "accept"), script=True)
    assert told.status_code == 409
    assert told.json()["message"].startswith("Awa was faster")
    assert told.json()["url"] == at(0)


def test_who_has_seen_the_decision_may_decide_otherwise(
    awa: Visitor, url: str, desk: ReviewDesk
) -> None:
    first = awa.send(at(0), form(0, "reject"), script=True).json()["decision"]
    bakari = Visitor(url, "Bakari")
    page = bakari.see(at(0))
    assert "rejected it" in page.text
    assert f'name="seen_decision" value="{first}"' in page.text
    assert bakari.send(at(0), form(0, "accept", seen_decision=first)).status_code == 303
    found = desk.item(ITEMS[0].reading_id)
    assert found is not None
    assert found.decision is not None
    assert (found.decision.by, found.decision.verdict) == ("Bakari", "accept")


def test_a_decision_that_was_taken_back_waits_again(awa: Visitor, desk: ReviewDesk) -> None:
    decision = awa.send(at(0), form(0, "accept"), script=True).json()["decision"]
    back = awa.send(
        f"/review/decisions/{decision}/undo", {"reading": ITEMS[0].reading_id}, script=True
    )
    assert ITEMS[0].reading_id in back.json()["item"]
    assert back.json()["counts"].startswith("6 wait · 0 decided")
    assert desk.decisions() == []
    assert [entry.verdict for entry in desk.history(ITEMS[0].reading_id)] == ["accept", "undo"]
    without_script = awa.send(
        f"/review/decisions/{decision}/undo", {"reading": ITEMS[0].reading_id}
    )
    assert without_script.headers["location"] == at(0)


def test_a_decision_that_is_not_there_cannot_be_taken_back(awa: Visitor) -> None:
    answer = awa.send("/review/decisions/99/undo", {"reading": ITEMS[0].reading_id})
    assert answer.status_code == 404


@pytest.mark.parametrize("script", [True, False])
def test_a_decision_on_what_is_gone_meanwhile_is_taken_back_all_the_same(
    awa: Visitor, desk: ReviewDesk, script: bool
) -> None:
    decision = awa.send(at(0), form(0, "accept"), script=True).json()["decision"]
    desk.put_items(LESSON, ITEMS[1:])
    undo = f"/review/decisions/{decision}/undo"
    answer = awa.send(undo, {"reading": ITEMS[0].reading_id}, script=script)
    if script:
        assert answer.json()["item"] is None
        told = answer.json()["told"]
    else:
        told = awa.see(answer.headers["location"]).text
    assert "Its reading is no longer asked for" in told
    assert desk.decisions() == []


def test_what_is_gone_meanwhile_can_be_skipped(awa: Visitor, desk: ReviewDesk) -> None:
    desk.put_items(LESSON, ITEMS[1:])
    assert awa.send(at(0), form(0, "skip"), script=True).json()["told"] == "Skipped."
    gone = awa.send(at(0), form(0, "accept"), script=True)
    assert gone.status_code == 404
    assert "its frame was read again" in gone.json()["detail"]


def test_a_correction_of_somebody_else_is_what_the_next_one_sees_and_agrees_to(
    awa: Visitor, url: str, desk: ReviewDesk
) -> None:
    awa.send(at(0), form(0, "correct", nko="ߒߞߏ", english="I say"))
    fanta = Visitor(url, "Fanta")
    page = fanta.see(at(0)).text
    headline, as_read = page.split('<section class="reading')[1:3]
    assert "As Awa corrected it" in headline
    assert "I say" in headline
    assert f'name="take" value="{LINES[0]}"' in as_read
    before = desk.item(ITEMS[0].reading_id)
    assert before is not None
    agreed = form(0, "accept", seen_decision=before.last_decision)
    assert fanta.send(at(0), agreed, script=True).json()["told"] == "Accepted."
    decision = desk.decisions()[-1]
    assert (decision.verdict, decision.by) == ("correct", "Fanta")
    assert (decision.nko, decision.english) == ("ߒߞߏ", "I say")


def test_what_was_read_is_taken_in_place_of_a_correction(
    awa: Visitor, url: str, desk: ReviewDesk
) -> None:
    first = awa.send(at(0), form(0, "correct", nko="ߒߞߏ"), script=True).json()["decision"]
    taken = {**form(0, "correct", take=LINES[0], seen_decision=first), "nko": "ߒߞߏ"}
    Visitor(url, "Fanta").send(at(0), taken)
    assert [one.verdict for one in desk.decisions()] == ["correct", "accept"]


def test_who_was_slower_finds_what_they_wrote_beside_what_stands(awa: Visitor, url: str) -> None:
    bakari = Visitor(url, "Bakari")
    awa.send(at(0), form(0, "accept"))
    written = form(0, "correct", nko="ߒߞߏ ߓߟߏ", french="ma main", note="look")
    page = bakari.send(at(0), written).text
    part = bakari.send(at(0), written, script=True).json()["item"]
    for shown in (page, part):
        assert ">ߒߞߏ ߓߟߏ</textarea>" in shown
        assert 'value="ma main"' in shown
        assert 'value="look"' in shown
        assert '<details class="correction" open>' in shown
        assert "accepted it" in shown
    assert "What you wrote stands in the fields" in page
    assert "item" not in bakari.send(at(0), form(0, "reject"), script=True).json()


def test_what_is_skipped_does_not_come_back_until_all_is_seen(awa: Visitor) -> None:
    seen = []
    page = awa.see("/review")
    while "data-reading" in page.text:
        seen.append(reading_on(page))
        answer = awa.send(f"/review/{seen[-1]}", {"verdict": "skip", "seen": "", "without": seen})
        page = awa.see(answer.headers["location"])
    assert seen == [one.reading_id for one in ITEMS]
    assert "Nothing waits for you" in page.text


def test_a_reading_is_held_on_to_until_somebody_else_has_it(awa: Visitor, url: str) -> None:
    mine = reading_on(awa.see("/review"))
    assert awa.send("/review/hold", {"reading": mine}).json()["held_s"] == 600
    lost = Visitor(url, "Bakari").send("/review/hold", {"reading": mine})
    assert lost.status_code == 409
    assert "before somebody else now" in lost.json()["message"]


def test_what_was_given_back_others_may_have(awa: Visitor, url: str) -> None:
    mine = reading_on(awa.see("/review"))
    held = awa.send("/review/hold", {"reading": mine}).json()
    given = awa.send("/review/release", {"reading": [mine], "until": [held["until"]]})
    assert given.status_code == 204
    assert reading_on(Visitor(url, "Bakari").see("/review")) == mine


def test_a_page_gives_back_only_what_no_other_page_holds_by_now(awa: Visitor, url: str) -> None:
    page = awa.see("/review")
    mine, (until,) = reading_on(page), re.findall(r'data-held-until="([^"]+)"', page.text)
    assert reading_on(awa.see("/review")) == mine
    awa.send("/review/release", {"reading": [mine], "until": [until]})
    assert reading_on(Visitor(url, "Bakari").see("/review")) != mine
    assert awa.send("/review/release", {"reading": [mine], "until": []}).status_code == 422
    assert awa.send("/review/release", {"reading": [mine, mine], "until": until}).status_code == 422


def test_a_text_that_was_read_anew_meanwhile_is_told(awa: Visitor, desk: ReviewDesk) -> None:
    awa.see("/review")
    desk.put_items(LESSON, [item(LESSON, 0, 0, "ߒߞߏ")])
    told = awa.send(at(0), form(0, "accept"), script=True).json()
    assert "read again meanwhile" in told["told"]


def test_the_preview_of_a_correction_says_its_latin_and_what_is_odd(awa: Visitor) -> None:
    assert ">nko sɛ̀bɛ̀</output>" in awa.see("/review/preview", nko="ߒߞߏ ߛߓߍ߬").text
    assert 'class="signals"' not in awa.see("/review/preview", nko="ߒߞߏ").text
    assert 'class="signals"' in awa.see("/review/preview", nko="߫ߒߞߏ").text
    assert awa.see("/review/preview", nko="").status_code == 200


def test_a_frame_without_a_picture_and_a_line_without_a_box_are_told(
    awa: Visitor, desk: ReviewDesk
) -> None:
    unknown = item("elsewhere", 0, 0, "ߒߞߏ")
    desk.put_items("elsewhere", [unknown])
    assert "no picture of the frame" in awa.see(f"/review/{unknown.reading_id}").text


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"verdict": "burn"}, 422),
        ({"seen_decision": "first"}, 422),
        ({"seen_decision": "9" * 30}, 422),
        ({"note": "x" * 3_000}, 422),
        ({"verdict": "correct", "nko": "  "}, 422),
        ({"note": "a\x00b"}, 422),
    ],
)
def test_what_is_no_decision_is_refused(
    awa: Visitor, desk: ReviewDesk, change: dict[str, str], status: int
) -> None:
    assert awa.send(at(0), {**form(0, "accept"), **change}).status_code == status
    assert desk.decisions() == []


@pytest.mark.parametrize("reading", ["x", "..%2f..", "3d813cbb-47fb-5a91-a8a0-0d1d2b4f8f7e"])
def test_a_reading_that_is_not_there_is_not_found(awa: Visitor, reading: str) -> None:
    assert awa.see(f"/review/{reading}").status_code in (404, 422)
    assert awa.send(f"/review/{reading}", form(0, "accept")).status_code in (404, 422)


def test_the_page_speaks_french(awa: Visitor) -> None:
    awa.http.headers["Accept-Language"] = "fr"
    assert "Accepter" in awa.see("/review").text
    awa.send(at(0), form(0, "accept"))
    told = awa.send(at(0), form(0, "reject"), script=True).json()
    assert "a été plus rapide" in told["message"]


def test_french_has_one_word_for_taking_back(awa: Visitor, desk: ReviewDesk) -> None:
    awa.http.headers["Accept-Language"] = "fr"
    page = awa.see(awa.send(at(0), form(0, "accept")).headers["location"]).text
    assert "Annuler la dernière décision" in page
    first = desk.history(ITEMS[0].reading_id)[0].id
    desk.undo(first, "Bakari")
    slower = awa.send(at(0), form(0, "reject", seen_decision=first)).text
    assert "Bakari a annulé la décision" in slower
    awa.send(at(0), form(0, "reject"))
    after = awa.see(at(0)).text
    assert "a annulé une décision" in after
    assert re.findall("[Rr]epri(?:s|se|ses|ez)?\\b|[Rr]eprendre", page + slower + after) == []


@pytest.mark.parametrize("script", [True, False])
@pytest.mark.parametrize(
    ("change", "status", "told"),
    [
        ({"verdict": "correct", "nko": "a" * 3_000}, 422, "2 000 caractères au plus"),
        ({"verdict": "correct", "nko": "  "}, 422, "ne peut pas être vide"),
        ({"note": "a\x00b"}, 422, "autre chose que des caractères"),
    ],
)
def test_what_is_refused_is_refused_in_french_too(
    awa: Visitor, change: dict[str, str], status: int, told: str, script: bool
) -> None:
    awa.http.headers["Accept-Language"] = "fr"
    answer = awa.send(at(0), {**form(0, "accept"), **change}, script=script)
    assert answer.status_code == status
    assert answer.headers["content-type"].startswith("application/json" if script else "text/html")
    assert told in answer.text.replace("\u202f", " ")


def test_a_stranger_is_refused_in_french_too(url: str, desk: ReviewDesk, lake: Lake) -> None:
    furnish(lake, desk)
    visitor = Visitor(url)
    visitor.http.headers["Accept-Language"] = "fr"
    assert "qui vous êtes" in visitor.send(at(0), form(0, "accept"), script=True).json()["detail"]
    assert "Un nom a des lettres" in visitor.send("/review/reviewer", {"name": "a\x07b"}).text
    unknown = visitor.send("/review/decisions/99/undo", {"reading": ITEMS[0].reading_id})
    assert unknown.status_code == 403
