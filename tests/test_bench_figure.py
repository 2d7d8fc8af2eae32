"""The picture of a benchmark, by what is in it."""

from typing import Any

from train.bench import EIGHT, ONE, WHOLE
from train.bench_figure import draw_bench

OTHER = "another library"


def row(name: str, ms: float) -> dict[str, Any]:
    return {"row": name, "ours": name != OTHER, "ms": ms, "quartiles": [ms * 0.9, ms * 1.2], "ratio": ms / 10}


def test_whole_answers_are_bars_from_slow_to_fast_and_ours_are_plain() -> None:
    report = {"package": "tiny", "machine": {"cores": 2}, "rows": [row(WHOLE, 10.0), row(EIGHT, 20.0), row(ONE, 4.0), row(OTHER, 300.0)]}
    (axes,) = draw_bench(report).axes
    assert [label.get_text() for label in axes.get_yticklabels()] == [OTHER, WHOLE, ONE]
    assert [bar.get_width() for bar in axes.patches] == [300.0, 10.0, 4.0]  # type: ignore[attr-defined]
    assert [bool(bar.get_hatch()) for bar in axes.patches] == [True, False, False]
    assert [text.get_text() for text in axes.texts] == ["300.0 ms, 30.0 × our frame", "10.0 ms, 1.0 × our frame", "4.0 ms, 0.4 × our frame"]
    assert axes.get_xscale() == "log"
    assert "tiny" in axes.get_title()
