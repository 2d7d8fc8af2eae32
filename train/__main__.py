"""The training commands: `python -m train --help`."""

import argparse
import os
import sys
from collections.abc import Sequence
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Any

from fersys.errors import FerSysError
from train.config import RECIPES, FitConfig, recipe

DATA_VARIABLE = "FERSYS_DATA"


def _parser(default_data: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m train", description="FER2013 in, a trained and measured model out.")
    parser.add_argument("--debug", action="store_true", help="show the traceback of an error")
    commands = parser.add_subparsers(dest="command", required=True)
    _fit_parser(commands.add_parser("fit", help="train a model into runs/<name>/, or go on training it"), default_data)
    return parser


def _add_data(parser: argparse.ArgumentParser, default: str) -> None:
    parser.add_argument("--data", default=default, help=f"hub id, folder or fer2013.csv (or set {DATA_VARIABLE}); default: %(default)s")


def _fit_parser(parser: argparse.ArgumentParser, default_data: str) -> None:
    _add_data(parser, default_data)
    parser.add_argument("--recipe", choices=list(RECIPES), default="paper", help="settings to start from (default: %(default)s)")
    parser.add_argument("--name", help="name of the run folder; default: the recipe's name")
    parser.add_argument("--runs", type=Path, default=Path("runs"), help="where run folders lie (default: %(default)s)")
    settings = parser.add_argument_group("settings", "any of these changes the recipe")
    for field in fields(FitConfig):
        kind: Any = type(field.default)
        assert field.default is not MISSING
        settings.add_argument(f"--{field.name.replace('_', '-')}", type=_truth if kind is bool else kind, default=None, metavar=kind.__name__)


def _truth(text: str) -> bool:
    if text.lower() not in {"yes", "no", "true", "false"}:
        raise argparse.ArgumentTypeError(f"expected yes or no. Received: {text!r}")
    return text.lower() in {"yes", "true"}


def _fit(arguments: argparse.Namespace) -> None:
    from train.data import load_fer2013
    from train.export import export
    from train.fit import fit
    from train.runs import open_run

    changes = {field.name: value for field in fields(FitConfig) if (value := getattr(arguments, field.name)) is not None}
    config = recipe(arguments.recipe, **changes)
    folder: Path = arguments.runs / (arguments.name or arguments.recipe)
    data = load_fer2013(arguments.data, config.splits, config.seed)
    open_run(folder, config, data)
    limit = config.limit or None
    network = fit(folder, config, data.split("fit" if config.clean else "train", limit), data.split("validation", limit))
    export(folder, network, config, folder.name)
    print(f"trained and exported: {folder}")


def main(words: Sequence[str] | None = None) -> int:
    """Run one command; an error of ours becomes one line and exit code 1."""
    from train.data import DEFAULT_SOURCE

    arguments = _parser(os.environ.get(DATA_VARIABLE, DEFAULT_SOURCE)).parse_args(words)
    commands = {"fit": _fit}
    try:
        commands[arguments.command](arguments)
    except FerSysError as error:
        if arguments.debug:
            raise
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
