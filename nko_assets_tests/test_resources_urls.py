"""URLs: specs of sources, identities that last, and nothing secret shown."""

from __future__ import annotations

import pytest

from nko_assets.resources.urls import identity, page_url, redact


@pytest.mark.parametrize(
    ("spec", "url"),
    [
        ("@babamamadidiane", "https://www.youtube.com/@babamamadidiane/videos"),
        ("https://www.youtube.com/@name", "https://www.youtube.com/@name/videos"),
        ("https://m.youtube.com/@name/", "https://www.youtube.com/@name/videos"),
        ("youtube.com/channel/UCabc", "https://www.youtube.com/channel/UCabc/videos"),
        ("https://www.youtube.com/@name/streams", "https://www.youtube.com/@name/streams"),
        (
            "https://www.youtube.com/playlist?list=PLabc",
            "https://www.youtube.com/playlist?list=PLabc",
        ),
        ("http://127.0.0.1:8000/feed.xml", "http://127.0.0.1:8000/feed.xml"),
        ("lessons", None),
        ("file:///srv/lessons", None),
        ("./@lessons", None),
        ("/srv/youtube.com/videos", None),
    ],
)
def test_a_spec_is_a_page_or_a_folder(spec: str, url: str | None) -> None:
    assert page_url(spec) == url


def test_the_identity_of_a_link_outlives_its_signature() -> None:
    first = "https://user:pass@Example.org/a/lesson.mp4?token=abc&Expires=1&v=2#t=10"
    again = "http://example.org/a/lesson.mp4?v=2&token=def&Expires=2"
    assert identity(first) == identity(again)
    assert identity(first) != identity("https://example.org/a/lesson.mp4?v=3")
    assert identity("https://example.org/A.mp4") != identity("https://example.org/a.mp4")
    assert identity("https://example.org/%DF%92.mp4") == identity("https://example.org/ߒ.mp4")


def test_nothing_secret_in_a_url_is_shown() -> None:
    text = redact(
        "cannot get https://user:hunter2@cdn.example.org/a.mp4?token=s3cret#frag, "
        "https://rr4---sn-x.googlevideo.com/videoplayback/sig/AOq0QJ8w/file/seg.ts nor "
        "https://www.youtube.com/watch?v=-aB_cD12345&sapisid=s3cret"
    )
    assert "https://cdn.example.org/a.mp4?…" in text
    assert "https://rr4---sn-x.googlevideo.com/…" in text
    assert "https://www.youtube.com/watch?v=-aB_cD12345" in text
    assert not any(secret in text for secret in ("hunter2", "s3cret", "AOq0QJ8w", "frag,"))


def test_text_without_urls_is_left_alone() -> None:
    assert redact("ߒߞߏ: no URL at all") == "ߒߞߏ: no URL at all"
