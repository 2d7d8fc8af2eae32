"""Writes videos that browsers play where ffmpeg is not installed: VP8 in WebM, by OpenCV alone, without sound."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import cv2

from fersys.errors import VideoError
from fersys.results import Image
from fersys.video import Shape, VideoWriter


class _File:
    def __init__(self, writer: cv2.VideoWriter) -> None:
        self._writer = writer

    def write(self, frame: Image) -> None:
        self._writer.write(cv2.cvtColor(frame, cv2.COLOR_RGB2BGR))


@contextmanager
def writing_webm(path: Path, shape: Shape) -> Iterator[VideoWriter]:
    """Write a WebM file.

    Args:
        path: of the file; it may be half there if an error came.
        shape: of the frames, and how many a second.

    Raises:
        VideoError: if OpenCV cannot write it.
    """
    writer = cv2.VideoWriter(str(path), cv2.CAP_FFMPEG, cv2.VideoWriter.fourcc(*"VP80"), shape.rate, (shape.width, shape.height))
    try:
        if not writer.isOpened():
            raise VideoError(f"OpenCV cannot write a video of this size. Received: {shape.width}×{shape.height} pixels")
        yield VideoWriter(_File(writer), shape.rate, "VP8 by OpenCV")
    finally:
        writer.release()
