"""Videos for browsers where ffmpeg is not installed."""

from pathlib import Path

import pytest

from app.webm import writing_webm
from fersys.errors import VideoError
from fersys.video import Shape, opened
from tests.made_videos import squares


def test_what_was_written_can_be_read_and_says_that_it_is_webm(tmp_path: Path) -> None:
    path = tmp_path / "out.webm"
    with writing_webm(path, Shape(160, 96, 25.0, 0)) as writer:
        for number, frame in enumerate(squares(10)):
            writer.write(number / 25, frame)
    assert b"webm" in path.read_bytes()[:64]
    with opened(path) as reader:
        frames = list(reader.frames())
    assert len(frames) == 10
    assert frames[0][1].shape == (96, 160, 3)
    assert frames[0][1][40, 20, 0] > 120 > frames[0][1][40, 150, 0]  # the red square lies at the left


def test_an_impossible_size_is_an_error_of_ours(tmp_path: Path) -> None:
    with pytest.raises(VideoError, match="Received: 0×0 pixels"), writing_webm(tmp_path / "out.webm", Shape(0, 0, 25.0, 0)):
        pass
