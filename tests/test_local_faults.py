"""The bad line to a hub that other tests use goes wrong as they say."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from huggingface_hub.errors import HfHubHTTPError, HTTPError, RevisionNotFoundError  # type: ignore[attr-defined]

from hub.local.serving import Hub
from tests.faulty_hub import Fault, Kind, faulty
from tests.local_hub import client, online_hub


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[Hub]:
    with online_hub(tmp_path / "hub") as hub:
        client(hub).create_repo("you/first")
        yield hub


def test_without_a_fault_everything_passes_and_is_noted(hub: Hub) -> None:
    with faulty(hub.url) as line:
        api = client(hub, line.url)
        api.upload_file(repo_id="you/first", path_in_repo="model.onnx", path_or_fileobj=b"weights")
        assert api.create_repo("you/second").url.startswith(line.url)
    assert [request.partition("?")[0].rpartition("/")[0] for request in line.requests] == [
        "POST /api/models/you/first/preupload",
        "POST /you/first.git/info/lfs/objects",
        line.requests[2].partition("?")[0].rpartition("/")[0],
        "POST /api/models/you/first/commit",
        "POST /api/repos",
    ]
    assert line.count("PUT /lfs/") == 1


@pytest.mark.parametrize(("kind", "reached"), [("unsent", False), ("half sent", False), ("unanswered", True), ("half answered", True)])
def test_a_cut_line_is_an_error_whether_the_hub_did_it_or_not(hub: Hub, kind: Kind, reached: bool) -> None:
    with faulty(hub.url, Fault(kind)) as line, pytest.raises(HTTPError):
        client(hub, line.url).create_repo("you/second")
    assert client(hub).repo_exists("you/second") == reached


def test_hanging_up_after_the_answer_does_no_harm(hub: Hub) -> None:
    with faulty(hub.url, Fault("hung up", times=None)) as line:
        for _ in range(2):
            assert client(hub, line.url).model_info("you/first").id == "you/first"
            assert line.cuts.acquire(timeout=30)  # a request sent while the line is being cut is lost: that is "unanswered"


def test_a_truncated_answer_says_it_is_whole(hub: Hub) -> None:
    with faulty(hub.url, Fault("truncated")) as line, pytest.raises(ValueError, match=r"Unterminated|Expecting"):
        client(hub, line.url).model_info("you/first")


def test_one_bit_of_a_file_is_flipped(hub: Hub, tmp_path: Path) -> None:
    client(hub).upload_file(repo_id="you/first", path_in_repo="a.onnx", path_or_fileobj=b"abc")
    with faulty(hub.url, Fault("flipped", on="GET /you/first/resolve")) as line:
        path = client(hub, line.url).hf_hub_download("you/first", "a.onnx", cache_dir=tmp_path / "cache")
    assert Path(path).read_bytes() == b"acc"


@pytest.mark.parametrize("status", [401, 402, 403, 404, 409, 412, 429, 500])
def test_a_status_comes_with_its_message(hub: Hub, status: int) -> None:
    with faulty(hub.url, Fault("status", status=status, message="No luck")) as line, pytest.raises(HfHubHTTPError, match="No luck") as error:
        client(hub, line.url).model_info("you/first")
    assert error.value.response.status_code == status


def test_a_status_can_have_the_hub_s_code(hub: Hub) -> None:
    with faulty(hub.url, Fault("status", status=404, code="RevisionNotFound")) as line, pytest.raises(RevisionNotFoundError):
        client(hub, line.url).model_info("you/first")


def test_a_slow_answer_is_not_waited_for_once_the_client_has_given_up(hub: Hub) -> None:
    with faulty(hub.url, Fault("slow", seconds=600)) as line, pytest.raises(HTTPError, match="timed out"):
        client(hub, line.url).model_info("you/first", timeout=0.2)


def test_a_fault_waits_for_its_turn(hub: Hub) -> None:
    with faulty(hub.url, Fault("status", at=2, times=2, on="/revision/")) as line:
        api = client(hub, line.url)
        assert api.model_info("you/first").id  # does not count
        outcomes = []
        for _ in range(4):
            try:
                outcomes.append(api.model_info("you/first", revision="main").id)
            except HfHubHTTPError as error:
                outcomes.append(str(error.response.status_code))
    assert outcomes == ["you/first", "500", "500", "you/first"]
