"""Files that are there whole or not at all, whatever the moment of a kill."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Hand out a path beside `path` to write to; if no error comes, it takes the place of `path` in one rename."""
    unfinished = path.with_name(f"unfinished-{path.name}")  # keeps the suffix, by which Keras chooses a format
    yield unfinished
    os.replace(unfinished, path)


def write_json(path: Path, content: Any) -> None:
    """Write JSON for people and programs to read."""
    with replacing(path) as unfinished:
        unfinished.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
