"""Commits of the local hub: whole or not at all, one after the other. Through the real client."""

import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from pathlib import Path

import pytest
from huggingface_hub import CommitOperationAdd, CommitOperationCopy, CommitOperationDelete, HfApi, get_session
from huggingface_hub.errors import BadRequestError, HfHubHTTPError, RemoteEntryNotFoundError, RevisionNotFoundError

from hub.local.serving import Hub
from hub.local.store import Repository, git_hash
from tests.local_hub import client, online_hub

WEIGHTS = bytes(range(256)) * 64


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[Hub]:
    with online_hub(tmp_path / "hub") as hub:
        client(hub).create_repo("you/first")
        yield hub


@pytest.fixture
def package(tmp_path: Path) -> Path:
    folder = tmp_path / "package"
    (folder / "figures").mkdir(parents=True)
    (folder / "README.md").write_text("---\nlicense: apache-2.0\nlibrary_name: keras\n---\n# A model\n")
    (folder / "model.onnx").write_bytes(WEIGHTS)
    (folder / "figures" / "empty.json").write_bytes(b"")
    return folder


def files(api: HfApi) -> set[str]:
    return set(api.list_repo_files("you/first")) - {".gitattributes"}


def add(api: HfApi, path: str, content: bytes, parent: str | None = None) -> str:
    commit = api.create_commit("you/first", [CommitOperationAdd(path, content)], commit_message=f"Add {path}", parent_commit=parent)
    return str(commit.oid)


def send(hub: Hub, *lines: dict[str, object]) -> int:
    """Commit by hand what the client would not send; the status."""
    body = b"\n".join(json.dumps(line).encode() for line in ({"key": "header", "value": {"summary": "By hand"}}, *lines))
    headers = {"Authorization": f"Bearer {hub.token}"}
    return int(get_session().post(f"{hub.url}/api/models/you/first/commit/main", content=body, headers=headers).status_code)


def test_a_folder_is_pushed_in_one_commit_with_its_large_file_beside(hub: Hub, package: Path) -> None:
    api = client(hub)
    commit = api.upload_folder(repo_id="you/first", folder_path=package, commit_message="Push")
    info = api.model_info("you/first", files_metadata=True)
    assert (info.sha, info.library_name, info.tags) == (commit.oid, "keras", ["keras", "license:apache-2.0"])
    found = {file.rfilename: file for file in info.siblings or []}
    large = found["model.onnx"].lfs
    assert large is not None
    assert (large.sha256, large.size) == (sha256(WEIGHTS).hexdigest(), len(WEIGHTS))
    assert found["README.md"].blob_id == git_hash((package / "README.md").read_bytes())
    assert found["figures/empty.json"].size == 0
    assert [commit.title for commit in api.list_repo_commits("you/first")] == ["Push", "initial commit"]


def test_a_second_push_changes_nothing(hub: Hub, package: Path) -> None:
    first, second = (client(hub).upload_folder(repo_id="you/first", folder_path=package).oid for _ in range(2))
    assert first == second


def test_the_same_commit_on_the_same_parent_has_the_same_name(hub: Hub) -> None:
    api = client(hub)
    for kind in ("dataset", "space"):
        api.create_repo("you/first", repo_type=kind, space_sdk="static" if kind == "space" else None)
    names = {api.upload_file(repo_id="you/first", repo_type=kind, path_in_repo="a", path_or_fileobj=b"a").oid for kind in ("model", "dataset", "space")}
    assert len(names) == 1


def test_a_stale_parent_is_refused(hub: Hub) -> None:
    api = client(hub)
    old = api.model_info("you/first").sha
    add(api, "a.txt", b"a", old)
    with pytest.raises(HfHubHTTPError, match="A commit has happened since") as error:
        add(api, "b.txt", b"b", old)
    assert error.value.response.status_code == 412
    assert files(api) == {"a.txt"}


def test_of_two_at_once_on_one_parent_exactly_one_gets_in(hub: Hub) -> None:
    old, both = client(hub).model_info("you/first").sha, threading.Barrier(2)

    def push(name: str) -> str:
        both.wait()
        try:
            return add(client(hub), name, name.encode(), old)
        except HfHubHTTPError as error:
            return str(error.response.status_code)

    with ThreadPoolExecutor(2) as pool:
        results = list(pool.map(push, ["a.txt", "b.txt"]))
    assert results.count("412") == 1
    assert len(files(client(hub))) == 1


def test_many_at_once_lose_nothing(hub: Hub) -> None:
    names, all_of_them = [f"{number}.txt" for number in range(6)], threading.Barrier(6)

    def push(name: str) -> str:
        all_of_them.wait()
        return add(client(hub), name, name.encode())

    with ThreadPoolExecutor(6) as pool:
        shas = set(pool.map(push, names))
    assert files(client(hub)) == set(names)
    assert shas <= {commit.commit_id for commit in client(hub).list_repo_commits("you/first")}
    assert len(client(hub).list_repo_commits("you/first")) == 7


