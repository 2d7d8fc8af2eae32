"""The About tab's texts, tables and hashes."""

import hashlib
import re
from pathlib import Path

import pytest

from app.models import load_models
from app.tabs.about import introduction, measurements, note, running, table
from tests.tiny_package import make_package

METRICS = '{"splits": {"test": {"n": 20, "accuracy": 0.5432, "macro_f1": 0.4}}}'


def test_the_law_is_named_in_both_languages() -> None:
    for language, words in (("en", ("Article 5(1)(f)", "Article 50(3)")), ("de", ("Artikel 5 Absatz 1 Buchstabe f", "Artikel 50 Absatz 3"))):
        assert all(word in introduction(language) for word in words)


def test_every_section_has_a_heading_and_text() -> None:
    for language in ("en", "de"):
        sections = re.findall(r"<section.*?</section>", introduction(language))
        assert len(sections) == 4
        assert all(re.search(r"<h2>.+?</h2>(<p>|<ul><li>).+", section) for section in sections)


def test_the_loaded_file_s_hash_is_shown_whole(tmp_path: Path) -> None:
    package = make_package(tmp_path, "tiny")
    assert hashlib.sha256((package / "model.onnx").read_bytes()).hexdigest() in running(load_models([package]), "en")


def test_german_numbers_have_commas(tmp_path: Path) -> None:
    models = load_models([make_package(tmp_path, "tiny", metrics=METRICS)])
    assert "54,3 %" in note(models, "de")
    assert "54.3%" in note(models)
    assert "<td>0,543</td>" in table(models, "de")
    assert "<td>0.543</td>" in measurements(models, "en")


@pytest.mark.parametrize("language", ["en", "de"])
def test_names_are_escaped(tmp_path: Path, language: str) -> None:
    models = load_models([make_package(tmp_path, "a&b", metrics=METRICS)])
    for piece in (note(models, language), table(models, language), running(models, language)):
        assert "a&amp;b" in piece
