"""A Redis of our own on loopback, if redis-server is on this machine; else one in Python."""

import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import fakeredis
import pytest
import redis

from app.captcha.redis_store import RedisStore, open_url

_PATIENCE = 10.0


@contextmanager
def redis_store(folder: Path) -> Iterator[RedisStore]:
    """A store on an empty Redis: a real one where there is one, else fakeredis, which keeps the same promises in one process."""
    if shutil.which("redis-server") is None:
        yield RedisStore(fakeredis.FakeRedis(decode_responses=True))
        return
    with redis_url(folder) as url:
        store = open_url(url)
        yield store
        store.close()


@contextmanager
def redis_url(folder: Path) -> Iterator[str]:
    """The URL of an empty real Redis; skips where there is none."""
    program = shutil.which("redis-server")
    if program is None:
        pytest.skip("no redis-server on this machine")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    words = [program, "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", str(folder)]
    server = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        _await_answer(port)
        yield f"redis://127.0.0.1:{port}/0"
    finally:
        server.terminate()
        server.wait()


def _await_answer(port: int) -> None:
    retry = redis.retry.Retry(redis.backoff.ConstantBackoff(0.05), int(_PATIENCE / 0.05), supported_errors=(redis.exceptions.ConnectionError,))
    client = redis.Redis(port=port, retry=retry)
    client.ping()
    client.close()
