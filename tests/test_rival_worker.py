"""The talk of a worker, with a library made for it, and the real ones that are installed."""

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.made_run import trained_run
from train import rival_worker
from train.bench import make_frame, write_random_deepface
from train.rival_worker import CROP, FRAME, NETWORK, RIVALS, serve
from train.rivals import DEEPFACE_WEIGHTS, opened


def talk(*questions: Any) -> list[Any]:
    answers = io.StringIO()
    serve(io.StringIO("".join(json.dumps(question) + "\n" for question in questions)), answers)
    return [json.loads(line) for line in answers.getvalue().splitlines()]


def test_each_row_that_is_named_is_run_and_answered_by_a_time(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    runs: list[str] = []
    monkeypatch.setitem(RIVALS, "made", lambda folder: {name: lambda name=name: runs.append(f"{folder.name} {name}") for name in ("a", "b")})
    ready, first, second = talk({"rival": "made", "folder": str(tmp_path)}, "b", "a")
    assert ready == {"rows": ["a", "b"], "version": ""}
    assert first["ms"] >= 0
    assert second["ms"] >= 0
    assert runs == [f"{tmp_path.name} {name}" for name in "bbaa"]  # each is warmed up by a run that is not timed


def test_the_version_of_the_library_is_told(tmp_path: Path) -> None:
    assert talk({"rival": "numpy", "folder": str(tmp_path)})[0]["version"] == np.__version__


def test_pictures_are_handed_over_as_bgr(tmp_path: Path) -> None:
    np.save(tmp_path / FRAME, np.array([[[1, 2, 3]]], np.uint8))
    assert rival_worker._bgr(tmp_path / FRAME).tolist() == [[[3, 2, 1]]]


def test_keras_predicts_with_the_package_s_own_network(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    package = trained_run(tmp_path_factory, tmp_path)
    (tmp_path / NETWORK).write_bytes((package / "model.keras").read_bytes())
    (row,) = RIVALS["keras"](tmp_path).values()
    assert row().shape == (1, 7)


def test_the_real_deepface_finds_the_face_without_asking_the_network(tmp_path: Path) -> None:
    pytest.importorskip("deepface")
    frame = make_frame()
    np.save(tmp_path / FRAME, frame)
    np.save(tmp_path / CROP, frame[80:280, 220:420])
    write_random_deepface(tmp_path / DEEPFACE_WEIGHTS)
    with opened("deepface", tmp_path, environment={"DEEPFACE_HOME": str(tmp_path), "DEEPFACE_BACKEND_ENGINE": "onnx"}) as rival:
        assert all(rival.milliseconds(row) > 0 for row in rival.rows)
    assert len(rival.rows) == 2
