"""Pulling a package: the real client, a hub of our own on loopback, and whatever can go wrong between them."""

import json
import re
import shutil
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from huggingface_hub import constants, file_download

import fersys
from fersys import snapshots
from fersys.config import CONFIG_FILE
from fersys.errors import HubError, PackageError
from fersys.hub_client import Access
from fersys.package import MODEL_FILES, SERVING_FILE, check_package
from fersys.snapshots import pull_model
from tests.faulty_hub import Fault, faulty
from tests.local_hub import client
from tests.pulling import NAME, Pushed, nowhere, pointed_at, pushed
from tests.whole_package import content, flip, make_whole


@pytest.fixture
def at_hub(tmp_path: Path) -> Iterator[Pushed]:
    with pushed(tmp_path) as there:
        yield there


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """The client's retries come at once."""
    monkeypatch.setattr(time, "sleep", lambda _: None)


@pytest.mark.parametrize("revision", ["main", "v1", "commit"])
def test_branch_tag_and_commit_bring_the_same_files(at_hub: Pushed, revision: str) -> None:
    snapshot = at_hub.pull(at_hub.commit if revision == "commit" else revision)
    assert (snapshot.commit, snapshot.note) == (at_hub.commit, "")
    assert content(snapshot.folder) == content(at_hub.package)
    assert check_package(snapshot.folder).name == "tiny"


def test_a_branch_that_moved_is_followed_and_a_commit_stays(at_hub: Pushed, tmp_path: Path) -> None:
    first = at_hub.pull()
    newer = at_hub.push(make_whole(tmp_path / "newer", seed=1))
    assert at_hub.pull().commit == newer != first.commit
    assert at_hub.pull(first.commit) == replace(first, note="")
    assert at_hub.pull("v1").commit == first.commit


def test_load_pulls_and_answers_like_the_package_that_was_pushed(at_hub: Pushed, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(at_hub.cache))
    crops = [np.full((48, 48, 3), 90, np.uint8)]
    for ref in (NAME, f"{NAME}@v1", f"{NAME}@{at_hub.commit}", Path(NAME)):
        np.testing.assert_array_equal(fersys.load(ref).predict(crops), fersys.load(at_hub.package).predict(crops))


def test_what_is_there_whole_is_not_fetched_again(at_hub: Pushed) -> None:
    at_hub.pull()
    with faulty(at_hub.hub.url) as line, pointed_at(line.url):
        at_hub.pull()
        assert [request.partition("?")[0] for request in line.requests] == [f"GET /api/models/{NAME}/revision/main"]
        at_hub.pull(at_hub.commit)
        assert line.count() == 1  # a commit needs no request at all


def test_only_what_the_package_names_and_what_describes_it_is_fetched(at_hub: Pushed, tmp_path: Path) -> None:
    package = make_whole(tmp_path / "more", seed=2)
    for name in ("model.pkl", "modeling.py", "figures/evil.py", "figures/deep/x.png", "optimizer.bin", ".gitattributes"):
        (package / name).parent.mkdir(exist_ok=True)
        (package / name).write_bytes(b"?")
    folder = at_hub.pull(at_hub.push(package)).folder
    assert set(content(folder)) == set(content(at_hub.package))


# Tampering and damage


def tampered(at_hub: Pushed, tmp_path: Path, change: Callable[[Path], object]) -> str:
    """Push a package that is not what its `fersys.json` says; returns the commit."""
    package = make_whole(tmp_path / "tampered", seed=3)
    change(package)
    return at_hub.push(package)


@pytest.mark.parametrize("name", [SERVING_FILE, "model.keras", "metrics.json"])
def test_a_file_that_was_tampered_with_on_the_hub_is_refused_and_named(at_hub: Pushed, tmp_path: Path, name: str) -> None:
    commit = tampered(at_hub, tmp_path, lambda package: flip(package / name))
    for _ in range(2):  # what lies in the cache since the first time changes nothing
        with pytest.raises(
            PackageError, match=rf"{NAME} at commit {commit} is refused: {name} was damaged or tampered with on http.* expected SHA-256 \w+\. Received: "
        ):
            at_hub.pull()
    with pytest.raises(PackageError, match="is refused"):
        at_hub.pull(commit)
    assert at_hub.pull("v1").commit == at_hub.commit


