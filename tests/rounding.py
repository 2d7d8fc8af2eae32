"""Comparing what was computed twice: the last bits of a sum differ from machine to machine."""

from typing import Any


def rounded(content: Any, places: int = 9) -> Any:
    """The same content with every float to so many places; tuples become lists, as in JSON."""
    if isinstance(content, dict):
        return {key: rounded(value, places) for key, value in content.items()}
    if isinstance(content, list | tuple):
        return [rounded(value, places) for value in content]
    return round(content, places) if isinstance(content, float) else content
