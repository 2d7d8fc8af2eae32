"""`python -m app.captcha judge-bench`: what a frame costs one person on one core, and whether three people at once are answered in time."""

import tempfile
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from app.captcha import solving
from app.captcha.challenges import OPEN, Binding
from app.captcha.clock import server_time
from app.captcha.face_judge import FaceJudge, Rules
from app.captcha.judge import Prompt
from app.captcha.service import Service
from app.captcha.solving import Claim, Frame
from app.captcha.spoof_bench import CUES, HOST, encode, open_rules, serve
from app.captcha.spoof_people import CLIPS, Sources
from fersys.errors import ConfigError
from fersys.results import Image
from fersys.video import opened

_FRAMES = 60
_BUDGET = 40.0  # milliseconds a frame and person on one core
_SECONDS = 0.1  # between two frames of a person
_PEOPLE = 3


def judge_bench(folder: Path) -> str:
    """Time the judge on the first clip of a folder: one person alone, then three at once through the whole service; return lines for people.

    Raises:
        ConfigError: if there is no clip.
        ModelError: if a model is missing.
    """
    clips = Sources(folder).files(CLIPS)
    if not clips:
        raise ConfigError(f"Judge bench: expected clips in {folder}. Received: none")
    with opened(clips[0]) as reader:
        frames = [frame for _, frame in reader.frames()][:_FRAMES]
    rules = open_rules()
    alone, taken = float(np.median(spent(rules, frames))), people_at_once(rules, frames)
    frames_sent = _PEOPLE * len(frames)
    late = frames_sent - sum(value <= _SECONDS for value in taken)  # a frame without an answer is late too
    return (
        f"One person: {alone:.1f} ms of processor time a frame, median; {alone / _BUDGET:.2f} of the {_BUDGET:g} ms allowed.\n"
        f"{_PEOPLE} people, a frame each every {_SECONDS * 1000:g} ms, through the whole service: {late} of {frames_sent} frames answered late; "
        f"median {np.median(taken) * 1000:.0f} ms, slowest {max(taken) * 1000:.0f} ms."
    )


def spent(rules: Rules, frames: Sequence[Image]) -> list[float]:
    """Return the processor time of each frame in milliseconds, of all threads of this process."""
    session, taken = FaceJudge(replace(rules, off=frozenset({"late", "order"}))).begin(), []
    session.ask(Prompt("happy", "left"), 0.0)
    for number, frame in enumerate(frames):
        begin = time.process_time()
        session.look(frame, number * _SECONDS)
        taken.append((time.process_time() - begin) * 1000)
    return taken


@dataclass
class _Visitor:
    """Sends frames to the service as a browser does; when a challenge is over, the next one begins."""

    service: Service
    binding: Binding
    address: str
    view: dict[str, Any]
    claim: Claim

    def send(self, content: bytes) -> None:
        if self.view["state"] != OPEN:
            self.view, self.claim = _begin(self.service, self.binding, self.address)
        self.view = solving.look(self.service, self.claim, Frame(self.view["nonce"], self.view["sequence"] + 1, content))


def _begin(service: Service, binding: Binding, address: str) -> tuple[dict[str, Any], Claim]:
    begun = solving.begin(service, binding, address)
    return begun.view, Claim(begun.view["id"], begun.secret, begun.cookie)


def people_at_once(rules: Rules, frames: Sequence[Image]) -> list[float]:
    """Return for each frame of three people the seconds from when it was due to its answer, on the wall's clock; late is after the next one is due."""
    contents, taken = [encode(frame) for frame in frames], list[float]()
    with tempfile.TemporaryDirectory(prefix="fersys-judge-") as folder:
        service, site = serve(Path(folder), replace(rules, off=CUES), server_time)
        binding = Binding(site.key, HOST)
        addresses = [f"192.0.2.{number}" for number in range(1, _PEOPLE + 1)]
        visitors = [_Visitor(service, binding, address, *_begin(service, binding, address)) for address in addresses]
        threads = [threading.Thread(target=_send_all, args=(one, contents, _SECONDS * n / _PEOPLE, taken)) for n, one in enumerate(visitors)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        service.close()
    return taken


def _send_all(visitor: _Visitor, contents: Sequence[bytes], delay: float, taken: list[float]) -> None:
    begin = time.monotonic() + delay
    for number, content in enumerate(contents):
        due = begin + number * _SECONDS
        time.sleep(max(0.0, due - time.monotonic()))
        visitor.send(content)
        taken.append(time.monotonic() - due)
