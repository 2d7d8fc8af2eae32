"""The training commands as typed: clear words, exit codes, and no TensorFlow before it is needed."""

import os
import subprocess
import sys
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest

import train.data
from fersys.errors import ConfigError, DataError, FerSysError
from tests.tiny_package import make_package
from train.__main__ import main
from train.config import RECIPES, FitConfig

COMMANDS = (
    "data",
    "fit",
    "evaluate",
    "certainty",
    "release",
    "ablate",
    "bench",
    "runtimes",
    "detectors",
    "following",
    "scale",
    "alignment",
    "weights",
    "compare",
)
ROOT = Path(__file__).parent.parent


@pytest.fixture(autouse=True)
def empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Commands run in a folder of their own: nothing of the project is overwritten."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("FERSYS_DATA", raising=False)
    monkeypatch.delenv("FERSYS_MEDIA", raising=False)


def exit_code(*words: str) -> int:
    with pytest.raises(SystemExit) as caught:
        main(words)
    assert isinstance(caught.value.code, int)
    return caught.value.code


def one_line(captured: pytest.CaptureFixture[str]) -> str:
    out, error = captured.readouterr()
    assert out == ""
    assert error.startswith("error: ")
    assert error.count("\n") == 1
    return error.strip()


_HELP = """
import contextlib, sys
from tests.tiny_package import make_package
from train.__main__ import main

for words in (["--help"], ["fit", "--help"]):
    with contextlib.suppress(SystemExit):
        main(words)
code = main(["fit", "--epochs", "0"])
print(code, sorted({"tensorflow", "keras", "datasets", "sklearn"} & set(sys.modules)))
"""


