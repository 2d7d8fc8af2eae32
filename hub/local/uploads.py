"""Large files: a client asks where to put them, sends each to its own address, and names them in a commit afterwards.

The addresses are signed, because clients send no token there: who has one may upload that one file, and nothing else.
"""

import hmac
import os
from hashlib import sha256
from pathlib import Path
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from hub.local.calls import Call
from hub.local.refusals import RefusalError
from hub.local.store import Repository

_JSON = "application/vnd.git-lfs+json"


def batch(call: Call) -> Response:
    """Answer which of some files are wanted, and where to send them."""
    repository = call.writable
    if call.fields.get("operation") != "upload":
        raise RefusalError(400, f"Expected the operation upload. Received: {call.fields.get('operation')!r}")
    try:
        objects = [_wanted(call, repository, str(asked["oid"]), int(asked["size"])) for asked in call.fields["objects"]]
    except (KeyError, TypeError, ValueError) as error:
        raise RefusalError(400, f"Expected a list of objects with oid and size. Received: {error!r}") from error
    return JSONResponse({"transfer": "basic", "hash_algo": "sha256", "objects": objects}, media_type=_JSON)


def _wanted(call: Call, repository: Repository, oid: str, size: int) -> dict[str, Any]:
    stored = repository.large_file(oid)
    if stored is not None and stored.size == size:
        return {"oid": oid, "size": size}
    place = f"{repository.kind}/{repository.name}/{oid}"
    href = f"{call.base}/lfs/{place}?size={size}&signature={_sign(call.request, place, size)}"
    return {"oid": oid, "size": size, "authenticated": True, "actions": {"upload": {"href": href, "header": {}}}}


def _sign(request: Request, place: str, size: int) -> str:
    key: bytes = request.app.state.signing_key
    return hmac.new(key, f"{place} {size}".encode(), sha256).hexdigest()


async def receive(request: Request) -> Response:
    """Take in one large file, if it is the one that was announced."""
    kind, name, oid = request.path_params["kind"], "{owner}/{name}".format_map(request.path_params), request.path_params["oid"]
    place, size = f"{kind}/{name}/{oid}", request.query_params.get("size", "")
    repository = request.app.state.store.find(kind, name)
    signed = size.isdecimal() and hmac.compare_digest(_sign(request, place, int(size)).encode(), request.query_params.get("signature", "").encode())
    if repository is None or not signed:
        await request.body()  # a client that is still sending would not read the answer
        raise RefusalError(403, "Request signature does not match")
    with repository.arriving() as part:
        received = await _save(request, part)
        if received != (oid, int(size)):
            raise RefusalError(400, f"Expected {size} bytes with SHA-256 {oid}. Received: {received[1]} bytes with SHA-256 {received[0]}")
        os.replace(part, repository.object_file(oid))
    return Response(headers={"ETag": f'"{oid}"'})


async def _save(request: Request, part: Path) -> tuple[str, int]:
    """Write the body to a file; its SHA-256 and size."""
    digest, size = sha256(), 0
    with part.open("wb") as file:
        async for chunk in request.stream():
            file.write(chunk)
            digest.update(chunk)
            size += len(chunk)
    return digest.hexdigest(), size
