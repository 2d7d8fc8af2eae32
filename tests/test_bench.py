"""What is timed, compared and written; how long it takes is no test's business."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import fersys
from fersys.errors import ModelError, PackageError
from fersys.package import KERAS_FILE
from fersys.runtime import open_network
from tests.made_run import NAME, trained_run
from train import bench
from train.bench import Bench, as_text, make_frame, run_bench, write_random_deepface, write_report
from train.rival_worker import CROP, FRAME, NETWORK
from train.rivals import DEEPFACE_WEIGHTS
from train.serving import FirstAnswer

OURS = [bench.WHOLE, bench.FIND, bench.CUT, bench.ONE, bench.EIGHT, bench.NETWORK_ONE]
TIMES = {"numpy": {bench.PRODUCT: 100.0}, "keras": {"Keras predict, 1 face": 80.0}, "deepface": {bench.DEEPFACE: 1e7}, "fer": {bench.FER: 1e-6}}


@dataclass
class FakeRival:
    times: dict[str, float]
    folder: Path
    version: str = "1.0"

    @property
    def rows(self) -> tuple[str, ...]:
        return tuple(self.times)

    def milliseconds(self, row: str) -> float:
        assert all((self.folder / name).is_file() for name in (FRAME, CROP, NETWORK))
        return self.times[row]


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """No other process is started: what each would have been asked for."""
    calls: dict[str, Any] = {}

    @contextmanager
    def opened(name: str, folder: Path, python: str = "", environment: dict[str, str] | None = None) -> Iterator[FakeRival]:
        calls[name] = (python, environment or {})
        yield FakeRival(TIMES[name], folder)

    monkeypatch.setattr(bench, "opened", opened)
    monkeypatch.setattr(bench, "write_random_deepface", lambda path: calls.update(random=path))
    return calls


@pytest.fixture
def package(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return trained_run(tmp_path_factory, tmp_path)


def test_each_row_is_timed_and_compared_with_our_frame(package: Path, asked: dict[str, Any]) -> None:
    report = run_bench(Bench(package, rounds=2, starts=0, fer_python="other/python"))
    assert [row["row"] for row in report["rows"]] == [*OURS, "Keras predict, 1 face", bench.DEEPFACE, bench.FER]
    assert [row["row"] for row in report["rows"] if row["ours"]] == OURS
    whole = report["rows"][0]
    assert whole["ratio"] == 1
    for row in report["rows"]:
        low, high = row["quartiles"]
        assert low <= row["ms"] <= high
        assert row["ratio"] == pytest.approx(row["ms"] / whole["ms"], rel=0.05, abs=0.002)
    assert (report["package"], report["rounds"], report["skipped"]) == (NAME, 2, [])
    assert report["versions"] == dict.fromkeys(("numpy", "keras", "deepface", "fer"), "1.0")
    assert asked["fer"] == ("other/python", {})
    assert asked["numpy"][1]["OPENBLAS_NUM_THREADS"] == "1"


def test_the_roof_is_the_arithmetic_over_the_speed_of_the_product(package: Path, asked: dict[str, Any]) -> None:
    report = run_bench(Bench(package, rounds=1, starts=0))
    assert report["roof_ms"] == pytest.approx(100 * fersys.config.read_config(package).macs / 2048**3, abs=6e-4)


def test_targets_say_what_was_reached_and_a_miss_brings_a_profile(package: Path, asked: dict[str, Any]) -> None:
    report = run_bench(Bench(package, rounds=1, starts=0, fer_python="other/python"))
    verdicts = {target["what"].split()[0]: target["reached"] for target in report["targets"]}
    assert verdicts["DeepFace's"] is True
    assert verdicts["fer's"] is False
    assert verdicts["seconds"] is verdicts["resident"] is None
    assert report["profile"]


def test_without_fer_its_row_is_left_out_with_a_reason(package: Path, asked: dict[str, Any]) -> None:
    report = run_bench(Bench(package, rounds=1, starts=0))
    assert bench.FER not in [row["row"] for row in report["rows"]]
    assert [one["row"] for one in report["skipped"]] == [bench.FER]
    assert "--fer-python" in as_text(report)
    assert "not measured" in as_text(report)


def test_deepface_gets_its_own_weights_where_they_lie_and_random_ones_elsewhere(package: Path, asked: dict[str, Any], tmp_path: Path) -> None:
    assert run_bench(Bench(package, rounds=1, starts=0, deepface_home=tmp_path))["deepface_weights"].startswith("random")
    folder = Path(asked["deepface"][1]["DEEPFACE_HOME"])
    assert asked.pop("random") == folder / DEEPFACE_WEIGHTS
    (tmp_path / DEEPFACE_WEIGHTS).parent.mkdir(parents=True)
    (tmp_path / DEEPFACE_WEIGHTS).write_bytes(b"weights")
    assert run_bench(Bench(package, rounds=1, starts=0, deepface_home=tmp_path))["deepface_weights"] == "its own"
    assert asked["deepface"][1] == {"DEEPFACE_HOME": str(tmp_path), "DEEPFACE_BACKEND_ENGINE": "onnx"}
    assert "random" not in asked


def test_starts_of_the_app_give_the_median_wait_and_the_most_memory(package: Path, asked: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    answers = iter([(9.0, 300.0), (3.0, 450.0), (2.0, 310.0)])

    def first_answer(picture: Path) -> FirstAnswer:
        assert fersys.read_image(picture).shape == (480, 640, 3)
        return FirstAnswer(*next(answers), answer=None)

    monkeypatch.setattr(bench, "first_answer", first_answer)
    waited, held = run_bench(Bench(package, rounds=1, starts=3))["targets"][-2:]
    assert (waited["value"], waited["reached"]) == (3.0, True)
    assert (held["value"], held["reached"]) == (450.0, False)


@pytest.mark.parametrize("name", [KERAS_FILE, "model.onnx"])
def test_incomplete_package_is_refused(package: Path, name: str) -> None:
    (package / name).unlink()
    with pytest.raises(PackageError, match=name):
        run_bench(Bench(package, rounds=1, starts=0))


def test_a_frame_without_one_face_is_refused(package: Path, asked: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench, "make_frame", lambda: np.zeros((480, 640, 3), np.uint8))
    with pytest.raises(ModelError, match=r"one face in the frame\. Received: 0"):
        run_bench(Bench(package, rounds=1, starts=0))


def test_the_frame_is_a_webcam_s_with_one_face_as_large_as_at_a_desk() -> None:
    frame = make_frame()
    assert frame.shape == (480, 640, 3)
    assert frame.dtype == np.uint8
    (face,) = fersys.detect(frame)
    assert 100 <= face.box[2] <= 240


def test_random_weights_are_what_deepface_loads(tmp_path: Path) -> None:
    write_random_deepface(tmp_path / DEEPFACE_WEIGHTS)
    session = open_network(tmp_path / DEEPFACE_WEIGHTS)
    (entry,) = session.get_inputs()
    answers = session.run(None, {entry.name: np.random.default_rng(0).random((3, 48, 48, 1), dtype=np.float32)})[0]
    assert answers.shape == (3, 7)
    np.testing.assert_allclose(answers.sum(axis=1), 1, atol=1e-5)


def _slow() -> int:
    return sum(number * number for number in range(20_000))


def test_a_profile_names_the_function_that_takes_the_time() -> None:
    (own,) = [row for row in bench.profile(_slow, frames=3)[:2] if "genexpr" in row["function"]]  # beside the sum that calls it
    assert own["function"].startswith("test_bench.py:")
    assert own["calls"] == 20_001


def test_the_report_is_written_with_its_picture(package: Path, asked: dict[str, Any], tmp_path: Path) -> None:
    report = run_bench(Bench(package, rounds=1, starts=0))
    write_report(report, tmp_path / "reports")
    assert json.loads((tmp_path / "reports" / "bench.json").read_text()) == report
    assert sorted(path.name for path in (tmp_path / "reports").iterdir()) == ["bench.json", "bench.png", "bench.svg"]


def test_text_has_a_line_a_row_and_a_target() -> None:
    rows = [{"row": bench.WHOLE, "ours": True, "ms": 8.0, "ratio": 1.0}, {"row": "fer", "ours": False, "ms": 80.0, "ratio": 10.0}]
    targets = [{"what": "this", "value": 10.0, "target": "≥ 5", "reached": True}, {"what": "that", "value": 9.0, "target": "≤ 4", "reached": False}]
    profile = [{"function": "run", "ms": 5.0, "calls": 1.0}]
    text = as_text({"rows": rows, "skipped": [], "targets": targets, "deepface_weights": "its own", "roof_ms": 1.0, "profile": profile})
    lines = [line.split() for line in text.splitlines()]
    assert ["fer", "80.00", "10.00", "×"] in lines
    assert ["this", "10.00", "≥", "5", "reached"] in lines
    assert ["that", "9.00", "≤", "4", "MISSED"] in lines
    assert ["run", "5.000", "1.0"] in lines
