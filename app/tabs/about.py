"""The About tab: what the page is and is not, the law, the models with their cards and hashes, and how programs ask."""

from collections.abc import Sequence
from functools import partial
from html import escape

import gradio as gr

from app import spoof
from app.cards import loaded_weights, read_card, versions
from app.models import SPLITS, Model
from app.page import Page
from app.rules import Budgets
from app.snippets import mcp_snippet, python_snippet, shell_snippet
from app.words import say
from fersys.recognizers import BUILT_IN

TITLE = "tab.about"

# Sections of the page's texts: a title's key, and the keys of what stands under it.
_INTRODUCTION = (
    ("is_title", ("is_lead", "is_answer"), "p"),
    ("not_title", ("not_feeling", "not_judging", "not_everybody", "not_certain"), "li"),
    ("law_title", ("law_ban", "law_tell", "law_faces"), "p"),
    ("privacy_title", ("privacy_pictures", "privacy_frames", "privacy_way"), "p"),
)


def note(models: Sequence[Model], language: str = "en") -> str:
    """Return the short note under every answer, with the first model's accuracy if it was measured."""
    measured = next((m for model in models[:1] for m in reversed(model.measurements)), None)
    values = {"title": models[0].title, "share": _number(f"{100 * measured.accuracy:.1f}", language), "split": measured.split} if measured else {}
    share = say(language, "about.note_measured", **values) if measured else ""
    return f'<p class="fersys-note">{escape(share, quote=False)}{say(language, "about.note")}</p>'


def introduction(language: str) -> str:
    """Return what the page is, what it is not, what the law says and what happens to pictures."""
    return f'<div class="fersys-about fersys-about-grid">{"".join(_section(language, *section) for section in _INTRODUCTION)}</div>'


def _section(language: str, title: str, keys: Sequence[str], tag: str) -> str:
    inner = "".join(f"<{tag}>{say(language, f'about.{key}')}</{tag}>" for key in keys)
    return f'<section class="fersys-card"><h2>{say(language, f"about.{title}")}</h2>{f"<ul>{inner}</ul>" if tag == "li" else inner}</section>'


def measurements(models: Sequence[Model], language: str) -> str:
    """Return how well the models do, and which are missing."""
    title, lead = (say(language, f"about.models_{part}") for part in ("title", "lead"))
    return f'<section class="fersys-about"><h2>{title}</h2><p>{lead}</p>{table(models, language)}{absences(models, language)}</section>'


def table(models: Sequence[Model], language: str = "en") -> str:
    """Return accuracy and macro-F1 of every model on each split it was measured on."""
    heads = "".join(_head(say(language, f"about.{measure}", split=split)) for split in SPLITS for measure in ("accuracy", "macro_f1"))
    rows = "".join(f'<tr><th scope="row">{escape(model.title)}</th>{_cells(model, language)}</tr>' for model in models)
    return _table(_head(say(language, "about.model")) + heads, rows, say(language, "about.models_title"))


def _head(text: str) -> str:
    return f'<th scope="col">{escape(text)}</th>'


def _table(heads: str, rows: str, name: str) -> str:
    """A wide table scrolls by itself, by keyboard too."""
    inner = f'<table class="fersys-table"><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table>'
    return f'<div class="fersys-scroll" tabindex="0" role="region" aria-label="{escape(name)}">{inner}</div>'


def _cells(model: Model, language: str) -> str:
    by_split = {measured.split: f"{measured.accuracy:.3f}</td><td>{measured.macro_f1:.3f}" for measured in model.measurements}
    return "".join(f"<td>{_number(by_split.get(split, '–</td><td>–'), language)}</td>" for split in SPLITS)


def _number(text: str, language: str) -> str:
    return text.replace(".", ",") if language == "de" else text


def absences(models: Sequence[Model], language: str = "en") -> str:
    """Return a sentence for each built-in model that would be shown if its weights were here; no folder is named."""
    shown = {model.name for model in models}
    absent = [about for word, about in BUILT_IN.items() if word not in shown and about.missing()]
    return "".join(f"<p>{escape(say(language, 'about.absent', title=one.title, file=one.weights().name))}</p>" for one in absent)


def programs(page: Page, language: str) -> str:
    """Return how programs ask the page."""
    title, lead = say(language, "about.api_title"), say(language, "about.api_lead", rate=Budgets().session.partition("/")[0])
    blocks = [
        _snippet(say(language, "about.api_python"), python_snippet(page.url), "python"),
        _snippet(say(language, "about.api_curl"), shell_snippet(page.url), "shell"),
        _tools(page, language),
    ]
    return f'<section class="fersys-about" data-fersys-url="{escape(page.url)}"><h2>{title}</h2><p>{lead}</p>{"".join(blocks)}</section>'


def _tools(page: Page, language: str) -> str:
    title = say(language, "about.api_mcp")
    if not page.mcp:
        return f"<h3>{title}</h3><p>{say(language, 'about.api_mcp_off')}</p>"
    return _snippet(title, mcp_snippet(page.url), "mcp", f"<p>{say(language, 'about.api_mcp_on')}</p>")


def _snippet(title: str, code: str, name: str, lead: str = "") -> str:
    box = f'<pre class="fersys-snippet" data-snippet="{name}" tabindex="0" role="region" aria-label="{escape(title)}"><code>{escape(code)}</code></pre>'
    return f"<h3>{escape(title)}</h3>{lead}{box}"


def running(models: Sequence[Model], language: str) -> str:
    """Return which files answer, with their hashes, and the versions of what reads them."""
    title, lead = (say(language, f"about.versions_{part}") for part in ("title", "lead"))
    heads = _head(say(language, "about.model")) + _head(say(language, "about.file")) + _head("SHA-256")
    rows = "".join(
        f'<tr><th scope="row">{escape(one.title)}</th><td>{escape(one.name)}</td><td><code>{one.sha256}</code></td></tr>' for one in loaded_weights(models)
    )
    with_what = escape(say(language, "about.versions_with", versions=", ".join(versions())))
    return f'<section class="fersys-about"><h2>{title}</h2><p>{lead}</p>{_table(heads, rows, title)}<p>{with_what}</p></section>'


def build(page: Page) -> None:
    """Lay the tab out inside the open `gr.Blocks`."""
    models, words = page.arms.models, page.words
    gr.HTML(words.html("about.introduction", introduction), apply_default_css=False)
    gr.HTML(words.html("about.measurements", lambda language: measurements(models, language)), apply_default_css=False)
    gr.HTML(words.html("about.spoof", partial(spoof.view, spoof.read_spoof())), apply_default_css=False)
    gr.HTML(words.html("about.programs", lambda language: programs(page, language)), apply_default_css=False)
    _build_cards(page)
    gr.HTML(words.html("about.running", lambda language: running(models, language)), apply_default_css=False)


def _build_cards(page: Page) -> None:
    cards = [(model, text) for model in page.arms.models if (text := read_card(model))]
    if not cards:
        return
    gr.HTML(page.words.html("about.cards", _cards_head), apply_default_css=False)
    for model, text in cards:
        label = page.words.html(f"about.card.{model.name}", partial(_card_title, model.title))
        with gr.Accordion(label, open=False, elem_classes="fersys-model-card"):
            gr.Markdown(text)


def _card_title(title: str, language: str) -> str:
    return say(language, "about.card_of", title=title)


def _cards_head(language: str) -> str:
    title, lead = (say(language, f"about.cards_{part}") for part in ("title", "lead"))
    return f'<section class="fersys-about"><h2>{title}</h2><p>{lead}</p></section>'
