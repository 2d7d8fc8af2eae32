"""The threats whose bounds are times and memory: measured, set beside their targets, and written down, met or not.

`python -m app.captcha threats-bench` is the command; `make threats-bench` runs the counted threats in full before it.
"""

import json
import os
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from app.captcha import bench_bombs, bench_load
from app.captcha.bench_bombs import Taken
from app.captcha.bench_load import percentile
from app.captcha.frames import MAX_BYTES

BOMB_BYTES, BOMB_SECONDS = 100e6, 0.1
VERIFY_RATE, VERIFY_SECONDS, VERIFY_FOR = 100, 0.02, 20.0
SLOW, SLOW_RATIO, SLOW_ROUNDS, SLOW_COUNT = 50, 1.5, 5, 100
_PAGE = """# Threats with a time or a memory bound

Made by `make threats-bench`; each figure is of one run on one machine ({cores} cores, load average {load}).
Threats that can be counted are tests, see [docs/captcha.md](../docs/captcha.md).

| Threat | Measured | Target | Figure | Met |
|---|---|---|---|---|
{rows}

## The pictures that took most

| Picture | File | Time | Memory | Answer |
|---|---:|---:|---:|---|
{pictures}
"""


@dataclass(frozen=True)
class Row:
    """A bound: of which threat, what was measured, what was allowed and what it was; None where it cannot be measured."""

    threat: str
    measured: str
    target: str
    figure: str
    is_met: bool | None


def run() -> tuple[list[Row], list[Taken]]:
    """Measure everything: some two minutes.

    Raises:
        CaptchaError: if the app cannot be started.
    """
    taken = bench_bombs.measure()
    with tempfile.TemporaryDirectory() as folder, bench_load.running_app(Path(folder)) as app:
        return [*_bombs(taken), *_verification(app), *_slow(app)], taken


def _bombs(taken: Sequence[Taken]) -> list[Row]:
    sent = [one for one in taken if one.size <= MAX_BYTES]  # larger ones are refused by their length
    formats = f"{len(sent)} pictures: bombs, odd modes, truncated, other formats"
    slowest, grown = max(sent, key=lambda one: one.seconds), max(sent, key=lambda one: one.growth or 0)
    memory = "not measured: Linux alone tells" if grown.growth is None else f"{grown.growth / 1e6:.0f} MB ({grown.name})"
    return [
        Row(formats, "growth of peak memory, worst", f"≤ {BOMB_BYTES / 1e6:.0f} MB", memory, None if grown.growth is None else grown.growth <= BOMB_BYTES),
        Row(formats, "time until read or refused, worst", _at_most(BOMB_SECONDS), f"{_ms(slowest.seconds)} ({slowest.name})", slowest.seconds <= BOMB_SECONDS),
    ]


def _verification(app: bench_load.App) -> list[Row]:
    load = bench_load.steady(app, VERIFY_RATE, VERIFY_FOR)
    middle, high, lag = percentile(load.latencies, 50), percentile(load.latencies, 95), percentile(load.lags, 95)
    what, count = f"`/siteverify`, {VERIFY_RATE} requests a second for {VERIFY_FOR:.0f} s", len(load.latencies)
    own = f"the generator's own share: {load.share:.0%} of a core, p95 of its lateness {_ms(lag)}, which is in the figure"
    figure = f"{_ms(high)} (median {_ms(middle)}; {own})"
    return [
        Row(what, "p95 from when a request is due to its answer", _at_most(VERIFY_SECONDS), figure, high <= VERIFY_SECONDS),
        Row(what, "good tokens accepted", f"{count}", f"{load.good}", load.good == count),
    ]


def _slow(app: bench_load.App) -> list[Row]:
    idle, busy = bench_load.beside_slow_clients(app, SLOW, SLOW_ROUNDS, SLOW_COUNT)
    before, beside = percentile(idle, 95), percentile(busy, 95)
    figure = f"{beside / before:.2f} × ({_ms(beside)} beside, {_ms(before)} without)"
    return [Row(f"{SLOW} slow clients", "another's p95", f"≤ {SLOW_RATIO} × idle", figure, beside <= SLOW_RATIO * before)]


def _ms(seconds: float) -> str:
    return f"{seconds * 1000:.1f} ms"


def _at_most(seconds: float) -> str:
    return f"≤ {seconds * 1000:.0f} ms"


def as_table(rows: Sequence[Row]) -> str:
    """Return the rows as Markdown."""
    words = {True: "yes", False: "**no**", None: "–"}
    return "\n".join(f"| {row.threat} | {row.measured} | {row.target} | {row.figure} | {words[row.is_met]} |" for row in rows)


def write(rows: Sequence[Row], taken: Sequence[Taken], folder: Path) -> None:
    """Write threats.json and threats.md."""
    load = ", ".join(f"{number:.1f}" for number in os.getloadavg()) if hasattr(os, "getloadavg") else "unknown"
    data = {"cores": os.cpu_count(), "load": load, "rows": [asdict(row) for row in rows], "pictures": [asdict(one) for one in taken]}
    worst = sorted(taken, key=lambda one: one.seconds, reverse=True)[:10]
    pictures = "\n".join(
        f"| {one.name} | {one.size / 1000:.0f} kB | {_ms(one.seconds)} | {'–' if one.growth is None else f'{one.growth / 1e6:.0f} MB'}"
        f" | {'read' if one.is_read else 'refused'} |"
        for one in worst
    )
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "threats.json").write_text(json.dumps(data, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    (folder / "threats.md").write_text(_PAGE.format(cores=data["cores"], load=load, rows=as_table(rows), pictures=pictures), encoding="utf-8")
