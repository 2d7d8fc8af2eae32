"""The public endpoints as tools for language models' programs (MCP): no picture outlives its answer there either."""

from collections.abc import Awaitable, Callable, Iterable, Iterator
from contextvars import ContextVar
from pathlib import Path
from typing import Any

from fersys.errors import ConfigError


def check_tools(demo: Any) -> None:
    """Check that the tools are there: Gradio only prints why they are not.

    Raises:
        ConfigError: with that reason.
    """
    if not demo.mcp_server:
        raise ConfigError(f"No MCP tools to offer: expected Gradio's MCP server to start. Received: {demo.mcp_error}")


def forget_pictures(server: Any) -> None:
    """Make Gradio's MCP server delete the file into which it writes a picture that came as a data URL.

    It hands a copy of that file to the endpoint, which deletes the copy, and would keep the file itself.
    """
    made: ContextVar[tuple[Path, ...]] = ContextVar("made", default=())
    convert = server.convert_strings_to_filedata

    def convert_and_note(value: Any, positions: Any) -> Any:
        converted = convert(value, positions)
        made.set(tuple({*_files(converted)} - {*_files(value)}))  # what a client names is not ours to delete
        return converted

    prepare = server._prepare_tool_call_args

    def prepare_or_forget(*given: Any, **named: Any) -> Any:
        made.set(())
        try:
            return prepare(*given, **named)
        except BaseException:
            _delete(made.get())
            raise

    server.convert_strings_to_filedata, server._prepare_tool_call_args = convert_and_note, prepare_or_forget
    for name in ("_execute_tool_without_progress", "_execute_tool_with_progress"):
        setattr(server, name, _then_forget(getattr(server, name), made))


def _files(value: Any) -> Iterator[Path]:
    """Every file that is named in the arguments of a call."""
    if isinstance(value, dict) and isinstance(value.get("path"), str):
        yield Path(value["path"])
    elif isinstance(value, dict | list):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from _files(inner)


def _delete(files: Iterable[Path]) -> None:
    for path in files:
        path.unlink(missing_ok=True)


def _then_forget(execute: Callable[..., Awaitable[Any]], made: ContextVar[tuple[Path, ...]]) -> Callable[..., Awaitable[Any]]:
    async def execute_and_forget(*given: Any, **named: Any) -> Any:
        try:
            return await execute(*given, **named)
        finally:
            _delete(made.get())

    return execute_and_forget
