"""What the hub answers about repositories and users."""

from dataclasses import replace

from huggingface_hub.constants import SPACES_SDK_TYPES
from starlette.responses import JSONResponse, PlainTextResponse, Response

from hub.local import cards, described
from hub.local.accounts import check_write, hidden, need_account
from hub.local.calls import Call
from hub.local.names import KINDS, check_repository
from hub.local.refusals import RefusalError
from hub.local.store import MAIN, Repository, Settings, now

# What goes to large-file storage whatever its size, as on the real hub; a first commit says so in .gitattributes.
_LARGE = ("*.bin", "*.gz", "*.h5", "*.keras", "*.npy", "*.npz", "*.onnx", "*.parquet", "*.pb", "*.pt", "*.pth", "*.safetensors", "*.tflite", "*.zip")
_ATTRIBUTES = "".join(f"{pattern} filter=lfs diff=lfs merge=lfs -text\n" for pattern in _LARGE).encode()


def who(call: Call) -> Response:
    """The user of a token."""
    account = need_account(call.account)
    token = {"displayName": "local", "role": "write" if account.may_write else "read"}
    auth = {"type": "access_token", "accessToken": token}
    return JSONResponse({"type": "user", "name": account.name, "fullname": account.name, "isPro": False, "orgs": [], "auth": auth})


def create(call: Call) -> Response:
    """A new repository; 409 with its address if it is there already."""
    kind, name = _asked_for(call)
    check_write(call.account, name.partition("/")[0])
    private = call.fields.get("visibility") == "private" or call.fields.get("private") is True
    settings = Settings(private=private, sdk=_sdk(kind, call.fields.get("sdk")), created=now())
    created = call.store.create(kind, check_repository(name), settings, {".gitattributes": _ATTRIBUTES})
    address = call.page(Repository(kind, name, call.store.folder))
    if created is None:
        raise RefusalError(409, f"You already created this {kind[:-1]} repo: {name}", details={"url": address})
    return JSONResponse({"url": address, "name": name, "id": name})


def _sdk(kind: str, asked: object) -> str | None:
    """What a Space is made with; None for what is no Space."""
    if kind != "spaces":
        return None
    if asked not in SPACES_SDK_TYPES:
        raise RefusalError(400, f"Expected an sdk, one of {', '.join(SPACES_SDK_TYPES)}. Received: {asked!r}")
    return str(asked)


def _asked_for(call: Call) -> tuple[str, str]:
    """Kind and name of the repository that a body names."""
    account, kind = need_account(call.account), f"{call.fields.get('type') or 'model'}s"
    if kind not in KINDS:
        raise RefusalError(400, f"Expected the type model, dataset or space. Received: {kind[:-1]!r}")
    return kind, f"{call.fields.get('organization') or account.name}/{call.fields.get('name') or ''}"


def delete(call: Call) -> Response:
    """Delete a repository, for good."""
    repository = call.visible(*_asked_for(call))
    check_write(call.account, repository.owner)
    call.store.delete(repository)
    return PlainTextResponse("OK")


def configure(call: Call) -> Response:
    """Make a repository private or public, its files free or on request."""
    repository, fields = call.writable, call.fields
    with repository.locked():
        before = repository.settings
        private = fields["visibility"] == "private" if "visibility" in fields else fields.get("private", before.private)
        repository.set_settings(replace(before, private=bool(private), gated=bool(fields.get("gated", before.gated))))
    return JSONResponse({"private": repository.settings.private, "gated": repository.settings.gated})


def listing(call: Call) -> Response:
    """The repositories of a kind that this user may see."""
    if call.part("kind") not in KINDS:
        raise RefusalError(404, "Not Found")
    author, search = call.request.query_params.get("author"), call.request.query_params.get("search", "").lower()
    seen = [repository for repository in call.store.every(call.part("kind")) if not repository.settings.private or _owns(call, repository)]
    found = [repository for repository in seen if author in {None, repository.owner} and search in repository.name.lower()]
    return JSONResponse([described.repository(repository, repository.commit(MAIN), with_files=False) for repository in found])


def _owns(call: Call, repository: Repository) -> bool:
    return call.account is not None and call.account.name == repository.owner


def info(call: Call) -> Response:
    """All about a repository, or only what `expand` names."""
    whole = described.repository(call.repository, call.commit(), call.flag("blobs"))
    names = call.request.query_params.getlist("expand")
    return JSONResponse({key: value for key, value in whole.items() if not names or key in {"_id", "id", *names}})


def unknown(call: Call) -> Response:
    """There is no such repository."""
    raise hidden(call.account)


def allowed(call: Call) -> Response:
    """Whether the user may read it."""
    if call.repository:
        call.check_gate()
    return JSONResponse({})


def allowed_to_write(call: Call) -> Response:
    """Whether the user may change it."""
    return JSONResponse({"id": call.writable.name})


def validate(call: Call) -> Response:
    """Whether the front matter of a README can be read."""
    try:
        data = cards.front_matter(str(call.fields.get("content", "")))
    except RefusalError as error:
        return JSONResponse({"error": error.message, "errors": [{"message": error.message}], "warnings": []}, 400)
    return JSONResponse({"errors": [], "warnings": [] if data else [{"message": "empty or missing yaml metadata in repo card"}]})
