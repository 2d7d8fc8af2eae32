"""Examples in docstrings and in the README do what they say."""

import doctest
import importlib
import pkgutil
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import numpy.typing as npt
import PIL.Image
import pytest

import fersys
from fersys.smoothing import Smoother
from fersys.tracking import Tracker

ROOT = Path(__file__).parent.parent
MODULES = sorted(module.name for module in pkgutil.walk_packages(fersys.__path__, "fersys.") if not module.name.endswith("__main__"))


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, astronaut: npt.NDArray[np.uint8]) -> Path:
    """A working folder like a reader's: `photo.jpg` and `hub/models` lie in it."""
    if not (ROOT / "hub" / "models" / "fersys-cnn").is_dir():
        pytest.skip("no shipped model in this checkout")
    PIL.Image.fromarray(astronaut).save(tmp_path / "photo.jpg", quality=95)
    (tmp_path / "hub").symlink_to(ROOT / "hub", target_is_directory=True)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize("name", ["fersys", *MODULES])
def test_examples_in_docstrings_give_what_they_show(name: str) -> None:
    result = doctest.testmod(importlib.import_module(name), optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE)
    assert result.failed == 0


def test_what_people_call_has_examples() -> None:
    finder = doctest.DocTestFinder(recurse=False)
    for called in (fersys.load, fersys.analyze, Smoother, Tracker):
        assert any(test.examples for test in finder.find(called)), called


def test_the_python_example_of_the_readme_runs(folder: Path) -> None:
    (example,) = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), re.DOTALL)
    done = subprocess.run([sys.executable, "-c", example], cwd=folder, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert re.fullmatch(r"\(\d+, \d+, \d+, \d+\) happy \d+%\n", done.stdout)
