"""`fersys.json`: what is written is read again, and what serving cannot keep is refused."""

import json
from pathlib import Path
from typing import Any

import pytest

from fersys.config import CONFIG_FILE, FORMAT_VERSION, ModelConfig, read_config, write_config
from fersys.errors import PackageError
from fersys.labels import EMOTIONS

FULL = ModelConfig("tiny", "res3", temperature=1.25, certainty=0.55, params=7, macs=9, title="Tiny, by us", files={"model.onnx": "ab" * 32})


def written(folder: Path, **changes: Any) -> Path:
    """A folder whose `fersys.json` is that of FULL with some keys changed; None takes a key out."""
    write_config(folder, FULL)
    content = json.loads((folder / CONFIG_FILE).read_text()) | changes
    (folder / CONFIG_FILE).write_text(json.dumps({key: value for key, value in content.items() if value is not None}))
    return folder


def refused(folder: Path) -> str:
    with pytest.raises(PackageError, match=r"(?s)Received: \S.*$") as caught:
        read_config(folder)
    return str(caught.value)


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    write_config(tmp_path, FULL)
    assert read_config(tmp_path) == FULL


def test_file_is_readable_json_with_the_labels_in_order(tmp_path: Path) -> None:
    write_config(tmp_path, FULL)
    text = (tmp_path / CONFIG_FILE).read_text(encoding="utf-8")
    assert text.endswith("}\n")
    assert json.loads(text)["labels"] == list(EMOTIONS)
    assert json.loads(text)["format_version"] == FORMAT_VERSION


def test_what_may_be_left_out_has_its_default(tmp_path: Path) -> None:
    (tmp_path / CONFIG_FILE).write_text(json.dumps({"name": "tiny", "architecture": "paper", "format_version": FORMAT_VERSION}))
    assert read_config(tmp_path) == ModelConfig("tiny", "paper")


@pytest.mark.parametrize("key", ["name", "architecture", "format_version"])
def test_what_may_not_be_left_out_is_missed(tmp_path: Path, key: str) -> None:
    assert "expected keys" in refused(written(tmp_path, **{key: None}))


def test_unknown_key_is_named(tmp_path: Path) -> None:
    assert "colour" in refused(written(tmp_path, colour="red")).partition("Received")[2]


@pytest.mark.parametrize("version", [0, 2, "1", None])
def test_another_format_version_is_refused_whatever_else_it_holds(tmp_path: Path, version: Any) -> None:
    written(tmp_path, colour="red")
    content = json.loads((tmp_path / CONFIG_FILE).read_text()) | {"format_version": version}
    (tmp_path / CONFIG_FILE).write_text(json.dumps(content))
    assert refused(tmp_path).endswith(f"expected format version {FORMAT_VERSION}. Received: {version}")


REFUSED: list[tuple[str, Any, str]] = [
    ("labels", sorted(EMOTIONS), "in this order"),
    ("labels", list(EMOTIONS[:6]), "in this order"),
    ("labels", [1, 2, 3], "expected text"),
    ("labels", "angry", "expected a list of labels"),
    ("input_size", 64, "expected 48"),
    ("input_size", "48", "expected 48"),
    ("temperature", 0, "above 0"),
    ("temperature", -1.5, "above 0"),
    ("temperature", "1.5", "above 0"),
    ("temperature", float("nan"), "above 0"),
    ("temperature", float("inf"), "above 0"),
    ("certainty", -0.01, "from 0 to 1"),
    ("certainty", 1.01, "from 0 to 1"),
    ("certainty", "0.5", "from 0 to 1"),
    ("certainty", float("nan"), "from 0 to 1"),
    ("name", 7, "expected text"),
    ("serving_file", ["model.onnx"], "expected text"),
    ("title", 7, "expected text"),
    ("files", ["model.onnx"], "object of files"),
    ("files", {"model.onnx": 7}, "expected text"),
    ("serving_file", "../model.onnx", "inside the package"),
    ("serving_file", "/etc/hostname", "inside the package"),
    ("files", {"../../other": "ab"}, "inside the package"),
    ("files", {r"..\other": "ab"}, "inside the package"),
    ("files", {r"C:\other": "ab"}, "inside the package"),
    ("files", {"C:other": "ab"}, "inside the package"),
    ("files", {r"\other": "ab"}, "inside the package"),
    ("files", {"other\n": "ab"}, "inside the package"),
]


@pytest.mark.parametrize(("key", "value", "reason"), REFUSED)
def test_value_that_serving_cannot_keep_is_refused(tmp_path: Path, key: str, value: Any, reason: str) -> None:
    assert reason in refused(written(tmp_path, **{key: value}))


@pytest.mark.parametrize("text", ["", "{", "[1, 2]", "null", '"text"', "\udcff"])
def test_damaged_file_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / CONFIG_FILE).write_bytes(text.encode("utf-8", "surrogateescape"))
    assert str(tmp_path / CONFIG_FILE) in refused(tmp_path)


def test_folder_that_is_no_package_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for source in (tmp_path, tmp_path / "none", tmp_path / "file"):
        assert refused(source).endswith(f"Received: {source}")


@pytest.mark.parametrize(("key", "value"), [("labels", EMOTIONS[::-1]), ("input_size", 44), ("temperature", 0.0), ("certainty", 50), ("format_version", 9)])
def test_config_made_in_code_is_checked_too(key: str, value: Any) -> None:
    with pytest.raises(PackageError, match="Received: "):
        ModelConfig("tiny", "paper", **{key: value})


def test_package_of_before_titles_has_none_of_its_own(tmp_path: Path) -> None:
    assert read_config(written(tmp_path, title=None)).title == ""


@pytest.mark.parametrize("certainty", [0, 0.0, 0.51, 1])
def test_certainty_may_be_anything_from_never_unsure_to_never_sure(tmp_path: Path, certainty: float) -> None:
    assert read_config(written(tmp_path, certainty=certainty)).certainty == certainty


def test_package_of_before_certainty_is_always_certain(tmp_path: Path) -> None:
    content = json.loads((written(tmp_path) / CONFIG_FILE).read_text())
    del content["certainty"]
    (tmp_path / CONFIG_FILE).write_text(json.dumps(content))
    assert read_config(tmp_path).certainty == 0
