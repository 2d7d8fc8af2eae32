"""The routes that the Compare tab's charts are drawn from."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from starlette.requests import Request
from starlette.responses import Response

from app.exhibits import Exhibits
from app.report import read_report
from fersys.labels import EMOTIONS

PAIRS = (("sad", "sad"), ("sad", "fear"), ("fear", "sad"))


def ask(exhibits: Exhibits, **asked: str) -> Response:
    """One cell; everything if nothing is asked."""
    query = "&".join(f"{name}={value}" for name, value in asked.items())
    request = Request({"type": "http", "query_string": query.encode(), "headers": []})
    return asyncio.run(exhibits.send_cell(request) if asked else exhibits.send_all(request))


def content(answer: Response) -> Any:
    return json.loads(bytes(answer.body))


def test_everything_is_the_report_itself_with_curves_and_histories_of_its_models() -> None:
    sent = content(ask(Exhibits()))
    report = read_report()
    assert report is not None
    assert sent["report"] == report
    assert sent["emotions"] == list(EMOTIONS)
    names = {model["model"] for model in report["models"]}
    assert set(sent["curves"]) == names
    assert set(sent["history"]) <= names


def test_no_image_is_sent() -> None:
    assert b"data:image" not in bytes(ask(Exhibits()).body)
    assert "path" not in content(ask(Exhibits()))


def test_a_cell_counts_what_the_report_counts() -> None:
    report = read_report()
    assert report is not None
    model = report["models"][0]
    found = content(ask(Exhibits(), model=model["model"], split="test", truth="disgust", said="angry"))
    assert found["count"] == model["splits"]["test"]["confusion_matrix"][1][0]


def test_a_cell_is_counted_once_and_each_has_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    counted: list[tuple[object, ...]] = []

    def count(_: object, *asked: object) -> dict[str, Any]:
        counted.append(asked)
        return {"asked": [str(part) for part in asked]}

    monkeypatch.setattr("app.exhibits.cell", count)
    asked = [{"model": "fersys-cnn", "split": split, "truth": truth, "said": said} for split in ("test", "validation") for truth, said in PAIRS]
    exhibits, sent = Exhibits(), []
    for _ in range(2):
        sent.append([content(ask(exhibits, **one)) for one in asked])
    assert sent[0] == sent[1]
    assert len(counted) == len({str(one) for one in sent[0]}) == len(asked)


def test_nonsense_is_not_found() -> None:
    exhibits, known = Exhibits(), {"model": "fersys-cnn", "split": "test", "truth": "sad", "said": "sad"}
    assert ask(exhibits, **known).status_code == 200
    for wrong in ({"model": "../fersys-cnn"}, {"split": "none"}, {"truth": "joy"}, {"said": ""}):
        assert ask(exhibits, **known | wrong).status_code == 404


def test_without_a_report_nothing_is_found(tmp_path: Path) -> None:
    assert ask(Exhibits(tmp_path)).status_code == 404
    assert ask(Exhibits(tmp_path), model="a", split="test", truth="sad", said="sad").status_code == 404


def test_of_a_damaged_report_nothing_is_found(tmp_path: Path) -> None:
    (tmp_path / "reports").mkdir()
    (tmp_path / "reports" / "compare.json").write_text("{")
    assert ask(Exhibits(tmp_path)).status_code == 404
    assert ask(Exhibits(tmp_path), model="a", split="test", truth="sad", said="sad").status_code == 404


def test_a_report_without_saved_predictions_is_sent_without_curves(tmp_path: Path) -> None:
    (tmp_path / "reports").mkdir()
    (tmp_path / "reports" / "compare.json").write_text(json.dumps(read_report()))
    sent = content(ask(Exhibits(tmp_path)))
    assert (sent["curves"], sent["history"]) == ({}, {})
