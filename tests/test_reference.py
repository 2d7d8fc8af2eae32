"""What a text names: a folder here, or a model on a hub."""

from pathlib import Path

import pytest

from fersys.errors import PackageError
from fersys.reference import Reference, is_commit, parse_reference, read_reference

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.mark.parametrize(
    ("text", "repository", "revision"),
    [
        ("you/name", "you/name", "main"),
        ("you/name@v1.0.0", "you/name", "v1.0.0"),
        ("you/name@main", "you/name", "main"),
        (f"you/name@{COMMIT}", "you/name", COMMIT),
        ("You-2/na.me_3@refs/pr/4", "You-2/na.me_3", "refs/pr/4"),
        ("you/name@release+1", "you/name", "release+1"),
    ],
)
def test_a_reference_is_owner_name_and_revision(text: str, repository: str, revision: str) -> None:
    reference = parse_reference(text)
    assert (reference.repository, reference.revision) == (repository, revision)
    assert parse_reference(str(reference)) == reference


@pytest.mark.parametrize(
    "text",
    [
        *("", "name", "you/", "/name", "a/b/c", "you/na me", "you/../x", "../x", "you/..", "-you/x", ".you/x", "you/x.", "you/x-", "you/a--b"),
        *("you/a..b", "you/x.git", "you./x", "you/" + "x" * 93, "höhe/x", "you/x\n", "https://example.org/x", "hf://you/x"),
    ],
)
def test_a_name_that_no_hub_takes_is_refused(text: str) -> None:
    with pytest.raises(PackageError, match=r"Expected owner/name .*\. Received: "):
        parse_reference(text)


@pytest.mark.parametrize("revision", ["", "-x", "../x", "a/../b", "a b", "a..b", "/a", "a/", "a//b", "a@b", "a\n", "a.lock", ".", "a:b", "a\\b", "ü"])
def test_a_revision_that_git_does_not_take_is_refused(revision: str) -> None:
    with pytest.raises(PackageError, match=r"Expected a branch, a tag or a commit after @\. Received: .* for you/name"):
        parse_reference(f"you/name@{revision}")


def test_only_forty_digits_are_a_commit() -> None:
    assert is_commit(COMMIT)
    assert not any(is_commit(text) for text in ("", "main", COMMIT[:39], COMMIT + "0", COMMIT.upper(), "g" * 40, COMMIT + "\n"))
    assert Reference("you/name", COMMIT).is_commit
    assert not Reference("you/name").is_commit


@pytest.mark.parametrize("text", ["you/name", "you/name@v1"])
def test_what_exists_wins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.chdir(tmp_path)
    assert isinstance(read_reference(text), Reference)
    assert read_reference(Path(text)) == read_reference(text)
    Path(text).mkdir(parents=True)
    assert read_reference(text) == read_reference(Path(text)) == Path(text)


@pytest.mark.parametrize("text", ["name", "./you/name", "you/name/", "hub/models/name", "/you/name", r"C:\you\name", r"you\name", "C:/you/name", "..", ""])
def test_all_else_is_a_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.chdir(tmp_path)
    assert read_reference(text) == Path(text)


def test_home_folder_may_be_written_short(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    assert read_reference("~/name") == tmp_path / "name"
    with pytest.raises(PackageError, match=r"No such home folder.*Received: ~nosuchuser/name"):
        read_reference("~nosuchuser/name")


@pytest.mark.parametrize("text", ["you/name@", "a/b/c@v1", "name@v1", "you/name@a b"])
def test_what_has_an_at_sign_and_is_neither_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(PackageError, match="is no folder here, and no model on a hub"):
        read_reference(text)
