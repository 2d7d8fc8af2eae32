"""The spoof table of the About tab."""

import json
from pathlib import Path
from typing import Any

import pytest

from app import report, spoof
from app.captcha.spoof_kinds import KINDS
from app.demo import build_demo
from app.models import Arms, load_models
from app.page import Page
from app.words import LANGUAGES, keys, say
from tests.tiny_package import make_package

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


def counted(passed: Any, tried: Any) -> dict[str, Any]:
    return {**FOUND, "kinds": {"x": {"all": {"passed": passed, "tried": tried}}}}


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(
    "content",
    [
        "{", "[]", {"kinds": {}}, {**FOUND, "people": []}, {**FOUND, "people": 3}, {**FOUND, "kinds": [1]},
        {key: FOUND[key] for key in ("people", "kinds", "photos")}, counted(2, 1), counted(-1, 1), counted("0", "0"),
        counted(0, 0.5), counted(float("inf"), float("inf")), counted(0, None),
    ],
    ids=str,
)  # fmt: skip
def test_a_damaged_report_is_said_on_the_page_and_named_in_one_line(tmp_path: Path, content: Any, language: str, capsys: pytest.CaptureFixture[str]) -> None:
    html = spoof.view(spoof.read_spoof(written(tmp_path, content)), language)
    assert say(language, "spoof.damaged") in html
    assert say(language, "spoof.absent") not in html
    assert "<table" not in html
    (line,) = capsys.readouterr().err.splitlines()
    assert f"{tmp_path / spoof.REPORT_FILE} is damaged: expected what `python -m app.captcha spoof-bench` writes." in line


def test_the_page_is_built_in_spite_of_damaged_reports(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    for module in (spoof, report):
        path = tmp_path / module.REPORT_FILE.name
        path.write_text("{", encoding="utf-8")
        monkeypatch.setattr(module, "REPORT_FILE", path)  # a whole path: no root is put before it
    page = Page(Arms(tuple(load_models([make_package(tmp_path, "tiny")]))))
    build_demo(page)
    assert [line.split(" is damaged: ")[0] for line in capsys.readouterr().err.splitlines()] == [
        f"not shown: {tmp_path / name}.json" for name in ("compare", "spoof")
    ]
    for language, texts in page.words.table().translations.items():
        assert say(language, "spoof.damaged") in texts["about.spoof"]
        assert say(language, "compare.damaged") in texts["compare.page"]
