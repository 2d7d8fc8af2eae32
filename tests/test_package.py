"""A package folder is loaded if it is what it says it is."""

import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import fersys
from fersys.config import CONFIG_FILE, ModelConfig, read_config, write_config
from fersys.errors import ModelError, PackageError
from fersys.package import KERAS_FILE, MODEL_FILES, RECORD_FILES, SERVING_FILE, check_files, check_package, fingerprint, load, locate, model_files, seal, sha256
from tests.tiny_deepface import make_deepface_package
from tests.tiny_package import make_package


@pytest.fixture
def served(tmp_path: Path) -> Path:
    """What serving reads, as the app's tests use it."""
    return make_package(tmp_path, "tiny")


@pytest.fixture
def whole(served: Path) -> Path:
    """A package with every model file and some records."""
    for name in (*MODEL_FILES, *RECORD_FILES[:2]):
        if name != SERVING_FILE:
            (served / name).write_bytes(name.encode())
    seal(served, read_config(served))
    return served


def changed(folder: Path, **changes: Any) -> Path:
    content = json.loads((folder / CONFIG_FILE).read_text()) | changes
    (folder / CONFIG_FILE).write_text(json.dumps(content))
    return folder


def test_a_good_package_is_loaded_by_path_and_by_text(served: Path) -> None:
    for folder in (served, str(served)):
        recognizer = fersys.load(folder)
        assert recognizer.name == "tiny"
        assert recognizer.predict([np.zeros((48, 48, 3), np.uint8)]).shape == (1, 7)


def test_home_folder_may_be_written_short(served: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(served.parent))
    monkeypatch.setenv("USERPROFILE", str(served.parent))
    assert load("~/tiny").name == "tiny"


def test_a_good_package_passes_the_check_and_vouches_for_all_its_files(whole: Path) -> None:
    config = check_package(whole)
    assert set(config.files) == {*MODEL_FILES, *RECORD_FILES[:2]}
    assert config == read_config(whole)


