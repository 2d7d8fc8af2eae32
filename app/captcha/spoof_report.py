"""Writes what `spoof-bench` found: `spoof.json`, `spoof.md` and `figures/spoof.svg`. Counts alone, no pictures."""

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, is_dataclass
from pathlib import Path
from typing import Any

from app.captcha.spoof_kinds import KINDS
from fersys.atomic import replacing

_LEVEL = 0.95
_CAVEATS = """Synthetic attack kinds, made by a program: **not an ISO/IEC 30107-3 evaluation**. {people} people say nothing about all the others. The
photos are pictures warped and moved by a program, not paper before a lens; the films are of puppets: stills warped by their
mesh as the prompts ask, since nobody was filmed answering them. Expressions that a person was not filmed with were lent by
other faces, never two people's by the same one. A passed session is shown again frame by frame, half of the time after some
seconds of something else, and as if the same were asked again: any expression counts as the one asked.
"""
_LENDERS = "Faces that lend come from photos and, enlarged, from 48×48 pictures of FER2013's validation images."
_OFF = """Each cue that is meant to stop a kind is switched off by itself, then all of them at once. An attack counts only if it passes
then: what each face is asked and for how long is drawn anew every time, so the last column says which share of a kind counts."""
_BEGIN, _END = "<!-- spoof table: made by make spoof-bench -->", "<!-- spoof table ends -->"


def interval(passed: int, tried: int, level: float = _LEVEL) -> tuple[float, float]:
    """Return the Clopper–Pearson interval of a share; (0, 1) if nothing was tried.

    Args:
        passed: how many did.
        tried: of how many.
        level: how sure the interval is to hold the truth, 0–1.
    """
    tail = (1 - level) / 2
    low = 0.0 if passed == 0 else _root(lambda share: 1 - _at_most(passed - 1, tried, share) < tail)
    high = 1.0 if passed == tried else _root(lambda share: _at_most(passed, tried, share) > tail)
    return low, high


def _root(holds: Callable[[float], bool]) -> float:
    """Where a statement that holds for small shares ceases to."""
    low, high = 0.0, 1.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if holds(middle) else (low, middle)
    return (low + high) / 2


def _at_most(count: int, tried: int, share: float) -> float:
    """The chance of at most so many passes if each has this share."""
    return sum(math.comb(tried, k) * share**k * (1 - share) ** (tried - k) for k in range(count + 1))


def write_report(result: Mapping[str, Any], folder: Path) -> str:
    """Write the three files, put the table into `docs/captcha.md` beside the folder if it is there, and return the page."""
    plain = json.loads(json.dumps(result, default=lambda one: asdict(one) if is_dataclass(one) and not isinstance(one, type) else str(one)))
    page = render(plain)
    (folder / "figures").mkdir(parents=True, exist_ok=True)
    for name, text in (("spoof.json", json.dumps(plain, indent=2) + "\n"), ("spoof.md", page), ("figures/spoof.svg", draw(plain))):
        with replacing(folder / name) as unfinished:
            unfinished.write_text(text, encoding="utf-8")
    docs = folder.parent / "docs" / "captcha.md"
    if docs.is_file():
        docs.write_text(fill(docs.read_text(encoding="utf-8"), plain), encoding="utf-8")
    return page


def fill(text: str, result: Mapping[str, Any]) -> str:
    """Return a text with table and figure between its two marks; as it was if it has none."""
    before, begin, rest = text.partition(_BEGIN)
    _, end, after = rest.partition(_END)
    if not end:
        return text
    lines = [*_table(result), "", "![Share of attacks that pass](../reports/figures/spoof.svg)"]
    return "".join([before, begin, "\n", *(f"{line}\n" for line in lines), end, after])


def _table(result: Mapping[str, Any]) -> list[str]:
    people, clips = len(result["people"]), result["clips"]
    title = f"**Attacks on {people} filmed people, out of {clips} clips and {result['photos']} photos; limits fixed on the other people**"
    columns = ("attack", "passed", "share that passes (APCER), 95 % Clopper–Pearson", "to reach", "what ended the others", "under the app's own limits")
    head = [f"| {' | '.join(columns)} |", "|---" * len(columns) + "|"]
    return [title, "", *head, *(_row(name, kind) for name, kind in result["kinds"].items())]


def render(result: Mapping[str, Any]) -> str:
    """Return `spoof.md`."""
    kinds, people = result["kinds"], len(result["people"])
    lines = ["# How often an attack passes", "", "Made by `python -m app.captcha spoof-bench`, through the real service on a clock of its own.", ""]
    lines += [
        _CAVEATS.format(people=people),
        *([_LENDERS, ""] if result["faces"] else []),
        f"Asked: {', '.join(result['asked'])}; {result['rate']:g} frames a second; one challenge an attack.",
        "",
    ]
    lines += _table(result)
    lines += ["", "![Share of attacks that pass](figures/spoof.svg)", "", "## With cues switched off", "", _OFF, ""]
    lines += ["| attack | " + "passed of tried, by the cue that was off | with all of them off: the share that counts |", "|---|---|---|"]
    lines += [_off_row(name, kind["without"]) for name, kind in kinds.items() if kind["without"]]
    lines += ["", "## People who do as they are asked", "", *_people(result), "", "## Limits", "", *_limits(result), ""]
    return "\n".join(lines)


