"""Pushes a parcel: one commit that holds all of the change or nothing of it, then the tag.

Whatever moment it is stopped at, the branch is where it was or where it should be, and the same command
again does what is missing. A commit names the one before it, so that nobody's push is overwritten unseen.
"""

import warnings
from dataclasses import dataclass
from typing import Any

from huggingface_hub import CommitOperationAdd, CommitOperationDelete, HfApi, constants, get_session, get_token
from huggingface_hub.errors import GatedRepoError, RepositoryNotFoundError, RevisionNotFoundError

from fersys.errors import ConfigError, HubError
from fersys.hub_client import Access, hub_api
from fersys.reference import DEFAULT_REVISION, Reference
from hub.difference import Difference, compare
from hub.parcel import SPACE, Parcel
from hub.refusals import LOG_IN, is_at_home, plainly

_NOT_THERE = (RepositoryNotFoundError, RevisionNotFoundError)
_PATIENCE = (10.0, 120.0, 60.0, 10.0)  # seconds to connect, for bytes to come, to go, and for a free connection


@dataclass(frozen=True)
class Target:
    """Where a parcel goes.

    Attributes:
        repository: "owner/name".
        branch: made from the main one if it is not there.
        tag: name for the commit; empty: none.
        private: whether a new repository is; one that is there must be as private as asked for.

    Raises:
        PackageError: if a name is none.
    """

    repository: str
    branch: str = DEFAULT_REVISION
    tag: str = ""
    private: bool = False

    def __post_init__(self) -> None:
        for revision in (self.branch, self.tag or DEFAULT_REVISION):
            Reference(self.repository, revision)  # raises if a name is none


@dataclass(frozen=True)
class Plan:
    """What is there, and what a push would make of it.

    Attributes:
        head: commit the branch is at; empty if it is not there or has none.
        exists: whether the repository is there.
        difference: what is to change.
    """

    head: str
    exists: bool
    difference: Difference


@dataclass(frozen=True)
class Pushed:
    """The commit that now holds the parcel, and whether it is a new one."""

    commit: str
    is_new: bool


def connect(token: str | None = None) -> HfApi:
    """Return the client of the hub that HF_ENDPOINT names, with the user's own token; without one it can only look.

    Args:
        token: in place of the one that the user is logged in with.

    Raises:
        ConfigError: if the token holds what no token holds.
    """
    found = token or get_token()
    if found and not (found.isascii() and found.isprintable() and " " not in found):
        raise ConfigError(f"The token holds characters that no token has: {LOG_IN}. Received: {len(found)} characters")
    client = hub_api(Access(token=found or False))
    if not is_at_home(client.endpoint):
        constants.HF_HUB_DISABLE_XET = True  # only the public hub stores large files that way, and the client has no second try
    get_session().timeout = _PATIENCE  # without it a server that never answers is waited for without end
    return client


def plan(client: HfApi, parcel: Parcel, target: Target) -> Plan:
    """Look at the hub and find what would change. Asks nothing to be written.

    Raises:
        HubError: if the hub refuses, the repository is public and a private one was asked for, or the tag names another commit.
    """
    with plainly(f"look at {target.repository}", client.endpoint):
        found = _look(client, parcel, target)
    if not found.exists:
        return found
    with plainly(f"read the tags of {target.repository}", client.endpoint):
        _check_tag(_tags(client, parcel, target), found, target)
    return found


def _look(client: HfApi, parcel: Parcel, target: Target) -> Plan:
    try:
        about = client.repo_info(target.repository, repo_type=parcel.kind, timeout=_PATIENCE[1])
    except GatedRepoError:
        raise
    except RepositoryNotFoundError as error:
        if error.response.status_code == 401 and client.token:  # said of a token that is not valid, too
            client.whoami()
        return Plan("", False, compare(parcel, ()))
    if target.private and not about.private:
        raise HubError(f"{target.repository} is public: expected a private repository. Make it private on its settings page. Received: public")
    head = _head(client, parcel, target)
    return Plan(head, True, compare(parcel, _tree(client, parcel, target, head or about.sha or "")))


