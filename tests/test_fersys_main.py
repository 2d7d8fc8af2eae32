"""The `fersys` command as a user types it."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import PIL.Image
import pytest

import fersys
from fersys.__main__ import main
from tests.made_pictures import fill, pictures, write_parquet
from tests.made_videos import squares, write
from tests.tiny_package import make_package

ROOT = Path(__file__).parent.parent
COMMANDS = ("predict", "score", "video", "webcam", "pull", "verify", "models")
# What a serving install does not have: importing one of these fails as if it were not installed.
_RUN_LEAN = """
import runpy, sys
for name in ("tensorflow", "keras", "datasets", "sklearn", "matplotlib", "deepface", "evaluate", "onnx", *%r):
    sys.modules[name] = None
sys.argv[0] = "fersys"
runpy.run_module("fersys", run_name="__main__", alter_sys=True)
"""


def run(*words: str | Path, without: tuple[str, ...] = (), folder: Path = ROOT) -> subprocess.CompletedProcess[str]:
    """Run the command where only what serves is installed, without some packages of that too."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", _RUN_LEAN % (without,), *map(str, words)]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=300, check=False)


@pytest.fixture
def package(tmp_path: Path) -> Path:
    return make_package(tmp_path / "models", "tiny")


@pytest.fixture
def photo(tmp_path: Path, astronaut: npt.NDArray[np.uint8]) -> Path:
    PIL.Image.fromarray(astronaut).save(tmp_path / "photo.png")
    return tmp_path / "photo.png"


