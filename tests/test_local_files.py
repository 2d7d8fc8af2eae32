"""Files of the local hub: listed, described and fetched, through the real client."""

from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import pytest
from huggingface_hub import CommitOperationAdd, HfFileSystem, RepoFile, get_hf_file_metadata, get_session, hf_hub_url
from huggingface_hub.errors import RemoteEntryNotFoundError

from hub.local import files
from hub.local.serving import Hub
from hub.local.store import git_hash
from tests.faulty_hub import Fault, faulty
from tests.local_hub import client, online_hub

WEIGHTS, CONFIG = bytes(range(256)) * 4096, b'{"labels": 7}'


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[Hub]:
    with online_hub(tmp_path / "hub") as hub:
        client(hub).create_repo("you/first")
        operations = [CommitOperationAdd("model.onnx", WEIGHTS), CommitOperationAdd("config.json", CONFIG), CommitOperationAdd("figures/a b/c%2F.txt", b"c")]
        client(hub).create_commit("you/first", operations, commit_message="Push")
        yield hub


def url(hub: Hub, path: str) -> str:
    return str(hf_hub_url("you/first", path, endpoint=hub.url))


def test_a_snapshot_by_commit_is_what_was_pushed(hub: Hub, tmp_path: Path) -> None:
    sha = client(hub).model_info("you/first").sha
    client(hub).upload_file(repo_id="you/first", path_in_repo="config.json", path_or_fileobj=b"{}")
    folder = Path(client(hub).snapshot_download("you/first", revision=sha, cache_dir=tmp_path / "cache"))
    assert folder.name == sha
    assert (folder / "model.onnx").read_bytes() == WEIGHTS
    assert (folder / "config.json").read_bytes() == CONFIG
    assert (folder / "figures" / "a b" / "c%2F.txt").read_bytes() == b"c"


def test_what_is_known_of_a_file_before_it_is_fetched(hub: Hub) -> None:
    sha = client(hub).model_info("you/first").sha
    for path, content, etag in (("model.onnx", WEIGHTS, sha256(WEIGHTS).hexdigest()), ("config.json", CONFIG, git_hash(CONFIG))):
        known = get_hf_file_metadata(url(hub, path), token=hub.token)
        assert (known.commit_hash, known.etag, known.size) == (sha, etag, len(content))


def test_a_large_file_is_announced_as_one(hub: Hub) -> None:
    large, small = (get_session().head(url(hub, path)).headers for path in ("model.onnx", "config.json"))
    assert (large["X-Linked-Size"], large["X-Linked-ETag"]) == (str(len(WEIGHTS)), f'"{sha256(WEIGHTS).hexdigest()}"')
    assert "X-Linked-ETag" not in small


def test_a_part_of_a_file(hub: Hub) -> None:
    answer = get_session().get(url(hub, "model.onnx"), headers={"Range": "bytes=1000-1009"})
    assert (answer.status_code, answer.content) == (206, WEIGHTS[1000:1010])
    assert answer.headers["Content-Range"] == f"bytes 1000-1009/{len(WEIGHTS)}"
    assert get_session().get(url(hub, "model.onnx"), headers={"Range": f"bytes={len(WEIGHTS)}-"}).status_code == 416


def test_a_broken_download_goes_on_where_it_stopped(hub: Hub, tmp_path: Path) -> None:
    with faulty(hub.url, Fault("half answered", on="GET /you/first/resolve")) as line:
        path = client(hub, line.url).hf_hub_download("you/first", "model.onnx", cache_dir=tmp_path / "cache")
    assert Path(path).read_bytes() == WEIGHTS
    assert line.count("GET /you/first/resolve") == 2


def test_a_file_that_is_not_there_is_remembered_for_its_commit(hub: Hub, tmp_path: Path) -> None:
    with pytest.raises(RemoteEntryNotFoundError) as error:
        client(hub).hf_hub_download("you/first", "missing.json", cache_dir=tmp_path / "cache")
    assert error.value.response.headers["X-Repo-Commit"] == client(hub).model_info("you/first").sha
    assert not client(hub).file_exists("you/first", "missing.json")
    assert client(hub).file_exists("you/first", "config.json")


