"""Scoring many pictures: what is made, what is run, what is reported."""

import json
from pathlib import Path
from typing import Any

import pytest

from fersys.errors import ModelError
from fersys.images import read_image
from fersys.pictures import count, stream
from tests.tiny_package import make_package
from train import scale
from train.scale import SOURCES, run_scale, write_report

NOWHERE = Path("nowhere.csv")


@pytest.mark.parametrize("source", SOURCES)
def test_as_many_flat_pictures_are_made_as_asked(tmp_path: Path, source: str) -> None:
    path = SOURCES[source](tmp_path, 1003)
    assert count([path], NOWHERE) == 1003
    images = [read_image(picture.content) for picture in stream([path], NOWHERE)]
    assert {image.shape for image in images} == {(48, 48, 3)}
    assert all((image == image[0, 0, 0]).all() for image in images)
    assert len({int(image[0, 0, 0]) for image in images}) == 256


@pytest.mark.parametrize("source", SOURCES)
def test_no_folder_holds_more_than_a_thousand_files(tmp_path: Path, source: str) -> None:
    SOURCES[source](tmp_path, 2500)
    assert max(sum(entry.is_file() for entry in folder.iterdir()) for folder in [tmp_path, *tmp_path.rglob("*")] if folder.is_dir()) <= 1000


def test_every_size_is_scored_and_memory_and_speed_are_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scale, "MOST_FILES", 100)
    result = run_scale(make_package(tmp_path, "tiny"), (100, 300), rounds=1)
    assert [(run["source"], run["pictures"]) for run in result["runs"]] == [("parquet", 100), ("parquet", 300), ("files", 100)]
    assert all(run["seconds"] > 0 for run in result["runs"])
    if Path("/proc/self/status").exists():
        assert all(50 < run["peak_mb"] < 2000 for run in result["runs"])  # Python, OpenCV and the runtime are in it
    assert result["speed"]["ready"] > 0 < result["speed"]["scored"]


def test_memory_that_the_command_holds_is_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if not Path("/proc/self/status").exists():
        pytest.skip("the system does not say")
    plain = scale._peak(["models"])
    monkeypatch.setattr(scale, "_CHILD", "held = bytearray(b'x') * 300_000_000\ndel held\n" + scale._CHILD)
    assert plain is not None
    assert (scale._peak(["models"]) or 0) >= max(plain, 300)
    assert plain < 300


def test_a_picture_that_is_left_out_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(SOURCES, "parquet", lambda folder, number: scale.write_rows(folder, number - 1))
    with pytest.raises(ModelError, match=r"a table of 20 rows\. Received: 19"):
        run_scale(make_package(tmp_path, "tiny"), (20,))


def test_a_command_that_fails_is_an_error_with_its_last_word(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"error: .*missing"):
        run_scale(tmp_path / "missing", (20,))


def result(model: str, peak: int | None = 250) -> dict[str, Any]:
    return {"model": model, "runs": [{"source": "parquet", "pictures": 10_000, "seconds": 4.0, "peak_mb": peak}], "speed": {"ready": 200.0, "scored": 180.0}}


def test_the_report_holds_every_model_that_was_measured_once(tmp_path: Path) -> None:
    for one in (result("b", peak=None), result("a", peak=1), result("a")):
        text = write_report(one, tmp_path)
    assert json.loads((tmp_path / "scale.json").read_text()) == {"models": [result("a"), result("b", peak=None)]}
    assert (tmp_path / "scale.md").read_text() == text
    assert "## a\n" in text
    assert "| parquet | 10,000 | 250 | 4.0 | 2500 |" in text
    assert "| parquet | 10,000 | not known | 4.0 | 2500 |" in text
    assert "0.90 of it" in text
