"""Rows that survive a kill."""

import csv
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from fersys.errors import ConfigError, DataError
from fersys.journal import Tally, delete, opened, write_errors
from fersys.tables import COLUMNS, Row


def row(path: str, number: int = -1, face: int = 1, **cells: Any) -> Row:
    """A row of the table; what is not given is as for an angry face."""
    values = dict.fromkeys(COLUMNS) | {"model": "m", "label": "angry", "certain": True, "angry": 1.0} | cells
    return tuple((values | {"path": path, "row": number, "face": face}).values())


def faceless(path: str, **cells: Any) -> Row:
    return row(path, face=0, label=None, certain=None, angry=None, **cells)


def test_what_was_added_is_there_after_opening_again_in_order(tmp_path: Path) -> None:
    for rows in ([row("b"), row("a", 2)], [row("a", 10), row("a", 1)]):
        with opened(tmp_path / "j", {}) as journal:
            journal.add(rows, [])
    with opened(tmp_path / "j", {}) as journal:
        assert [found[:2] for found in journal.rows()] == [("a", 1), ("a", 2), ("a", 10), ("b", None)]
        assert next(journal.rows())[COLUMNS.index("certain")] is True


def test_a_row_that_is_there_already_is_not_doubled(tmp_path: Path) -> None:
    with opened(tmp_path / "j", {}) as journal:
        for label in ("angry", "sad"):
            journal.add([row("a", label=label)], [("b", -1, "bad")])
        assert [found[COLUMNS.index("label")] for found in journal.rows()] == ["angry"]
        assert len(list(journal.errors())) == 1


def test_it_holds_what_was_answered_and_what_was_bad(tmp_path: Path) -> None:
    with opened(tmp_path / "j", {}) as journal:
        journal.add([row("a", 3)], [("b", -1, "bad")])
        assert journal.holds("a", 3)
        assert journal.holds("b", -1)
        assert not journal.holds("a", 2)


def test_pictures_faces_and_bad_ones_are_counted_once_whatever_the_number_of_models(tmp_path: Path) -> None:
    with opened(tmp_path / "j", {}) as journal:
        assert journal.tally() == Tally(0, 0, 0, 0)
        for model in ("m", "n"):
            journal.add([row("a", model=model), row("a", face=2, model=model), faceless("b", model=model)], [("c", -1, "bad")])
        assert journal.tally() == Tally(pictures=2, faces=2, faceless=1, bad=1)


def test_hits_count_the_largest_face_of_pictures_with_a_label(tmp_path: Path) -> None:
    with opened(tmp_path / "j", {}) as journal:
        wrong = row("b", label="sad", truth="angry")
        second = row("a", face=2, label="sad", truth="angry")
        journal.add([row("a", truth="angry"), second, wrong, faceless("c", truth="angry"), row("d")], [])
        assert journal.hits("m") == (1, 2, 3)


def test_other_settings_are_refused_and_named(tmp_path: Path) -> None:
    with opened(tmp_path / "j", {"crops": True, "files": ["a"]}) as journal:
        journal.add([row("a")], [])
    with pytest.raises(ConfigError, match=r"expected the same crops, or --force.*Received: False"), opened(tmp_path / "j", {"crops": False, "files": ["a"]}):
        pass


@pytest.mark.parametrize(("old", "new"), [({}, {"detector": "haar"}), ({"detector": "haar"}, {})])
def test_a_setting_that_only_one_of_them_has_differs(tmp_path: Path, old: dict[str, str], new: dict[str, str]) -> None:
    with opened(tmp_path / "j", old) as journal:
        journal.add([row("a")], [])
    with pytest.raises(ConfigError, match="expected the same detector, or --force"), opened(tmp_path / "j", new):
        pass


def test_begun_anew_it_holds_nothing_whatever_the_settings(tmp_path: Path) -> None:
    with opened(tmp_path / "j", {"crops": True}) as journal:
        journal.add([row("a")], [("b", -1, "bad")])
    with opened(tmp_path / "j", {"crops": False}, anew=True) as journal:
        assert journal.tally() == Tally(0, 0, 0, 0)
        journal.add([row("c")], [])
    with opened(tmp_path / "j", {"crops": False}) as journal:
        assert [found[0] for found in journal.rows()] == ["c"]


def test_what_another_run_has_open_is_not_begun_anew(tmp_path: Path) -> None:
    with opened(tmp_path / "j", {}) as journal:
        journal.add([row("a")], [])
        with pytest.raises(DataError, match="no other run at it"), opened(tmp_path / "j", {}, anew=True):
            pass
        journal.add([row("b")], [])
    with opened(tmp_path / "j", {}) as journal:
        assert [found[0] for found in journal.rows()] == ["a", "b"]


@pytest.mark.parametrize("content", [b"no database " * 100, b"SQLite format 3\0" + bytes(range(256)) * 16, b""])
def test_a_damaged_one_is_begun_anew_if_that_is_asked_for(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "j").write_bytes(content)
    with opened(tmp_path / "j", {}, anew=True) as journal:
        journal.add([row("a")], [])
        assert journal.holds("a", -1)


def test_one_of_other_columns_is_begun_anew_if_that_is_asked_for(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "j")) as connection:
        connection.execute("CREATE TABLE answers (path, verdict)")
    with opened(tmp_path / "j", {}, anew=True) as journal:
        journal.add([row("a")], [])
        assert journal.holds("a", -1)


def test_neither_a_kill_nor_a_power_cut_damages_it(tmp_path: Path) -> None:
    with opened(tmp_path / "j", {}) as journal:
        said = [journal._connection.execute(f"PRAGMA {name}").fetchone()[0] for name in ("journal_mode", "synchronous")]
    assert said == ["wal", 1]  # 1: NORMAL, which is safe with a write-ahead log; sqlite.org/pragma.html#pragma_synchronous


def test_other_settings_are_taken_while_there_is_nothing_yet(tmp_path: Path) -> None:
    for settings in ({"files": ["typo"]}, {"files": ["a"]}, {"files": ["a"]}):
        with opened(tmp_path / "j", settings) as journal:
            if settings == {"files": ["a"]}:
                journal.add([row("a")], [])


def test_two_at_a_time_are_refused(tmp_path: Path) -> None:
    with opened(tmp_path / "j", {}), pytest.raises(DataError, match="no other run at it"), opened(tmp_path / "j", {}):
        pass


def test_a_file_that_is_no_journal_is_refused(tmp_path: Path) -> None:
    (tmp_path / "j").write_text("no database, but long enough to be taken for the head of one" * 20)
    with pytest.raises(DataError, match="Received: "), opened(tmp_path / "j", {}):
        pass


def test_deleting_leaves_nothing(tmp_path: Path) -> None:
    with opened(tmp_path / "j", {}) as journal:
        journal.add([row("a")], [])
    delete(tmp_path / "j")
    delete(tmp_path / "j")
    assert list(tmp_path.iterdir()) == []


def test_errors_are_written_as_a_table(tmp_path: Path) -> None:
    write_errors(tmp_path / "e.csv", [("a,b", -1, 'said "no"'), ("c", 4, "bad"), ("=d", 0, "=d is no picture")])
    with (tmp_path / "e.csv").open(newline="", encoding="utf-8") as file:
        assert list(csv.reader(file)) == [["path", "row", "error"], ["a,b", "", 'said "no"'], ["c", "4", "bad"], ["'=d", "0", "'=d is no picture"]]
