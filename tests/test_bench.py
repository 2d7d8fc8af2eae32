"""What is timed and written; how long it takes is no test's business."""

import json
from pathlib import Path

import pytest

from fersys.errors import PackageError
from fersys.package import KERAS_FILE
from tests.made_run import NAME, trained_run
from train.bench import as_text, run_bench

STEPS = ["serving file, 1 face", "serving file, 8 faces", "crop to input", "find faces, 640×480", "Keras predict, 1 face"]


@pytest.fixture
def package(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return trained_run(tmp_path_factory, tmp_path)


def test_each_step_is_timed_and_compared_with_one_face(package: Path, tmp_path: Path) -> None:
    rows = run_bench(package, tmp_path / "reports" / "bench.json", rounds=1)
    assert [row["step"] for row in rows] == STEPS
    assert rows[0]["ratio"] == 1
    assert all(row["ms"] > 0 for row in rows)
    for row in rows:
        assert row["ratio"] == pytest.approx(row["ms"] / rows[0]["ms"], rel=0.05, abs=0.02)
    assert json.loads((tmp_path / "reports" / "bench.json").read_text()) == {"package": NAME, "rounds": 1, "rows": rows}


@pytest.mark.parametrize("name", [KERAS_FILE, "model.onnx"])
def test_incomplete_package_is_refused(package: Path, tmp_path: Path, name: str) -> None:
    (package / name).unlink()
    with pytest.raises(PackageError, match=name):
        run_bench(package, tmp_path / "bench.json", rounds=1)
    assert not (tmp_path / "bench.json").exists()


def test_text_has_a_line_a_step() -> None:
    text = as_text([{"step": "one", "ms": 1.25, "ratio": 1.0}, {"step": "two", "ms": 1234.5, "ratio": 987.6}])
    assert [line.split() for line in text.splitlines()[1:]] == [["one", "1.25", "1.0x"], ["two", "1234.50", "987.6x"]]
