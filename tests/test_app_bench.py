"""The live view's bench: its made camera, its ratios and what it writes. The rates of half a second are no measurement."""

import io
from pathlib import Path

import numpy as np
import PIL.Image
import pytest

from app.bench import __main__ as command
from app.bench.camera import browser_flags, write_clip
from app.bench.transports import WAYS, Echo, Rates, as_markdown, measure, report
from fersys import detect
from fersys.results import Image
from tests.browsing import launched
from tests.test_live import ARMS

RATES = Rates(dict(zip(WAYS, ([20.0, 10.0, 30.0], [18.0, 10.0, 15.0], [10.0, 5.0, 10.0], [8.0, 4.0, 6.0]), strict=True)))


def test_the_made_camera_shows_one_face_that_moves(astronaut: Image, tmp_path: Path) -> None:
    content = write_clip(astronaut, tmp_path / "clip.mjpeg", frames=4).read_bytes()
    starts = [place for place in range(len(content)) if content.startswith(b"\xff\xd8\xff", place)]
    assert len(starts) == 4
    first, third = (np.asarray(PIL.Image.open(io.BytesIO(content[starts[place] :]))) for place in (0, 2))
    boxes = [detect(frame)[0].box for frame in (first, third)]
    assert first.shape == (480, 640, 3)
    assert all(len(detect(frame)) == 1 for frame in (first, third))
    assert abs(boxes[0][0] - boxes[1][0]) > 20


def test_a_browser_gets_the_clip_or_no_camera_at_all(tmp_path: Path) -> None:
    assert f"--use-file-for-fake-video-capture={tmp_path}" in browser_flags(tmp_path)
    assert "--use-fake-device-for-media-stream=device-count=0" in browser_flags(None)


def test_ratios_are_taken_round_by_round() -> None:
    assert RATES.ratio("socket_live", "socket_echo") == pytest.approx(0.9)
    assert report(RATES)["ratios"] == {
        "live_of_echo": 0.9,
        "gradio_live_of_gradio_echo": 0.8,
        "gradio_echo_of_socket_echo": 0.5,
        "gradio_live_of_socket_live": 0.4,
    }


def test_the_page_shows_the_ratios() -> None:
    page = as_markdown(report(RATES))
    assert "medians of 3 rounds" in page
    assert "| 0.90 |" in page


def test_an_echo_answers_like_a_watcher() -> None:
    (face,) = Echo(ARMS.pick()).watch(b"whatever", 0.0).faces
    assert [said.model for said in face.predictions] == ["first", "right"]


def test_what_was_measured_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(command, "_measure", lambda seconds, rounds: RATES)
    assert command.main(["--out", str(tmp_path / "reports")]) == 0
    assert (tmp_path / "reports" / "stream.md").read_text(encoding="utf-8") == as_markdown(report(RATES))
    assert "socket_live" in capsys.readouterr().out


def test_every_way_gets_through_in_a_browser(chromium_path: str, astronaut: Image, tmp_path: Path) -> None:
    with launched(chromium_path, *browser_flags(write_clip(astronaut, tmp_path / "clip.mjpeg", frames=4))) as browser:
        rates = measure(browser, ARMS, seconds=0.5, rounds=1)
    assert {way: rate > 0 for (way, (rate,)) in rates.rounds.items()} == dict.fromkeys(WAYS, True)


def test_without_a_browser_the_command_says_so(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("shutil.which", lambda name: None)
    assert command.main([]) == 1
    assert "No browser" in capsys.readouterr().err