def test_help_and_wrong_settings_are_answered_without_importing_tensorflow(tmp_path: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", _HELP], cwd=tmp_path, env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "1 []"
    assert all(command in done.stdout for command in COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert exit_code(command, "--help") == 0
    assert f"python -m train {command}" in capsys.readouterr().out


def test_without_a_command_all_are_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert exit_code() == 2
    error = capsys.readouterr().err
    assert "required: command" in error.splitlines()[-1]
    assert exit_code("cook") == 2
    last = capsys.readouterr().err.splitlines()[-1]
    assert "cook" in last
    assert all(command in last for command in COMMANDS)


WRONG = [
    (["fit", "--recipe", "cake"], ["cake", *RECIPES]),
    (["fit", "--oven", "200"], ["--oven"]),
    (["fit", "--epochs", "many"], ["--epochs", "many"]),
    (["fit", "--clean", "perhaps"], ["expected yes or no", "perhaps"]),
    (["data", "--splits", "mine"], ["mine", "official", "paper"]),
    (["release"], ["folder"]),
    (["weights"], ["wheel"]),
    (["alignment", "--limit", "0"], ["--limit", "expected a number from 1 on", "'0'"]),
    (["scale", "--rows", "10", "-3"], ["--rows", "expected a number from 1 on", "'-3'"]),
]


@pytest.mark.parametrize(("words", "expected"), WRONG)
def test_mistyped_words_are_named_in_the_last_line(words: list[str], expected: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert exit_code(*words) == 2
    last = capsys.readouterr().err.splitlines()[-1]
    assert "error: " in last
    assert all(word in last for word in expected)


OUT_OF_RANGE = [
    (["--epochs", "0"], "epochs: expected 1 to 10000. Received: 0"),
    (["--optimizer", "lion"], "Received: 'lion'"),
    (["--ema", "0.9"], "Received: best"),
]


@pytest.mark.parametrize(("words", "message"), OUT_OF_RANGE)
def test_setting_out_of_range_is_one_line_and_exit_code_1(words: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["fit", *words]) == 1
    assert one_line(capsys).endswith(message)
    with pytest.raises(ConfigError):
        main(["fit", *words, "--debug"])


FAILING: list[tuple[list[str], type[FerSysError]]] = [
    (["compare"], ConfigError),
    (["data", "--data", "none.csv"], DataError),
    (["evaluate", "--data", "none.csv"], DataError),
    (["bench", "--package", "none"], FerSysError),
    (["detectors"], DataError),
    (["detectors", "--media", "none"], DataError),
    (["alignment", "--package", "none"], FerSysError),
    (["weights", "none.whl"], DataError),
]


@pytest.mark.parametrize(("words", "kind"), FAILING)
def test_error_of_ours_is_one_line_unless_debug_is_asked_for(words: list[str], kind: type[FerSysError], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(words) == 1
    assert "Received: " in one_line(capsys)
    with pytest.raises(kind):
        main([*words, "--debug"])


def test_interrupting_says_how_to_go_on(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(train.data, "load_fer2013", interrupt)
    assert main(["data"]) == 130
    assert "goes on from the last whole epoch" in capsys.readouterr().err


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, ...]]:
    """What `fit` asks of loading and training, which are left out."""
    import train.training

    calls: list[tuple[Any, ...]] = []
    monkeypatch.setattr(train.data, "load_fer2013", lambda *words: calls.append(words))
    monkeypatch.setattr(train.training, "train", lambda folder, config, _: calls.append((folder, config)))
    return calls


def other(value: Any) -> Any:
    """Another value of the same kind, in the range of every setting that is a number."""
    return not value if isinstance(value, bool) else type(value)(value / 2 + 0.25) if isinstance(value, float) else value


@pytest.mark.parametrize("field", fields(FitConfig), ids=lambda field: field.name)
def test_every_setting_has_a_flag_that_changes_it(field: Any, asked: list[tuple[Any, ...]]) -> None:
    whole = {"epochs": 7, "batch_size": 64, "window": 46, "window_start": 40, "patience": 3, "seed": 5, "limit": 99}
    text = {"architecture": "res3", "splits": "paper", "optimizer": "sgd", "schedule": "cosine", "class_weight": "balanced", "select": "last"}
    changes: dict[str, Any] = {field.name: ({**whole, **text, "precision": "float32"}).get(field.name, other(field.default))}
    if field.name in {"ema", "window"}:
        changes |= {"select": "last", "window_start": 40}
    words = [word for name, value in changes.items() for word in (f"--{name.replace('_', '-')}", {True: "yes", False: "no"}.get(value, str(value)))]
    assert main(["fit", *words]) == 0
    assert asked[1][1] == replace(RECIPES["paper"], **changes) != RECIPES["paper"]


def test_data_come_from_the_flag_then_the_environment_then_the_hub(asked: list[tuple[Any, ...]], monkeypatch: pytest.MonkeyPatch) -> None:
    main(["fit"])
    monkeypatch.setenv("FERSYS_DATA", "from-environment")
    main(["fit"])
    main(["fit", "--data", "from-flag"])
    assert [words[0] for words in asked[::2]] == ["AutumnQiu/fer2013", "from-environment", "from-flag"]


def test_run_folder_is_named_after_the_recipe_or_as_asked(asked: list[tuple[Any, ...]]) -> None:
    main(["fit", "--recipe", "best"])
    main(["fit", "--recipe", "smoke", "--name", "mine", "--runs", "elsewhere", "--seed", "3", "--splits", "paper"])
    assert asked[1] == (Path("runs/best"), RECIPES["best"])
    assert asked[2][1:] == ("paper", 3)
    assert asked[3] == (Path("elsewhere/mine"), replace(RECIPES["smoke"], seed=3, splits="paper"))


def test_evaluating_without_shipped_packages_succeeds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(train.data, "load_fer2013", lambda *_: None)
    assert main(["evaluate"]) == 0


def test_shipped_package_whose_figures_differ_makes_evaluate_fail(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    import train.embeddings
    import train.measure
    import train.release

    for name in ("one", "two"):
        Path("hub/models", name).mkdir(parents=True)
        Path("hub/models", name, "fersys.json").touch()
    monkeypatch.setattr(train.data, "load_fer2013", lambda *_: None)
    monkeypatch.setattr(train.embeddings, "absence", lambda _: "")
    monkeypatch.setattr(train.measure, "read_metrics", lambda folder: {"model": folder.name, "temperature": 1.0, "splits": {}})
    monkeypatch.setattr(train.release, "remeasure", lambda folder, _: ["test accuracy: published 0.9"] if folder.name == "two" else [])
    assert main(["evaluate"]) == 1
    out = capsys.readouterr().out
    assert "equal to three decimals" in out
    assert "test accuracy: published 0.9" in out


def test_certainty_is_chosen_and_drawn_for_every_folder(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    import train.calibrate
    import train.figures

    def choose(folder: Path) -> dict[str, Any]:
        return {"model": folder.name, "certainty": {"threshold": 0.5, "splits": {}}}

    drawn: list[Path] = []
    monkeypatch.setattr(train.calibrate, "set_certainty", choose)
    monkeypatch.setattr(train.figures, "draw_certainty", drawn.append)
    assert main(["certainty", "one", "two"]) == 0
    assert drawn == [Path("one"), Path("two")]
    assert "one  (certainty 0.50)" in capsys.readouterr().out


def test_certainty_of_what_is_no_package_is_one_clear_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["certainty", "none"]) == 1
    assert "expected a folder with a file fersys.json" in one_line(capsys)


def test_trial_media_come_from_the_flag_then_the_environment(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    import train.detectors

    asked: list[tuple[Any, ...]] = []
    monkeypatch.setattr(train.detectors, "run_detectors", lambda *words: asked.append(words))
    monkeypatch.setattr(train.detectors, "write_report", lambda _, folder: f"table in {folder}")
    monkeypatch.setenv("FERSYS_MEDIA", "from-environment")
    assert main(["detectors"]) == 0
    assert main(["detectors", "--media", "from-flag", "--python", "other"]) == 0
    assert asked == [(Path("from-environment"), sys.executable), (Path("from-flag"), "other")]
    assert capsys.readouterr().out == "table in reports\n" * 2


def test_faces_are_followed_in_the_trial_media_with_the_package(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    import train.following_report

    monkeypatch.setattr(train.following_report, "run_following", lambda media, model: (media, model.name))
    monkeypatch.setattr(train.following_report, "write_report", lambda result, folder: f"{result[1]} in {result[0]}, written to {folder}")
    assert main(["following", "--media", "here", "--package", str(make_package(tmp_path, "tiny"))]) == 0
    assert capsys.readouterr().out == "tiny in here, written to reports"


def test_as_many_pictures_are_scored_as_asked(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    import train.scale

    monkeypatch.setattr(train.scale, "run_scale", lambda package, sizes: (package, sizes))
    monkeypatch.setattr(train.scale, "write_report", lambda result, folder: f"{result[1]} with {result[0]}, written to {folder}\n")
    assert main(["scale"]) == main(["scale", "--package", "other", "--rows", "5", "7"]) == 0
    first, second = capsys.readouterr().out.splitlines()
    assert first == f"[10000, 100000] with {Path('hub/models/fersys-cnn')}, written to reports"
    assert second == "[5, 7] with other, written to reports"


@pytest.mark.parametrize("command", ["detectors", "following"])
def test_without_trial_media_flag_and_variable_are_named(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([command]) == 1
    line = one_line(capsys)
    assert "--media" in line
    assert "FERSYS_MEDIA" in line


def test_alignment_is_measured_with_the_package_and_as_many_images_as_asked(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    import train.recropping

    asked: list[tuple[Any, ...]] = []
    monkeypatch.setattr(train.data, "load_fer2013", lambda source: f"data of {source}")
    monkeypatch.setattr(train.recropping, "run_alignment", lambda data, model, *words: asked.append((data, model.name, *words)))
    monkeypatch.setattr(train.recropping, "write_report", lambda _, folder: f"table in {folder}")
    package = str(make_package(tmp_path, "tiny"))
    assert main(["alignment", "--package", package, "--data", "here"]) == 0
    assert main(["alignment", "--package", package, "--data", "here", "--limit", "7", "--python", "other"]) == 0
    assert asked == [("data of here", "tiny", None, sys.executable), ("data of here", "tiny", 7, "other")]
    assert capsys.readouterr().out == "table in reports\n" * 2


@pytest.mark.parametrize("is_shipped", [True, False])
def test_weights_that_are_not_the_shipped_ones_make_the_command_fail(
    is_shipped: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import train.weights
    from fersys.networks import HASHES

    def make(wheel: Path, folder: Path) -> dict[str, str]:
        assert wheel == Path("some.whl")
        assert folder.is_dir()
        return HASHES if is_shipped else HASHES | {"face-mesh": "0123"}

    monkeypatch.setattr(train.weights, "make_weights", make)
    assert main(["weights", "some.whl", "--out", "a/b"]) == (0 if is_shipped else 1)
    lines = dict(zip(HASHES, capsys.readouterr().out.splitlines(), strict=True))
    assert lines["blazeface-full"].split() == ["a/b/blazeface-full.onnx", HASHES["blazeface-full"], "as", "shipped"]
    mesh = lines["face-mesh"].split()
    assert mesh[1:] == ([HASHES["face-mesh"], "as", "shipped"] if is_shipped else ["0123", "shipped:", HASHES["face-mesh"]])
