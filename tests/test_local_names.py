"""Names that the local hub takes and refuses."""

import pytest

from hub.local.names import check_path, check_reference, check_repository, is_repository
from hub.local.refusals import RefusalError


@pytest.mark.parametrize("name", ["you/fersys-cnn", "you/a.b_c", "y/1"])
def test_a_repository_has_an_owner_and_a_name(name: str) -> None:
    assert check_repository(name) == name


@pytest.mark.parametrize("name", ["you", "you/", "/x", "you/..", "../x", "you/a/b", "you/a--b", "you/a.git", "you/ä", "you/" + "a" * 97, "you/a\\b", ""])
def test_any_other_name_is_refused(name: str) -> None:
    assert not is_repository(name)
    with pytest.raises(RefusalError, match="Invalid repository name") as error:
        check_repository(name)
    assert error.value.status == 400


@pytest.mark.parametrize("name", ["main", "v1.0.0", "feature/x", "1.0+cpu"])
def test_branches_and_tags(name: str) -> None:
    assert check_reference(name) == name


@pytest.mark.parametrize("name", ["", "a..b", "a//b", "a/.b", "a.", "a/", "a.lock", "refs/pr/1", "f" * 40, "-a", "a b", "a~1", "a:b"])
def test_what_git_would_not_take_is_refused(name: str) -> None:
    with pytest.raises(RefusalError, match="Invalid reference"):
        check_reference(name)


@pytest.mark.parametrize("path", ["README.md", "a/b/c.txt", ".gitattributes", "a b/é.json", "a..b", ".github/x"])
def test_paths_of_files(path: str) -> None:
    assert check_path(path) == path


@pytest.mark.parametrize("path", ["", ".", "..", "/a", "a/", "a//b", "a/./b", "a/../b", "..\\a", ".git/config", "a/.GIT/x", "a\nb", "a\0b", "x" * 1025])
def test_paths_that_lead_astray_are_refused(path: str) -> None:
    with pytest.raises(RefusalError, match="Invalid path"):
        check_path(path)
