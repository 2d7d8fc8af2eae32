"""Files that are there whole or not at all, whatever the moment of a kill."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def unfinished_name(path: Path) -> Path:
    """Return where `replacing` lets a file be written; it is left behind only by a kill."""
    return path.with_name(f"unfinished-{path.name}")  # keeps the suffix, by which libraries choose a format


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Hand out a path beside `path` to write to; if no error comes, it takes the place of `path` in one rename.

    After an error what was written so far is deleted.
    """
    unfinished = unfinished_name(path)
    try:
        yield unfinished
        os.replace(unfinished, path)
    except BaseException:  # Ctrl+C too
        if unfinished.is_file():
            unfinished.unlink()
        raise
