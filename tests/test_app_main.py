"""`python -m app` as a user types it: one line when it is ready, one line when it is not."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from app.__main__ import main
from tests.served import fetch, free_port
from tests.tiny_package import make_package

ROOT = Path(__file__).parent.parent
SHIPPED = ROOT / "hub" / "models" / "fersys-cnn"
# What not every serving install has: importing one of these fails as if it were not installed.
_RUN_LEAN = """
import runpy, sys
for name in ("tensorflow", "keras", "datasets", "sklearn", "matplotlib", "deepface", "evaluate", "onnx"):
    sys.modules[name] = None
sys.argv[0] = "app"
runpy.run_module("app", run_name="__main__", alter_sys=True)
"""
_RUN_WARNED = """
import runpy, warnings
import app.models
load = app.models.load_models
def warn_and_load(refs):
    warnings.warn("the hub does not answer")
    return load(refs)
app.models.load_models = warn_and_load
runpy.run_module("app", run_name="__main__", alter_sys=True)
"""
_RUN_WITHOUT_LINK = """
import gradio.networking, runpy
def fail(*_, **__):
    raise RuntimeError("no link")
gradio.networking.setup_tunnel = fail
runpy.run_module("app", run_name="__main__", alter_sys=True)
"""


def command(*words: str, code: str = _RUN_LEAN) -> list[str]:
    return [sys.executable, "-c", code, *words]


def run(*words: str, code: str = _RUN_LEAN) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command(*words, code=code), cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)


@contextmanager
def running(folder: Path, *words: str, **variables: str) -> Iterator[tuple["subprocess.Popen[str]", str]]:
    """Start the app with its temporary files in `folder`; the process and its first line."""
    environment = os.environ | {"TMPDIR": str(folder), "TMP": str(folder), "TEMP": str(folder)} | variables
    process = subprocess.Popen(command(*words), cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        yield process, process.stdout.readline()
    finally:
        process.kill()
        process.communicate()


@pytest.fixture
def package(tmp_path: Path) -> Path:
    return make_package(tmp_path / "models", "tiny")


def test_it_starts_without_tensorflow_says_its_address_and_cleans_up(package: Path, tmp_path: Path) -> None:
    port, temporary = free_port(), tmp_path / "temporary"
    temporary.mkdir()
    words = ["--cnn", str(package), "--deepface", str(make_package(tmp_path / "models", "other")), "--port", str(port)]
    with running(temporary, *words) as (process, line):
        assert line == f"FER-Sys is ready on http://127.0.0.1:{port}  (Ctrl+C stops it)\n"
        assert "FER-Sys" in fetch(f"http://127.0.0.1:{port}")
        assert [path.name[:7] for path in temporary.iterdir()] == ["fersys-"]
        process.send_signal(signal.SIGINT if os.name == "nt" else signal.SIGTERM)
        rest, errors = process.communicate(timeout=30)
    assert (rest, errors) == ("", "")
    assert list(temporary.iterdir()) == []


@pytest.mark.skipif(not SHIPPED.is_dir(), reason="no shipped model in this checkout")
def test_a_model_that_is_not_here_is_named_and_the_page_comes_without_it(tmp_path: Path) -> None:
    with running(tmp_path, "--port", str(free_port())) as (process, line):
        assert line.startswith("FER-Sys is ready on ")
        process.send_signal(signal.SIGINT if os.name == "nt" else signal.SIGTERM)
        _, errors = process.communicate(timeout=30)
    assert "not shown: DeepFace. " in errors
    assert all(said.startswith("not shown: ") for said in errors.splitlines())


def test_a_host_says_in_the_environment_where_to_serve_and_who_may_come_in(package: Path, tmp_path: Path) -> None:
    port = str(free_port())
    with running(tmp_path, "--cnn", str(package), GRADIO_SERVER_NAME="0.0.0.0", GRADIO_SERVER_PORT=port, FERSYS_AUTH="ada:horse") as (process, line):
        assert line == f"FER-Sys is ready on http://127.0.0.1:{port}  (Ctrl+C stops it)\n"
        assert '"auth_required":true' in fetch(f"http://127.0.0.1:{port}").replace(" ", "")
        process.send_signal(signal.SIGINT if os.name == "nt" else signal.SIGTERM)
        rest, errors = process.communicate(timeout=30)
    assert "horse" not in rest + errors


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--auth", "nocolon"], "expected user:password"),
        (["--auth", "ada:x", "--mcp"], "expected --auth or --mcp"),
        (["--port", "many"], "expected a number from 1 to 65535. Received: many"),
    ],
)
def test_a_setting_that_makes_no_sense_is_one_line(words: list[str], said: str) -> None:
    done = run(*words)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1)
    assert said in done.stderr
    assert "nocolon" not in done.stderr


def test_help_names_the_commands_of_the_captcha(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--help"])
    assert "python -m app sites, keys, audit, purge" in " ".join(capsys.readouterr().out.split())


@pytest.mark.parametrize(("word", "hint"), [("site", "; did you mean sites?\n"), ("key", "; did you mean keys?\n"), ("serve", "Received: serve\n")])
def test_a_word_that_is_no_command_gets_the_list_and_a_hint(capsys: pytest.CaptureFixture[str], word: str, hint: str) -> None:
    with pytest.raises(SystemExit) as stopped:
        main([word, "list"])
    said = capsys.readouterr().err
    assert stopped.value.code == 2
    assert "expected sites, keys, audit, purge, or none" in said
    assert said.endswith(hint)


def test_the_usage_of_a_command_is_that_of_the_app(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["sites"])
    assert capsys.readouterr().err.startswith("usage: python -m app sites ")


def test_a_taken_port_is_one_line_that_says_how_to_choose_another(package: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = run("--cnn", str(package), "--port", port)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.count("\n") == 1
    assert f"error: Cannot serve on port {port} of 127.0.0.1" in done.stderr
    assert "--port" in done.stderr


def test_debug_shows_where_an_error_came_from(package: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        done = run("--cnn", str(package), "--debug", "--port", str(taken.getsockname()[1]))
    assert done.returncode == 1
    assert "Traceback" in done.stderr


def test_a_folder_that_is_no_package_is_one_line(tmp_path: Path) -> None:
    done = run("--cnn", str(tmp_path / "missing"), "--port", str(free_port()))
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert "fersys.json" in done.stderr
    assert str(tmp_path / "missing") in done.stderr


def test_what_a_model_warns_of_is_one_line(tmp_path: Path) -> None:
    done = run("--cnn", str(tmp_path / "missing"), "--port", str(free_port()), code=_RUN_WARNED)
    warning, error = done.stderr.splitlines()
    assert warning == "warning: the hub does not answer"
    assert error.startswith("error: ")


def test_a_changed_package_is_one_line(package: Path) -> None:
    with (package / "model.onnx").open("ab") as file:
        file.write(b"!")
    done = run("--cnn", str(package), "--port", str(free_port()))
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert "was changed" in done.stderr


def test_share_without_a_link_is_an_error(package: Path) -> None:
    done = run("--cnn", str(package), "--port", str(free_port()), "--share", code=_RUN_WITHOUT_LINK)
    assert done.returncode == 1
    assert "ready" not in done.stdout
    assert "error: No public link to be had" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_package_that_is_not_installed_is_one_line(package: Path) -> None:
    code = _RUN_LEAN.replace('"onnx"', '"gradio"')
    done = run("--cnn", str(package), "--port", str(free_port()), code=code)
    assert done.returncode == 1
    (said,) = [line for line in done.stderr.splitlines() if not line.startswith("not shown: ")]
    assert "requirements-app.txt" in said
    assert "gradio" in said


def test_what_opencv_says_of_a_damaged_video_does_not_reach_the_console() -> None:
    run = (
        "import os, cv2; from app.__main__ import main; main(['--port', 'none']); print(cv2.utils.logging.getLogLevel(), os.environ['OPENCV_FFMPEG_LOGLEVEL'])"
    )
    environment = {name: value for name, value in os.environ.items() if not name.startswith("OPENCV_")}
    said = subprocess.run([sys.executable, "-c", run], cwd=ROOT, env=environment, capture_output=True, text=True, check=True).stdout
    assert said.split() == ["0", "-8"]
