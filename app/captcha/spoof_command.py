"""What `spoof-bench` does, from folder to report."""

import sys
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from app.captcha.cues import Limits
from app.captcha.face_judge import FaceJudge, Rules
from app.captcha.judge import Prompt
from app.captcha.spoof_bench import CUES, RATE, Terms, bench, open_rules
from app.captcha.spoof_people import PHOTOS, Sources, read_people, real_onsets
from app.captcha.spoof_report import write_report
from fersys.errors import ConfigError
from fersys.results import Image


def spoof_bench(sources: Sources, count: int, off: Sequence[str], reports: Path) -> str:
    """Attack, write the report and return its page.

    Args:
        sources: clips and photos of people, and faces that lend expressions.
        count: attacks a kind with photos; films and puppets take a third, runs with one cue off a fifteenth, at least two.
        off: cues that are switched off throughout.
        reports: where the report goes.

    Raises:
        ConfigError: if the clips do not do.
        ModelError: if a model is missing.
    """
    unknown = set(off) - CUES
    if unknown:
        raise ConfigError(f"Cues: expected some of {', '.join(sorted(CUES))}. Received: {', '.join(sorted(unknown))}")
    rules = replace(open_rules(), off=frozenset(off))
    people = read_people(sources, rules.recognizers, rules.table)
    fewer = max(4, count // 3)
    result = bench(Terms(rules.table.asked, rules.off), people, {"photo": count, "film": fewer, "puppet": fewer, "off": max(2, count // 15)}, _tell)
    result |= {"people": {person.name: list(person.lent) for person in people}, "clips": len(people), "photos": len(sources.files(PHOTOS))}
    result |= {
        "rate": RATE,
        "shipped": asdict(Limits()),
        "off": sorted(off),
        "faces": bool(sources.faces),
        "real": real_steps(sources.folder, [person.name for person in people], rules),
    }
    return write_report(result, reports)


def _tell(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def real_steps(folder: Path, clips: Sequence[str], rules: Rules) -> dict[str, Any]:
    """Show the judge the moments at which filmed people begin an expression, each in several ways; no warping, no prompt that they could see."""
    passed = tried = stretches = 0
    filmed = set()
    for clip in clips:
        for name, film in real_onsets(folder / clip, rules.recognizers, rules.table):
            ends = [_step(rules, name, film, np.random.default_rng(seed)) for seed in range(10)]
            passed, tried, stretches = passed + sum(ends), tried + len(ends), stretches + 1
            filmed.add(clip)
    return {"passed": passed, "tried": tried, "stretches": stretches, "filmed": len(filmed)}


def _step(rules: Rules, name: str, film: Sequence[tuple[float, Image]], generator: np.random.Generator) -> bool:
    """Whether a stretch of film passes as one step."""
    session, begin = FaceJudge(replace(rules, seen=type(rules.seen)())).begin(), film[0][0]
    session.ask(Prompt(name), begin)
    gap, gain, zoom, due = generator.uniform(0.07, 0.125), generator.uniform(0.75, 1.2), generator.uniform(1, 1.3), begin + generator.uniform(0, 0.3)
    for at, frame in film:
        if at < due:
            continue
        due = max(due + gap, at)
        seen = session.look(_changed(frame, gain, zoom), at)
        if seen.accepted or seen.refused:
            return seen.accepted
    return False


def _changed(frame: Image, gain: float, zoom: float) -> Image:
    size = (round(frame.shape[1] * zoom), round(frame.shape[0] * zoom))
    return np.asarray(cv2.convertScaleAbs(cv2.resize(frame, size), alpha=gain), np.uint8)
