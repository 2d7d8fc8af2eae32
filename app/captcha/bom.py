"""The software bill of materials: what serving consists of, as CycloneDX JSON, from the lock file and what is installed.

`python -m app.captcha sbom` is the command, `make sbom` the target. The same input gives the same file.
"""

import hashlib
import json
import re
import uuid
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, metadata
from pathlib import Path
from typing import Any

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from app.captcha.refusals import CaptchaError
from fersys import __version__

_VERSION = "1.6"
_NAMESPACE = uuid.UUID("0f4b1a52-6c6a-4b8e-9d0c-7a1f5f1b9c11")
_SPDX = re.compile(r"[A-Za-z0-9.+-]+( (AND|OR|WITH) [A-Za-z0-9.+-]+)*")
_LONGEST = 60
_WEIGHTS = ".onnx"


def make_bom(lock: Path, models: Path) -> dict[str, Any]:
    """Return the bill, as JSON data.

    Args:
        lock: file of pinned requirements, such as requirements-app.lock.
        models: folder of the packages of weights that are shipped; what is in none is left out.

    Raises:
        CaptchaError: if the lock file cannot be read.
    """
    components = [*_libraries(lock), *_weights(models)]
    serial = uuid.uuid5(_NAMESPACE, json.dumps(components, sort_keys=True))
    return {
        "bomFormat": "CycloneDX",
        "specVersion": _VERSION,
        "serialNumber": f"urn:uuid:{serial}",
        "version": 1,
        "metadata": {"component": {"type": "application", "bom-ref": "fersys", "name": "fersys", "version": __version__, "licenses": _licence("Apache-2.0")}},
        "components": components,
    }


def _libraries(lock: Path) -> Iterator[dict[str, Any]]:
    """Every pinned version, also those for other systems or versions of Python, with the condition under which it is installed."""
    for pinned in _requirements(lock):
        name, (pin,) = canonicalize_name(pinned.name), tuple(pinned.specifier)
        purl = f"pkg:pypi/{name}@{pin.version}"
        component: dict[str, Any] = {"type": "library", "bom-ref": purl, "name": name, "version": pin.version, "purl": purl}
        if licence := _licence_of(name, pin.version):
            component["licenses"] = licence
        if pinned.marker:
            component["properties"] = [{"name": "python:marker", "value": str(pinned.marker)}]
        yield component


def _requirements(lock: Path) -> list[Requirement]:
    try:
        lines = [line.partition(" #")[0].strip() for line in lock.read_text(encoding="utf-8").splitlines()]
        pinned = [Requirement(line) for line in lines if line and not line.startswith(("#", "-"))]
    except (OSError, InvalidRequirement) as error:
        raise CaptchaError(f"Lock file: expected pinned requirements. Received: {lock} ({error})") from error
    if loose := [one.name for one in pinned if [pin.operator for pin in one.specifier] != ["=="]]:
        raise CaptchaError(f"Lock file: expected one version each. Received: {', '.join(loose)}")
    return pinned


def _licence_of(name: str, version: str) -> list[dict[str, Any]]:
    """What the installed package says; nothing of a package that is not installed in this version."""
    try:
        said = metadata(name)
    except PackageNotFoundError:
        return []
    if said["Version"] != version:
        return []
    classified = [line.rpartition(" :: ")[2] for line in said.get_all("Classifier") or () if line.startswith("License :: OSI Approved :: ")]
    texts = (said["License-Expression"], said["License"], *classified)
    return _licence(next((text for text in texts if text and len(text) <= _LONGEST and "\n" not in text), ""))


def _licence(text: str) -> list[dict[str, Any]]:
    """An expression if it looks like one of SPDX, else a name."""
    if not text:
        return []
    return [{"expression": text}] if _SPDX.fullmatch(text) and "-" in text else [{"license": {"name": text}}]


def _weights(models: Path) -> Iterator[dict[str, Any]]:
    for path in sorted(models.rglob(f"*{_WEIGHTS}")):
        name = path.relative_to(models).as_posix()
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        yield {"type": "machine-learning-model", "bom-ref": f"{name}#{digest[:16]}", "name": name, "hashes": [{"alg": "SHA-256", "content": digest}]}
