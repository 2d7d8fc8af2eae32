"""The page's languages: every text in each, and the one that the visitor asked for."""

import re
import string
from types import SimpleNamespace
from typing import Any

import pytest

from app.words import LANGUAGES, Words, keys, language_of, say, script_words
from fersys import EMOTIONS
from fersys.errors import ConfigError


def fields(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


@pytest.mark.parametrize("key", keys())
def test_a_text_is_there_in_every_language_with_the_same_values(key: str) -> None:
    texts = [say(language, key) for language in LANGUAGES]
    assert all(text.strip() for text in texts)
    assert len({frozenset(fields(text)) for text in texts}) == 1
    assert len({frozenset(re.findall(r"</?\w+", text)) for text in texts}) == 1


@pytest.mark.parametrize("emotion", EMOTIONS)
def test_every_expression_has_a_word(emotion: str) -> None:
    assert say("en", f"emotion.{emotion}") == emotion
    assert say("de", f"emotion.{emotion}")


@pytest.mark.parametrize(("language", "key"), [("en", "page.none"), ("xx", "page.tagline")])
def test_a_text_that_is_not_there_is_named(language: str, key: str) -> None:
    with pytest.raises(ConfigError, match=f"Received: {key} in {language}"):
        say(language, key)


@pytest.mark.parametrize(
    ("asked", "language"),
    [("de-AT,de;q=0.9,en;q=0.8", "de"), ("fr-FR,fr;q=0.9,de;q=0.7", "en"), ("fr", "en"), ("EN-us", "en"), ("", "en"), (None, "en")],
)
def test_the_language_that_is_asked_for_first_is_chosen_if_it_is_spoken(asked: str | None, language: str) -> None:
    request: Any = SimpleNamespace(headers={} if asked is None else {"accept-language": asked})
    assert language_of(request) == language


def test_without_a_request_it_is_the_first_language() -> None:
    assert language_of(None) == LANGUAGES[0]


def test_what_was_marked_is_in_the_browser_s_table_in_every_language() -> None:
    words = Words()
    assert words.mark("tab.image").key == "tab.image"
    words.html("box", lambda language: f"<b>{say(language, 'tab.image')}</b>")
    table = words.table().translations
    assert {language: table[language]["tab.image"] for language in LANGUAGES} == {"en": "Image", "de": "Bild"}
    assert table["de"]["box"] == "<b>Bild</b>"


def test_scripts_get_their_own_texts_in_every_language() -> None:
    assert set(script_words()) == set(LANGUAGES)
    assert [f"script.{key}" for key in script_words()["en"]] == [key for key in keys() if key.startswith("script.")]
