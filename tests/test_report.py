"""What the Compare tab reads: it is what `python -m train compare` wrote, and what the saved predictions say."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from app.report import REPORT_FILE, ROOT, Said, cell, curves, folders, read_figures, read_history, read_report, read_said, short_answer
from fersys.labels import EMOTIONS
from tests.made_arms import predictions
from train.certainty import risk_coverage
from train.figures import reliability
from train.predictions import write_predictions
from train.risk import risk_at


@pytest.fixture(scope="module")
def report() -> dict[str, Any]:
    found = read_report()
    assert found is not None
    return found


@pytest.fixture(scope="module")
def said(report: dict[str, Any]) -> Mapping[str, Said]:
    return {folder.name: read_said(folder) for folder in folders() if folder.name in {model["model"] for model in report["models"]}}


def test_it_is_the_file_that_the_comparison_wrote(report: dict[str, Any]) -> None:
    assert report == json.loads((ROOT / REPORT_FILE).read_text(encoding="utf-8"))


def test_saved_predictions_give_the_confusion_matrices_of_the_report(report: dict[str, Any], said: Mapping[str, Said]) -> None:
    compared = 0
    for model in report["models"]:
        for split, found in model["splits"].items():
            probabilities, truth = said[model["model"]].of(split)
            matrix = np.zeros((7, 7), int)
            np.add.at(matrix, (truth, probabilities.argmax(axis=1)), 1)
            assert matrix.tolist() == found["confusion_matrix"], (model["model"], split)
            compared += 1
    assert compared >= 6


@pytest.fixture
def made(tmp_path: Path) -> Said:
    folder = tmp_path / "hub" / "models" / "made"
    folder.mkdir(parents=True)
    write_predictions(folder / "predictions.parquet", predictions())
    assert list(folders(tmp_path)) == [folder]
    return read_said(folder)


@pytest.mark.parametrize("split", ["train", "test", "test_ferplus"])
def test_curves_are_those_of_the_report_s_own_figures(made: Said, split: str) -> None:
    found = curves(made, split)
    probabilities, truth = predictions().of(split)
    bins = reliability(probabilities, truth)
    full = bins.count > 0
    assert [one[0] for one in found["bins"]] == bins.count[full].tolist()
    assert np.allclose([one[1:] for one in found["bins"]], np.stack([bins.confidence[full], bins.accuracy[full]], axis=1), atol=1e-4)
    curve = risk_coverage(probabilities, truth)
    assert [one[1] for one in found["risk"]] == pytest.approx([risk_at(curve, one[0] - 1e-4) for one in found["risk"]], abs=1e-4)
    assert found["risk"][-1][0] == 1


def test_a_cell_says_what_else_is_known_of_its_images(made: Said) -> None:
    other = Said(made.members, made.labels, made.raters, np.eye(7, dtype=np.float32)[made.labels])
    found = cell({"made": made, "right": other}, "made", "test", (3, 4))
    probabilities, truth = made.of("test")
    inside = (truth == 3) & (probabilities.argmax(axis=1) == 4)
    assert found["count"] == int(inside.sum()) > 0
    assert found["confidence"] == pytest.approx(float(probabilities[inside, 4].mean()), abs=1e-4)
    assert found["truth"] < found["confidence"]
    assert sum(found["second"]) == found["count"]
    assert found["others"] == {"right": [0, 0, 0, found["count"], 0, 0, 0]}


def test_an_empty_cell_has_no_means(made: Said) -> None:
    right = Said(made.members, made.labels, made.raters, np.eye(7, dtype=np.float32)[made.labels])
    assert cell({"right": right}, "right", "test", (0, 1)) == {"count": 0, "confidence": None, "truth": None, "second": [0] * 7, "others": {}}


def test_a_model_that_was_asked_about_other_images_is_left_out(made: Said) -> None:
    other = Said({"test": ~made.members["test"]}, made.labels, made.raters, made.probabilities)
    assert cell({"made": made, "other": other}, "made", "test", (3, 3))["others"] == {}


def test_without_a_report_there_is_none(tmp_path: Path) -> None:
    assert read_report(tmp_path) is None
    assert list(folders(tmp_path)) == []


def written(folder: Path, content: str | bytes) -> Path:
    (folder / "reports").mkdir()
    (folder / REPORT_FILE).write_bytes(content if isinstance(content, bytes) else content.encode())
    return folder


@pytest.mark.parametrize(
    "content",
    [
        "", "{", "{}", "[]", "3", "null", '{"models": [1]}', '{"models": [{"model": 1}]}', "[" * 200_000, b"\xff" * 100_000,
        '{"models": [{"model": "a"}], "contamination": {"rows": 3}}',
        '{"models": [{"model": "a"}], "contamination": {"as_published": "a", "rows": [{"model": "a"}]}}',
        '{"models": [{"model": "a"}], "contamination": {"as_published": "a", "paper": {"accuracy": "high"}, "rows": [{"model": "a"}]}}',
    ],
    ids=lambda content: repr(content[:90]),
)  # fmt: skip
def test_a_damaged_report_is_empty_and_named_in_one_line(tmp_path: Path, content: str | bytes, capsys: pytest.CaptureFixture[str]) -> None:
    assert read_report(written(tmp_path, content)) == {}
    (line,) = capsys.readouterr().err.splitlines()
    assert len(line) < 500
    assert line.startswith(f"not shown: {tmp_path / REPORT_FILE} is damaged: expected what `python -m train compare` writes. Received: ")


def test_a_report_that_may_not_be_read_is_named_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def refuse(*_: object, **__: object) -> str:
        raise PermissionError(13, "Permission denied")

    written(tmp_path, "{}")
    monkeypatch.setattr(Path, "read_text", refuse)
    assert read_figures(tmp_path / REPORT_FILE, "make", len) == {}
    assert "Permission denied" in capsys.readouterr().err


def test_a_report_of_no_models_is_none(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert read_report(written(tmp_path, '{"models": []}')) is None
    assert capsys.readouterr().err == ""


def test_the_short_answer_is_of_the_network_as_it_was_published(report: dict[str, Any]) -> None:
    told = report["contamination"]
    (row,) = [row for row in told["rows"] if row["model"] == told["as_published"]]
    assert short_answer(report) == {"paper": told["paper"]["accuracy"], "like": row["paper_28821"]["mean"], "new": row["test_strict"]}
    assert short_answer(report | {"contamination": told | {"as_published": "nobody"}}) is None


def test_history_is_accuracy_by_epoch(tmp_path: Path) -> None:
    assert read_history(tmp_path) == []
    (tmp_path / "history.csv").write_text("epoch,loss,accuracy,val_loss,val_accuracy\n1,2,0.25,2,0.3\n2,1,0.5,1,0.45\n")
    assert read_history(tmp_path) == [[0.25, 0.3], [0.5, 0.45]]


def test_labels_stand_in_the_order_of_the_emotions(made: Said) -> None:
    assert made.labels.tolist() == predictions().labels.tolist()
    assert len(EMOTIONS) == made.probabilities.shape[1]
