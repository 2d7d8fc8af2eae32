"""A hub of our own on loopback, and the real client let loose on it (elsewhere the tests keep clients off the network)."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from huggingface_hub import HfApi, constants

from hub.local.serving import Hub, running_hub

ROOT = Path(__file__).parent.parent


@contextmanager
def online_hub(folder: Path) -> Iterator[Hub]:
    """Serve a hub from `folder`, and allow huggingface_hub in this process to call it."""
    with running_hub(folder) as hub, pytest.MonkeyPatch.context() as patch:
        patch.setattr(constants, "HF_HUB_OFFLINE", False)
        patch.setattr(constants, "HF_HUB_DISABLE_XET", True)  # a protocol that this hub does not speak
        for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"):
            patch.delenv(name, raising=False)
        yield hub


def client(hub: Hub, url: str | None = None) -> HfApi:
    """The real client as the user "you"; `url` is the address of a proxy before the hub."""
    return HfApi(endpoint=url or hub.url, token=hub.token)


def environment(url: str, home: Path, token: str = "") -> dict[str, str]:
    """The environment for a program that is to use the hub at `url`, with its caches in `home`."""
    ours = {"HF_ENDPOINT": url, "HF_HOME": str(home), "HF_TOKEN": token, "HF_HUB_DISABLE_XET": "1", "NO_PROXY": "127.0.0.1", "PYTHONPATH": str(ROOT)}
    offline = ("HF_HUB_OFFLINE", "HF_DATASETS_OFFLINE", "HF_EVALUATE_OFFLINE")
    return {**os.environ, **dict.fromkeys(offline, "0"), **ours}
