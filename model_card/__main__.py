"""Writes cards: `python -m model_card [folder …]`, by default for every shipped package."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from fersys.command import run_command
from fersys.package import SHIPPED, find_packages
from model_card.card import write_card


def main(words: Sequence[str] | None = None) -> int:
    """Write the card of each folder; an error of ours becomes one line and exit code 1."""
    parser = argparse.ArgumentParser(prog="python -m model_card", description="Write the README.md of model packages from their own files.")
    parser.add_argument("folders", nargs="*", type=Path, help="package folders; default: all in hub/models")
    parser.add_argument("--debug", action="store_true", help="show the traceback of an error")
    arguments = parser.parse_args(words)
    return run_command(lambda: _write(arguments.folders or find_packages(SHIPPED)), arguments.debug)


def _write(folders: Sequence[Path]) -> int:
    for folder in folders:
        print(f"wrote {write_card(folder)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
