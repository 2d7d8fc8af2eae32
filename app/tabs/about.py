"""The About tab: which models answer, how well they were measured to do, and what an answer is not."""

from collections.abc import Sequence
from html import escape

import gradio as gr

from app.models import SPLITS, Model
from app.page import Page
from fersys.recognizers import BUILT_IN

TITLE = "tab.about"

_TEXT = """
<p>Accuracy: share of right answers. Macro-F1: mean over the seven expressions, so that rare ones count as much as
common ones. Both 0 to 1, on the splits of FER2013.</p>
<h2>What an answer is</h2>
<p>A model was shown photos that people had sorted into seven expressions. Its answer is how probable it
thinks it that such people would have put this face into each of the seven. Where the likeliest stays below a
probability that was chosen with the model, the page says "not sure" and names it as a guess.</p>
<h2>What it is not</h2>
<ul>
<li>No measure of what a person feels: a smile can be polite, a frown concentrated.</li>
<li>Not fit for judging anybody: not in hiring, schooling, policing, insurance or health.</li>
<li>Not equally right for everybody: the photos (FER2013) came from web searches, and nobody knows whom they leave out.</li>
<li>Not certain: their labels are noisy, and people asked again gave the same ones to about two thirds of them
(Goodfellow et al., 2013).</li>
</ul>
<h2>What happens to your pictures</h2>
<p>A picture is looked at in memory, and the file it came in is deleted before you see the answer. An upload that was
broken off is deleted within two minutes. Nothing of it is logged. Where it travels stands at the top of the page.</p>
"""


def note(models: Sequence[Model], language: str = "en") -> str:
    """Return the short note under every answer, with the first model's accuracy if it was measured."""
    measured = next((m for model in models[:1] for m in reversed(model.measurements)), None)
    share = f"{escape(models[0].title)} is right on {100 * measured.accuracy:.1f}% of FER2013's {escape(measured.split)} images. " if measured else ""
    return f'<p class="fersys-note">{share}It names the expression a face shows, not what a person feels.</p>'


def table(models: Sequence[Model]) -> str:
    """Return accuracy and macro-F1 of every model on each split it was measured on."""
    heads = "".join(f'<th scope="col">{split} accuracy</th><th scope="col">{split} macro-F1</th>' for split in SPLITS)
    rows = "".join(f'<tr><th scope="row">{escape(model.title)}</th>{_cells(model)}</tr>' for model in models)
    return (
        f'<div class="fersys-scroll"><table class="fersys-table"><thead><tr><th scope="col">Model</th>{heads}</tr></thead><tbody>{rows}</tbody></table></div>'
    )


def _cells(model: Model) -> str:
    by_split = {measured.split: measured for measured in model.measurements}
    return "".join(f"<td>{by_split[s].accuracy:.3f}</td><td>{by_split[s].macro_f1:.3f}</td>" if s in by_split else "<td>–</td><td>–</td>" for s in SPLITS)


def absences(models: Sequence[Model]) -> str:
    """Return a sentence for each built-in model that would be shown if its weights were here; no folder is named."""
    shown = {model.name for model in models}
    absent = [about for word, about in BUILT_IN.items() if word not in shown and about.missing()]
    return "".join(f"<p>Not shown: {escape(one.title)} with its own weights; {escape(one.weights().name)} is not on this machine.</p>" for one in absent)


def build(page: Page) -> None:
    """Lay the tab out inside the open `gr.Blocks`."""
    models = page.arms.models
    gr.HTML(f'<div class="fersys-about"><h2>The models</h2>{table(models)}{absences(models)}{_TEXT}</div>', apply_default_css=False)
