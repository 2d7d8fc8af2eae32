"""The front matter of a README: what the hub shows and searches."""

import json
import re
from typing import Any

import yaml  # type: ignore[import-untyped]

from hub.local.refusals import RefusalError

_BLOCK = re.compile(r"\A\s*---[ \t]*\r?\n(.*?)\r?\n---[ \t]*(?:\r?\n|\Z)", re.DOTALL)


def front_matter(content: str) -> dict[str, Any]:
    """The metadata of a README as JSON can say it, {} without any. Raises RefusalError (400) if it cannot be read."""
    block = _BLOCK.match(content)
    if block is None:
        return {}
    try:
        data = json.loads(json.dumps(yaml.safe_load(block[1]), default=str, allow_nan=False))  # dates become text
    except (yaml.YAMLError, ValueError, TypeError, RecursionError) as error:
        raise RefusalError(400, f"Invalid metadata in README.md: {error}") from error
    if not isinstance(data, dict | None):
        raise RefusalError(400, f"Invalid metadata in README.md: expected names and values. Received: {type(data).__name__}")
    return data or {}


def tags(data: dict[str, Any]) -> list[str]:
    """What a repository is found by."""
    plain = [data[key] for key in ("library_name", "pipeline_tag") if isinstance(data.get(key), str)]
    given = data.get("tags")
    own = [tag for tag in given if isinstance(tag, str)] if isinstance(given, list) else []
    licence = [f"license:{data['license']}"] if isinstance(data.get("license"), str) else []
    return [*own, *plain, *licence]
