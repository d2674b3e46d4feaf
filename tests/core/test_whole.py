"""A file is there whole, or the one before it is."""

from pathlib import Path

import pytest

from core.whole import opened_whole, write_whole


def test_a_file_is_written_in_utf_8_and_nothing_else_is_left(tmp_path: Path) -> None:
    write_whole(tmp_path / "rows.json", "größer")
    write_whole(tmp_path / "rows.jsonl", b"\x00")
    assert (tmp_path / "rows.json").read_bytes() == "größer".encode()
    assert sorted(file.name for file in tmp_path.iterdir()) == ["rows.json", "rows.jsonl"]


def test_what_fails_half_way_leaves_the_file_before(tmp_path: Path) -> None:
    file = tmp_path / "rows.jsonl"
    write_whole(file, "whole")
    with pytest.raises(TypeError), opened_whole(file) as stream:
        stream.writelines(["half", 1])  # type: ignore[list-item]
    assert file.read_text() == "whole" and list(tmp_path.iterdir()) == [file], "and nothing of what was half written"
    with opened_whole(file) as stream:
        stream.write("new")
    assert file.read_text() == "new"


def test_what_cannot_take_its_place_is_cleared_away(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    with pytest.raises(IsADirectoryError), opened_whole(folder) as stream:
        stream.write("private")
    with pytest.raises(IsADirectoryError):
        write_whole(folder, "private")
    assert list(tmp_path.iterdir()) == [folder]
    with pytest.raises(NotADirectoryError):
        write_whole(Path(__file__) / "file", "private")
