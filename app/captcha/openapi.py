"""The description of the routes: as OpenAPI JSON, and as a plain page that loads no script."""

import json
from html import escape
from pathlib import Path
from typing import Any

from app.captcha import verdicts

_FILE = Path(__file__).with_name("openapi.json")
_STYLE = (
    ":root{color-scheme:light dark}"
    "body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;overflow-wrap:anywhere}"
    "table{border-collapse:collapse;width:100%}td,th{border:1px solid #8886;padding:.3rem .6rem;text-align:left;vertical-align:top}"
    "code{font-family:ui-monospace,monospace}pre{overflow:auto;border:1px solid #8886;padding:.6rem}"
)


def read_description() -> dict[str, Any]:
    """Return the OpenAPI 3.1 description."""
    description: dict[str, Any] = json.loads(_FILE.read_text(encoding="utf-8"))
    return description


def render_page(description: dict[str, Any]) -> str:
    """Return an HTML page of a description."""
    about = description["info"]
    paths = sorted(description["paths"].items(), key=lambda item: item[0] != verdicts.PATH)  # what a site's owner needs comes first
    kept = description["components"]["schemas"]
    routes = "".join(_route(method, path, operation, kept) for path, item in paths for method, operation in item.items())
    schemas = "".join(_schema(name, schema) for name, schema in kept.items())
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(about['title'])}</title><style>{_STYLE}</style></head><body><h1>{escape(about['title'])}</h1>"
        f'<p>{escape(about["description"])}</p><p><a href="openapi.json">OpenAPI as JSON</a></p>{routes}<h2>Schemas</h2>{schemas}</body></html>'
    )


def _route(method: str, path: str, operation: dict[str, Any], schemas: dict[str, Any]) -> str:
    answers = "".join(
        f"<tr><td>{escape(status)}</td><td>{escape(answer.get('description', ''))}</td></tr>" for status, answer in operation["responses"].items()
    )
    given = "".join(
        f"<li><code>{escape(_name(parameter))}</code> {escape(parameter.get('description', ''))}</li>" for parameter in operation.get("parameters", ())
    )
    bodies = _body("Fields", operation.get("requestBody", {}), schemas) + _body("Answer", _success(operation), schemas)
    return (
        f"<h2><code>{method.upper()} {escape(path)}</code></h2><p>{escape(operation['summary'])}</p><p>{escape(operation.get('description', ''))}</p>"
        f"<ul>{given}</ul>{bodies}<table><tr><th>Status</th><th>Answer</th></tr>{answers}</table>"
    )


def _success(operation: dict[str, Any]) -> dict[str, Any]:
    return next((answer for status, answer in operation["responses"].items() if status.startswith("2")), {})


def _body(title: str, body: dict[str, Any], schemas: dict[str, Any]) -> str:
    """The fields of a body that has a named schema, in its kinds; else nothing."""
    content = body.get("content", {})
    name = next((kind["schema"]["$ref"].rpartition("/")[2] for kind in content.values() if "$ref" in kind.get("schema", {})), "")
    if not name:
        return ""
    schema = schemas[name]
    rows = "".join(_field(field, about, field in schema.get("required", ())) for field, about in schema["properties"].items())
    return f'<h3>{title}: <a href="#{escape(name)}">{escape(name)}</a></h3><p>{escape(", ".join(content))}</p><ul>{rows}</ul>'


def _field(name: str, about: dict[str, Any], required: bool) -> str:
    said = about.get("description") or ", ".join(json.dumps(value) for value in about.get("items", about).get("enum", ()))
    return f"<li><code>{escape(name)}</code>{'' if required else ' (optional)'} {escape(said)}</li>"


def _name(parameter: dict[str, Any]) -> str:
    return str(parameter.get("name") or parameter["$ref"].rpartition("/")[2])


def _schema(name: str, schema: dict[str, Any]) -> str:
    return f'<h3 id="{escape(name)}">{escape(name)}</h3><pre>{escape(json.dumps(schema, indent=2, ensure_ascii=False))}</pre>'
