"""What keeps pictures private and Gradio safe: every such switch, in one place. `guard.py` stands in front of it.

`__main__` calls `silence` before Gradio is imported; `server.py` launches with `LAUNCH`;
`demo.py` builds with `BLOCKS` and `QUEUE`. The page is launched, never mounted: a mounted Gradio
app serves any file to anybody unless `has_launched` is set by hand.
"""

import secrets
import warnings
from collections.abc import MutableMapping
from pathlib import Path
from typing import Any, NoReturn

# One photo of a 24 megapixel camera; 72 MB decoded. Larger ones are refused by their header.
MAX_PIXELS = 24_000_000
MAX_FILE_SIZE = "20mb"
MAX_UPLOAD = 210_000_000  # bytes of all files that are uploaded at once

# Seconds: how often the upload folder is swept, and how old a file may get there. Answered
# pictures are gone at once (`tabs/image.py` deletes them); this is for uploads nobody asked about.
DELETE_CACHE = (60, 60)

BLOCKS: dict[str, Any] = {
    "analytics_enabled": False,
    "delete_cache": DELETE_CACHE,
}

QUEUE: dict[str, Any] = {
    "max_size": 32,  # a crowd gets a clear "queue is full" instead of a wait without end
    "api_open": False,  # endpoints are called through the queue, so that its limits hold for all
}

LAUNCH: dict[str, Any] = {
    "show_error": False,  # an unexpected error's text may hold paths
    "allowed_paths": [],  # no file but uploads and Gradio's own is served
    "max_file_size": MAX_FILE_SIZE,
    "enable_monitoring": False,
    "run_history": False,  # or the browser keeps inputs and answers in its local storage
    "state_session_capacity": 200,  # sessions remembered; `harden` sees to it that none holds an answer
    "strict_cors": True,
    "ssr_mode": False,  # no Node server beside this one
    "pwa": False,
    "mcp_server": False,  # `--mcp` says otherwise
    "quiet": True,  # `__main__` says what there is to say
}

_ENVIRONMENT = {
    "GRADIO_ANALYTICS_ENABLED": "False",  # or the server calls out at start
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "ORT_DISABLE_TELEMETRY": "1",  # ONNX Runtime from 1.29 on: reports, and leaves a file in the temporary folder
    "FORWARDED_ALLOW_IPS": "",  # uvicorn would believe anybody on this machine, a tunnel's end too; `addresses.py` has the rule
}
# Gradio asks itself over HTTP whether it is up: a proxy must not get that question.
_LOCAL = "127.0.0.1,localhost"


def silence(environment: MutableMapping[str, str], upload_folder: Path) -> None:
    """Set what Gradio reads from the environment when it is imported and when it starts.

    Args:
        environment: `os.environ`, or a dict in tests.
        upload_folder: where uploads are put; a folder of this process alone.
    """
    environment.update(_ENVIRONMENT, GRADIO_TEMP_DIR=str(upload_folder))
    for name in ("NO_PROXY", "no_proxy"):
        environment[name] = ",".join(filter(None, [environment.get(name), _LOCAL]))


def harden() -> None:
    """Limit the size of pictures for every decoder in this process, forbid Gradio to download, and keep uploads apart.

    A client may name a URL where Gradio expects an upload, and Gradio would fetch it. And it stores equal uploads as
    one file: of two people with the same picture, the first to be answered would delete it under the other's eyes.
    And for links to a page as it stands, which ours has none of, it keeps each visitor's last answer, pictures and all.
    """
    import gradio.processing_utils
    import gradio.route_utils
    import gradio.state_holder
    import PIL.Image

    gradio.state_holder.SessionState._update_value_in_config = _keep_nothing  # type: ignore[assignment, method-assign]
    gradio.route_utils.GradioUploadFile = _apart(gradio.route_utils.GradioUploadFile)  # type: ignore[misc]
    PIL.Image.MAX_IMAGE_PIXELS = MAX_PIXELS
    warnings.simplefilter("ignore", PIL.Image.DecompressionBombWarning)  # `read_image` refuses them; the log stays silent
    gradio.processing_utils.async_ssrf_protected_get = _refuse_download


def _apart(kind: Any) -> Any:
    """The class of uploads, whose hash makes the path, with something random in the hash; what was changed stays so."""
    if kind.__module__ == __name__:
        return kind

    class Upload(kind):  # type: ignore[misc]
        def __init__(self, *given: Any, **named: Any) -> None:
            super().__init__(*given, **named)
            self.sha.update(secrets.token_bytes(16))

    return Upload


def _keep_nothing(*_: object) -> None:
    return None


async def _refuse_download(*_: object, **__: object) -> NoReturn:
    import gradio

    raise gradio.Error("Pictures are uploaded, not fetched from an address.", print_exception=False)
