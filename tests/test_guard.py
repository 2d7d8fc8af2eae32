"""The switches for privacy and safety, and a running page that is attacked by hand."""

import socket
import urllib.error
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import PIL.Image
import pytest

from app import guard
from tests.served import Served, file_data, serve, status

Image = npt.NDArray[np.uint8]


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serve(tmp_path_factory.mktemp("served")) as page:
        yield page


@pytest.fixture
def secret(tmp_path: Path, astronaut: Image) -> Path:
    """A picture on the server that nobody uploaded."""
    PIL.Image.fromarray(astronaut).save(tmp_path / "secret.png")
    return tmp_path / "secret.png"


def test_environment_is_set_before_gradio_reads_it(tmp_path: Path) -> None:
    environment = {"GRADIO_ANALYTICS_ENABLED": "True", "NO_PROXY": "example.org"}
    guard.silence(environment, tmp_path)
    assert environment["GRADIO_ANALYTICS_ENABLED"] == "False"
    assert environment["ORT_DISABLE_TELEMETRY"] == environment["HF_HUB_DISABLE_TELEMETRY"] == "1"
    assert environment["GRADIO_TEMP_DIR"] == str(tmp_path)
    assert environment["NO_PROXY"] == "example.org,127.0.0.1,localhost"
    assert environment["no_proxy"] == "127.0.0.1,localhost"


def test_switches_are_as_the_design_asks() -> None:
    expected = {"show_error": False, "allowed_paths": [], "max_file_size": "20mb", "enable_monitoring": False, "run_history": False}
    assert expected.items() <= guard.LAUNCH.items()
    assert guard.BLOCKS == {"analytics_enabled": False, "delete_cache": (60, 60)}
    assert guard.QUEUE["max_size"] == 32
    assert guard.LAUNCH["state_session_capacity"] <= 1000


@pytest.mark.parametrize("path", ["/etc/passwd", "/proc/self/environ", str(Path(guard.__file__)), "../guard.py"])
def test_a_path_in_place_of_an_upload_is_refused(served: Served, path: str) -> None:
    assert served.analyze(file_data(path))[0] == "error"
    assert served.files() == []


def test_a_picture_that_nobody_uploaded_is_refused(served: Served, secret: Path) -> None:
    ended, data = served.analyze(file_data(str(secret)))
    assert (ended, secret.is_file()) == ("error", True)
    assert "faces" not in str(data)
    assert served.files() == []


def test_an_uploaded_picture_is_answered(served: Served, secret: Path) -> None:
    """The refusals above are not for want of working."""
    ended, data = served.analyze(served.upload("face.png", secret.read_bytes()))
    assert ended == "complete"
    assert len(data[0]["faces"]) == 1


@pytest.mark.parametrize("name", ["../../escaped.png", "..%2f..%2fescaped.png", "/escaped.png", "a/../../escaped.png"])
def test_a_file_name_cannot_leave_the_upload_folder(served: Served, secret: Path, name: str) -> None:
    path = Path(served.upload(name, secret.read_bytes())["path"])
    assert path.resolve().is_relative_to(served.uploads.resolve())
    assert path.is_file()
    path.unlink()


def test_an_address_in_place_of_an_upload_is_not_fetched(served: Served) -> None:
    with socket.create_server(("127.0.0.1", 0)) as bait:
        bait.setblocking(False)
        ended, data = served.analyze(file_data(f"http://127.0.0.1:{bait.getsockname()[1]}/face.png"))
        with pytest.raises(BlockingIOError):
            bait.accept()  # nobody came
    assert ended == "error"
    assert "uploaded, not fetched" in str(data)  # our refusal, not one of Gradio's for this address alone


@pytest.mark.parametrize("path", ["/etc/passwd", str(Path(guard.__file__)), str(Path(guard.__file__).parents[1] / "README.md")])
def test_no_file_of_the_server_is_served(served: Served, path: str) -> None:
    assert status(f"{served.url}/gradio_api/file={path}") in {403, 404}


def test_a_file_above_the_limit_is_refused(served: Served) -> None:
    with pytest.raises(urllib.error.HTTPError) as refusal:
        served.upload("large.jpg", bytes(21_000_000))
    assert refusal.value.code == 413
    assert served.files() == []


@pytest.mark.parametrize("route", ["monitoring/summary", "monitoring", "gradio_api/runs"])
def test_what_watches_users_is_off(served: Served, route: str) -> None:
    assert status(f"{served.url}/{route}") >= 400


def test_every_decoder_of_the_process_is_limited(served: Served) -> None:
    assert served.url
    assert PIL.Image.MAX_IMAGE_PIXELS == guard.MAX_PIXELS == 24_000_000
