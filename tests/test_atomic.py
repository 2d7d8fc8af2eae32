"""Files that are there whole or not at all."""

import json
from pathlib import Path

import pytest

from train.atomic import replacing, write_json


def test_a_file_is_replaced_when_all_is_written(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("old")
    with replacing(path) as unfinished:
        unfinished.write_text("new")
        assert path.read_text() == "old"
    assert path.read_text() == "new"
    assert list(tmp_path.iterdir()) == [path]


def test_an_error_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("old")
    with pytest.raises(IsADirectoryError), replacing(path) as unfinished:
        unfinished.parent.write_text("no file can be written there")
    assert path.read_text() == "old"


def test_json_is_read_as_it_was_written(tmp_path: Path) -> None:
    write_json(tmp_path / "a.json", {"b": [1, 0.1]})
    assert json.loads((tmp_path / "a.json").read_text()) == {"b": [1, 0.1]}