def _head(client: HfApi, parcel: Parcel, target: Target) -> str:
    try:
        return client.repo_info(target.repository, repo_type=parcel.kind, revision=target.branch, timeout=_PATIENCE[1]).sha or ""
    except RevisionNotFoundError:
        return ""


def _tree(client: HfApi, parcel: Parcel, target: Target, commit: str) -> list[Any]:
    """All files of a commit; none if a repository has no commit yet."""
    if not commit:
        return []
    try:
        return list(client.list_repo_tree(target.repository, repo_type=parcel.kind, revision=commit, recursive=True))
    except RevisionNotFoundError:
        return []


def _tags(client: HfApi, parcel: Parcel, target: Target) -> dict[str, str]:
    if not target.tag:
        return {}
    return {tag.name: tag.target_commit for tag in client.list_repo_refs(target.repository, repo_type=parcel.kind).tags}


def _check_tag(tags: dict[str, str], found: Plan, target: Target) -> None:
    tagged = tags.get(target.tag)
    if tagged and (found.difference or tagged != found.head):
        wanted = "a new commit" if found.difference else found.head
        raise HubError(f"Tag {target.tag} of {target.repository} names another commit: expected a tag that is free. Received: {tagged}, for {wanted}")


def push(client: HfApi, parcel: Parcel, target: Target) -> Pushed:
    """Push a parcel: what is there already is not sent again, what it no longer holds is deleted in the same commit.

    Returns:
        the commit; the one that was there if nothing was to change.

    Raises:
        HubError: as `plan`; if nobody is logged in; if somebody else pushed meanwhile. Nothing is half done then.
    """
    if not client.token:
        raise HubError(f"Nobody is logged in at {client.endpoint}: {LOG_IN}. Received: no token")
    found = plan(client, parcel, target)
    if not found.exists:
        _create(client, parcel, target)
        found = plan(client, parcel, target)
    if not found.head and target.branch != DEFAULT_REVISION:
        with plainly(f"make the branch {target.branch} of {target.repository}", client.endpoint):
            client.create_branch(target.repository, branch=target.branch, repo_type=parcel.kind, exist_ok=True)
        found = plan(client, parcel, target)
    commit = _commit(client, parcel, target, found) if found.difference else found.head
    _tag(client, parcel, target, commit)
    return Pushed(commit, bool(found.difference))


def _create(client: HfApi, parcel: Parcel, target: Target) -> None:
    sdk = "gradio" if parcel.kind == SPACE else None
    with plainly(f"create {target.repository}", client.endpoint):
        client.create_repo(target.repository, repo_type=parcel.kind, private=target.private, exist_ok=True, space_sdk=sdk)


def _commit(client: HfApi, parcel: Parcel, target: Target, found: Plan) -> str:
    change = found.difference
    operations: list[CommitOperationAdd | CommitOperationDelete] = [CommitOperationAdd(path, parcel.files[path]) for path in change.written]
    operations += [CommitOperationDelete(path, is_folder=False) for path in change.deleted]
    where: dict[str, Any] = {"repo_type": parcel.kind, "revision": target.branch, "parent_commit": found.head or None}
    with plainly(f"push {target.repository}", client.endpoint), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="It seems that you are about to commit a data file")  # predictions.parquet is meant
        return str(client.create_commit(target.repository, operations, commit_message=f"Publish {parcel.name}", **where).oid)


def _tag(client: HfApi, parcel: Parcel, target: Target, commit: str) -> None:
    if not target.tag:
        return
    with plainly(f"tag {target.repository}", client.endpoint):
        tags = _tags(client, parcel, target)
        if target.tag not in tags:
            client.create_tag(target.repository, tag=target.tag, revision=commit, repo_type=parcel.kind)
    _check_tag(tags, Plan(commit, True, Difference()), target)  # somebody else may have made it meanwhile
