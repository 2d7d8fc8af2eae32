"""Frames, secrets and tokens leave no trace in log, database, files or answers, also when errors are forced."""

import base64
import io
import random
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import pytest
from PIL.PngImagePlugin import PngInfo

from app.captcha import verifying
from app.captcha.frames import read_frame
from app.captcha.judge import StepState
from app.captcha.refusals import StoreError
from app.captcha.scripted import ScriptedJudge, ScriptedSession
from fersys.results import Image
from tests.made_captcha import Desk, make_desk

MARK = random.Random(7).randbytes(48)  # in no other file


def _marked_frame() -> bytes:
    """A PNG of the scripted judge's colours that carries the mark: in a note, and in its pixels."""
    pixels = np.full((64, 64, 3), 200, np.uint8)
    pixels[:16] = np.frombuffer(MARK * 64, np.uint8).reshape(16, 64, 3)
    notes = PngInfo()
    notes.add_text("note", MARK.hex())
    buffer = io.BytesIO()
    PIL.Image.fromarray(pixels).save(buffer, "PNG", pnginfo=notes, compress_level=0)
    return buffer.getvalue()


def _spellings(secret: bytes) -> list[bytes]:
    """How bytes may show up in text."""
    coded = base64.b64encode(secret[: len(secret) // 3 * 3])
    return [
        secret,
        secret.hex().encode(),
        coded,
        base64.urlsafe_b64encode(secret[: len(secret) // 3 * 3]),
        repr(secret)[2:-1].encode(),
        repr(secret)[2:-1].replace("\\", "\\\\").encode(),
        str(list(secret)).encode()[1:-1],
    ]


_ERRORS: tuple[type[BaseException], ...] = (RuntimeError, ValueError, OSError, MemoryError, StoreError)


class _Telling(ScriptedSession):
    """A judge that puts the frame into the words of every kind of error."""

    def look(self, image: Image, at: float) -> StepState:
        raise _TellingJudge.next_error(f"{image.tobytes()!r} {image.tobytes().hex()} {image.tolist()}")


class _TellingJudge(ScriptedJudge):
    next_error: Any = RuntimeError

    def begin(self) -> _Telling:
        return _Telling(1)


def test_the_frame_carries_the_mark() -> None:
    """Else the scan would find nothing whatever is kept."""
    assert MARK.hex().encode() in _marked_frame()
    assert MARK in read_frame(_marked_frame()).tobytes()


def test_after_sessions_with_forced_errors_a_scan_finds_nothing(tmp_path: Path, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(0)
    desk = make_desk(tmp_path)
    answers: list[bytes] = []
    secrets = _sessions(desk, answers)
    out, err = capfd.readouterr()
    kept = {
        "log": desk.log.getvalue().encode() + b"".join(record.getMessage().encode() for record in caplog.records if not record.name.startswith("httpx")),
        "output": (out + err).encode(),
        "metrics": desk.service.meters.render(),
        "answers": b"".join(answers),
        **{path.name: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()},
    }
    assert "captcha.db" in kept
    assert b"internal-error" in kept["log"]
    hits = [(place, kind) for place, content in kept.items() for kind, traces in secrets.items() for trace in traces if trace in content]
    assert hits == []
    assert not [path for path in tmp_path.rglob("*") if path.suffix.lower() in (".png", ".jpg", ".jpeg", ".webp", ".tmp")]


def _sessions(desk: Desk, answers: list[bytes]) -> dict[str, list[bytes]]:
    """Passes and failures of every kind; what must not be found of them."""
    passed, frame = desk.solve(), _marked_frame()
    desk.verify(passed["token"])
    desk.verify(passed["token"][:-3])
    verifying.verify(desk.service, {"secret": f"{desk.secret[:-3]}", "response": passed["token"]})
    secrets = [desk.secret, passed["secret"], *desk.client.cookies.values()]
    desk.service.judge = _TellingJudge()
    for error in _ERRORS:
        _TellingJudge.next_error = error
        begun = desk.begin()
        secrets.append(begun["secret"])
        answers += [desk.send(begun, frame).content, desk.look(begun).content]
    begun = desk.begin()
    for content in (frame[:-200], frame[:60], frame + frame, b"GIF89a" + frame):
        answers.append(desk.send(begun, content).content)
    answers.append(desk.client.post("/siteverify", content=frame, headers={"content-type": "application/json"}).content)
    signature = passed["token"].rpartition(".")[2]
    texts = {"token": [passed["token"], signature], "secret": [text for secret in secrets for text in (secret, secret.rpartition(".")[2])]}
    return {"frame": _spellings(MARK[:12]), "address": [b"127.0.0.1"], **{kind: [text.encode() for text in found] for kind, found in texts.items()}}
