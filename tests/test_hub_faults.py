"""A push over a bad line, to a hub that refuses, or killed in the middle: the repository is as it was or as it should be, and the next push is whole."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from fersys.errors import HubError
from fersys.hub_client import Access
from fersys.snapshots import pull_model
from hub.inspection import inspect_package
from hub.local.serving import Hub
from hub.parcel import SPACE, Parcel
from hub.pushing import Pushed, Target, connect, push
from tests.faulty_hub import Fault, Kind, Line, faulty
from tests.local_hub import ROOT, client, environment, online_hub
from tests.made_pushable import make_pushable

REPO = "you/mine"
TAG = "v1"
_LONGEST = 60.0  # seconds that a test waits for what it expects


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hub]:
    with online_hub(tmp_path_factory.mktemp("hub")) as running:
        yield running


@pytest.fixture(autouse=True)
def _eager(hub: Hub, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HF_TOKEN", hub.token)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("huggingface_hub.utils._http.time", SimpleNamespace(sleep=lambda _: None, time=time.time))  # the client's own retries


@pytest.fixture
def parcels(tmp_path: Path) -> list[Parcel]:
    """Two packages of one name: what is there, and what is to take its place, which has a file less and one more."""
    (tmp_path / "old").mkdir()
    before, after = make_pushable(tmp_path / "old"), make_pushable(tmp_path / "new", seed=1)
    (before / "figures" / "gone.png").write_bytes(b"\x89PNG")
    (after / "figures" / "come.png").write_bytes(b"\x89PNG")
    return [inspect_package(before), inspect_package(after)]


def send(url: str, parcel: Parcel, tag: str = "", repository: str = REPO) -> Pushed:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("fersys.hub_client.endpoint", lambda: url)
        return push(connect(), parcel, Target(repository, tag=tag))


def complaint(url: str, parcel: Parcel) -> str:
    """What a push says if it fails; empty if it does not."""
    try:
        send(url, parcel, TAG)
    except HubError as error:
        return str(error)
    return ""


def begin(hub: Hub, parcel: Parcel) -> str:
    """A repository that holds this parcel and no more."""
    client(hub).delete_repo(REPO, missing_ok=True)
    return send(hub.url, parcel).commit


def head(hub: Hub) -> str:
    return client(hub).model_info(REPO).sha or ""


def check_holds(hub: Hub, parcel: Parcel, cache: Path) -> None:
    """The branch holds this parcel, whole."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("fersys.hub_client.endpoint", lambda: hub.url)
        snapshot = pull_model(f"{REPO}@{head(hub)}", access=Access(cache=cache))
    assert set(client(hub).list_repo_files(REPO)) - {".gitattributes"} == set(parcel.files)
    assert all((snapshot.folder / name).read_bytes() == path.read_bytes() for name, path in parcel.files.items())


@pytest.mark.parametrize("kind", ["unsent", "half sent", "unanswered", "half answered", "truncated", "flipped"])
def test_a_line_that_breaks_at_any_request_leaves_the_old_or_the_new_and_the_next_push_is_whole(
    hub: Hub, parcels: list[Parcel], kind: Kind, tmp_path: Path
) -> None:
    old, new = parcels
    begin(hub, old)
    with faulty(hub.url) as line:
        send(line.url, new, TAG)
    for number in range(1, line.count() + 1):
        before = begin(hub, old)
        with faulty(hub.url, Fault(kind, at=number)) as broken:
            said = complaint(broken.url, new)
        assert len(said.splitlines()) <= 1, line.requests[number - 1]
        assert hub.token not in said
        check_holds(hub, old if head(hub) == before else new, tmp_path / "cache")
        done = send(hub.url, new, TAG)
        assert client(hub).model_info(REPO, revision=TAG).sha == done.commit == head(hub)
        check_holds(hub, new, tmp_path / "cache")


_WORDS = {
    400: "did not understand",
    401: "token is not valid there.*hf auth login",
    402: "paid plan.*Docker.*--share",
    403: "no right to write there",
    404: "no such repository or branch",
    409: "clashes with what is there",
    412: "somebody else pushed meanwhile",
    413: "no files of this size",
    429: "fewer requests",
    500: "the hub has trouble",
    503: "the hub has trouble",
}


