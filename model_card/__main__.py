"""Writes cards: `python -m model_card [folder …]`, by default for every shipped package; `--check` compares and writes nothing."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from fersys.command import run_command
from fersys.errors import ModelError, PackageError
from fersys.package import SHIPPED, find_packages
from model_card.card import check_card, write_card
from model_card.example import record
from model_card.facts import read_facts


def main(words: Sequence[str] | None = None) -> int:
    """Write or check the card of each folder; an error of ours becomes one line and exit code 1."""
    parser = argparse.ArgumentParser(prog="python -m model_card", description="Write the README.md of model packages from their own files.")
    parser.add_argument("folders", nargs="*", type=Path, help=f"package folders; default: all in {SHIPPED.as_posix()}")
    parser.add_argument("--check", action="store_true", help="write nothing; exit code 1 if a card is not what its package's files make")
    parser.add_argument("--debug", action="store_true", help="show the traceback of an error")
    arguments = parser.parse_args(words)
    action = _check if arguments.check else _write
    return run_command(lambda: action(arguments.folders or _shipped()), arguments.debug)


def _shipped() -> list[Path]:
    found = find_packages(SHIPPED)
    if not found:
        raise PackageError(f"No packages: expected folders with a fersys.json in {SHIPPED.as_posix()}, or name some. Received: none in {Path.cwd()}")
    return found


def _write(folders: Sequence[Path]) -> int:
    for folder in folders:
        read_facts(folder)  # what is missing is said before the model is asked
        try:
            record(folder)
        except ModelError as error:
            print(f"{folder}: the card goes without an example. {error}", file=sys.stderr)
        print(f"wrote {write_card(folder)}")
    return 0


def _check(folders: Sequence[Path]) -> int:
    for folder in folders:
        check_card(folder)
        print(f"{folder}: the card is what its files make")
    return 0


if __name__ == "__main__":
    sys.exit(main())
