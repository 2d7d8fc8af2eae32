"""The history of a training."""

from pathlib import Path

from train.history import COLUMNS, read_history, write_history


def test_history_is_read_as_it_was_written(tmp_path: Path) -> None:
    rows = [dict.fromkeys(COLUMNS, 0.1 + 0.2), dict.fromkeys(COLUMNS, 1e-12)]
    write_history(tmp_path / "history.csv", rows)
    assert read_history(tmp_path / "history.csv") == rows


def test_a_training_that_has_not_begun_has_no_rows(tmp_path: Path) -> None:
    assert read_history(tmp_path / "none.csv") == []
