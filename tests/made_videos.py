"""Videos made in memory: of a moving square, or of the one face that may be shown."""

import shutil
import struct
import subprocess
from collections.abc import Iterable, Iterator
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

Pixels = npt.NDArray[np.uint8]


def squares(count: int, width: int = 160, height: int = 96) -> Iterator[Pixels]:
    """Frames with a red square that wanders to the right over green; the first has it at the left."""
    for number in range(count):
        frame = np.zeros((height, width, 3), np.uint8)
        frame[..., 1] = 120
        frame[20:60, 4 * number : 4 * number + 40] = (200, 0, 0)
        yield frame


def write(path: Path, frames: Iterable[Pixels], rate: float = 25.0) -> Path:
    """Write frames by OpenCV alone, without sound."""
    writer: cv2.VideoWriter | None = None
    for frame in frames:
        writer = writer or cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"mp4v"), rate, (frame.shape[1], frame.shape[0]))
        writer.write(cv2.cvtColor(frame, cv2.COLOR_RGB2BGR))
    if writer is not None:
        writer.release()
    return path


def turn(path: Path) -> Path:
    """Say in the head of an MP4 file that it is to be shown turned by 90° clockwise, as phones do."""
    content = bytearray(path.read_bytes())
    matrix = content.index(b"tkhd") + 4 + 40  # ISO/IEC 14496-12, 8.3.2, version 0
    content[matrix : matrix + 36] = struct.pack(">9i", 0, 1 << 16, 0, -(1 << 16), 0, 0, 0, 0, 1 << 30)
    path.write_bytes(content)
    return path


def ffmpeg(*words: str | Path) -> None:
    """Run ffmpeg, which must do well."""
    subprocess.run(["ffmpeg", "-loglevel", "error", "-y", *map(str, words)], check=True)


def has_ffmpeg() -> bool:
    return shutil.which("ffmpeg") is not None
