"""The sections of a card, each a function of the facts. To add one: write it, add it to `SECTIONS`.
A section with nothing to say returns "".

Every figure comes from the package's own files; prose that holds for all our models stands here.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from fersys.labels import EMOTIONS
from model_card.facts import Facts

_SPLIT_NOTES = {
    "train": "official Training, 28,709 images, seen in training but for those the clean-up removed",
    "validation": "PublicTest; chose settings, temperature and certainty, and the epoch where `select` is best",
    "test": "PrivateTest as it is",
    "test_clean": "PrivateTest without images that have an exact twin in Training",
    "test_strict": "PrivateTest without images that have a near twin (correlation > 0.96) in Training or PublicTest",
    "test_ferplus": "PrivateTest with the plurality of ten FER+ raters as truth",
}
_CERTAINTY_FIGURE = "risk_coverage.png"
_PAPER = {"accuracy": 0.59, "macro_f1": 0.48, "weighted_f1": 0.57}


def title(facts: Facts) -> str:
    """What the model is, in three lines."""
    shown_as = f": {facts.config.title}" if facts.config.title else ""
    return (
        f"# {facts.config.name}{shown_as}\n\n"
        f"Says which of seven expressions a face shows: {', '.join(EMOTIONS)}. A Keras CNN (`{facts.config.architecture}`, "
        f"{facts.config.params / 1e6:.2f} M parameters, {facts.config.macs / 1e6:.0f} M multiply–adds a face) trained on FER2013 by "
        "[FER-Sys](#how-to-repeat-it). Every figure below was measured on the very files in this folder, through the file that is served."
    )


def results(facts: Facts) -> str:
    """Figures by split, with intervals."""
    lines = [
        "## Results",
        "",
        "| split | n | accuracy | balanced accuracy | macro-F1 | weighted-F1 | disgust F1 | NLL | Brier | ECE |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    for name, split in facts.splits.items():
        low, high = split["ci95"]["accuracy"]
        figures = " | ".join(f"{split[key]:.3f}" for key in ("balanced_accuracy", "macro_f1", "weighted_f1"))
        calibration = " | ".join(f"{split[key]:.3f}" for key in ("nll", "brier", "ece"))
        disgust = split["per_class"]["disgust"]["f1"]
        lines.append(f"| {name} | {split['n']:,} | {split['accuracy']:.3f} [{low:.3f}, {high:.3f}] | {figures} | {disgust:.3f} | {calibration} |")
    lines += ["", *(f"- **{name}**: {_SPLIT_NOTES[name]}." for name in facts.splits if name in _SPLIT_NOTES)]
    return "\n".join([*lines, "", _reading(facts)])


def _reading(facts: Facts) -> str:
    opened = facts.metrics.get("test_opened")
    test = f"The test split was opened once for this file, on {opened}." if opened else "The test split has not been opened for this file."
    return (
        f"Single view, no test-time augmentation. Brackets are 95 % bootstrap intervals that resample groups of duplicate images. {test} "
        f"Probabilities are calibrated with one temperature ({facts.config.temperature:.3f}) fitted on validation. For orientation: human accuracy "
        "on FER2013 is given as 65 ± 5 % (Goodfellow et al. 2013); honest single networks trained from scratch reach about 71–73 %."
    )


def against_the_paper(facts: Facts) -> str:
    """Our figures beside those of the paper that the project follows."""
    split = facts.splits.get("test") or facts.splits["validation"]
    where = "test" if "test" in facts.splits else "validation"
    rows = [f"| {key.replace('_', '-')} | {value:.2f} | {split[key]:.3f} |" for key, value in _PAPER.items()]
    rows += [f"| F1 of {name} | {paper:.2f} | {split['per_class'][name]['f1']:.3f} |" for name, paper in (("happy", 0.83), ("disgust", 0.04))]
    note = (
        "The paper measured on its own 70/15/15 split of a random re-split, most of whose images are official Training images "
        "and whose twins it left in; ours are official splits. The columns are not the same task."
    )
    return "\n".join(["## Beside the paper", "", f"| | paper's CNN | this file ({where}) |", "|---|---|---|", *rows, "", note])


def per_class(facts: Facts) -> str:
    """Precision, recall and F1 of each expression."""
    where = "test" if "test" in facts.splits else "validation"
    rows = facts.splits[where]["per_class"]
    lines = [f"## Each expression ({where})", "", "| expression | precision | recall | F1 | images |", "|---|---|---|---|---|"]
    lines += [f"| {e} | {rows[e]['precision']:.3f} | {rows[e]['recall']:.3f} | {rows[e]['f1']:.3f} | {rows[e]['support']:,} |" for e in EMOTIONS]
    return "\n".join([*lines, "", *(_picture(name) for name in _figures(facts) if name != _CERTAINTY_FIGURE)])


def _figures(facts: Facts) -> list[str]:
    return sorted(figure.name for figure in Path(facts.folder, "figures").glob("*.png"))


def _picture(name: str) -> str:
    return f"![{Path(name).stem.replace('_', ' ')}](figures/{name})"


def certainty(facts: Facts) -> str:
    """Below which probability it is not sure, and how often it is right above; nothing for a package that was measured without."""
    content = facts.metrics.get("certainty")
    if content is None:
        return ""
    lines = ["## When it is not sure", "", _rule(content), "", "| split | answered | right among these | AURC |", "|---|---|---|---|"]
    for name, split in content["splits"].items():
        right = "–" if split["accuracy"] is None else f"{split['accuracy']:.3f}"
        lines.append(f"| {name} | {split['coverage']:.3f} | {right} | {split['aurc']:.3f} |")
    where = "test" if "test" in content["splits"] else "validation"
    shares = [f"{name} {100 * share:.0f} %" for name, share in content["splits"][where]["answered"].items() if share is not None]
    uneven = f"It is not sure of all expressions alike. Answered, of the images that show it ({where}): {', '.join(shares)}."
    pictures = [_picture(name) for name in _figures(facts) if name == _CERTAINTY_FIGURE]
    return "\n".join([*lines, "", uneven, *(["", *pictures] if pictures else [])])


def _rule(content: dict[str, Any]) -> str:
    aim = f"for which the lower 95 % bound of the accuracy on the validation images it answers is at least {content['level']:.2f}"
    if content["threshold"] >= 1:
        return f"Every answer counts as not sure (`Prediction.certain`): there is no threshold {aim}."
    return (
        f"An answer whose top probability is below **{content['threshold']:.2f}** (`certainty` in `fersys.json`) counts as not sure "
        f"(`Prediction.certain`). It is the lowest threshold {aim}; no test image had a say in it. AURC is the area under the "
        "risk–coverage curve (Geifman et al. 2019), lower is better."
    )


def data(facts: Facts) -> str:
    """What it was trained on, and what leaks between the splits."""
    removed = facts.run["removed"] if facts.run["config"]["clean"] else {}
    lines = [
        "## Training data and what it leaks",
        "",
        f"FER2013, image-list fingerprint `{facts.metrics['data_fingerprint']}`. In the official splits 288 of 3,589 test images (8.0 %) have an exact "
        "twin in Training, and more have a near twin; a model gets those nearly free. Labels are noisy.",
    ]
    if removed:
        lines += [
            "",
            f"Before fitting, {removed['twin_in_validation_or_test']:,} Training images with an exact or near twin in validation or test, "
            f"{removed['conflicting_labels']:,} in groups with conflicting labels and {removed['repeated']:,} repeated images were removed; "
            f"{removed['kept']:,} were left. Validation and test were not edited.",
        ]
    return "\n".join(lines)


def training(facts: Facts) -> str:
    """How it was trained."""
    settings = ", ".join(f"{name} {value}" for name, value in facts.run["config"].items())
    versions = ", ".join(f"{name} {value}" for name, value in facts.run["versions"].items())
    return "\n".join(
        [
            "## How to repeat it",
            "",
            f"The training began at git revision `{facts.run['git_revision']}`{_exported(facts)}. `python -m train fit --name …` with the settings "
            "below as flags trains it (`run.json` holds them too), `python -m train evaluate` measures it again from these files.",
            "",
            f"Settings: {settings}.{_adjusted(facts)}",
            "",
            f"Versions: {versions}.",
        ]
    )


def _exported(facts: Facts) -> str:
    revision = facts.run.get("export_revision")
    return f", the package was exported at `{revision}`" if revision else ""


def _adjusted(facts: Facts) -> str:
    tau = facts.run.get("tau")
    return f" Its last bias holds a logit adjustment (Menon et al. 2021) with τ = {tau:g}, chosen on validation." if tau else ""


def limits(facts: Facts) -> str:
    """What not to use it for."""
    return "\n".join(
        [
            "## Limits",
            "",
            "- It names what a face shows in a picture, as raters of web images would; it does not know what a person feels.",
            "- FER2013 is 48×48 gray, posed and candid faces from the web of 2013, with no record of who is in it: expect uneven quality "
            "over age, skin colour, glasses, pose and light, which was not measured here.",
            f"- {_weakest(facts)} are its weakest classes; look at the table above before relying on either.",
            "- Do not use it to judge people at work, in education, in hiring or for policing. In the EU, emotion recognition at work and in "
            "education is banned (AI Act Art. 5(1)(f)), and people must be told that such a system runs (Art. 50(3)).",
        ]
    )


def _weakest(facts: Facts) -> str:
    rows = (facts.splits.get("test") or facts.splits["validation"])["per_class"]
    first, second = sorted(EMOTIONS, key=lambda name: float(rows[name]["f1"]))[:2]
    return f"{first.capitalize()} and {second}"


def rights(facts: Facts) -> str:
    """What is known of the rights in data and weights."""
    return "\n".join(
        [
            "## Rights",
            "",
            "The code of FER-Sys is under Apache-2.0. FER2013 was scraped from the web for a research contest and the rights in its images are "
            "unresolved; what that means for weights trained on them is not settled law. We claim no rights in these weights beyond our own work and "
            "cannot grant any that others may hold. The image files are not part of this package.",
        ]
    )


def usage(facts: Facts) -> str:
    """Three lines that use it."""
    return "\n".join(
        [
            "## Use",
            "",
            "```python",
            "import fersys",
            "",
            f'model = fersys.load("hub/models/{facts.config.name}")  # needs no TensorFlow',
            'for result in fersys.analyze(fersys.read_image("photo.jpg"), [model]):',
            "    print(result.face.box, result.predictions[0].verdict, result.predictions[0].score)",
            "```",
            "",
            "`model.keras` takes float32 (n, 48, 48, 1) gray pixels 0–255 and returns probabilities before the temperature; it holds only Keras' own layers.",
        ]
    )


def in_deepface(facts: Facts) -> str:
    """How the library itself runs it, if its files are those that the library loads."""
    if facts.config.recognizer != "deepface":
        return ""
    file, source = facts.config.serving_file, f"hub/models/{facts.config.name}/{facts.config.serving_file}"
    return "\n".join(
        [
            "## Use it in DeepFace itself",
            "",
            "This is the emotion network of the library deepface, layer for layer, with weights that we trained: not those that its author publishes. "
            f"FER-Sys runs it through the unmodified `DeepFace.analyze`. `{file}` is the very file that the library's ONNX engine loads:",
            "",
            "```sh",
            f"mkdir -p home/.deepface/weights && cp {source} home/.deepface/weights/",
            "export DEEPFACE_HOME=home DEEPFACE_BACKEND_ENGINE=onnx",
            """python -c 'from deepface import DeepFace; print(DeepFace.analyze("photo.jpg", actions=["emotion"], detector_backend="skip"))'""",
            "```",
            "",
            "Its percent are probabilities before the temperature. The library enlarges a crop to 224 pixels and shrinks it to 48 before its network "
            f"sees it; the figures here include that. `{Path(file).stem}.h5` is for the library's TensorFlow engine: it was loaded into the library's own "
            "network on Keras 3, not on tf_keras.",
        ]
    )


SECTIONS: tuple[Callable[[Facts], str], ...] = (title, usage, in_deepface, results, certainty, against_the_paper, per_class, data, training, limits, rights)