@pytest.mark.parametrize("name", [*MODEL_FILES, *RECORD_FILES[:2]])
def test_one_changed_byte_is_noticed(whole: Path, name: str) -> None:
    content = bytearray((whole / name).read_bytes())
    content[len(content) // 2] ^= 1
    (whole / name).write_bytes(bytes(content))
    with pytest.raises(PackageError, match=rf"{name} was changed: expected SHA-256 \w+\. Received: \w+$"):
        check_package(whole)


def test_files_are_named_as_they_are_checked_up_to_the_first_bad_one(whole: Path) -> None:
    assert list(check_files(whole)) == list(check_package(whole).files)
    (whole / MODEL_FILES[2]).write_bytes(b"other")
    checked = check_files(whole)
    assert [next(checked), next(checked)] == list(MODEL_FILES[:2])
    with pytest.raises(PackageError, match=f"{MODEL_FILES[2]} was changed"):
        next(checked)


@pytest.mark.parametrize("name", [*MODEL_FILES, *RECORD_FILES[:2]])
def test_missing_file_is_noticed(whole: Path, name: str) -> None:
    (whole / name).unlink()
    with pytest.raises(PackageError, match=rf"incomplete: expected {name} in .*Received: "):
        check_package(whole)


@pytest.mark.parametrize("name", MODEL_FILES)
def test_model_file_that_is_not_listed_is_noticed(whole: Path, name: str) -> None:
    config = read_config(whole)
    write_config(whole, dataclasses.replace(config, files={key: value for key, value in config.files.items() if key != name}))
    with pytest.raises(PackageError, match=rf"not vouch for {name}.*Received: "):
        check_package(whole)


def test_what_lies_here_is_located_without_a_hub(served: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert locate("deepface") == "deepface"
    assert locate(served) == locate(str(served)) == served
    assert locate("no/such/folder") == Path("no/such/folder")
    make_package(tmp_path, "deepface")
    make_package(tmp_path / "you", "name")
    assert (locate("deepface"), locate("you/name")) == (Path("deepface"), Path("you/name"))
    assert load("you/name").name == "name"


def test_changed_missing_or_unlisted_serving_file_is_not_loaded(served: Path) -> None:
    content = (served / SERVING_FILE).read_bytes()
    (served / SERVING_FILE).write_bytes(content + b"\0")
    with pytest.raises(PackageError, match="was changed"):
        load(served)
    (served / SERVING_FILE).unlink()
    with pytest.raises(PackageError, match="incomplete"):
        load(served)
    (served / SERVING_FILE).write_bytes(content)
    with pytest.raises(PackageError, match=r"Received: none$"):
        load(changed(served, files={}))


def test_serving_does_not_ask_for_files_it_does_not_read(whole: Path) -> None:
    (whole / KERAS_FILE).unlink()
    assert load(whole).name == "tiny"


def test_unknown_recogniser_is_refused(served: Path) -> None:
    with pytest.raises(PackageError, match=r"expected a recogniser among cnn, deepface.*Received: 'oracle'$"):
        load(changed(served, recognizer="oracle"))


def test_package_of_another_format_version_is_refused(served: Path) -> None:
    with pytest.raises(PackageError, match=r"expected format version 1\. Received: 2$"):
        load(changed(served, format_version=2))


@pytest.mark.parametrize("folder", ["none", "tiny/model.onnx", "."])
def test_what_is_no_package_is_refused(served: Path, folder: str) -> None:
    with pytest.raises(PackageError, match=r"Not a model package.*Received: "):
        load(served.parent / folder)


@pytest.mark.parametrize("content", [b"", b"not a network", b"\x08\x07"])
def test_file_that_the_runtime_cannot_read_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / SERVING_FILE).write_bytes(content)
    seal(tmp_path, ModelConfig("tiny", "paper"))
    with pytest.raises(ModelError, match=r"(?s)ONNX Runtime can load\. Received: .*model\.onnx"):
        load(tmp_path)


DEEPFACE_FILES = ("facial_expression_model_weights.onnx", "facial_expression_model_weights.h5")


@pytest.fixture
def deepface(tmp_path: Path) -> Path:
    """A package of DeepFace's network with every model file."""
    package = make_deepface_package(tmp_path, "theirs")
    for name in (*MODEL_FILES[:-1], DEEPFACE_FILES[1]):
        (package / name).write_bytes(name.encode())
    seal(package, read_config(package))
    return package


def test_a_package_has_the_files_of_its_kind(whole: Path, deepface: Path) -> None:
    assert model_files(read_config(whole)) == MODEL_FILES
    assert set(check_package(deepface).files) == {*MODEL_FILES[:-1], *DEEPFACE_FILES} == set(model_files(read_config(deepface)))


@pytest.mark.parametrize("name", [KERAS_FILE, *DEEPFACE_FILES])
def test_a_missing_or_unlisted_file_of_deepface_s_network_is_noticed(deepface: Path, name: str) -> None:
    config = read_config(deepface)
    write_config(deepface, dataclasses.replace(config, files={key: value for key, value in config.files.items() if key != name}))
    with pytest.raises(PackageError, match=f"not vouch for {name}"):
        check_package(deepface)
    (deepface / name).unlink()
    with pytest.raises(PackageError, match=f"incomplete: expected {name} in "):
        check_package(deepface)


def test_packages_of_one_name_and_other_content_are_told_apart(served: Path) -> None:
    before = fingerprint(served)
    assert fingerprint(str(served)) == before == sha256(served / CONFIG_FILE)
    write_config(served, dataclasses.replace(read_config(served), temperature=2.0))
    assert fingerprint(served) != before


def test_sealing_again_vouches_for_what_is_there_now(whole: Path) -> None:
    (whole / RECORD_FILES[0]).write_text("new")
    (whole / RECORD_FILES[1]).unlink()
    sealed = seal(whole, read_config(whole))
    assert set(sealed.files) == {*MODEL_FILES, RECORD_FILES[0]}
    assert check_package(whole) == sealed
