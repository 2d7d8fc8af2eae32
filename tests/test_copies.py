"""Copies of packages."""

import shutil
from pathlib import Path

import pytest

from fersys import copies
from fersys.copies import copy_package
from fersys.errors import PackageError
from fersys.package import SERVING_FILE
from tests.whole_package import content, flip, make_whole


@pytest.fixture
def package(tmp_path: Path) -> Path:
    return make_whole(tmp_path / "packages")


def test_an_empty_folder_is_filled_and_a_second_copy_changes_nothing(package: Path, tmp_path: Path) -> None:
    target = tmp_path / "copy"
    target.mkdir()
    copy_package(package, target)
    before = (target / SERVING_FILE).stat()
    copy_package(package, target)
    assert content(target) == content(package)
    assert (target / SERVING_FILE).stat() == before


def test_a_package_is_its_own_copy(package: Path) -> None:
    before = content(package)
    copy_package(package, package)
    assert content(package) == before


def test_files_that_do_not_belong_to_a_package_stay_behind(package: Path, tmp_path: Path) -> None:
    (package / "checkpoint.pkl").write_bytes(b"?")
    copy_package(package, tmp_path / "copy")
    assert not (tmp_path / "copy" / "checkpoint.pkl").exists()


def taken_by_a_file(target: Path) -> None:
    target.write_text("mine")


def taken_by_files(target: Path) -> None:
    target.mkdir()
    (target / "mine.txt").write_text("mine")


def taken_by_another_package(target: Path) -> None:
    make_whole(target.parent, target.name, seed=1)


def taken_by_a_damaged_copy(target: Path) -> None:
    flip(make_whole(target.parent, target.name) / SERVING_FILE)


@pytest.mark.parametrize("take", [taken_by_a_file, taken_by_files, taken_by_another_package, taken_by_a_damaged_copy], ids=lambda take: take.__name__)
def test_what_is_there_is_not_touched(package: Path, tmp_path: Path, take: object) -> None:
    target = tmp_path / "tiny"
    assert callable(take)
    take(target)
    before = content(tmp_path)
    with pytest.raises(PackageError, match=r"is taken: expected a new folder.*Received: something else"):
        copy_package(package, target)
    assert content(tmp_path) == before


def test_an_interrupted_copy_leaves_nothing(package: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(copies, "check_package", interrupt)
    with pytest.raises(KeyboardInterrupt):
        copies._copy_files(package, tmp_path / "copy")
    monkeypatch.setattr(copies, "_is_same", lambda *_: False)
    with pytest.raises(KeyboardInterrupt):
        copy_package(package, tmp_path / "other")
    assert not list(tmp_path.glob("*other*"))


def test_another_copy_that_was_faster_is_taken(package: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def lose(_: Path, target: Path) -> None:
        shutil.copytree(package, target)
        raise FileExistsError(str(target))

    monkeypatch.setattr(Path, "rename", lose)
    copy_package(package, tmp_path / "copy")
    assert content(tmp_path / "copy") == content(package)
    assert not list(tmp_path.glob("unfinished*"))


def test_a_place_that_cannot_be_written_to_is_one_line(package: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(PackageError, match=r"cannot be written: expected a folder that may be made there\. Received: .*directory"):
        copy_package(package, tmp_path / "file" / "copy")