@pytest.mark.parametrize("command", COMMANDS[:-1])
def test_help_has_examples(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main([command, "--help"])
    assert ended.value.code == 0
    assert f"examples:\n  fersys {command}" in capsys.readouterr().out


def test_help_names_every_command_and_the_exit_codes(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--help"])
    said = capsys.readouterr().out
    assert all(f"\n    {command} " in said for command in COMMANDS)
    assert "exit codes:" in said


def test_version_is_the_package_s(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--version"])
    assert capsys.readouterr().out == f"fersys {fersys.__version__}\n"


@pytest.mark.parametrize("words", [[], ["predict"], ["predict", "a.jpg", "--json", "--csv"], ["score", "a"], ["dance"]])
def test_wrong_usage_is_code_2(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(words)
    assert ended.value.code == 2
    assert "usage: fersys" in capsys.readouterr().err


def test_a_photo_is_answered_with_what_serves_alone(photo: Path, package: Path) -> None:
    done = run("predict", photo, "--json", "--model", package)
    assert (done.returncode, done.stderr) == (0, "")
    assert len(json.loads(done.stdout)[0]["faces"]) == 1


@pytest.mark.parametrize("words", [["predict", "x.jpg"], ["score", "x.parquet", "--out", "x.csv"], ["video", "x.mp4", "y.mp4"], ["webcam"]])
def test_a_model_that_is_none_is_one_line(words: list[str], tmp_path: Path) -> None:
    done = run(*words, "--model", tmp_path, folder=tmp_path)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.count("\n") == 1
    assert done.stderr.startswith("error: Not a model package")


@pytest.mark.parametrize("words", [["predict", "x.jpg"], ["score", "x.parquet", "--out", "x.csv"], ["video", "x.mp4", "y.mp4"], ["webcam"]])
def test_a_home_that_nobody_has_is_one_line(words: list[str], tmp_path: Path) -> None:
    done = run(*words, "--model", "~nosuchuser/x", folder=tmp_path)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1)
    assert done.stderr.endswith("Received: ~nosuchuser/x\n")


def test_a_source_in_a_home_that_nobody_has_is_one_line(tmp_path: Path, package: Path) -> None:
    done = run("score", "~nosuchuser/x", "--out", tmp_path / "out.csv", "--model", package, folder=tmp_path)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1)
    assert done.stderr.endswith("Received: ~nosuchuser/x\n")


def huge(path: Path) -> Path:
    """The header of a picture of 100 megapixels, of which Pillow warns."""
    path.write_bytes(b"P6 10000 10000 255\n")
    return path


def odd(path: Path) -> Path:
    """A photo whose EXIF data break off, of which Pillow warns."""
    tags = b"MM\0*\0\0\0\x08\0\x02\x01\x0f\0\x02\0\0\xff\xff\0\0\0\x26"
    PIL.Image.new("RGB", (40, 30)).save(path, "JPEG", exif=b"Exif\0\0" + tags)
    return path


@pytest.mark.parametrize(("make", "lines"), [(huge, 1), (odd, 0)])
def test_pillow_s_warnings_are_not_shown(make: Callable[[Path], Path], lines: int, tmp_path: Path, package: Path) -> None:
    done = run("predict", make(tmp_path / "a"), "--crops", "--model", package)
    assert done.stderr.count("\n") == lines, done.stderr
    assert done.returncode == lines


@pytest.mark.parametrize("encoding", ["ascii", "cp1252"])
def test_people_read_signs_that_their_terminal_has(encoding: str, photo: Path, package: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONIOENCODING", encoding)
    command = [sys.executable, "-c", _RUN_LEAN % ((),), "predict", str(photo), "--model", str(package)]
    said = subprocess.run(command, cwd=ROOT, capture_output=True, check=True).stdout.decode(encoding)
    assert "##" in said
    assert "\\" not in said.replace(str(photo), "")


def test_debug_shows_where_an_error_came_from(tmp_path: Path) -> None:
    assert "Traceback" in run("predict", "x.jpg", "--model", tmp_path, "--debug").stderr


def test_two_models_of_one_name_are_refused(package: Path, photo: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["predict", str(photo), "--model", str(package), "--model", str(package)]) == 1
    assert "different names. Received: tiny, tiny" in capsys.readouterr().err


@pytest.mark.parametrize("form", [[], ["--csv"], ["--json"]])
def test_a_reader_that_has_enough_is_no_error(photo: Path, package: Path, form: list[str]) -> None:
    command = [sys.executable, "-m", "fersys", "predict", *[str(photo)] * 3, *form, "--model", str(package)]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()
    assert process.stderr.read() == ""
    assert process.wait() == 0


def test_a_data_set_is_scored_with_what_serves_alone(tmp_path: Path, package: Path) -> None:
    source = write_parquet(tmp_path / "a.parquet", pictures(3), ["happy", "sad", "fear"])
    done = run("score", source, "--crops", "--out", tmp_path / "out.parquet", "--model", package)
    assert done.returncode == 0, done.stderr
    assert "3 pictures, 3 faces" in done.stdout
    assert "accuracy of tiny" in done.stdout
    assert "3/3" in done.stderr  # the progress bar


@pytest.mark.parametrize(("missing", "out"), [("pyarrow", "out.parquet"), ("tqdm", "out.csv")])
def test_a_package_that_is_not_installed_is_one_line(tmp_path: Path, package: Path, missing: str, out: str) -> None:
    fill(tmp_path / "in", pictures(1))
    done = run("score", tmp_path / "in", "--crops", "--out", tmp_path / out, "--model", package, without=(missing, "pyarrow.parquet"))
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert f"expected the packages of requirements-app.txt. Received: no {missing}" in done.stderr


def test_without_the_completion_library_the_rest_works(photo: Path, package: Path) -> None:
    assert run("predict", photo, "--model", package, without=("shtab",)).returncode == 0
    done = run("--print-completion", "bash", without=("shtab",))
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)


def test_a_video_is_written_with_what_serves_alone(tmp_path: Path, package: Path) -> None:
    source = write(tmp_path / "in.mp4", squares(5))
    done = run("video", source, tmp_path / "out.mp4", "--csv", tmp_path / "frames.csv", "--model", package)
    assert done.returncode == 0, done.stderr
    assert "5 frames, 0 faces" in done.stdout
    assert (tmp_path / "out.mp4").exists()


@pytest.mark.parametrize("content", [b"", b"no video " * 100])
def test_a_broken_video_is_one_line(tmp_path: Path, package: Path, content: bytes) -> None:
    (tmp_path / "in.mp4").write_bytes(content)
    done = run("video", tmp_path / "in.mp4", tmp_path / "out.mp4", "--model", package)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.count("\n") == 1
    assert not (tmp_path / "out.mp4").exists()


def test_before_the_camera_opens_it_says_what_will_happen(package: Path) -> None:
    done = run("webcam", "--camera", "99", "--model", package)
    assert done.returncode == 1
    assert "Expression recognition will run" in done.stdout
    assert done.stderr == "error: No camera: expected one that is connected and not in use. Received: camera 99\n"


def test_models_are_listed(tmp_path: Path) -> None:
    make_package(tmp_path / "hub" / "models", "mine")
    done = run("models", folder=tmp_path)
    assert done.returncode == 0
    assert "mine" in done.stdout


@pytest.mark.parametrize(
    ("file", "content"),
    [("fersys.json", "{"), ("fersys.json", '{"name": "a", "architecture": "b", "format_version": 1, "params": "many"}'), ("metrics.json", "[]")],
)
def test_models_are_listed_beside_a_damaged_one(file: str, content: str, tmp_path: Path) -> None:
    for name in ("broken", "mine"):
        make_package(tmp_path / "hub" / "models", name)
    (tmp_path / "hub" / "models" / "broken" / file).write_text(content)
    done = run("models", folder=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert [line.split()[0] for line in done.stdout.splitlines()[:3]] == ["model", "mine", "broken"]
    assert "broken  cannot be used: " in done.stdout


# Presses Tab twice after the words, as bash itself does it for its readline.
_PRESS_TAB = """
source "$1"; shift
COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMP_LINE="$*"; COMP_POINT=${#COMP_LINE}
$(complete -p fersys | sed -E 's/.* -F ([^ ]+) .*/\\1/') fersys "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}"
printf '%s\\n' "${COMPREPLY[@]}"
"""


@pytest.mark.skipif(shutil.which("bash") is None or os.name == "nt", reason="bash is not installed")
@pytest.mark.parametrize(
    ("words", "offered"),
    [(["s"], {"score"}), (["predict", "--d"], {"--debug", "--draw"}), (["predict", "pho"], {"photo.png"}), (["score", "a", "--model", "mod"], {"models"})],
)
def test_bash_completes_commands_flags_files_and_folders(words: list[str], offered: set[str], photo: Path, package: Path) -> None:
    script = photo.parent / "completion.bash"
    script.write_text(run("--print-completion", "bash").stdout)
    done = subprocess.run(["bash", "-c", _PRESS_TAB, "bash", str(script), "fersys", *words], cwd=photo.parent, capture_output=True, text=True, check=False)
    assert set(done.stdout.split()) == offered, done.stderr
    assert package.parent.name == "models"


@pytest.mark.parametrize(("shell", "check"), [("bash", ["bash", "-n"]), ("zsh", ["zsh", "-n"]), ("fish", ["fish", "--no-execute"])])
def test_every_shell_takes_its_script(tmp_path: Path, shell: str, check: list[str]) -> None:
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed")
    (tmp_path / "script").write_text(run("--print-completion", shell).stdout)
    assert "predict" in (tmp_path / "script").read_text()
    assert subprocess.run([*check, str(tmp_path / "script")], check=False).returncode == 0
