"""DeepFace's anti-spoofing (minivision-ai's MiniFASNet, Apache-2.0), as the library runs it on its ONNX engine.

It says of one picture whether its face looks filmed or photographed again. Its two networks are not shipped: they are looked
for in a folder that is named, or in DeepFace's own (`DEEPFACE_HOME`), under the names of `FILES`; nothing is fetched. The author publishes them there as
ONNX files; the .pth files of minivision-ai are for its PyTorch engine, which would need torch (1 GB).
"""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from fersys.errors import ModelError
from fersys.images import check_image
from fersys.recognizers.deepface_library import HOME, LOCK, RELEASE, environment_kept, open_library, to_bgr, weights_folder
from fersys.results import Box, Image

FILES = ("2.7_80x80_MiniFASNetV2.onnx", "4_0_0_80x80_MiniFASNetV1SE.onnx")
_TASK, _MODEL = "spoofing", "Fasnet"


@dataclass(frozen=True)
class Verdict:
    """What the networks say: whether the face looks real, and how sure they are of that, 0–1."""

    is_real: bool
    score: float


class SpoofingDetector:
    """The library's pair of networks. Threads take turns."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def look(self, image: Image, box: Box) -> Verdict:
        """Judge one face.

        Args:
            image: RGB uint8 (H, W, 3), with what is around the face: four times its width, if it is there.
            box: (x, y, width, height) of the face in pixels.

        Raises:
            ImageError: if the image is not RGB uint8.
        """
        check_image(image)
        with LOCK:
            is_real, score = self._client.analyze(to_bgr(image), box)
        return Verdict(bool(is_real), float(score))


def missing(folder: Path | None = None) -> str:
    """Say why the networks could not answer now; "" if they could; `folder` as `open_spoofing` takes it."""
    if find_spec("deepface") is None:
        return "Expected the packages of requirements-app.txt. Received: no deepface"
    folder = folder or weights_folder()
    absent = [name for name in FILES if not (folder / name).is_file()]
    where = f"expected {' and '.join(FILES)} in {folder} (from {RELEASE})"
    return f"DeepFace's anti-spoofing is missing: {where}. Received: no {absent[0]}" if absent else ""


def open_spoofing(folder: Path | None = None) -> SpoofingDetector:
    """Open the networks.

    Args:
        folder: with both files; None: DeepFace's own.

    Raises:
        ModelError: if the library or a file is missing, or a file is no network.
    """
    reason = missing(folder)
    if reason:
        raise ModelError(reason)
    open_library()
    from deepface.modules import modeling

    try:
        with LOCK, _lent(folder):
            return SpoofingDetector(modeling.get_model_class(_TASK, _MODEL)())
    except ValueError as error:  # what the library raises for a damaged file
        raise ModelError(f"DeepFace's anti-spoofing: expected files that ONNX Runtime can open. Received: {error}") from error


@contextmanager
def _lent(folder: Path | None) -> Iterator[None]:
    """Let the library find the files of a folder where it looks for them: in a home of its own, for as long as it opens them."""
    if folder is None:
        yield
        return
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as home, environment_kept((HOME,)):
        os.environ[HOME] = home
        weights_folder().mkdir(parents=True)
        for name in FILES:
            shutil.copyfile(folder / name, weights_folder() / name)
        yield