def test_a_stop_before_the_end_leaves_the_old_head(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    api = client(hub)
    before = add(api, "a.txt", b"old")

    def stop(*_: object) -> None:
        raise OSError("no space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(Repository, "set_references", stop)
        with pytest.raises(HfHubHTTPError, match="no space left") as error:
            add(api, "a.txt", b"new")
    assert error.value.response.status_code == 500
    assert api.model_info("you/first").sha == before
    after = add(api, "a.txt", b"new")
    assert [commit.commit_id for commit in api.list_repo_commits("you/first")][:2] == [after, before]


def test_files_and_folders_are_deleted(hub: Hub, package: Path) -> None:
    api = client(hub)
    api.upload_folder(repo_id="you/first", folder_path=package)
    api.delete_file("model.onnx", "you/first")
    api.delete_folder("figures", "you/first")
    assert files(api) == {"README.md"}


def test_a_push_can_delete_what_is_gone_from_the_folder(hub: Hub, package: Path) -> None:
    api = client(hub)
    api.upload_folder(repo_id="you/first", folder_path=package)
    (package / "model.onnx").unlink()
    api.upload_folder(repo_id="you/first", folder_path=package, delete_patterns="*")
    assert files(api) == {"README.md", "figures/empty.json"}


def test_one_missing_file_to_delete_stops_the_whole_commit(hub: Hub) -> None:
    api = client(hub)
    with pytest.raises(RemoteEntryNotFoundError, match="A file with this name doesn't exist"):
        api.create_commit("you/first", [CommitOperationAdd("a.txt", b"a"), CommitOperationDelete("b.txt")], commit_message="Both")
    assert files(api) == set()


def test_files_are_copied(hub: Hub, package: Path) -> None:
    api = client(hub)
    api.upload_folder(repo_id="you/first", folder_path=package)
    api.create_commit(
        "you/first", [CommitOperationCopy("model.onnx", "old/model.onnx"), CommitOperationCopy("README.md", "old/README.md")], commit_message="Copy"
    )
    old, new = (api.get_paths_info("you/first", [f"{folder}{name}" for name in ("model.onnx", "README.md")]) for folder in ("old/", ""))
    assert [file.blob_id for file in old] == [file.blob_id for file in new]  # type: ignore[union-attr]


def test_a_branch_of_its_own(hub: Hub) -> None:
    api = client(hub)
    start = add(api, "a.txt", b"a")
    api.create_branch("you/first", branch="next", revision=start)
    api.upload_file(repo_id="you/first", path_in_repo="b.txt", path_or_fileobj=b"b", revision="next")
    assert "b.txt" in api.list_repo_files("you/first", revision="next")
    assert files(api) == {"a.txt"}
    with pytest.raises(RevisionNotFoundError):
        api.upload_file(repo_id="you/first", path_in_repo="b.txt", path_or_fileobj=b"b", revision="other")


def test_a_large_file_that_was_never_uploaded_is_refused(hub: Hub) -> None:
    pointer = {"path": "model.onnx", "algo": "sha256", "oid": "0" * 64, "size": 1}
    assert send(hub, {"key": "lfsFile", "value": pointer}) == 400
    assert send(hub, {"key": "lfsFile", "value": {**pointer, "oid": "../references.json"}}) == 400


@pytest.mark.parametrize("path", ["../a", "/a", "a/../b", "a//b", "a\\b", ".git/config", "", "a\0b", "x" * 2000])
def test_a_path_that_leads_astray_is_refused(hub: Hub, path: str) -> None:
    assert send(hub, {"key": "file", "value": {"path": path, "content": "YQ==", "encoding": "base64"}}) == 400
    assert files(client(hub)) == set()


def test_nothing_is_a_file_and_a_folder(hub: Hub) -> None:
    add(client(hub), "a", b"a")
    assert send(hub, {"key": "file", "value": {"path": "a/b", "content": "YQ==", "encoding": "base64"}}) == 400


def test_a_readme_whose_metadata_cannot_be_read_is_refused(hub: Hub) -> None:
    broken = b"---\nlicense: [\n---\n"
    with pytest.raises(ValueError, match=r"Invalid metadata in README\.md"):
        add(client(hub), "README.md", broken)
    assert send(hub, {"key": "file", "value": {"path": "README.md", "content": broken.decode()}}) == 400


def test_pull_requests_are_refused_in_words(hub: Hub) -> None:
    with pytest.raises(BadRequestError, match="no pull requests"):
        client(hub).create_commit("you/first", [CommitOperationAdd("a", b"a")], commit_message="Ask", create_pr=True)
