"""`python -m hub`: what it says, what it exits with, and that a dry run writes nothing."""

import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from hub.__main__ import _parser, main
from hub.local.serving import Hub
from hub.parcel import Parcel
from tests.faulty_hub import Line, faulty
from tests.local_hub import ROOT, client, environment, online_hub
from tests.made_pushable import make_pushable

REPO = "you/mine"


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    with online_hub(tmp_path / "hub") as running:
        monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "cache"))
        monkeypatch.setenv("HF_TOKEN", running.token)
        yield running


@pytest.fixture
def line(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> Iterator[Line]:
    """All requests go through here, so that they can be counted."""
    with faulty(hub.url) as line:
        monkeypatch.setattr("fersys.hub_client.endpoint", lambda: line.url)
        yield line


@pytest.fixture
def package(tmp_path: Path) -> Path:
    return make_pushable(tmp_path)


def writes(line: Line) -> list[str]:
    return [request for request in line.requests if not request.startswith(("GET", "HEAD"))]


def test_push_says_what_it_sends_the_commit_and_how_to_load_it(hub: Hub, line: Line, package: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (package / "checkpoint.weights.h5").write_bytes(b"x")
    assert main(["push", str(package), "--repo-id", REPO, "--tag", "v1.0.0"]) == 0
    said, commit = capsys.readouterr().out, client(hub).model_info(REPO).sha
    assert "left out: checkpoint.weights.h5" in said
    assert "+ model.onnx" in said
    assert f"pushed: commit {commit}, tag v1.0.0" in said
    assert f'fersys.load("you/mine@{commit}")' in said
    assert hub.token not in said


def test_the_same_push_again_says_that_it_is_there_and_sends_nothing(line: Line, package: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["push", str(package), "--repo-id", REPO])
    line.requests.clear()
    assert main(["push", str(package), "--repo-id", REPO]) == 0
    assert "is there already: commit" in capsys.readouterr().out
    assert writes(line) == []


def test_a_dry_run_lists_what_would_change_and_asks_for_no_writing(hub: Hub, line: Line, package: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["push", str(package), "--repo-id", REPO, "--tag", "v1", "--dry-run"]) == 0
    assert "+ fersys.json" in capsys.readouterr().out
    main(["push", str(package), "--repo-id", REPO])
    line.requests.clear()
    (package / "figures" / "new.png").write_bytes(b"\x89PNG")
    assert main(["push", str(package), "--repo-id", REPO, "--tag", "v1", "--dry-run"]) == 0
    assert "+ figures/new.png" in capsys.readouterr().out
    assert line.requests != []
    assert writes(line) == []
    assert "figures/new.png" not in client(hub).list_repo_files(REPO)


def test_a_flipped_byte_is_refused_before_the_hub_is_asked_anything(line: Line, package: Path, capsys: pytest.CaptureFixture[str]) -> None:
    content = (package / "model.onnx").read_bytes()
    (package / "model.onnx").write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    assert main(["push", str(package), "--repo-id", REPO]) == 1
    said = capsys.readouterr().err
    assert said.startswith("error: ")
    assert "model.onnx was changed" in said
    assert len(said.splitlines()) == 1
    assert line.requests == []


@pytest.fixture
def shipped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Two small packages in place of the shipped ones."""
    monkeypatch.chdir(tmp_path)
    for seed, name in enumerate(["first", "second"]):
        make_pushable(tmp_path / "hub" / "models", name, seed=seed)
    return ["first", "second"]


def test_push_all_pushes_every_package_and_the_metric(hub: Hub, line: Line, shipped: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["push-all", "--owner", "you", "--tag", "v1"]) == 0
    said = capsys.readouterr().out
    for name in shipped:
        assert f'fersys.load("you/{name}@{client(hub).model_info(f"you/{name}", revision="v1").sha}")' in said
    assert "expression_metrics.py" in client(hub).list_repo_files("you/expression_metrics", repo_type="space")
    line.requests.clear()
    assert main(["push-all", "--owner", "you", "--tag", "v1"]) == 0
    assert writes(line) == []


def test_push_all_pushes_nothing_if_one_package_is_damaged(hub: Hub, line: Line, shipped: list[str]) -> None:
    (Path("hub") / "models" / shipped[-1] / "README.md").unlink()
    assert main(["push-all", "--owner", "you"]) == 1
    assert line.requests == []


def test_push_all_dry_writes_nothing(line: Line, shipped: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["push-all", "--owner", "you", "--dry-run"]) == 0
    said = capsys.readouterr().out
    assert all(f"{name} -> you/{name}" in said for name in shipped)
    assert "expression_metrics -> Space you/expression_metrics" in said
    assert writes(line) == []


def test_verify_names_each_file_and_the_commit(hub: Hub, line: Line, package: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["verify", str(package)]) == 0
    assert "model.onnx" in capsys.readouterr().out
    main(["push", str(package), "--repo-id", REPO])
    capsys.readouterr()
    assert main(["verify", REPO]) == 0
    assert f"commit {client(hub).model_info(REPO).sha}" in capsys.readouterr().out


def test_verify_names_what_was_changed(package: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (package / "model.weights.h5").write_bytes(b"other")
    assert main(["verify", str(package)]) == 1
    assert "model.weights.h5" in capsys.readouterr().err


def test_release_writes_archives_and_sums(shipped: list[str], tmp_path: Path) -> None:
    assert main(["release", "--to", str(tmp_path / "dist"), "--version", "9"]) == 0
    assert sorted(path.name for path in (tmp_path / "dist").iterdir()) == ["SHA256SUMS", *(f"{name}-9.tar.gz" for name in shipped)]


def test_release_writes_nothing_if_a_package_is_damaged(shipped: list[str], tmp_path: Path) -> None:
    shutil.rmtree(Path("hub") / "models" / shipped[0] / "figures")
    assert main(["release", "--to", str(tmp_path / "dist")]) == 1
    assert not (tmp_path / "dist").exists()


def test_a_folder_that_cannot_be_written_is_said_in_one_line(shipped: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "dist").touch()
    assert main(["release", "--to", str(tmp_path / "dist")]) == 1
    said = capsys.readouterr().err
    assert said.startswith("error: Expected a file or folder that can be read and written")
    assert len(said.splitlines()) == 1
    assert shipped


def test_local_serves_what_a_folder_holds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[Path, str, int]] = []
    monkeypatch.setattr("hub.local.serving.serve_until_stopped", lambda *words: asked.append(words))
    assert main(["local", "--folder", str(tmp_path), "--port", "7999"]) == 0
    assert asked == [(tmp_path, "127.0.0.1", 7999)]


def test_a_push_from_the_shell_shows_no_traceback_and_no_token(hub: Hub, package: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "hub", "push", str(package), "--repo-id", "else/mine"]
    done = subprocess.run(command, env=environment(hub.url, tmp_path / "home", hub.token), cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "no right to write there" in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr
    assert hub.token not in done.stdout + done.stderr


_COMMANDS = [line for line in (ROOT / "docs" / "hub.md").read_text(encoding="utf-8").splitlines() if line.startswith("python -m hub ")]


@pytest.mark.parametrize("command", _COMMANDS)
def test_the_commands_of_the_documentation_are_understood(command: str) -> None:
    arguments = _parser().parse_args(shlex.split(command, comments=True)[3:])
    assert callable(arguments.run)


def test_a_parcel_knows_its_size(package: Path) -> None:
    assert Parcel("x", {"a": package / "config.json"}).size == 2
