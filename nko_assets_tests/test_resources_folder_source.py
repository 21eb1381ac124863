"""A folder of video files as a source, and the choice between sources."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from nko_assets.channel import merge
from nko_assets.failures import ConfigurationError, PermanentFailure
from nko_assets.resources.folder_source import FolderSource, fingerprint
from nko_assets.resources.source import open_source
from nko_assets.resources.video_files import find_whole, incoming
from nko_assets_tests.source_options import source_options


def silent(_line: str) -> None:
    """Take a line of progress and say nothing."""


def write(path: Path, content: bytes = b"video") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


@pytest.fixture
def lessons(tmp_path: Path) -> Path:
    root = tmp_path / "lessons"
    for name in ("one.mp4", "one.mkv", "Two.MOV", "term 2/--three.webm", "term 2/ߥߟߊ߬ߘߊ ߁߀߲.avi"):
        write(root / name, name.encode())
    return root


def titles(source: FolderSource) -> list[str]:
    return [entry.title for entry in source.list_videos()]


def test_every_container_is_found_in_every_subfolder(lessons: Path) -> None:
    assert sorted(titles(FolderSource(lessons, "ours"))) == [
        "--three",
        "Two",
        "one",
        "one",
        "ߥߟߊ߬ߘߊ ߁߀߲",
    ]


def test_each_file_has_its_own_id_and_the_ids_do_not_depend_on_where_the_folder_is(
    lessons: Path, tmp_path: Path
) -> None:
    before = [entry.video_id for entry in FolderSource(lessons, "ours").list_videos()]
    moved = lessons.rename(tmp_path / "moved")
    assert [entry.video_id for entry in FolderSource(moved, "ours").list_videos()] == before
    assert len(set(before)) == 5


def test_hidden_partial_and_other_files_are_not_videos(lessons: Path) -> None:
    for name in (
        ".hidden.mp4",
        ".trash/old.mp4",
        "four.mp4.part",
        "four.mp4.crdownload",
        "four.part.mp4",
        "~four.mp4",
        "four~.mp4",
        "four.mp4~",
        "notes.txt",
        "mp4",
    ):
        write(lessons / name)
    assert len(titles(FolderSource(lessons, "ours"))) == 5


def test_a_data_root_of_ours_inside_the_folder_is_not_listed(lessons: Path) -> None:
    source = FolderSource(lessons, "ours")
    data = lessons / "data"
    write(data / "manifest" / "videos.json", b"{}")
    source.fetch(source.list_videos()[0], data / "video_files", silent)
    assert len(source.list_videos()) == 5


def test_a_link_to_a_folder_is_followed_once(lessons: Path, tmp_path: Path) -> None:
    write(tmp_path / "elsewhere" / "six.mp4", b"six")
    (lessons / "more").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "elsewhere" / "loop").symlink_to(lessons)
    assert len(titles(FolderSource(lessons, "ours"))) == 6


@pytest.mark.parametrize(
    ("name", "sentence"),
    [("none", "There is no folder"), ("empty", "holds no video files"), ("a.mp4", "is a file")],
)
def test_a_folder_without_videos_is_an_error_with_a_next_step(
    tmp_path: Path, name: str, sentence: str
) -> None:
    (tmp_path / "empty").mkdir()
    write(tmp_path / "a.mp4")
    with pytest.raises(ConfigurationError, match=sentence) as error:
        FolderSource(tmp_path / name, "ours").list_videos()
    assert error.value.next_step


def test_a_file_is_linked_rather_than_copied(lessons: Path, tmp_path: Path) -> None:
    source = FolderSource(lessons, "ours")
    for entry in source.list_videos():
        path = source.fetch(entry, tmp_path / "video_files", silent)
        assert path.stem == entry.video_id
        assert path.samefile(lessons / entry.url)
    names = sorted(p.suffix for p in (tmp_path / "video_files").iterdir() if p.is_file())
    assert names == [".avi", ".mkv", ".mov", ".mp4", ".webm"]


def test_fetching_again_changes_nothing(lessons: Path, tmp_path: Path) -> None:
    source = FolderSource(lessons, "ours")
    entry = source.list_videos()[0]
    said: list[str] = []
    first = source.fetch(entry, tmp_path, said.append)
    assert source.fetch(entry, tmp_path, said.append) == first
    assert len(said) == 1


def _replace(path: Path) -> None:
    write(path.with_suffix(".new"), b"other content").replace(path)


def _rewrite(path: Path) -> None:
    path.write_bytes(b"other content")


@pytest.mark.parametrize("change", [_replace, _rewrite])
def test_a_file_whose_content_changed_is_noticed_and_linked_again(
    lessons: Path, tmp_path: Path, change: Callable[[Path], None]
) -> None:
    source = FolderSource(lessons, "ours")
    before = source.list_videos()
    source.fetch(before[0], tmp_path / "files", silent)
    change(lessons / before[0].url)
    after = source.list_videos()
    assert merge(before, after).changed == (before[0].video_id,)
    assert source.fetch(after[0], tmp_path / "files", silent).read_bytes() == b"other content"


def test_copying_or_touching_a_file_does_not_change_its_fingerprint(tmp_path: Path) -> None:
    content = os.urandom(500_000)
    first, second = write(tmp_path / "a.mp4", content), write(tmp_path / "b.mp4", content)
    os.utime(second, (0, 0))
    assert fingerprint(first) == fingerprint(second)
    for position in (0, 250_000, 499_999):
        changed = bytearray(content)
        changed[position] ^= 1
        assert fingerprint(write(second, bytes(changed))) != fingerprint(first)


def test_a_file_that_went_away_fails_alone(lessons: Path, tmp_path: Path) -> None:
    source = FolderSource(lessons, "ours")
    first, second, *_ = source.list_videos()
    (lessons / first.url).unlink()
    with pytest.raises(PermanentFailure, match="no longer there"):
        source.fetch(first, tmp_path / "files", silent)
    assert source.fetch(second, tmp_path / "files", silent).is_file()
    assert not any(p.is_file() for p in (tmp_path / "files").glob(f"{first.video_id}*"))


def test_names_are_compared_exactly(tmp_path: Path) -> None:
    write(tmp_path / "Ab.mp4")
    assert find_whole(tmp_path, "aB") is None
    assert find_whole(tmp_path, "A") is None
    assert find_whole(tmp_path, "Ab") == tmp_path / "Ab.mp4"
    assert find_whole(tmp_path / "none", "Ab") is None


def test_a_folder_is_opened_by_its_path(lessons: Path) -> None:
    source = open_source(f" {lessons} ", source_options(licence="CC BY 4.0", expected_videos=5))
    entries = source.list_videos()
    assert source.expected_videos == len(entries)
    assert {entry.licence for entry in entries} == {"CC BY 4.0"}
    assert str(lessons) in source.name


def test_no_source_is_an_error_with_a_next_step() -> None:
    with pytest.raises(ConfigurationError, match="NKO_SOURCE"):
        open_source(" ", source_options())


def test_ids_that_differ_by_case_alone_grow_in_different_places(tmp_path: Path) -> None:
    names = {incoming(tmp_path, name).name.casefold() for name in ("-aB", "-Ab", "_aB")}
    assert len(names) == 3
