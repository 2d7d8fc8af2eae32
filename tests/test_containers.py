"""What is handed to video decoders, and what is not."""

from pathlib import Path

import pytest

from app.containers import HEAD, is_video
from tests.made_videos import squares, write


@pytest.mark.parametrize("name", ["a.mp4", "a.avi", "a.mov", "a.mkv"])
def test_videos_are_known_by_their_first_bytes(tmp_path: Path, name: str) -> None:
    assert is_video(write(tmp_path / name, squares(3)).read_bytes()[:HEAD])


@pytest.mark.parametrize(
    "head",
    [
        b"",
        b"#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n",
        b"ffconcat version 1.0\nfile /etc/passwd\n",
        b"v=0\no=- 0 0 IN IP4 127.0.0.1\nc=IN IP4 127.0.0.1\n",
        b"<?xml version='1.0'?><MPD></MPD>",
        b"\xff\xd8\xff\xe0 a picture",
        b"RIFF\0\0\0\0WAVEfmt ",
        b"\x1aE\xdf\xa3 but no known doctype",
    ],
)
def test_playlists_scripts_and_other_files_are_not(head: bytes) -> None:
    assert not is_video(head)
