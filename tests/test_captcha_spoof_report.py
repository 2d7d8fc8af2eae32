import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from app.captcha.spoof_bench import Counts
from app.captcha.spoof_kinds import KINDS
from app.captcha.spoof_report import fill, interval, share, write_report


@pytest.mark.parametrize(
    ("passed", "tried", "low", "high"),
    [(0, 10, 0.0, 0.3085), (0, 150, 0.0, 0.0243), (1, 10, 0.0025, 0.4450), (5, 10, 0.1871, 0.8129), (10, 10, 0.6915, 1.0), (3, 150, 0.0041, 0.0573)],
)
def test_the_interval_is_clopper_and_pearson_s(passed: int, tried: int, low: float, high: float) -> None:
    assert interval(passed, tried) == pytest.approx((low, high), abs=1e-4)


def test_nothing_tried_says_nothing() -> None:
    assert interval(0, 0) == (0.0, 1.0)
    assert share({"passed": 0, "tried": 0}) == "–"


def result() -> dict[str, Any]:
    kinds = {
        name: {"all": Counts(0, 150, {"sudden": 150}), "app": Counts(1, 50, {}), "without": {"all of them": Counts(4, 4, {})} if kind.cues else {}}
        for name, kind in KINDS.items()
    }
    kinds["film, replayed"]["without"] = {"order": Counts(1, 4, {"turn": 3}), "all of them": Counts(0, 4, {"late": 4})}
    found = {"asked": ["happy", "sad"], "kinds": kinds, "people": {"one.mp4": [], "two.mp4": ["sad"]}, "clips": 2, "photos": 9, "rate": 10.0, "faces": True}
    return found | {"limits": {"one.mp4": {"flat": 0.01}}, "shipped": {"flat": 0.012}, "real": {"passed": 19, "tried": 20, "stretches": 2, "filmed": 2}}


def test_the_report_says_how_many_people_it_rests_on_and_what_it_is_not(tmp_path: Path) -> None:
    page = write_report(result(), tmp_path)
    assert "2 filmed people, out of 2 clips and 9 photos" in page
    assert "not an ISO/IEC 30107-3 evaluation" in page
    assert "| photo, static | 0/150 | 0.0% (0.0% to 2.4%) | 0 | sudden 150 | 1/50 |" in page
    assert page == (tmp_path / "spoof.md").read_text(encoding="utf-8")


def test_an_attack_that_fails_with_its_cues_off_proves_nothing(tmp_path: Path) -> None:
    page = write_report(result(), tmp_path)
    assert "| film, replayed | order 1/4 | 0/4: **proves nothing** |" in page
    assert "4/4: 100.0% (39.8% to 100.0%) |" in page


def test_refused_people_are_counted_not_accepted_ones(tmp_path: Path) -> None:
    page = write_report(result(), tmp_path)
    assert "1 of 20 showings" in page
    assert "5.0% (0.1% to 24.9%)" in page


def test_the_figure_is_a_picture_of_every_kind(tmp_path: Path) -> None:
    write_report(result(), tmp_path)
    drawn = ElementTree.parse(tmp_path / "figures" / "spoof.svg")
    assert len(drawn.findall("{http://www.w3.org/2000/svg}circle")) == len(KINDS)


def test_the_table_goes_into_the_docs_between_its_marks_and_nowhere_else(tmp_path: Path) -> None:
    docs = tmp_path / "docs" / "captcha.md"
    docs.parent.mkdir()
    docs.write_text("before\n<!-- spoof table: made by make spoof-bench -->\nold\n<!-- spoof table ends -->\nafter\n", encoding="utf-8")
    write_report(result(), tmp_path / "reports")
    text = docs.read_text(encoding="utf-8")
    assert text.startswith("before\n")
    assert text.endswith("<!-- spoof table ends -->\nafter\n")
    assert "old" not in text
    assert "| photo, static | 0/150 |" in text
    assert "(../reports/figures/spoof.svg)" in text
    assert fill("no marks", result()) == "no marks"


def test_the_docs_show_what_was_measured_last() -> None:
    root = Path(__file__).parent.parent
    text = (root / "docs" / "captcha.md").read_text(encoding="utf-8")
    assert "<!-- spoof table ends -->" in text
    assert fill(text, json.loads((root / "reports" / "spoof.json").read_text(encoding="utf-8"))) == text