def _row(name: str, kind: Mapping[str, Any]) -> str:
    target, counts, app = KINDS[name].target, kind["all"], kind["app"]
    reach = "published without" if target is None else f"≤ {target:.0%}" if target else "0"
    stopped = ", ".join(f"{cue} {count}" for cue, count in sorted(counts["stopped_by"].items(), key=lambda item: -item[1])) or "–"
    return f"| {name} | {counts['passed']}/{counts['tried']} | {share(counts)} | {reach} | {stopped} | {app['passed']}/{app['tried']} |"


def share(counts: Mapping[str, Any]) -> str:
    """Return a share with its interval, for people; "–" if nothing was tried."""
    if not counts["tried"]:
        return "–"
    low, high = interval(counts["passed"], counts["tried"])
    return f"{counts['passed'] / counts['tried']:.1%} ({low:.1%} to {high:.1%})"


def _off_row(name: str, without: Mapping[str, Any]) -> str:
    single = ", ".join(f"{cue} {counts['passed']}/{counts['tried']}" for cue, counts in without.items() if cue != "all of them")
    every = without["all of them"]
    verdict = share(every) if every["passed"] else "**proves nothing**"
    return f"| {name} | {single} | {every['passed']}/{every['tried']}: {verdict} |"


def _people(result: Mapping[str, Any]) -> list[str]:
    real, puppets = result["real"], result["kinds"]["mesh puppet"]["all"]
    refused = {"passed": puppets["tried"] - puppets["passed"], "tried": puppets["tried"]}
    stretches, filmed = real["stretches"], real["filmed"]
    return [
        f"- Filmed, one step: {real['tried'] - real['passed']} of {real['tried']} showings of a person who begins an expression are refused:",
        f"  BPCER {share(real_refused(real))}. They are {stretches} stretches of film of {filmed} people, each shown at several frame rates,",
        "  sizes, brightnesses and from several beginnings, so they are far from independent; nobody saw a prompt; the app's limits.",
        "- Whole challenges: nobody was filmed answering prompts. The puppets stand in, and are an attack at the same time:",
        f"  {share(refused)} of them are refused. A puppet that passes is a program that passes: a machine that reads the prompt",
        "  and warps a picture gets through.",
    ]


def real_refused(real: Mapping[str, Any]) -> dict[str, int]:
    """Return the refused of the filmed steps as counts."""
    return {"passed": real["tried"] - real["passed"], "tried": real["tried"]}


def _limits(result: Mapping[str, Any]) -> list[str]:
    fixed = [f"- attacked {name}: " + ", ".join(f"{cue} {value:.3g}" for cue, value in limits.items()) for name, limits in result["limits"].items()]
    note = (
        "`flat` and `planar` are half of what 19 of 20 steps of the other people's puppets reach, `sudden` lies half way between\n"
        "those and hand-held photos of the other people. The rest is set, not measured: a face does not cross its own width in a\n"
        "tenth of a second (`leap`), a room does not change by 14 gray levels (`cut`), and a film repeats more than a camera (`frozen`,\n"
        "`seen`). The app's limits are round numbers near those that came out for both people together."
    )
    return [note, "", *fixed, "- in the app: " + ", ".join(f"{cue} {value:.3g}" for cue, value in result["shipped"].items())]


def draw(result: Mapping[str, Any]) -> str:
    """Return the figure: an SVG with a bar and an interval a kind."""
    rows = [(name, kind["all"]) for name, kind in result["kinds"].items() if kind["all"]["tried"]]
    height = 40 + 26 * len(rows)
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 640 {height}" font-family="sans-serif" font-size="12">']
    parts += [f"<title>Share of attacks that pass, {len(result['people'])} filmed people</title>", f'<rect width="640" height="{height}" fill="#fff"/>']
    parts += [f'<line x1="{_x(tick)}" y1="12" x2="{_x(tick)}" y2="{height - 24}" stroke="#ddd"/>' for tick in (0, 0.25, 0.5, 0.75, 1)]
    parts += [f'<text x="{_x(tick)}" y="{height - 8}" text-anchor="middle" fill="#333">{tick:.0%}</text>' for tick in (0, 0.25, 0.5, 0.75, 1)]
    parts += [_bar(24 + 26 * row, name, counts) for row, (name, counts) in enumerate(rows)]
    return "\n".join([*parts, "</svg>", ""])


def _x(value: float) -> float:
    return round(200 + 400 * value, 1)


def _bar(y: int, name: str, counts: Mapping[str, Any]) -> str:
    low, high = interval(counts["passed"], counts["tried"])
    middle = counts["passed"] / counts["tried"]
    return (
        f'<text x="190" y="{y + 4}" text-anchor="end" fill="#333">{name}</text>'
        f'<line x1="{_x(low)}" y1="{y}" x2="{_x(high)}" y2="{y}" stroke="#1f5fa8" stroke-width="2"/>'
        f'<circle cx="{_x(middle)}" cy="{y}" r="4" fill="#1f5fa8"/>'
    )
