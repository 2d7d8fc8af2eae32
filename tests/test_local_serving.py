"""The local hub starts, keeps what it has, and lets nobody in from outside."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from huggingface_hub import HfApi, get_session

from fersys.errors import ConfigError
from hub.local.serving import running_hub, serve_until_stopped
from tests.local_hub import ROOT, client, online_hub
from tests.served import free_port

_SERVE = "import sys; from pathlib import Path; from hub.local.serving import serve_until_stopped; serve_until_stopped(Path(sys.argv[1]), '127.0.0.1', 0)"


def test_everything_is_there_after_a_restart(tmp_path: Path) -> None:
    with online_hub(tmp_path / "hub") as hub:
        client(hub).create_repo("you/first")
        sha = client(hub).model_info("you/first").sha
    with online_hub(tmp_path / "hub") as hub:
        assert client(hub).model_info("you/first").sha == sha


def test_a_port_can_be_chosen_and_is_free_again(tmp_path: Path) -> None:
    port = free_port()
    for _ in range(2):
        with running_hub(tmp_path, port) as hub:
            assert hub.url == f"http://127.0.0.1:{port}"


def test_a_taken_port_is_one_clear_error(tmp_path: Path) -> None:
    with running_hub(tmp_path) as hub, pytest.raises(ConfigError, match="Expected a free port"):
        serve_until_stopped(tmp_path, "127.0.0.1", int(hub.url.rpartition(":")[2]))


@pytest.mark.parametrize("host", ["0.0.0.0", "127.0.0.2", "192.168.1.1", "example.org", "::", ""])
def test_it_listens_on_this_machine_only(tmp_path: Path, host: str) -> None:
    with pytest.raises(ConfigError, match=r"Expected one of 127\.0\.0\.1"):
        serve_until_stopped(tmp_path, host, 0)


def test_a_page_of_another_site_does_not_reach_it_by_another_name(tmp_path: Path) -> None:
    with online_hub(tmp_path) as hub:
        answer = get_session().get(f"{hub.url}/api/models", headers={"Host": "evil.example"})
    assert answer.status_code == 400


def test_it_says_how_to_use_it_and_stops_when_told(tmp_path: Path) -> None:
    command = [sys.executable, "-c", _SERVE, str(tmp_path / "hub")]
    with subprocess.Popen(command, cwd=ROOT, env={**os.environ, "PYTHONUNBUFFERED": "1"}, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        said = [process.stdout.readline().strip() for _ in range(6)]
        settings = dict(word.split("=", 1) for line in said if line.startswith("export ") for word in line.split()[1:])
        with online_hub(tmp_path / "other"):  # only to let this process call
            assert HfApi(endpoint=settings["HF_ENDPOINT"], token=settings["HF_TOKEN"]).whoami()["name"] == "you"
        process.send_signal(signal.SIGINT)
        _, complaints = process.communicate(timeout=60)
    assert settings["HF_HUB_DISABLE_XET"] == "1"
    assert complaints == ""