def test_a_truncated_file_on_the_hub_is_refused(at_hub: Pushed, tmp_path: Path) -> None:
    tampered(at_hub, tmp_path, lambda package: (package / SERVING_FILE).write_bytes((package / SERVING_FILE).read_bytes()[:100]))
    with pytest.raises(PackageError, match=rf"refused: {SERVING_FILE} was damaged"):
        at_hub.pull()


def test_a_refused_commit_does_not_become_what_the_branch_is_offline(at_hub: Pushed, tmp_path: Path) -> None:
    at_hub.pull()
    tampered(at_hub, tmp_path, lambda package: flip(package / SERVING_FILE))
    with pytest.raises(PackageError, match="is refused"):
        at_hub.pull()
    assert pull_model(NAME, access=replace(at_hub.access, offline=True)).commit == at_hub.commit


@pytest.mark.parametrize("name", [*MODEL_FILES, "metrics.json"])
def test_a_file_that_is_not_there_is_named(at_hub: Pushed, tmp_path: Path, name: str) -> None:
    at_hub.api.delete_file(name, NAME)
    with pytest.raises(PackageError, match=rf"incomplete on http.*: expected {name}\. Received: no such file"):
        at_hub.pull()


def test_a_repository_without_a_package_is_refused(at_hub: Pushed) -> None:
    at_hub.api.delete_file(CONFIG_FILE, NAME)
    with pytest.raises(PackageError, match=r"no model package: expected fersys.json in it\. Received: .*README.md"):
        at_hub.pull()


@pytest.mark.parametrize("name", ["../evil", "/etc/evil", r"..\evil", r"C:\evil", r"figures\..\..\evil", "a/../../evil", "//host/evil", "evil\n"])
def test_unsafe_file_names_are_refused(at_hub: Pushed, name: str) -> None:
    about = json.loads((at_hub.package / CONFIG_FILE).read_text())
    about["files"][name] = "0" * 64
    (at_hub.package / CONFIG_FILE).write_text(json.dumps(about))
    at_hub.push(at_hub.package)
    with pytest.raises(PackageError, match=r"is refused\. File names: expected files inside the package"):
        at_hub.pull()
    assert not any("evil" in path.name for path in at_hub.cache.rglob("*"))


@pytest.mark.parametrize("name", [CONFIG_FILE, SERVING_FILE, "metrics.json", "README.md", "figures/curve.png"])
def test_a_flipped_byte_in_the_cache_is_noticed_and_mended(at_hub: Pushed, name: str) -> None:
    folder = at_hub.pull().folder
    flip(folder / name)
    assert content(folder) != content(at_hub.package)
    assert content(at_hub.pull(at_hub.commit).folder) == content(at_hub.package)


def test_a_changed_setting_in_the_cache_is_noticed_and_mended(at_hub: Pushed) -> None:
    path = at_hub.pull().folder / CONFIG_FILE
    path.resolve().write_text(path.read_text().replace('"temperature": 1.0', '"temperature": 9.0'))
    assert check_package(path.parent).temperature == 9.0  # every file is as it says
    assert check_package(at_hub.pull(at_hub.commit).folder).temperature == 1.0


def test_damage_without_a_hub_is_an_error_that_no_answer_comes_of(at_hub: Pushed) -> None:
    flip(at_hub.pull().folder / SERVING_FILE)
    with pointed_at(nowhere()), pytest.raises(HubError, match=r"Received: no answer \(ConnectError\)$"):
        at_hub.pull(at_hub.commit)


@pytest.mark.parametrize("missing", [[SERVING_FILE], [CONFIG_FILE], ["model.keras", "metadata.json"], list(MODEL_FILES)])
def test_a_partial_snapshot_is_completed(at_hub: Pushed, missing: list[str]) -> None:
    folder = at_hub.pull().folder
    for name in missing:
        (folder / name).resolve().unlink()
        (folder / name).unlink()
    assert content(at_hub.pull(at_hub.commit).folder) == content(at_hub.package)


