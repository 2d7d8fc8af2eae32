"""The bill of materials."""

from importlib.metadata import version
from pathlib import Path

import pytest

from app.captcha.bom import make_bom
from app.captcha.refusals import CaptchaError

ROOT = Path(__file__).parent.parent


def _lock(folder: Path, *lines: str) -> Path:
    path = folder / "some.lock"
    path.write_text("\n".join(("# made by", *lines)) + "\n", encoding="utf-8")
    return path


def test_every_line_of_the_lock_file_is_a_component() -> None:
    lock = ROOT / "requirements-app.lock"
    names = [line.partition("==")[0] for line in lock.read_text(encoding="utf-8").splitlines() if "==" in line]
    bom = make_bom(lock, ROOT / "no such folder")
    assert [component["name"] for component in bom["components"]] == names
    assert len({component["bom-ref"] for component in bom["components"]}) == len(names)
    assert {"pyjwt", "starlette", "numpy"} <= set(names)


def test_the_same_input_gives_the_same_bill(tmp_path: Path) -> None:
    lock = _lock(tmp_path, "numpy==2.0", 'colorama==0.4.6 ; sys_platform == "win32"')
    first, second = make_bom(lock, tmp_path), make_bom(lock, tmp_path)
    assert first == second
    assert first["components"][1]["properties"] == [{"name": "python:marker", "value": 'sys_platform == "win32"'}]
    assert make_bom(_lock(tmp_path, "numpy==2.1"), tmp_path)["serialNumber"] != first["serialNumber"]


def test_a_licence_is_that_of_the_installed_version_or_none(tmp_path: Path) -> None:
    good, other = make_bom(_lock(tmp_path, f"starlette=={version('starlette')}", "starlette==0.0.1"), tmp_path)["components"]
    assert good["licenses"] == [{"expression": "BSD-3-Clause"}]
    assert "licenses" not in other


def test_weights_are_named_with_their_hash(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "model.onnx").write_bytes(b"x")
    (weights,) = make_bom(_lock(tmp_path), tmp_path)["components"]
    assert weights["name"] == "a/model.onnx"
    assert weights["hashes"][0]["content"] == "2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881"


@pytest.mark.parametrize("line", ["numpy>=2", "numpy", "no requirement!"])
def test_a_lock_file_that_pins_nothing_is_refused(tmp_path: Path, line: str) -> None:
    with pytest.raises(CaptchaError, match="Lock file"):
        make_bom(_lock(tmp_path, line), tmp_path)
