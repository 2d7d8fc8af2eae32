"""`python -m train head` and `evaluate` as typed, where heads are concerned."""

from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest

import train.data
import train.head
from tests.tiny_package import make_package
from tests.tiny_recogniser import make_head_package
from train.__main__ import main
from train.head_config import HeadConfig

OTHERS: dict[str, Any] = {
    "recogniser": "Dlib",
    "splits": "paper",
    "clean": False,
    "hidden": 64,
    "dropout": 0.2,
    "epochs": 7,
    "batch_size": 32,
    "learning_rate": 0.01,
    "weight_decay": 0.5,
    "label_smoothing": 0.1,
    "patience": 3,
    "adjust": True,
    "seed": 5,
    "limit": 99,
}


@pytest.fixture(autouse=True)
def empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DEEPFACE_HOME", str(tmp_path / "home"))


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, ...]]:
    """What the command asks for; nothing is loaded or trained."""
    calls: list[tuple[Any, ...]] = []
    monkeypatch.setattr(train.data, "load_fer2013", lambda *words: calls.append(words))
    monkeypatch.setattr(train.head, "train_head", lambda *words: calls.append(words))
    return calls


def test_every_setting_is_tried_here() -> None:
    assert OTHERS.keys() == {field.name for field in fields(HeadConfig)}


@pytest.mark.parametrize("name", OTHERS)
def test_every_setting_has_a_flag_that_changes_it(name: str, asked: list[tuple[Any, ...]]) -> None:
    value = OTHERS[name]
    assert main(["head", f"--{name.replace('_', '-')}", {True: "yes", False: "no"}.get(value, str(value)) if isinstance(value, bool) else str(value)]) == 0
    assert asked[1][1] == replace(HeadConfig(), **{name: value}) != HeadConfig()


def test_data_name_folder_and_processes_are_as_asked(asked: list[tuple[Any, ...]], capsys: pytest.CaptureFixture[str]) -> None:
    main(["head", "--data", "mine", "--splits", "paper", "--seed", "3", "--name", "vgg", "--runs", "there", "--processes", "2"])
    assert asked[0] == ("mine", "paper", 3)
    assert (asked[1][0], asked[1][3]) == (Path("there/vgg"), 2)
    assert "python -m train evaluate there/vgg" in capsys.readouterr().out
    main(["head"])
    assert (asked[3][0], asked[3][3]) == (Path("runs/deepface-head"), 1)


def test_wrong_setting_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["head", "--hidden", "0"]) == 1
    assert capsys.readouterr().err == "error: hidden: expected 1 to 65536. Received: 0\n"


def test_unknown_recogniser_is_one_line_that_names_those_there_are(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(train.data, "load_fer2013", lambda *_: None)
    assert main(["head", "--recogniser", "Egg-Face"]) == 1
    last = capsys.readouterr().err.splitlines()[-1]
    assert last.startswith("error: recogniser: expected VGG-Face, ")
    assert last.endswith("Received: 'Egg-Face'")


def test_shipped_head_without_its_recogniser_is_passed_over_with_the_reason(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    import train.measure
    import train.release

    measured: list[str] = []

    def remeasure(folder: Path, _data: Any) -> list[str]:
        measured.append(folder.name)
        return []

    shipped = Path("hub/models")
    make_package(shipped, "cnn")
    (make_head_package(shipped, "a-head") / "openface_weights.onnx").unlink()
    monkeypatch.setattr(train.data, "load_fer2013", lambda *_: None)
    monkeypatch.setattr(train.measure, "read_metrics", lambda folder: {"model": folder.name, "temperature": 1.0, "splits": {}})
    monkeypatch.setattr(train.release, "remeasure", remeasure)
    assert main(["evaluate"]) == 0
    assert measured == ["cnn"]
    out = capsys.readouterr().out
    assert "a-head: not measured again. The weights of DeepFace's OpenFace are missing" in out
