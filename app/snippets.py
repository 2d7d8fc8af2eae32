"""How programs ask the page, as code that runs when it is copied: a test does."""

import json

# What the browser replaces by the address under which a visitor sees the page (`assets/about.js`).
_PYTHON = """\
# pip install gradio_client
from gradio_client import Client, handle_file

page = Client("{url}")
for face in page.predict(handle_file("photo.jpg"), api_name="/classify")["faces"]:
    print(face["box"], face["label"], face["score"])

both = page.predict(handle_file("photo.jpg"), api_name="/compare")
print(both["faces"])
"""
_SHELL = """\
page={url}
path=$(curl -s -F files=@photo.jpg $page/gradio_api/upload | tr -d '[]"')
event=$(curl -s $page/gradio_api/call/classify -H 'Content-Type: application/json' \\
  -d '{{"data": [{{"path": "'"$path"'", "meta": {{"_type": "gradio.FileData"}}}}, null]}}' | cut -d '"' -f 4)
curl -sN $page/gradio_api/call/classify/$event
"""


def python_snippet(url: str) -> str:
    """Return a program that asks both endpoints about `photo.jpg`."""
    return _PYTHON.format(url=url)


def shell_snippet(url: str) -> str:
    """Return lines for a shell that upload `photo.jpg` and print an event with the answer."""
    return _SHELL.format(url=url)


def mcp_snippet(url: str) -> str:
    """Return the entry for an MCP client's settings."""
    return json.dumps({"mcpServers": {"fersys": {"url": f"{url}/gradio_api/mcp/"}}}, indent=2)
