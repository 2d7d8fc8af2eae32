"""Large files on their way into the local hub."""

from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from huggingface_hub import get_session
from huggingface_hub.errors import HfHubHTTPError, HTTPError  # type: ignore[attr-defined]

from hub.local.serving import Hub
from tests.faulty_hub import Fault, Line, faulty
from tests.local_hub import client, online_hub

CONTENT = b"weights" * 50_000
OID = sha256(CONTENT).hexdigest()


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[Hub]:
    with online_hub(tmp_path / "hub") as hub:
        client(hub).create_repo("you/first")
        yield hub


def batch(hub: Hub, token: str | None = None, **asked: Any) -> Any:
    body = {"operation": "upload", "transfers": ["basic"], "objects": [{"oid": OID, "size": len(CONTENT)}], **asked}
    return get_session().post(f"{hub.url}/you/first.git/info/lfs/objects/batch", json=body, headers={"Authorization": f"Bearer {token or hub.token}"})


def href(hub: Hub) -> str:
    return str(batch(hub).json()["objects"][0]["actions"]["upload"]["href"])


def objects(folder: Path) -> set[str]:
    return {path.name for path in (folder / "hub").rglob("objects/*") if len(path.name) != 40}


def test_a_file_is_taken_in_once(hub: Hub, tmp_path: Path) -> None:
    assert get_session().put(href(hub), content=CONTENT).status_code == 200
    assert objects(tmp_path) == {OID}
    assert "actions" not in batch(hub).json()["objects"][0]


@pytest.mark.parametrize("content", [CONTENT[:-1], CONTENT + b"!", b"x" + CONTENT[1:], b""])
def test_other_bytes_than_announced_are_refused(hub: Hub, tmp_path: Path, content: bytes) -> None:
    answer = get_session().put(href(hub), content=content)
    assert answer.status_code == 400
    assert "Expected 350000 bytes" in answer.json()["error"]
    assert objects(tmp_path) == set()


def test_a_file_of_another_size_than_announced_is_refused(hub: Hub, tmp_path: Path) -> None:
    wrong = batch(hub, objects=[{"oid": OID, "size": len(CONTENT) - 1}]).json()["objects"][0]["actions"]["upload"]["href"]
    assert get_session().put(wrong, content=CONTENT).status_code == 400
    assert objects(tmp_path) == set()


def test_an_address_is_good_for_one_file_only(hub: Hub, tmp_path: Path) -> None:
    signed = href(hub)
    for forged in (
        signed.replace(OID, "0" * 64),
        signed.replace("you/first", "you/other"),
        signed.replace("size=35", "size=36"),
        signed[:-1],
        signed.partition("?")[0],
    ):
        assert get_session().put(forged, content=CONTENT).status_code == 403
    assert objects(tmp_path) == set()


def test_a_reader_gets_no_address(hub: Hub) -> None:
    assert batch(hub, hub.read_token).status_code == 403
    assert batch(hub, hub.guest_token).status_code == 403


@pytest.mark.parametrize("asked", [{"operation": "download"}, {"objects": 7}, {"objects": [{"oid": OID}]}, {"objects": None}])
def test_a_question_that_makes_no_sense_is_refused(hub: Hub, asked: dict[str, Any]) -> None:
    assert batch(hub, **asked).status_code == 400


def push(hub: Hub, line: Line) -> str:
    return str(client(hub, line.url).upload_file(repo_id="you/first", path_in_repo="model.onnx", path_or_fileobj=CONTENT).oid)


def test_half_an_upload_leaves_nothing_and_the_client_sends_it_again(hub: Hub, tmp_path: Path) -> None:
    with faulty(hub.url, Fault("half sent", on="PUT /lfs")) as line:
        push(hub, line)
    assert line.count("PUT /lfs") == 2
    assert objects(tmp_path) == {OID}


def test_an_upload_that_was_flipped_on_the_way_is_refused(hub: Hub, tmp_path: Path) -> None:
    with faulty(hub.url, Fault("sent flipped", on="PUT /lfs")) as line, pytest.raises(RuntimeError, match=r"model\.onnx") as error:
        push(hub, line)
    assert isinstance(error.value.__cause__, HfHubHTTPError)
    assert "with SHA-256" in str(error.value.__cause__)
    assert objects(tmp_path) == set()
    assert client(hub).list_repo_files("you/first") == [".gitattributes"]


@pytest.mark.parametrize("at", range(1, 5))
def test_a_line_cut_at_any_request_leaves_the_old_head_or_the_new_one(hub: Hub, tmp_path: Path, at: int) -> None:
    before = client(hub).model_info("you/first").sha
    with faulty(hub.url, Fault("unanswered", at=at)) as line:
        try:
            after = push(hub, line)
        except HTTPError:  # of the client's HTTP library, or the hub's own child of it
            after = client(hub).model_info("you/first").sha or ""
    names = client(hub).list_repo_files("you/first")
    assert ("model.onnx" in names) == (after != before)
    with faulty(hub.url) as line:
        push(hub, line)
    assert client(hub).file_exists("you/first", "model.onnx")