def test_a_listing_shows_one_folder_or_all_below(hub: Hub) -> None:
    api = client(hub)
    assert [entry.path for entry in api.list_repo_tree("you/first")] == [".gitattributes", "config.json", "figures", "model.onnx"]
    assert [entry.path for entry in api.list_repo_tree("you/first", "figures", recursive=True)] == ["figures/a b", "figures/a b/c%2F.txt"]
    with pytest.raises(RemoteEntryNotFoundError):
        list(api.list_repo_tree("you/first", "missing"))


def test_a_long_listing_comes_in_pages(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = [entry.path for entry in client(hub).list_repo_tree("you/first", recursive=True)]
    monkeypatch.setattr(files, "_LONG_PAGE", 2)
    with faulty(hub.url) as line:
        assert [entry.path for entry in client(hub, line.url).list_repo_tree("you/first", recursive=True)] == whole
    assert line.count("/tree/") == 3  # 6 entries; the links to further pages go through the proxy too


def test_paths_that_are_not_there_are_left_out(hub: Hub) -> None:
    found = client(hub).get_paths_info("you/first", ["model.onnx", "figures", "missing"], expand=True)
    assert [entry.path for entry in found] == ["model.onnx", "figures"]
    file = found[0]
    assert isinstance(file, RepoFile)
    assert file.lfs is not None
    assert file.lfs.sha256 == sha256(WEIGHTS).hexdigest()
    assert file.last_commit is not None
    assert file.last_commit.title == "Push"


def test_the_client_s_file_system_reads_it(hub: Hub) -> None:
    system = HfFileSystem(endpoint=hub.url, token=hub.token, skip_instance_cache=True)
    assert system.glob("you/first/**/*.onnx") == ["you/first/model.onnx"]
    with system.open("you/first/model.onnx", "rb") as file:
        file.seek(500)
        assert file.read(10) == WEIGHTS[500:510]


def test_nothing_is_served_that_a_browser_would_run(hub: Hub) -> None:
    client(hub).upload_file(repo_id="you/first", path_in_repo="page.html", path_or_fileobj=b"<script>1</script>")
    headers = get_session().get(url(hub, "page.html")).headers
    assert headers["Content-Type"].startswith("text/plain")
    assert headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize(("path", "size", "mode"), [("a.h5", 1, "lfs"), ("x/y.parquet", 1, "lfs"), ("a.json", 1, "regular"), ("a.json", 11 * 2**20, "lfs")])
def test_what_is_sent_as_a_large_file(hub: Hub, path: str, size: int, mode: str) -> None:
    asked = {"files": [{"path": path, "size": size, "sample": ""}]}
    answer = get_session().post(f"{hub.url}/api/models/you/first/preupload/main", json=asked, headers={"Authorization": f"Bearer {hub.token}"})
    assert answer.json() == {"files": [{"path": path, "uploadMode": mode, "shouldIgnore": False}]}


@pytest.mark.parametrize(
    "asked", [{}, {"files": 7}, {"files": ["a"]}, {"files": [{"path": "a"}]}, {"files": [{"path": 7, "size": 1}]}, {"files": [{"path": "../a", "size": 1}]}]
)
def test_files_that_are_not_well_described_are_refused(hub: Hub, asked: dict[str, object]) -> None:
    answer = get_session().post(f"{hub.url}/api/models/you/first/preupload/main", json=asked, headers={"Authorization": f"Bearer {hub.token}"})
    assert answer.status_code == 400


def test_a_page_that_nobody_named_is_refused(hub: Hub) -> None:
    assert get_session().get(f"{hub.url}/api/models/you/first/tree/main?cursor=x").status_code == 400
    assert get_session().get(f"{hub.url}/api/models/you/first/tree/main?cursor=99").json() == []
