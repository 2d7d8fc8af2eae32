"""What docs/hosting.md tells people to do works: nginx in front, the container's parts, the variables."""

import http.client
import re
import shutil
import ssl
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from app.access import Access, read_policy
from app.rules import Budgets
from tests.served import free_port, serve

ROOT = Path(__file__).parent.parent
GUIDE = (ROOT / "docs" / "hosting.md").read_text(encoding="utf-8")
VISITOR = "127.0.0.2"  # not the address that nginx itself comes from, or they could not be told apart
_NGINX = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")


def code(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", GUIDE, re.DOTALL)


@contextmanager
def nginx(folder: Path, page: str) -> Iterator[int]:
    """The guide's server block before a page of this machine, with a certificate of its own; the port it listens on."""
    port = free_port()
    certificate = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "key.pem", "-out", "cert.pem", "-days", "1", "-subj", "/CN=localhost"]
    subprocess.run(certificate, cwd=folder, capture_output=True, check=True)
    (block,) = code("nginx")
    block = block.replace("443", f"127.0.0.1:{port}").replace("127.0.0.1:7860", page.removeprefix("http://"))
    block = re.sub(r"/etc/\S+/fullchain.pem", f"{folder}/cert.pem", re.sub(r"/etc/\S+/privkey.pem", f"{folder}/key.pem", block))
    temporary = "".join(f"{kind}_temp_path {folder}/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    settings = f"daemon off; pid {folder}/pid; error_log {folder}/error.log; events {{}} http {{ {temporary}\n{block} }}"
    (folder / "nginx.conf").write_text(settings)
    assert _NGINX is not None
    process = subprocess.Popen([_NGINX, "-p", str(folder), "-c", str(folder / "nginx.conf")], stderr=subprocess.DEVNULL)
    try:
        yield port
    finally:
        process.terminate()
        process.wait(30)


def ask(port: int, method: str, path: str, headers: dict[str, str], body: bytes | None = None) -> http.client.HTTPResponse:
    """Ask through nginx, as often as it takes until it listens."""
    for _ in range(1000):
        place = ssl._create_unverified_context()
        connection = http.client.HTTPSConnection("127.0.0.1", port, context=place, timeout=30, source_address=(VISITOR, 0))
        try:
            connection.request(method, path, body, headers)
        except ConnectionRefusedError:
            continue
        return connection.getresponse()
    raise TimeoutError


@pytest.mark.skipif(_NGINX is None or shutil.which("openssl") is None, reason="needs nginx and openssl")
def test_nginx_hands_on_pages_sockets_addresses_and_large_bodies(tmp_path: Path) -> None:
    policy = replace(read_policy({"FERSYS_TRUSTED_PROXIES": "127.0.0.1"}), budgets=replace(Budgets(), work="2/minute"))
    upgrade = {"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA=="}
    (tmp_path / "nginx").mkdir()
    with serve(tmp_path, Access(policy=policy)) as page, nginx(tmp_path / "nginx", page.url) as port:
        shown = ask(port, "GET", "/", {}).read().decode()
        assert f'"root":"https://127.0.0.1:{port}"' in shown.replace(" ", "")
        assert ask(port, "GET", "/webcam/live", {**upgrade, "Origin": f"https://127.0.0.1:{port}"}).status == 101
        assert ask(port, "POST", "/gradio_api/call/classify", {}, bytes(2_000_000)).status == 413  # ours: nginx would take it
        # A header of the visitor's own buys nothing: nginx adds whom it sees, and that one is counted.
        asked = [ask(port, "POST", "/gradio_api/call/none", {"X-Forwarded-For": f"192.0.2.{n}"}, b"{}").status for n in range(4)]
        assert asked[-1] == 429
        assert not [path for path in (tmp_path / "nginx").rglob("*") if path.is_file() and path.stat().st_size > 1_000_000]


def test_the_container_gets_what_serving_needs_and_nothing_else() -> None:
    kept = [line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")]
    copied = re.findall(r"^COPY (?!--from)(.+) \S+$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    assert sorted(kept) == sorted(" ".join(copied).split())
    assert all((ROOT / name).exists() for name in kept)


def test_the_container_is_left_by_root_and_asked_for_its_health() -> None:
    lines = (ROOT / "Dockerfile").read_text().splitlines()
    assert lines.index("USER 1000") < lines.index('CMD ["python", "-m", "app"]')
    assert any("/healthz" in line for line in lines)


def test_every_variable_of_the_guide_is_read_somewhere() -> None:
    sources = "".join(path.read_text(encoding="utf-8") for folder in ("app", "fersys") for path in (ROOT / folder).rglob("*.py"))
    named = set(re.findall(r"\b(?:FERSYS|GRADIO_SERVER)_[A-Z_]+\b", GUIDE))
    assert len(named) > 6
    assert [name for name in named if name not in sources] == []


def test_the_guide_s_numbers_are_those_of_the_guard() -> None:
    budgets = Budgets()
    for number in (budgets.work, budgets.session, budgets.logins, str(budgets.visitors), str(budgets.neighbours)):
        assert re.search(rf"\b{number.partition('/')[0]}\b", GUIDE)
