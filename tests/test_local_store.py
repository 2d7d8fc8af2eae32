"""Repositories on disk."""

from pathlib import Path

import pytest

from hub.local.refusals import RefusalError
from hub.local.store import Commit, Entry, Note, Repository, Settings, Store, git_hash


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    repository = Store(tmp_path).create("models", "you/first", Settings(), {"a": b"hello\n"})
    assert repository is not None
    return repository


def test_a_file_has_the_name_that_git_gives_it() -> None:
    assert git_hash(b"hello\n") == "ce013625030ba8dba906f756967f9e9ca394464a"  # git hash-object
    assert git_hash(b"") == "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391"


def test_a_large_file_has_the_git_name_of_its_pointer() -> None:
    entry = Entry("9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08", 4, large=True)
    assert entry.pointer.decode().splitlines() == ["version https://git-lfs.github.com/spec/v1", f"oid sha256:{entry.oid}", "size 4"]
    assert entry.git_oid == git_hash(entry.pointer)


def test_a_commit_is_named_after_its_files_parent_and_note() -> None:
    one = Commit(Note("a"), None, {"x": Entry("0" * 40, 1), "y": Entry("1" * 40, 1)})
    assert Commit(Note("a"), None, dict(reversed(one.files.items())), date="later").sha == one.sha
    others = [Commit(Note("b"), None, one.files), Commit(Note("a"), "2" * 40, one.files), Commit(Note("a"), None, {"x": Entry("0" * 40, 1)})]
    assert len({one.sha, *(other.sha for other in others)}) == 4


def test_what_was_stored_is_read_back(repository: Repository, tmp_path: Path) -> None:
    again = Store(tmp_path).find("models", "you/first")
    assert again == repository
    commit = again.commit("main")
    assert again.read(commit.files["a"]) == b"hello\n"
    assert commit.sha == again.resolve("main") == again.resolve(commit.sha) == again.resolve(commit.sha[:7])


@pytest.mark.parametrize("revision", ["v1", "", "*", "../commits", "0" * 40, "0" * 7])
def test_a_revision_that_is_not_there(repository: Repository, revision: str) -> None:
    with pytest.raises(RefusalError) as error:
        repository.resolve(revision)
    assert (error.value.status, error.value.code) == (404, "RevisionNotFound")


def test_a_branch_goes_before_the_digits_of_a_commit(repository: Repository) -> None:
    sha = repository.resolve("main")
    repository.set_references({"branches": {"main": sha, sha[:8]: "f" * 40}, "tags": {}})
    assert repository.resolve(sha[:8]) == "f" * 40


def test_a_second_one_of_the_same_name_is_not_made(repository: Repository, tmp_path: Path) -> None:
    assert Store(tmp_path).create("models", "you/first", Settings(private=True), {}) is None
    assert not repository.settings.private
    assert not list((tmp_path / "aside").iterdir())


def test_a_half_made_repository_is_not_seen(tmp_path: Path) -> None:
    (tmp_path / "models" / "you" / "half" / "objects").mkdir(parents=True)
    assert Store(tmp_path).find("models", "you/half") is None
    assert Store(tmp_path).every("models") == []


def test_what_did_not_arrive_is_cleaned_up(repository: Repository) -> None:
    def be_stopped() -> None:
        with repository.arriving() as part:
            part.write_bytes(b"half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        be_stopped()
    assert not list(repository.folder.rglob("*.part"))


@pytest.mark.parametrize("name", ["you/../you/first", "you", "/", "../models/you/first"])
def test_a_name_does_not_lead_elsewhere(repository: Repository, tmp_path: Path, name: str) -> None:
    assert Store(tmp_path).find("models", name) is None
    assert Store(tmp_path).find("models/you", "first/x") is None
