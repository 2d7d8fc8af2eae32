"""What a push would change is found by content."""

from pathlib import Path

import pytest
from huggingface_hub.hf_api import RepoFile, RepoFolder

from fersys.digest import sha256
from hub.difference import Difference, compare, describe
from hub.parcel import Parcel, git_hash


@pytest.fixture
def parcel(tmp_path: Path) -> Parcel:
    for name, content in (("card.md", b"card"), ("weights.h5", b"weights")):
        (tmp_path / name).write_bytes(content)
    return Parcel("mine", {name: tmp_path / name for name in ("card.md", "weights.h5")})


def remote(parcel: Parcel, name: str, *, large: bool = False, content_of: str = "") -> RepoFile:
    path = parcel.files[content_of or name]
    lfs = {"oid": sha256(path), "size": path.stat().st_size, "pointerSize": 100} if large else None
    return RepoFile(path=name, size=path.stat().st_size, oid="0" * 40 if large else git_hash(path), lfs=lfs)  # type: ignore[no-untyped-call]


def test_git_s_hash_is_git_s(tmp_path: Path) -> None:
    (tmp_path / "empty").touch()
    assert git_hash(tmp_path / "empty") == "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391"  # as `git hash-object` says


def test_the_same_content_is_no_difference(parcel: Parcel) -> None:
    folder = RepoFolder(path="figures", oid="0" * 40)  # type: ignore[no-untyped-call]
    assert not compare(parcel, [remote(parcel, "card.md"), remote(parcel, "weights.h5", large=True), folder])


def test_what_the_hub_made_itself_stays(parcel: Parcel) -> None:
    tree = [remote(parcel, name) for name in parcel.files]
    assert not compare(parcel, [*tree, remote(parcel, ".gitattributes", content_of="card.md")])


def test_new_changed_and_gone_files_are_told_apart(parcel: Parcel) -> None:
    tree = [remote(parcel, "weights.h5", large=True), remote(parcel, "old.md", content_of="card.md")]
    before = (parcel.files["weights.h5"]).read_bytes()
    parcel.files["weights.h5"].write_bytes(before[::-1])  # of the same length
    assert compare(parcel, tree) == Difference(("card.md",), ("weights.h5",), ("old.md",))


def test_a_regular_file_of_the_same_length_that_differs_is_noticed(parcel: Parcel) -> None:
    tree = [remote(parcel, name) for name in parcel.files]
    parcel.files["card.md"].write_bytes(b"drac")
    assert compare(parcel, tree).changed == ("card.md",)


def test_it_is_described_a_line_a_file(parcel: Parcel) -> None:
    lines = describe(Difference(("card.md",), ("weights.h5",), ("old.md",)), parcel).splitlines()
    assert [line.split("  ")[0] for line in lines] == ["+ card.md", "~ weights.h5", "- old.md"]
    assert describe(Difference(), parcel) == "nothing to change"
