"""The endpoints as MCP tools: they answer, and no picture stays behind."""

import asyncio
import base64
import io
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import numpy.typing as npt
import PIL.Image
import pytest

from app.access import Access
from app.tools import check_tools, forget_pictures
from fersys.errors import ConfigError
from tests.served import serve


class Server:
    """What is used of Gradio's MCP server."""

    def __init__(self, folder: Path) -> None:
        self.made = folder / "picture.png"

    def convert_strings_to_filedata(self, value: Any, positions: Any) -> Any:
        self.made.write_bytes(b"picture")
        return {**value, "picture": [{"path": str(self.made), "meta": {}}], "model": None, "number": 1}

    def _prepare_tool_call_args(self, name: str, arguments: Any) -> Any:
        converted = self.convert_strings_to_filedata(arguments, [])
        if name != "known":
            raise ValueError
        return converted

    async def _execute_tool_without_progress(self, job: Any) -> Any:
        assert self.made.is_file()
        if job == "broken":
            raise ValueError
        return "answer"

    _execute_tool_with_progress = _execute_tool_without_progress


@pytest.mark.parametrize("job", ["fine", "broken"])
def test_a_picture_is_there_for_the_tool_and_gone_after_it(tmp_path: Path, job: str) -> None:
    server = Server(tmp_path)
    forget_pictures(server)

    async def call() -> Any:
        server.convert_strings_to_filedata({}, [])
        return await server._execute_tool_without_progress(job)

    if job == "fine":
        assert asyncio.run(call()) == "answer"
    else:
        with pytest.raises(ValueError):  # noqa: PT011 - the tool's own
            asyncio.run(call())
    assert list(tmp_path.iterdir()) == []


def test_a_picture_that_came_with_a_wrong_call_is_deleted_too(tmp_path: Path) -> None:
    server = Server(tmp_path)
    forget_pictures(server)
    with pytest.raises(ValueError):  # noqa: PT011 - the tool's own
        server._prepare_tool_call_args("unknown", {})
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_a_client_names_is_left_alone(tmp_path: Path) -> None:
    server, own = Server(tmp_path), tmp_path / "own.txt"
    own.write_text("the server's")
    forget_pictures(server)

    async def call() -> None:
        server._prepare_tool_call_args("known", {"other": {"path": str(own)}})
        await server._execute_tool_without_progress("fine")

    asyncio.run(call())
    assert list(tmp_path.iterdir()) == [own]


def test_gradio_s_reason_for_having_no_tools_is_told() -> None:
    with pytest.raises(ConfigError, match="Received: no wish"):
        check_tools(SimpleNamespace(mcp_server=False, mcp_error="no wish"))
    check_tools(SimpleNamespace(mcp_server=True))


def test_both_endpoints_are_tools_that_take_a_data_url(tmp_path: Path, astronaut: npt.NDArray[np.uint8]) -> None:
    mcp = pytest.importorskip("mcp", reason='needs pip install "gradio[mcp]"')
    transport = pytest.importorskip("mcp.client.streamable_http")
    buffer = io.BytesIO()
    PIL.Image.fromarray(astronaut).save(buffer, "JPEG")
    picture = f"data:image/jpeg;base64,{base64.b64encode(buffer.getvalue()).decode()}"

    async def ask(url: str) -> dict[str, Any]:
        async with transport.streamablehttp_client(url) as (reader, writer, _), mcp.ClientSession(reader, writer) as session:
            await session.initialize()
            tools = [tool.name for tool in (await session.list_tools()).tools]
            return {name.strip("_"): (await session.call_tool(name, {"picture": picture})).content[0].text for name in tools}

    with serve(tmp_path, Access(mcp=True)) as page:
        answers = asyncio.run(ask(f"{page.url}/gradio_api/mcp/"))
        assert set(answers) == {"classify", "compare"}
        assert all("'box'" in answer for answer in answers.values())
        assert page.files() == []
