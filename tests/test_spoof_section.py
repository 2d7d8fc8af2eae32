"""The spoof table of the About tab."""

import json
from pathlib import Path
from typing import Any

import pytest

from app import spoof
from app.captcha.spoof_kinds import KINDS
from app.words import LANGUAGES, keys, say
from fersys.errors import ConfigError

FOUND: dict[str, Any] = {
    "people": ["one.mp4", "two.mp4"],
    "clips": 3,
    "photos": 9,
    "kinds": {
        "photo, static": {"all": {"passed": 0, "tried": 150}},
        "mesh puppet": {"all": {"passed": 21, "tried": 24}},
        "a <new> kind": {"all": {"passed": 1, "tried": 10}},
        "never tried": {"all": {"passed": 0, "tried": 0}},
    },
}


def written(folder: Path, content: Any) -> Path:
    (folder / "reports").mkdir()
    (folder / spoof.REPORT_FILE).write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return folder


def test_each_attack_that_was_tried_has_its_counts_and_its_interval(tmp_path: Path) -> None:
    html = spoof.view(spoof.read_spoof(written(tmp_path, FOUND)), "en")
    assert "<td>0 of 150</td><td>0.0 % (0.0 % – 2.4 %)</td>" in html
    assert "<td>21 of 24</td><td>87.5 %" in html
    assert "a &lt;new&gt; kind" in html
    assert "never tried" not in html


@pytest.mark.parametrize("language", LANGUAGES)
def test_on_how_many_people_it_rests_stands_in_the_title_and_its_limits_below(language: str) -> None:
    html = spoof.view(FOUND, language)
    assert f"<caption>{say(language, 'spoof.rests', people=2, clips=3, photos=9)}</caption>" in html
    assert "ISO/IEC 30107-3" in html
    assert say(language, "spoof.limit_puppet") in html
    assert ("87,5 %" in html) == (language == "de")


def test_every_kind_has_a_name_in_every_language() -> None:
    for name in KINDS:
        assert all(spoof.view({**FOUND, "kinds": {name: {"all": {"passed": 0, "tried": 1}}}}, language) for language in LANGUAGES)
        assert f"spoof.kind_{name.replace(',', '').replace(' ', '_').replace('-', '_')}" in keys()


@pytest.mark.parametrize("language", LANGUAGES)
def test_without_the_report_it_says_so(tmp_path: Path, language: str) -> None:
    html = spoof.view(spoof.read_spoof(tmp_path), language)
    assert say(language, "spoof.absent") in html
    assert "<table" not in html


@pytest.mark.parametrize("content", ["{", {"kinds": {}}, {**FOUND, "people": []}, {**FOUND, "kinds": {"x": {"all": {"passed": 2, "tried": 1}}}}])
def test_a_damaged_report_is_named(tmp_path: Path, content: Any) -> None:
    with pytest.raises(ConfigError, match="is damaged"):
        spoof.read_spoof(written(tmp_path, content))
