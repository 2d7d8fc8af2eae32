"""Branches, tags and commits of the local hub, through the real client."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from huggingface_hub.errors import BadRequestError, HfHubHTTPError, RevisionNotFoundError

from hub.local.serving import Hub
from tests.local_hub import client, online_hub


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[Hub]:
    with online_hub(tmp_path / "hub") as hub:
        client(hub).create_repo("you/first")
        yield hub


def test_a_tag_stays_where_it_was_set(hub: Hub) -> None:
    api = client(hub)
    api.create_tag("you/first", tag="v1.0.0")
    tagged = api.model_info("you/first").sha
    api.upload_file(repo_id="you/first", path_in_repo="a", path_or_fileobj=b"a")
    assert api.model_info("you/first", revision="v1.0.0").sha == tagged
    references = api.list_repo_refs("you/first")
    assert [(tag.name, tag.ref, tag.target_commit) for tag in references.tags] == [("v1.0.0", "refs/tags/v1.0.0", tagged)]
    assert references.branches[0].target_commit != tagged


def test_a_tag_is_set_once_and_can_be_taken_away(hub: Hub) -> None:
    api = client(hub)
    api.create_tag("you/first", tag="v1", revision=(api.model_info("you/first").sha or "")[:7])
    with pytest.raises(HfHubHTTPError) as error:
        api.create_tag("you/first", tag="v1")
    assert error.value.response.status_code == 409
    api.create_tag("you/first", tag="v1", exist_ok=True)
    api.delete_tag("you/first", tag="v1")
    with pytest.raises(RevisionNotFoundError):
        api.delete_tag("you/first", tag="v1")


def test_a_branch_is_made_once_and_main_stays(hub: Hub) -> None:
    api = client(hub)
    api.create_branch("you/first", branch="feature/one")
    api.create_branch("you/first", branch="feature/one", exist_ok=True)
    assert api.revision_exists("you/first", "feature/one")
    api.delete_branch("you/first", branch="feature/one")
    assert not api.revision_exists("you/first", "feature/one")
    with pytest.raises(HfHubHTTPError) as error:
        api.delete_branch("you/first", branch="main")
    assert error.value.response.status_code == 403


@pytest.mark.parametrize("revision", ["v9", "0" * 40, "refs/convert/parquet", "ab"])
def test_a_revision_that_is_not_there_is_named_as_such(hub: Hub, revision: str) -> None:
    with pytest.raises(RevisionNotFoundError):
        client(hub).model_info("you/first", revision=revision)
    with pytest.raises(RevisionNotFoundError):
        client(hub).create_tag("you/first", tag="v1", revision=revision)


@pytest.mark.parametrize("name", ["a..b", "refs/heads/x", "a b", "x.lock", "0" * 40, "", "-x", "x/"])
def test_a_name_that_git_would_not_take_is_refused(hub: Hub, name: str) -> None:
    with pytest.raises(BadRequestError, match="Invalid reference"):
        client(hub).create_tag("you/first", tag=name)


def test_the_history_names_authors_and_times(hub: Hub) -> None:
    api = client(hub)
    api.upload_file(repo_id="you/first", path_in_repo="a", path_or_fileobj=b"a", commit_message="Add a", commit_description="Why not")
    newest, first = api.list_repo_commits("you/first", formatted=True)
    assert (newest.title, newest.message, newest.authors) == ("Add a", "Why not", ["you"])
    assert (first.title, first.authors) == ("initial commit", ["system"])
    assert newest.created_at >= first.created_at
    assert newest.commit_id == api.model_info("you/first").sha
