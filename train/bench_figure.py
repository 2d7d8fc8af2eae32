"""The picture of a benchmark: one bar a way to an answer, on a scale of powers of ten."""

from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from train.bench import ONE, WHOLE
from train.figures import DARK, LIGHT, MIDDLE

_ROOM = 30  # for the words beside the longest bar: the end of the scale ÷ its length


def draw_bench(report: dict[str, Any]) -> Figure:
    """Draw the median time of each way to an answer, with quartiles; of our parts the CNN alone is shown."""
    rows = sorted((row for row in report["rows"] if not row["ours"] or row["row"] in {WHOLE, ONE}), key=lambda row: -float(row["ms"]))
    figure = Figure(figsize=(9, 0.9 + 0.55 * len(rows)), layout="constrained", facecolor="white")
    axes = figure.add_subplot()
    for place, row in enumerate(rows):
        _draw_row(axes, place, row)
    axes.set_yticks(range(len(rows)), [row["row"] for row in rows])
    axes.set_xscale("log")
    axes.set_xlim(min(1.0, rows[-1]["ms"] / 2), rows[0]["ms"] * _ROOM)
    axes.xaxis.set_major_formatter("{x:g}")
    axes.set_xlabel("milliseconds, median and quartiles (each line is ten times as long as the one before)")
    axes.set_title(f"One frame of 640×480 with one face: {report['package']} and others ({report['machine']['cores']} cores)", fontsize=11)
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis="x", color="#dddddd", linewidth=0.6)
    axes.set_axisbelow(True)
    return figure


def _draw_row(axes: Axes, place: int, row: dict[str, Any]) -> None:
    ours = row["ours"]
    low, high = row["quartiles"]
    axes.barh(place, row["ms"], 0.6, color=DARK if ours else LIGHT, hatch="" if ours else "///", edgecolor="black" if ours else MIDDLE, linewidth=0.6)
    axes.hlines(place, low, high, color="gray" if ours else "black", linewidth=1.6)
    axes.text(max(high, row["ms"]) * 1.08, place, f"{row['ms']:.1f} ms, {row['ratio']:.1f} × our frame", va="center", fontsize=9)
