"""Models that always say the same, and uploads, for tests of the page."""

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import PIL.Image

from fersys import EMOTIONS

Image = npt.NDArray[np.uint8]


class Fixed:
    """Gives every face the same answer and remembers the faces."""

    def __init__(self, name: str, label: str, certainty: float = 0.0, title: str = "") -> None:
        self.name, self.certainty, self._label, self.title = name, certainty, label, title or name
        self.seen: list[Image] = []

    def predict(self, crops: Sequence[Image]) -> npt.NDArray[np.float32]:
        self.seen.extend(crops)
        row = [0.94 if emotion == self._label else 0.01 for emotion in EMOTIONS]
        return np.asarray([row] * len(crops), np.float32).reshape(len(crops), len(EMOTIONS))


def png(image: npt.NDArray[np.uint8]) -> bytes:
    """A picture as a file."""
    buffer = io.BytesIO()
    PIL.Image.fromarray(image).save(buffer, "PNG")
    return buffer.getvalue()


def uploaded(folder: Path, content: bytes, name: str = "face.png") -> dict[str, Any]:
    """Gradio's description of a file that lies in its upload folder."""
    (folder / name).write_bytes(content)
    return {"path": str(folder / name), "orig_name": name}
