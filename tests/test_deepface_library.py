"""deepface is opened without a trace: each test of its import runs in a process of its own."""

import json
import os
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from fersys.errors import ImageError, ModelError
from fersys.recognizers.deepface_library import EMOTION_FILE, EMOTION_H5_FILE, RELEASE, environment_kept, in_place, open_library, to_bgr, weights_folder

ROOT = Path(__file__).parent.parent
_OPEN = """
import json, os, sys, warnings
import onnxruntime, cv2, numpy, tqdm  # what warns or filters on its own account
from fersys.recognizers.deepface_library import open_library

before = dict(os.environ), list(warnings.filters)
library = open_library()
assert open_library() is library
telemetry = os.environ.pop("ORT_DISABLE_TELEMETRY", None)
before[0].pop("ORT_DISABLE_TELEMETRY", None)
print(json.dumps({
    "environment": dict(os.environ) == before[0],
    "filters": warnings.filters == before[1],
    "telemetry": telemetry,
    "modules": sorted({name.partition(".")[0] for name in sys.modules}),
    "home": os.listdir(os.path.expanduser("~")),
    "analyze": callable(library.analyze),
}))
"""
_OPEN_AFTER = """
import os, sys
os.environ["DEEPFACE_BACKEND_ENGINE"] = sys.argv[1]
from deepface.commons import backend_utils
backend_utils.is_backend_available = lambda name: True  # as if it were installed
backend_utils.get_backend_engine()
from fersys.errors import ModelError
from fersys.recognizers.deepface_library import open_library
try:
    open_library()
except ModelError as error:
    print(error)
"""


def run(code: str, home: Path, *words: str, **variables: str) -> str:
    """Standard output of a fresh interpreter in which a folder is the user's home; nothing may be said on standard error."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("DEEPFACE", "TF_"))}
    environment = {**kept, "PYTHONPATH": str(ROOT), "HOME": str(home), "USERPROFILE": str(home), **variables}
    done = subprocess.run([sys.executable, "-c", code, *words], cwd=home, env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


@pytest.mark.parametrize("variables", [{}, {"TF_USE_LEGACY_KERAS": "0", "DEEPFACE_HOME": "elsewhere"}], ids=["unset", "set"])
def test_opening_it_leaves_no_trace_and_no_framework(tmp_path: Path, variables: dict[str, str]) -> None:
    found: dict[str, Any] = json.loads(run(_OPEN, tmp_path, **variables))  # so it printed nothing else
    assert found["environment"], "an environment variable was changed"
    assert found["filters"], "a warning filter was changed"
    assert found["home"] == []
    assert found["telemetry"] == "1"
    assert found["analyze"]
    assert "deepface" in found["modules"]
    assert not {"tensorflow", "torch", "keras", "tf_keras", "pandas", "sklearn", "matplotlib"} & set(found["modules"])


def test_another_engine_that_was_chosen_before_is_refused(tmp_path: Path) -> None:
    said = run(_OPEN_AFTER, tmp_path, "pytorch", DEEPFACE_LOG_LEVEL="50")
    assert said == "deepface: expected its engine onnx, DEEPFACE_BACKEND_ENGINE=onnx before its first import chooses it. Received: pytorch\n"


@pytest.mark.parametrize("name", ["deepface", "werkzeug"])
def test_a_library_that_is_not_installed_is_one_line(tmp_path: Path, name: str) -> None:
    code = f"import sys; sys.modules[{name!r}] = None\n" + _OPEN_AFTER[_OPEN_AFTER.index("from fersys.errors") :]
    assert run(code, tmp_path) == f"deepface: expected the packages of requirements-app.txt. Received: no {name}\n"


def test_weights_are_looked_for_where_the_library_looks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    open_library()
    from deepface.commons import folder_utils

    for home in (tmp_path, None):
        if home is None:
            monkeypatch.delenv("DEEPFACE_HOME", raising=False)
        else:
            monkeypatch.setenv("DEEPFACE_HOME", str(home))
        assert weights_folder() == Path(folder_utils.get_deepface_home(), ".deepface", "weights")


def test_files_and_their_source_are_named_as_the_library_names_them() -> None:
    open_library()
    from deepface.models.demography.onnx import Emotion

    assert f"{RELEASE}/{EMOTION_FILE}" in Emotion.WEIGHTS_URL
    assert Path(EMOTION_FILE).stem == Path(EMOTION_H5_FILE).stem


def _fail() -> None:
    raise ModelError("stop")


def test_environment_is_kept_also_after_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FERSYS_THERE", "before")
    monkeypatch.delenv("FERSYS_ABSENT", raising=False)
    with suppress(ModelError), environment_kept(("FERSYS_THERE", "FERSYS_ABSENT")):
        os.environ.update(FERSYS_THERE="changed", FERSYS_ABSENT="made")
        _fail()
    assert os.environ["FERSYS_THERE"] == "before"
    assert "FERSYS_ABSENT" not in os.environ


def test_a_network_stands_in_for_the_library_s_for_a_block_alone() -> None:
    open_library()
    from deepface.modules import modeling

    first, second = object(), object()
    with in_place(first, "facial_attribute", "Emotion"):
        with suppress(ModelError), in_place(second, "facial_attribute", "Emotion"):
            assert modeling.build_model("facial_attribute", "Emotion") is second
            _fail()
        assert modeling.build_model("facial_attribute", "Emotion") is first
    assert modeling.cached_models["facial_attribute"].get("Emotion") not in (first, second)


def test_bgr_is_the_crop_with_red_and_blue_exchanged() -> None:
    crop: npt.NDArray[np.uint8] = np.random.default_rng(0).integers(0, 256, (5, 7, 3), dtype=np.uint8)
    frame = to_bgr(crop)
    for channel in range(3):
        np.testing.assert_array_equal(frame[..., channel], crop[..., 2 - channel])
    assert frame.flags.c_contiguous
    assert frame.dtype == np.uint8
    assert not np.shares_memory(frame, crop)


@pytest.mark.parametrize(("shape", "widened"), [((1, 500), (16, 500)), ((500, 1), (500, 16)), ((4, 128), (4, 128)), ((1, 1), (1, 1))])
def test_a_strip_that_the_library_would_shrink_to_nothing_is_widened(shape: tuple[int, int], widened: tuple[int, int]) -> None:
    crop = np.random.default_rng(0).integers(0, 256, (*shape, 3), dtype=np.uint8)
    frame = to_bgr(crop)
    assert frame.shape[:2] == widened
    np.testing.assert_array_equal(frame[0, 0], crop[0, 0, ::-1])
    np.testing.assert_array_equal(frame[-1, -1], crop[-1, -1, ::-1])


def test_what_is_no_rgb_image_is_refused() -> None:
    with pytest.raises(ImageError, match="Received: uint8"):
        to_bgr(np.zeros((4, 4), np.uint8))
