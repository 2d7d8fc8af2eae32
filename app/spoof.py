"""How often made attacks passed the emoji challenge, for the About tab: `reports/spoof.json`, which a copy may lack."""

from html import escape
from pathlib import Path

from app.captcha.spoof_report import interval
from app.report import ROOT, Content, read_figures
from app.words import LANGUAGES, keys, say

REPORT_FILE = Path("reports") / "spoof.json"
_LIMITS = ("made", "people", "puppet", "cues")


def read_spoof(root: Path = ROOT) -> Content | None:
    """Return what `python -m app.captcha spoof-bench` found; None if the file is not here, empty if it is damaged, as `read_figures` says."""
    return read_figures(root / REPORT_FILE, "python -m app.captcha spoof-bench", _check)


def _check(content: Content) -> None:
    """Sound is what the section can be made of."""
    counts = [kind["all"] for kind in content["kinds"].values()]
    if not content["people"] or not all(0 <= one["passed"] <= one["tried"] for one in counts):
        raise ValueError("nobody, or more passes than attacks")
    _found(content, LANGUAGES[0])


def view(content: Content | None, language: str) -> str:
    """Return the section: the table and its limits, or that there are no figures here, or none that can be read."""
    title, lead = _say(language, "title"), _say(language, "lead")
    inside = _found(content, language) if content else f"<p>{_say(language, 'absent' if content is None else 'damaged')}</p>"
    return f'<section class="fersys-about fersys-spoof"><h2>{title}</h2><p>{lead}</p>{inside}</section>'


def _found(content: Content, language: str) -> str:
    people = _say(language, "rests", people=len(content["people"]), clips=content["clips"], photos=content["photos"])
    limits = "".join(f"<li>{_say(language, f'limit_{name}', people=len(content['people']))}</li>" for name in _LIMITS)
    heads = "".join(f'<th scope="col">{_say(language, name)}</th>' for name in ("attack", "passed", "share"))
    rows = "".join(_row(name, kind["all"], language) for name, kind in content["kinds"].items() if kind["all"]["tried"])
    table = f'<table class="fersys-table"><caption>{people}</caption><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table>'
    name = _say(language, "title")
    return f'<div class="fersys-scroll" tabindex="0" role="region" aria-label="{name}">{table}</div><ul>{limits}</ul>'


def _row(name: str, counts: Content, language: str) -> str:
    passed, tried = int(counts["passed"]), int(counts["tried"])
    low, high = interval(passed, tried)
    share = f"{_percent(passed / tried, language)} ({_percent(low, language)} – {_percent(high, language)})"
    return f'<tr><th scope="row">{_kind(name, language)}</th><td>{_say(language, "of", passed=passed, tried=tried)}</td><td>{share}</td></tr>'


def _kind(name: str, language: str) -> str:
    key = f"kind_{name.replace(',', '').replace(' ', '_').replace('-', '_')}"
    return _say(language, key) if f"spoof.{key}" in keys() else escape(name)


def _percent(share: float, language: str) -> str:
    text = f"{100 * share:.1f} %"
    return text.replace(".", ",") if language == "de" else text


def _say(language: str, key: str, **values: object) -> str:
    return escape(say(language, f"spoof.{key}", **values))