@pytest.mark.parametrize("name", [SERVING_FILE, CONFIG_FILE])
def test_an_empty_file_in_the_cache_is_mended(at_hub: Pushed, name: str) -> None:
    folder = at_hub.pull().folder
    (folder / name).resolve().write_bytes(b"")
    assert content(at_hub.pull().folder) == content(at_hub.package)


def test_a_card_whose_content_is_gone_is_fetched_again(at_hub: Pushed) -> None:
    folder = at_hub.pull().folder
    (folder / "README.md").resolve().unlink()
    assert content(at_hub.pull().folder) == content(at_hub.package)


def test_a_cache_without_links_is_mended_too(at_hub: Pushed, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(file_download, "are_symlinks_supported", lambda _: False)
    folder = at_hub.pull().folder
    assert not (folder / SERVING_FILE).is_symlink()
    for name in (SERVING_FILE, CONFIG_FILE):
        flip(folder / name)
        assert content(at_hub.pull(at_hub.commit).folder) == content(at_hub.package)


@pytest.mark.usefixtures("hasty")
@pytest.mark.parametrize("kind", ["flipped", "truncated"])
def test_a_file_damaged_on_its_way_is_fetched_once_more(at_hub: Pushed, kind: str) -> None:
    with faulty(at_hub.hub.url, Fault(kind, on=f"GET /{NAME}/resolve/{at_hub.commit}/{SERVING_FILE}")) as line, pointed_at(line.url):  # type: ignore[arg-type]
        try:
            folder = at_hub.pull().folder
        except HubError:  # the client itself noticed the length
            folder = at_hub.pull().folder
    assert content(folder) == content(at_hub.package)


# A line or a hub that fails


@pytest.mark.usefixtures("hasty")
@pytest.mark.parametrize("kind", ["unsent", "half answered"])
def test_a_connection_cut_at_any_request_costs_at_most_a_second_pull(at_hub: Pushed, kind: str, tmp_path: Path) -> None:
    with faulty(at_hub.hub.url) as line, pointed_at(line.url):
        pull_model(NAME, access=replace(at_hub.access, cache=tmp_path / "counted"))
    for at in range(1, line.count() + 1):
        access = replace(at_hub.access, cache=tmp_path / f"cache-{at}")
        with faulty(at_hub.hub.url, Fault(kind, at=at)) as bad, pointed_at(bad.url):  # type: ignore[arg-type]
            said = complaint(access)
        assert said == "" or re.fullmatch(rf"{NAME} cannot be pulled from .*: expected .*\. Received: no answer \(\w+\)", said)
        assert content(pull_model(NAME, access=access).folder) == content(at_hub.package)


@pytest.mark.usefixtures("hasty")
def test_a_hub_that_dies_in_the_middle_is_said_and_the_next_pull_goes_on(at_hub: Pushed) -> None:
    with (
        faulty(at_hub.hub.url, Fault("unsent", on=f"GET /{NAME}/resolve", at=4, times=None)) as bad,
        pointed_at(bad.url),
        pytest.raises(HubError, match="no answer"),
    ):
        at_hub.pull()
    with faulty(at_hub.hub.url) as line, pointed_at(line.url):
        assert content(at_hub.pull().folder) == content(at_hub.package)
        assert line.count(f"GET /{NAME}/resolve") < len(content(at_hub.package))  # what came is not fetched again


def complaint(access: Access) -> str:
    """What a pull says if it fails; nothing if the client's own retries helped."""
    try:
        pull_model(NAME, access=access)
    except HubError as error:
        return str(error)
    return ""


STATUSES = [
    (401, "", r"a refusal \(401\): no token was sent \(`hf auth login`"),
    (401, "RepoNotFound", "no such repository, or a private one"),
    (403, "", r"a refusal \(403\)"),
    (403, "GatedRepo", "a repository that is opened on request only"),
    (404, "RepoNotFound", "no such repository, or a private one: no token was sent .*hf auth login"),
    (404, "", r"no answer that a hub gives \(404\)"),
    (404, "RevisionNotFound", "no such branch, tag or commit"),
    (429, "", r"a refusal \(429\): too many requests"),
    (500, "", r"an error of the hub's own \(500\)"),
    (503, "", r"an error of the hub's own \(503\)"),
]


@pytest.mark.parametrize(("status", "code", "said"), STATUSES)
def test_each_refusal_is_one_clear_line_at_once(at_hub: Pushed, status: int, code: str, said: str) -> None:
    with faulty(at_hub.hub.url, Fault("status", status=status, code=code, message="Invalid credentials in Authorization header")) as line, pointed_at(line.url):
        with pytest.raises(HubError, match=rf"^{NAME} cannot be pulled from {line.url}: expected .*\. Received: {said}") as raised:
            pull_model(NAME, access=replace(at_hub.access, token=False))
        assert line.count() == 1
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_hub_in_trouble_is_as_good_as_none(at_hub: Pushed, status: int) -> None:
    at_hub.pull()
    with faulty(at_hub.hub.url, Fault("status", status=status)) as line, pointed_at(line.url):
        snapshot = at_hub.pull()
    assert snapshot.commit == at_hub.commit
    assert f"({status})" in snapshot.note


@pytest.mark.parametrize("answer", [b"<html>Log in to this network</html>", b"[]", b"{}", b'{"id": "you/tiny", "sha": "main"}', b"null"])
def test_what_is_no_hub_is_said(tmp_path: Path, answer: bytes) -> None:
    with answering(answer) as url, pointed_at(url), pytest.MonkeyPatch.context() as patch:
        patch.setattr(constants, "HF_HUB_OFFLINE", False)
        with pytest.raises(HubError, match=r"Received: an answer that no hub gives$"):
            pull_model(NAME, access=Access(token=False, cache=tmp_path))


def answering(body: bytes) -> "Answering":
    return Answering(body)


class Answering:
    """Something on a port that gives every caller the same answer."""

    def __init__(self, body: bytes) -> None:
        self._answer = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % len(body) + body
        self._socket = socket.create_server(("127.0.0.1", 0))
        self._thread = threading.Thread(target=self._serve)

    def __enter__(self) -> str:
        self._thread.start()
        return f"http://127.0.0.1:{self._socket.getsockname()[1]}"

    def __exit__(self, *_: object) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._thread.join()

    def _serve(self) -> None:
        while True:
            try:
                caller, _ = self._socket.accept()
            except OSError:
                return
            with caller:
                caller.recv(65536)
                caller.sendall(self._answer)


def test_a_hub_that_does_not_answer_is_not_waited_for_long(at_hub: Pushed, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(snapshots, "PATIENCE", 0.2)
    with (
        faulty(at_hub.hub.url, Fault("slow", seconds=5, times=None)) as line,
        pointed_at(line.url),
        pytest.raises(HubError, match=r"no answer \(ReadTimeout\)"),
    ):
        at_hub.pull()


def test_a_private_repository_is_for_those_with_a_token(at_hub: Pushed) -> None:
    at_hub.api.update_repo_settings(NAME, private=True)
    for token in (False, at_hub.hub.guest_token, "hf_nobody"):
        with pytest.raises(HubError, match=r"Received: (no such repository, or a private one|a refusal)") as raised:
            pull_model(NAME, access=replace(at_hub.access, token=token))
        assert str(token) not in str(raised.value)
    assert at_hub.pull().commit == at_hub.commit


def test_no_repository_and_no_revision_are_told_apart(at_hub: Pushed) -> None:
    with pytest.raises(HubError, match=r"or a folder of this name here\. Received: no such repository"):
        at_hub.pull(name="you/none")
    with pytest.raises(HubError, match="Received: no such branch, tag or commit"):
        at_hub.pull("v9")
    with pytest.raises(HubError, match="Received: no such branch, tag or commit"):
        at_hub.pull("0" * 40)


# No network


def gone(how: str, patch: pytest.MonkeyPatch, access: Access) -> Access:
    """Take the hub away."""
    if how == "offline":
        patch.setattr(constants, "HF_HUB_OFFLINE", True)
    return replace(access, offline=True) if how == "asked" else access


@pytest.mark.parametrize("how", ["dead", "offline", "asked"])
def test_the_cache_answers_without_a_hub(at_hub: Pushed, how: str, monkeypatch: pytest.MonkeyPatch) -> None:
    at_hub.pull()
    at_hub.pull("v1")
    access = gone(how, monkeypatch, at_hub.access)
    with pointed_at(nowhere()):
        for revision in ("main", "v1"):
            snapshot = pull_model(f"{NAME}@{revision}", access=access)
            assert snapshot.commit == at_hub.commit
            assert f"is commit {at_hub.commit} here, as it was last pulled" in snapshot.note
        assert pull_model(f"{NAME}@{at_hub.commit}", access=access).note == ""
        with pytest.raises(HubError, match=rf"expected an answer, or that it was pulled before\. .*in the cache lies {NAME}@{at_hub.commit}$"):
            pull_model(f"{NAME}@v2", access=access)


def test_a_branch_that_another_program_touched_does_not_hide_what_is_there(at_hub: Pushed, tmp_path: Path) -> None:
    at_hub.pull()
    newer = at_hub.push(make_whole(tmp_path / "newer", seed=1))
    at_hub.api.hf_hub_download(NAME, "README.md", cache_dir=at_hub.cache)  # main is `newer` now, of which one file is here
    with pointed_at(nowhere()), pytest.raises(HubError, match=f"in the cache lies {NAME}@{at_hub.commit}"):
        at_hub.pull()
    assert at_hub.pull().commit == newer


def test_nothing_in_the_cache_and_no_hub_is_one_line(at_hub: Pushed) -> None:
    with pointed_at(nowhere()), pytest.raises(HubError, match=rf"^{NAME} cannot be pulled from http.* Received: no answer \(ConnectError\)$"):
        at_hub.pull()


def test_load_warns_that_it_may_not_be_the_newest(at_hub: Pushed, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(at_hub.cache))
    fersys.load(NAME)
    with pointed_at(nowhere()), pytest.warns(UserWarning, match=f"is commit {at_hub.commit} here"):
        fersys.load(NAME)


def test_a_cache_that_cannot_be_written_to_still_answers(at_hub: Pushed, monkeypatch: pytest.MonkeyPatch) -> None:
    at_hub.pull(at_hub.commit)

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError("read-only")

    monkeypatch.setattr(Path, "write_text", refuse)
    assert at_hub.pull().commit == at_hub.commit


# Many at once


def test_pulls_at_once_into_one_cache_and_one_folder_agree(at_hub: Pushed, tmp_path: Path) -> None:
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda _: at_hub.pull(folder=tmp_path / "copy"), range(4)))
    assert {snapshot.commit for snapshot in found} == {at_hub.commit}
    assert content(tmp_path / "copy") == content(at_hub.package)
    assert [path.name for path in tmp_path.glob("*copy*")] == ["copy"]


def test_forced_pull_fetches_all_again(at_hub: Pushed) -> None:
    at_hub.pull()
    with faulty(at_hub.hub.url) as line, pointed_at(line.url):
        pull_model(NAME, access=replace(at_hub.access, anew=True))
        assert line.count(f"GET /{NAME}/resolve") == len(content(at_hub.package))


# A copy in a folder


def test_the_copy_is_the_package(at_hub: Pushed, tmp_path: Path) -> None:
    snapshot = at_hub.pull("v1", tmp_path / "models" / "copy")
    assert snapshot.folder == tmp_path / "models" / "copy"
    assert snapshot.commit == at_hub.commit
    assert content(snapshot.folder) == content(at_hub.package)
    assert not any(path.is_symlink() for path in snapshot.folder.rglob("*"))
    shutil.rmtree(at_hub.cache)
    assert fersys.load(snapshot.folder).name == "tiny"


def test_the_client_is_asked_at_the_address_of_this_process(at_hub: Pushed) -> None:
    assert client(at_hub.hub).model_info(NAME).sha == at_hub.pull().commit
