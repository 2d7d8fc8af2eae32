"""What the page says, in every language it speaks. The texts lie in `texts/<part>.toml`, a table a text:

[no_face]
en = "No face found in this picture"
de = "In diesem Bild ist kein Gesicht zu finden"

Its key is `<part>.no_face`. Values in braces are filled in by `say`. What stands on the page from the start is
translated by the visitor's browser (`Words.mark`, `Words.html`); what a handler answers, by the language that the
browser asks for (`language_of`). Scripts find the part `script` in `window.FERSYS_WORDS`.
"""

import functools
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fersys.errors import ConfigError

if TYPE_CHECKING:
    import gradio as gr
    from starlette.requests import HTTPConnection

LANGUAGES = ("en", "de")  # the first stands in for all others
_FOLDER = Path(__file__).parent / "texts"
Text = Mapping[str, str]


@functools.cache
def _texts() -> dict[str, Text]:
    parts = {path.stem: tomllib.loads(path.read_text(encoding="utf-8")) for path in sorted(_FOLDER.glob("*.toml"))}
    return {f"{part}.{key}": text for part, content in parts.items() for key, text in content.items()}


def keys() -> list[str]:
    """Return the keys of all texts."""
    return list(_texts())


def say(language: str, key: str, /, **values: object) -> str:
    """Return a text in a language, with its values filled in; not escaped.

    Raises:
        ConfigError: if there is no such text.
    """
    try:
        text = _texts()[key][language]
    except KeyError as error:
        raise ConfigError(f"Text: expected one in app/texts, in {' or '.join(LANGUAGES)}. Received: {key} in {language}") from error
    return text.format(**values) if values else text


def title(language: str, shown: str) -> str:
    """Return a model's title in a language, if it is one of those that have a text; else as it is. Programs get it as it is."""
    key = next((key for key, text in _texts().items() if key.startswith("model.") and text[LANGUAGES[0]] == shown), None)
    return say(language, key) if key else shown


def language_of(request: "gr.Request | HTTPConnection | None") -> str:
    """Return the language that the visitor's browser asks for first, if we speak it: Gradio heeds no other, and a page speaks one language."""
    asked = request.headers.get("accept-language", "") if request else ""
    first = asked.strip().lower()[:2]
    return first if first in LANGUAGES else LANGUAGES[0]


class Words:
    """Collects, while the page is built, what the visitor's browser will translate."""

    def __init__(self) -> None:
        self._marked: dict[str, dict[str, str]] = {language: {} for language in LANGUAGES}

    def mark(self, key: str) -> Any:
        """Return what stands for a text where Gradio takes a label, a title or a value."""
        return self.html(key, lambda language: say(language, key))

    def html(self, key: str, render: Callable[[str], str]) -> Any:
        """Return what stands for a piece of HTML where Gradio takes a value.

        Args:
            key: a name that no other piece of the page has.
            render: makes the piece for a language.
        """
        import gradio as gr

        for language in LANGUAGES:
            self._marked[language][key] = render(language)
        return gr.I18n()(key)

    def table(self) -> "gr.I18n":
        """Return all of it for `launch(i18n=…)`."""
        import gradio as gr

        return gr.I18n(**self._marked)


def script_words() -> dict[str, dict[str, str]]:
    """Return the texts of the part `script`, by language and key, for `window.FERSYS_WORDS`."""
    chosen = {key.removeprefix("script."): text for key, text in _texts().items() if key.startswith("script.")}
    return {language: {key: text[language] for key, text in chosen.items()} for language in LANGUAGES}
