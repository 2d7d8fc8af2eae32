"""The packages that come with a checkout."""

import json
from pathlib import Path

import pytest

from fersys import shipped
from fersys.cached import Cached
from fersys.digest import sha256
from fersys.errors import PackageError
from fersys.package import load, locate
from fersys.shipped import DEFAULT, describe_models, describe_packages, find_default, shipped_folder
from tests.tiny_deepface import make_deepface_package, random_network, weights_in
from tests.tiny_package import make_package

METRICS = json.dumps({"splits": {"validation": {"n": 10, "accuracy": 0.7, "macro_f1": 0.6}, "test": {"n": 20, "accuracy": 0.5, "macro_f1": 0.4}}})


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder without packages."""
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    return tmp_path / "elsewhere"


def test_the_working_folder_comes_first(elsewhere: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shipped, "_CHECKOUT", tmp_path)
    make_package(tmp_path / "hub" / "models", DEFAULT)
    assert find_default() == tmp_path / "hub" / "models" / DEFAULT
    make_package(elsewhere / "hub" / "models", DEFAULT)
    assert find_default() == elsewhere / "hub" / "models" / DEFAULT


@pytest.mark.usefixtures("elsewhere")
def test_no_package_at_all_is_an_error_that_says_how_to_name_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shipped, "_CHECKOUT", tmp_path)
    with pytest.raises(PackageError, match="--model"):
        shipped_folder()
    make_package(tmp_path / "hub" / "models", "another")
    with pytest.raises(PackageError, match=f"{DEFAULT}.*--model"):
        find_default()


def test_a_bare_name_is_a_package_that_comes_along_unless_a_folder_is_called_so(elsewhere: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shipped, "_CHECKOUT", tmp_path)
    package = make_package(tmp_path / "hub" / "models", "theirs")
    assert locate("theirs") == package
    assert load("theirs").name == "theirs"
    assert locate("nobody-s") == Path("nobody-s")
    assert locate(elsewhere / "theirs") == elsewhere / "theirs"
    (elsewhere / "theirs").mkdir()
    assert locate("theirs") == Path("theirs")


def test_the_list_says_accuracy_and_size_and_marks_the_default(tmp_path: Path) -> None:
    make_package(tmp_path, DEFAULT, metrics=METRICS)
    make_package(tmp_path, "another")
    lines = describe_packages(tmp_path).splitlines()
    assert [line.split()[0] for line in lines[:3]] == ["model", "another", DEFAULT]
    assert "not measured" in lines[1]
    assert " * " not in lines[1]
    assert f"{DEFAULT} *" in lines[2]
    assert "0.500 on test" in lines[2]
    assert "0.1 MB" in lines[2]
    assert "0.02 M" in lines[2]


def test_the_list_says_how_a_package_is_shown_and_what_is_built_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_deepface_package(tmp_path / "models", "theirs")
    path = weights_in(tmp_path, monkeypatch)
    said = describe_packages(tmp_path / "models")
    assert "Somebody's weights" in said.splitlines()[1]
    assert f"deepface  not here: DeepFace's own weights are missing: expected {path.name} in {path.parent}" in said
    weights_in(tmp_path, monkeypatch, random_network(0))
    assert f"deepface  DeepFace, 0.1 MB, {path}, SHA-256 {sha256(path)}" in describe_packages(tmp_path / "models")


@pytest.mark.usefixtures("elsewhere")
def test_without_a_checkout_what_was_pulled_is_listed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shipped, "_CHECKOUT", tmp_path)
    monkeypatch.setattr(shipped, "cached_models", list)
    with pytest.raises(PackageError, match="--model"):
        describe_models()
    pulled = Cached("you/name@0123", ("main", "v1"), make_package(tmp_path, "pulled", metrics=METRICS))
    monkeypatch.setattr(shipped, "cached_models", lambda: [pulled])
    assert describe_models().splitlines()[1].split() == ["you/name@0123", "main,", "v1", "0.500", "on", "test", "0.1", "MB", "0.02", "M"]
    make_package(tmp_path / "hub" / "models", DEFAULT)
    assert all(text in describe_models() for text in (f"{DEFAULT} *", "you/name@0123", "built in"))