_PLACES = [
    *(("/commit/", status) for status in _WORDS),
    *((on, status) for on in ("/models/you/mine/revision/", "PUT /lfs") for status in (401, 403, 404, 429, 500)),
]
_PLACES += [("/preupload/", 403), ("/preupload/", 503), ("/objects/batch", 403), ("/objects/batch", 500)]


@pytest.mark.parametrize(("on", "status"), _PLACES)
def test_each_refusal_is_said_in_one_line_and_changes_nothing(hub: Hub, parcels: list[Parcel], status: int, on: str) -> None:
    before = begin(hub, parcels[0])
    fault = Fault("status", status=status, on=on, times=None, message=f"not with {hub.token}")
    with faulty(hub.url, fault) as line, pytest.raises(HubError, match=rf"{_WORDS[status]}.*{status} \(.*not with \.\.\.") as caught:
        send(line.url, parcels[1])
    assert "\n" not in str(caught.value)
    assert hub.token not in str(caught.value)
    assert head(hub) == before


def test_a_space_that_costs_money_is_said_with_what_to_do_instead(hub: Hub, parcels: list[Parcel]) -> None:
    parcel = Parcel("demo", parcels[0].files, SPACE)
    fault = Fault("status", status=402, on="/api/repos/create", message="Gradio Spaces need PRO")
    with faulty(hub.url, fault) as line, pytest.raises(HubError, match=r"paid plan.*static.*Docker.*--share.*402 \(Gradio Spaces need PRO\)"):
        send(line.url, parcel, repository="you/demo")


def test_a_tag_that_fails_leaves_the_commit_and_is_made_by_the_next_push(hub: Hub, parcels: list[Parcel]) -> None:
    begin(hub, parcels[0])
    with faulty(hub.url, Fault("status", status=500, on="/tag/")) as line, pytest.raises(HubError, match="Could not tag"):
        send(line.url, parcels[1], TAG)
    commit = head(hub)
    assert send(hub.url, parcels[1], TAG) == Pushed(commit, is_new=False)
    assert client(hub).model_info(REPO, revision=TAG).sha == commit


def test_a_hub_that_is_not_there_is_said_in_one_line(parcels: list[Parcel]) -> None:
    with faulty("http://127.0.0.1:9") as line:
        url = line.url
    with pytest.raises(HubError, match=r"no connection, or it broke.*ConnectError|Connection refused"):
        send(url, parcels[0])


def test_offline_mode_is_said(hub: Hub, parcels: list[Parcel], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(HubError, match="Unset HF_HUB_OFFLINE"):
        send(hub.url, parcels[0])


def test_a_hub_that_never_answers_is_not_waited_for_without_end(hub: Hub, parcels: list[Parcel], monkeypatch: pytest.MonkeyPatch) -> None:
    before = begin(hub, parcels[0])
    monkeypatch.setattr("hub.pushing._PATIENCE", (5.0, 0.2, 5.0, 5.0))
    with faulty(hub.url, Fault("slow", on="/commit/", seconds=_LONGEST)) as line, pytest.raises(HubError, match="no connection, or it broke"):
        send(line.url, parcels[1])
    assert head(hub) == before


def _wait_for(line: Line, part: str, process: "subprocess.Popen[str]") -> None:
    end = time.monotonic() + _LONGEST
    while not line.count(part):
        assert time.monotonic() < end
        assert process.poll() is None, process.communicate()
        time.sleep(0.01)


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGKILL")
@pytest.mark.parametrize("on", ["/preupload/", "PUT /lfs", "/commit/", "/tag/"])
def test_a_killed_push_leaves_the_old_or_the_new_and_the_next_push_is_whole(hub: Hub, parcels: list[Parcel], tmp_path: Path, on: str) -> None:
    old, new = parcels
    before = begin(hub, old)
    command = [sys.executable, "-m", "hub", "push", str(tmp_path / "new" / "mine"), "--repo-id", REPO, "--tag", TAG]
    with faulty(hub.url, Fault("slow", on=on, seconds=_LONGEST, times=None)) as line:
        outside = environment(line.url, tmp_path / "home", hub.token)
        with subprocess.Popen(command, env=outside, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
            _wait_for(line, on, process)
            process.send_signal(signal.SIGKILL)
    assert (head(hub) == before) == (on != "/tag/")
    check_holds(hub, old if head(hub) == before else new, tmp_path / "cache")
    send(hub.url, new, TAG)
    check_holds(hub, new, tmp_path / "cache")
