"""The lessons: the list, the strip of one, and what is said when something is missing."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from nko_assets.resources.lake import Failure, Lake
from nko_assets.resources.memory_store import MemoryStore
from nko_assets.web.lessons import FRAMES_A_PAGE, LESSONS_A_PAGE
from nko_assets.web.pages import page_url
from nko_assets_tests.memory_rows import content, turn, video
from nko_assets_tests.pages import Page, client, list_videos
from nko_assets_tests.review_rows import write_slides
from nko_assets_tests.slides import LINES


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(tmp_path)


def test_lessons_come_in_the_order_of_the_channel_with_what_is_known(
    memory: MemoryStore, lake: Lake
) -> None:
    list_videos(lake, "b", "a", "c")
    lake.save_failure("frames", "c", Failure("PermanentFailure", "The file is <broken>."))
    memory.upsert_videos([video("a", 3)])
    page = Page(client(memory, lake).get("/lessons").text)
    cards = page.all("li", class_="lesson")
    assert [card.text.split()[2] for card in cards] == ["b", "a", "c"]
    assert "not read yet" in cards[0].text
    assert "3 frames" in cards[1].text
    assert "The file is <broken>." in cards[2].text
    assert page.one("img")["src"] == "/api/frames/a%3A0?small=true"


def test_a_long_channel_comes_in_pages(memory: MemoryStore, lake: Lake) -> None:
    list_videos(lake, *(f"v{number:03}" for number in range(LESSONS_A_PAGE + 2)))
    visitor = client(memory, lake)
    first = Page(visitor.get("/lessons").text)
    second = Page(visitor.get(first.one("a", rel="next")["href"]).text)
    assert len(first.all("li", class_="lesson")) == LESSONS_A_PAGE
    assert len(second.all("li", class_="lesson")) == 2
    assert not second.all("a", rel="next")
    assert second.one("a", rel="prev")["href"] == "/lessons?page=1"
    assert "ends before" in Page(visitor.get("/lessons?page=9").text).text


def test_without_a_manifest_the_lessons_of_the_memory_are_shown(
    memory: MemoryStore, lake: Lake
) -> None:
    memory.upsert_videos([video(f"v{number:03}", 1) for number in range(LESSONS_A_PAGE + 1)])
    visitor = client(memory, lake)
    first = Page(visitor.get("/lessons").text)
    second = Page(visitor.get(first.one("a", rel="next")["href"]).text)
    assert len(first.all("li", class_="lesson")) == LESSONS_A_PAGE
    assert len(second.all("li", class_="lesson")) == 1


def test_where_nothing_is_the_command_that_makes_it_is_named(
    memory: MemoryStore, lake: Lake
) -> None:
    page = Page(client(memory, lake).get("/lessons").text)
    assert page.one("pre").text == f"nko run --data {lake.root}"
    list_videos(lake, "-a")
    waiting = Page(client(memory, lake).get("/lessons/-a").text)
    assert waiting.one("pre").text == f"nko run --data {lake.root} --videos=-a"


def test_a_lesson_shows_each_frame_with_its_readings_and_its_time(
    memory: MemoryStore, lake: Lake
) -> None:
    write_slides(lake, "a", [LINES, LINES])
    entries = [
        {
            "reading_id": "r1",
            "nko": "ߖߌ",
            "latin": "ji",
            "english": "water",
            "decision": "accepted",
        },
        {"nko": "ߛߓߍ", "decision": "needs_review", "confidence": 0.5},
    ]
    frames = [turn("a", 0), replace(turn("a", 1), content=content("ߖߌ", entries=entries))]
    memory.upsert_videos([video("a", frames, title="ߞߊ߬ߟߊ߲ ߁")])
    page = Page(client(memory, lake).get("/lessons/a").text)
    assert page.one("h1")["dir"] == "rtl"
    assert [one["id"] for one in page.all("li", class_="frame")] == ["t0", "t5000"]
    read, doubtful = page.all("li", class_="entry")
    assert " ".join(read.text.split()).startswith("ߖߌ ji water")
    assert "needs review" in doubtful.text
    assert "0.50" in doubtful.text
    assert [a["href"] for a in page.all("a") if a.attributes.get("href", "")[:8] == "/review/"] == [
        "/review/r1"
    ]
    pictures = [one["src"] for one in page.all("img")]
    assert pictures == ["/api/frames/a%3A0?small=true", "/api/frames/a%3A5000?small=true"]
    assert not page.all("video")


def test_times_lead_to_the_second_in_the_local_file_and_on_youtube(
    memory: MemoryStore, lake: Lake
) -> None:
    list_videos(lake, "a")
    (lake.root / "video_files").mkdir()
    (lake.root / "video_files" / "a.mp4").write_bytes(b"a film")
    memory.upsert_videos([video("a", 2)])
    page = Page(client(memory, lake).get("/lessons/a?at=5").text)
    assert page.one("video")["src"] == "/api/videos/a#t=5.0"
    assert [one["data-second"] for one in page.all("a", class_="moment")] == ["0.0", "5.0"]
    assert [one["href"] for one in page.all("a", class_="out")] == [
        "https://www.youtube.com/watch?v=a&t=0s",
        "https://www.youtube.com/watch?v=a&t=5s",
    ]
    assert {one["rel"] for one in page.all("a", class_="out")} == {"noopener noreferrer"}


def test_a_moment_opens_the_page_of_frames_that_holds_it(memory: MemoryStore, lake: Lake) -> None:
    memory.upsert_videos([video("a", FRAMES_A_PAGE + 5)])
    visitor = client(memory, lake)

    def frames(query: str) -> list[str]:
        page = Page(visitor.get(f"/lessons/a{query}").text)
        return [one["id"] for one in page.all("li", class_="frame")]

    late = FRAMES_A_PAGE * 5000
    assert frames("")[0] == "t0"
    assert len(frames("")) == FRAMES_A_PAGE
    assert frames("?page=2")[0] == f"t{late}"
    assert frames(f"?at={late / 1000}") == frames("?page=2")
    assert frames(f"?at={late / 1000 - 0.001}") == frames("")
    assert frames("?at=100000") == frames("?page=2")
    assert visitor.get("/lessons/a?page=3").status_code == 404


@pytest.mark.parametrize("at", ["inf", "nan", "1e308"])
def test_a_second_that_no_video_has_cannot_be_asked(
    memory: MemoryStore, lake: Lake, at: str
) -> None:
    memory.upsert_videos([video("a", 1)])
    answer = client(memory, lake).get(f"/lessons/a?at={at}")
    assert answer.status_code == 422
    assert Page(answer.text).one("h1").text == "This cannot be asked"


def test_a_lesson_of_any_length_is_shown_to_its_end(memory: MemoryStore, lake: Lake) -> None:
    frames = 1000 + FRAMES_A_PAGE
    memory.upsert_videos([video("a", frames)])
    visitor = client(memory, lake)
    last = Page(visitor.get(f"/lessons/a?at={5 * (frames - 1)}").text)
    assert last.all("li", class_="frame")[-1]["id"] == f"t{5000 * (frames - 1)}"
    pages = -(-frames // FRAMES_A_PAGE)
    assert f"{pages} of {pages}" in last.text
    assert visitor.get(f"/lessons/a?page={pages}").status_code == 200
    assert visitor.get(f"/lessons/a?page={pages + 1}").status_code == 404


@pytest.mark.parametrize("path", ["nope", "a?at=-1", "a?at=x", "a?page=0", "a%20b", "a%5Cb"])
def test_what_is_no_lesson_is_a_page_that_says_so(
    memory: MemoryStore, lake: Lake, path: str
) -> None:
    answer = client(memory, lake).get(f"/lessons/{path}")
    assert answer.status_code in (404, 422)
    assert Page(answer.text).one("h1").text in ("Not found", "This cannot be asked")


def test_markup_in_a_title_or_a_reading_is_text(memory: MemoryStore, lake: Lake) -> None:
    evil = "<script>alert(1)</script>ߒߞߏ"
    entries = [{"nko": evil, "latin": evil, "english": evil, "decision": "accepted"}]
    frame = replace(turn("a", 0), content=content(evil, evil, entries=entries, english=evil))
    memory.upsert_videos([video("a", [frame], title=evil)])
    visitor = client(memory, lake)
    for path in ("/", "/lessons", "/lessons/a", "/live"):
        page = Page(visitor.get(path).text)
        assert all("src" in script.attributes for script in page.all("script"))
        assert "<script>alert(1)</script>" in page.text


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://youtu.be/x", "https://youtu.be/x?t=7s"),
        ("https://www.youtube.com/watch?v=x", "https://www.youtube.com/watch?v=x&t=7s"),
        ("https://video.example/x", "https://video.example/x"),
        ("sample/a.mp4", None),
        ("javascript:alert(1)", None),
        ("data:text/html,x", None),
        ("", None),
        (None, None),
    ],
)
def test_only_pages_of_the_web_are_links(url: str | None, expected: str | None) -> None:
    assert page_url(url, 7.9) == expected
