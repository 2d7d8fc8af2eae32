"""Files that are there whole or not at all, whatever the moment of a kill."""

import json
from pathlib import Path
from typing import Any

from fersys.atomic import replacing

__all__ = ["replacing", "write_json"]


def write_json(path: Path, content: Any) -> None:
    """Write JSON for people and programs to read."""
    with replacing(path) as unfinished:
        unfinished.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
