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
from fersys.package import SHIPPED, find_packages
from train.config import DEFAULT_SOURCE, RECIPES, FitConfig, recipe

DATA_VARIABLE = "FERSYS_DATA"
REPORTS = Path("reports")

_EXAMPLES = """examples:
  python -m train data --data ../shared/fer2013     count images, find twins
  python -m train fit --recipe best --name mine     train, or go on where it was killed
  python -m train evaluate runs/mine                calibrate and measure on validation
  python -m train evaluate                          measure the shipped packages again
  python -m train certainty hub/models/mine         choose anew below what it says "not sure"
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
    _evaluate_parser(_add(commands, "evaluate", _evaluate, "measure a run on validation, or all shipped packages again", data))
    _certainty_parser(_add(commands, "certainty", _certainty, "choose from a package's own predictions when it is not sure", None))
    _release_parser(_add(commands, "release", _release, "open the test split for a run, once, and ship it to hub/models/", data))
    _ablate_parser(_add(commands, "ablate", _ablate, "change the paper's recipe one thing at a time", data))
    _bench_parser(_add(commands, "bench", _bench, "time the steps of an answer, print ratios", None))
    _runtimes_parser(_add(commands, "runtimes", _runtimes, "time the CNN on several runtimes, write reports/runtimes.md", data))
    _add(commands, "compare", _compare, "write reports/compare.json and the README's table from the shipped packages", None)
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
    settings = parser.add_argument_group("settings", "any of these changes the recipe; train/config.py says what they mean")
    for field in fields(FitConfig):
        kind: Any = type(field.default)
        flag = f"--{field.name.replace('_', '-')}"
        settings.add_argument(flag, type=_truth if kind is bool else kind, default=None, metavar="yes|no" if kind is bool else kind.__name__)


def _evaluate_parser(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("runs", nargs="*", type=Path, help="run folders to calibrate and measure; none: measure the packages of hub/models/ again")
    parser.add_argument("--open-test", action="store_true", help="open the test splits too: once a model, after everything is chosen")
    parser.add_argument("--splits", choices=("official", "paper"), default="official", help="which splits (default: %(default)s)")


def _certainty_parser(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("folders", nargs="+", type=Path, help="package or run folders, measured on validation")


def _release_parser(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("folder", type=Path, help="run folder, measured on validation")


def _ablate_parser(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--runs", type=Path, default=Path("runs/ablation"), help="where its runs lie (default: %(default)s)")
    parser.add_argument("--epochs", type=int, default=8, help="epochs a variant (default: %(default)s)")


def _bench_parser(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--package", type=Path, default=SHIPPED / "fersys-cnn", help="package to time (default: %(default)s)")


def _runtimes_parser(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--package", type=Path, default=SHIPPED / "fersys-cnn", help="package to time (default: %(default)s)")
    parser.add_argument(
        "--python", default=sys.executable, metavar="PATH", help="interpreter that has onnxruntime, ai-edge-litert, openvino (default: this one)"
    )


def _truth(text: str) -> bool:
    if text.lower() not in {"yes", "no", "true", "false"}:
        raise argparse.ArgumentTypeError(f"expected yes or no. Received: {text!r}")
    return text.lower() in {"yes", "true"}


def _data(arguments: argparse.Namespace) -> int:
    from train.data import load_fer2013
    from train.inventory import run

    print(run(load_fer2013(arguments.data, arguments.splits), arguments.out))
    return 0


def _fit(arguments: argparse.Namespace) -> int:
    changes = {field.name: value for field in fields(FitConfig) if (value := getattr(arguments, field.name)) is not None}
    config = recipe(arguments.recipe, **changes)

    from train.data import load_fer2013
    from train.training import train

    folder: Path = arguments.runs / (arguments.name or arguments.recipe)
    train(folder, config, load_fer2013(arguments.data, config.splits, config.seed))
    print(f"trained and exported: {folder}\nmeasure it with: python -m train evaluate {folder}")
    return 0


def _evaluate(arguments: argparse.Namespace) -> int:
    from train.data import load_fer2013

    data = load_fer2013(arguments.data, arguments.splits)
    return _evaluate_runs(arguments, data) if arguments.runs else _evaluate_shipped(data)


def _evaluate_runs(arguments: argparse.Namespace, data: Any) -> int:
    from train.calibrate import calibrate_package
    from train.figures import draw_all
    from train.measure import measure
    from train.release import headline

    for folder in arguments.runs:
        calibrate_package(folder, data)
        print(headline(measure(folder, data, release=arguments.open_test)))
        draw_all(folder)
    return 0


def _evaluate_shipped(data: Any) -> int:
    from train.measure import read_metrics
    from train.release import headline, remeasure

    differing = 0
    for folder in find_packages(SHIPPED):
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
    from train.bench import as_text, run_bench

    print(as_text(run_bench(arguments.package, REPORTS / "bench.json")))
    return 0


def _runtimes(arguments: argparse.Namespace) -> int:
    from train.data import load_fer2013
    from train.runtimes import run_runtimes, write_report

    print(write_report(run_runtimes(arguments.package, load_fer2013(arguments.data), arguments.python), REPORTS))
    return 0


def _compare(arguments: argparse.Namespace) -> int:
    from train.comparison import compare, headline_table, put_headline

    table = headline_table(compare(SHIPPED, REPORTS))
    put_headline(Path("README.md"), table)
    print(table)
    return 0


def main(words: Sequence[str] | None = None) -> int:
    """Run one command; an error of ours becomes one line and exit code 1."""
    arguments = _parser(os.environ.get(DATA_VARIABLE) or DEFAULT_SOURCE).parse_args(words)
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # TensorFlow would talk of absent GPUs
    warnings.filterwarnings("ignore", category=FutureWarning, module="keras")
    return run_command(lambda: int(arguments.run(arguments)), arguments.debug, "stopped; the same command goes on from the last whole epoch")


if __name__ == "__main__":
    sys.exit(main())
