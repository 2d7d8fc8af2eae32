"""The switches for privacy and safety."""

import gc
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import PIL.Image
import pytest

from app import switches
from tests.browsing import saved
from tests.served import Served, fetch, serve


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serve(tmp_path_factory.mktemp("served")) as page:
        yield page


def test_environment_is_set_before_gradio_reads_it(tmp_path: Path) -> None:
    environment = {"GRADIO_ANALYTICS_ENABLED": "True", "NO_PROXY": "example.org", "FORWARDED_ALLOW_IPS": "*"}
    switches.silence(environment, tmp_path)
    assert environment["GRADIO_ANALYTICS_ENABLED"] == "False"
    assert environment["ORT_DISABLE_TELEMETRY"] == environment["HF_HUB_DISABLE_TELEMETRY"] == "1"
    assert environment["GRADIO_TEMP_DIR"] == str(tmp_path)
    assert environment["NO_PROXY"] == "example.org,127.0.0.1,localhost"
    assert environment["no_proxy"] == "127.0.0.1,localhost"
    assert environment["FORWARDED_ALLOW_IPS"] == ""


def test_switches_are_as_the_design_asks() -> None:
    expected = {"show_error": False, "allowed_paths": [], "enable_monitoring": False, "run_history": False}
    assert expected.items() <= switches.LAUNCH.items()
    assert switches.BLOCKS == {"analytics_enabled": False, "delete_cache": (60, 60)}
    assert switches.QUEUE["max_size"] == 32
    assert switches.LAUNCH["state_session_capacity"] <= 1000


def test_every_decoder_of_the_process_is_limited(served: Served) -> None:
    assert served.url
    assert PIL.Image.MAX_IMAGE_PIXELS == switches.MAX_PIXELS == 24_000_000


def test_equal_uploads_are_two_files(served: Served) -> None:
    """Each is deleted when it was read: the other must still be there."""
    paths = [Path(served.upload("same.jpg", b"same")["path"]) for _ in range(2)]
    assert paths[0] != paths[1]
    for path in paths:
        path.unlink()


def test_the_server_keeps_no_answer_when_it_was_given(served: Served, tmp_path: Path, astronaut: npt.NDArray[np.uint8]) -> None:
    """Gradio would keep the last one of each visitor, with the pictures in it."""
    from gradio.state_holder import StateHolder

    upload, session = served.upload("face.png", saved(tmp_path, astronaut).read_bytes()), "a-visitor"
    asked = next(one["id"] for one in json.loads(fetch(f"{served.url}/config"))["dependencies"] if one["api_name"] == "respond_here")
    fetch(f"{served.url}/gradio_api/queue/join", json.dumps({"data": [[upload]], "fn_index": asked, "session_hash": session}).encode())
    assert "data:image/jpeg" in fetch(f"{served.url}/gradio_api/queue/data?session_hash={session}")
    sessions = [holder.session_data[session] for holder in gc.get_objects() if isinstance(holder, StateHolder) and session in holder]
    assert len(sessions) == 1
    assert "data:image/jpeg" not in str(list(sessions[0].components))
