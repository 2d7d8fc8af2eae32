"""Tables of answers, in three kinds of files that say the same."""

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from fersys.analysis import FaceResult, whole_face
from fersys.errors import ConfigError
from fersys.labels import EMOTIONS
from fersys.results import to_prediction
from fersys.tables import COLUMNS, WRITERS, Row, find_writer, in_parts, to_rows

HEAD = ("a é.png", 5)


def rows() -> list[Row]:
    """A picture with a face, and one without."""
    scores = np.array([0.1, 0.2, 0.3, 0.05, 0.15, 0.125, 0.075], np.float32)
    face = FaceResult(whole_face(np.zeros((20, 30, 3), np.uint8)), (to_prediction("m", scores, 0.5),))
    return [(*HEAD, *cells, "fear") for cells in to_rows([face], ["m"])] + [("b", None, *cells, None) for cells in to_rows([], ["m"])]


def read_csv(path: Path) -> list[dict[str, Any]]:
    with path.open(newline="", encoding="utf-8") as file:
        return [{key: _value(key, text) for key, text in row.items()} for row in csv.DictReader(file)]


def _value(key: str, text: str) -> Any:
    if not text:
        return None
    if key in {"path", "model", "label", "truth"}:
        return text
    return {"true": True, "false": False}[text] if key == "certain" else float(text)


def read(path: Path) -> list[dict[str, Any]]:
    if path.suffix == ".parquet":
        return list(pq.read_table(path).to_pylist())
    return read_csv(path) if path.suffix == ".csv" else [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


@pytest.mark.parametrize("suffix", list(WRITERS))
def test_every_kind_of_file_says_the_same(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"results{suffix}"
    find_writer(path)(path, rows())
    with_face, without = read(path)
    assert list(with_face) == list(COLUMNS)
    assert with_face == {
        "path": HEAD[0], "row": 5, "face": 1, "x": 0, "y": 0, "width": 30, "height": 20, "model": "m", "label": "fear", "certain": False, "truth": "fear",
        **dict(zip(EMOTIONS, [pytest.approx(p) for p in (0.1, 0.2, 0.3, 0.05, 0.15, 0.125, 0.075)], strict=True)),
    }  # fmt: skip
    assert {key: value for key, value in without.items() if value is not None} == {"path": "b", "face": 0, "model": "m"}


@pytest.mark.parametrize("suffix", list(WRITERS))
def test_an_empty_table_has_its_columns(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"results{suffix}"
    find_writer(path)(path, [])
    assert read(path) == []
    assert suffix == ".jsonl" or COLUMNS[0] in (pq.read_schema(path).names if suffix == ".parquet" else path.read_text())


def test_only_csv_marks_what_a_spreadsheet_would_run(tmp_path: Path) -> None:
    named = [("=1.png", -1, *row[2:-1], "sad") for row in rows()[:1]]
    for suffix, path in ((".csv", "'=1.png"), (".jsonl", "=1.png"), (".parquet", "=1.png")):
        WRITERS[suffix](tmp_path / f"results{suffix}", named)
        (row,) = read(tmp_path / f"results{suffix}")
        assert (row["path"], row["row"]) == (path, -1)


@pytest.mark.parametrize("name", ["results", "results.xlsx", "results.csv.gz"])
def test_another_kind_of_file_is_refused(name: str) -> None:
    with pytest.raises(ConfigError, match=r"\.parquet, \.csv, \.jsonl\. Received: results"):
        find_writer(Path(name))


def test_a_stream_is_cut_into_parts_as_it_comes() -> None:
    stream = iter(range(7))
    parts = in_parts(stream, 3)
    assert next(parts) == [0, 1, 2]
    assert next(stream) == 3  # no more than that was taken
    assert list(parts) == [[4, 5, 6]]
