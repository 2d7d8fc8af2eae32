"""DeepFace's anti-spoofing, on networks made here: the real ones are not shipped."""

import os
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from app.captcha.anti_spoof import THRESHOLD, VARIABLE, open_advisor, read_advisor
from fersys.errors import ConfigError, ImageError, ModelError
from fersys.recognizers.deepface_spoofing import FILES, missing, open_spoofing
from fersys.results import Image

FACE: Image = np.full((100, 100, 3), 90, np.uint8)
BOX = (40, 40, 20, 20)


def make_networks(home: Path, answer: list[float]) -> None:
    """Networks where the library looks for them."""
    put_networks(home / ".deepface" / "weights", answer)


def put_networks(folder: Path, answer: list[float]) -> None:
    """Two networks that say the same of every picture: fake, real, fake of another kind."""
    folder.mkdir(parents=True)
    shape = [1, 80, 80, 3]
    nodes = [
        helper.make_node("ReduceMean", ["x"], ["mean"], axes=[1, 2, 3], keepdims=0),
        helper.make_node("Mul", ["mean", "zero"], ["none"]),
        helper.make_node("Add", ["none", "answer"], ["y"]),
    ]
    constants = [helper.make_tensor("zero", TensorProto.FLOAT, [1, 1], [0.0]), helper.make_tensor("answer", TensorProto.FLOAT, [1, 3], answer)]
    inputs, outputs = ([helper.make_tensor_value_info(name, TensorProto.FLOAT, size)] for name, size in (("x", shape), ("y", [1, 3])))
    graph = helper.make_graph(nodes, "made", inputs, outputs, constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    for name in FILES:
        onnx.save(model, str(folder / name))


def test_without_its_files_the_message_says_which_and_where(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEEPFACE_HOME", str(tmp_path))
    assert FILES[0] in missing()
    with pytest.raises(ModelError, match=r"MiniFASNetV2\.onnx"):
        open_spoofing()


def test_what_the_library_says_comes_through(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEEPFACE_HOME", str(tmp_path))
    make_networks(tmp_path, [0.1, 0.8, 0.1])
    verdict = open_spoofing().look(FACE, BOX)
    assert verdict.is_real
    assert verdict.score == pytest.approx(0.8)


@pytest.mark.parametrize(("answer", "flagged"), [([0.95, 0.03, 0.02], True), ([0.5, 0.3, 0.2], False), ([0.02, 0.96, 0.02], False)])
def test_only_a_sure_spoof_is_flagged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, answer: list[float], flagged: bool) -> None:
    monkeypatch.setenv("DEEPFACE_HOME", str(tmp_path))
    make_networks(tmp_path, answer)
    advice = open_advisor().advise(FACE, BOX)
    assert advice.flagged == flagged
    assert advice.threshold == THRESHOLD
    assert advice.score == pytest.approx(max(answer))


def test_the_folder_that_the_environment_names_is_used_and_the_library_s_own_home_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEEPFACE_HOME", str(tmp_path / "home"))
    put_networks(tmp_path / "named", [0.95, 0.03, 0.02])
    advisor = read_advisor({VARIABLE: str(tmp_path / "named")})
    assert advisor is not None
    advice = advisor.advise(FACE, BOX)
    assert (advice.real, advice.flagged, advice.outcome) == (False, True, "flagged")
    assert os.environ["DEEPFACE_HOME"] == str(tmp_path / "home")
    assert not (tmp_path / "home").exists()


def test_nobody_is_asked_unless_the_environment_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEEPFACE_HOME", str(tmp_path))
    make_networks(tmp_path, [0.1, 0.8, 0.1])
    assert read_advisor({}) is None
    assert read_advisor({VARIABLE: ""}) is None


@pytest.mark.parametrize("broken", [False, True])
def test_a_folder_without_networks_is_a_setting_that_is_refused(tmp_path: Path, broken: bool) -> None:
    if broken:
        put_networks(tmp_path / "named", [0.1, 0.8, 0.1])
        (tmp_path / "named" / FILES[0]).write_bytes(b"none")
    with pytest.raises(ConfigError, match=rf"{VARIABLE}: .*Received: "):
        read_advisor({VARIABLE: str(tmp_path / "named")})


def test_a_gray_picture_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEEPFACE_HOME", str(tmp_path))
    make_networks(tmp_path, [0.1, 0.8, 0.1])
    with pytest.raises(ImageError):
        open_spoofing().look(FACE[..., 0], BOX)


def test_a_damaged_file_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEEPFACE_HOME", str(tmp_path))
    make_networks(tmp_path, [0.1, 0.8, 0.1])
    (tmp_path / ".deepface" / "weights" / FILES[1]).write_bytes(b"none")
    with pytest.raises(ModelError, match="ONNX Runtime"):
        open_spoofing()
