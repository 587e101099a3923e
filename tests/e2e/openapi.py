"""www/openapi.yaml as the judge of answers: path, method, status, media type, headers, body."""

import re
from functools import lru_cache
from pathlib import Path

import jsonschema
import yaml

SPEC = yaml.safe_load((Path(__file__).resolve().parents[2] / "www/openapi.yaml").read_text())
# Methods that no path describes are answered by all of them in one way: 405, or 204 to OPTIONS.
UNDESCRIBED = {404: "no such address", 405: "no such method", 204: "OPTIONS", 400: "unreadable target"}


def resolve(node):
    while isinstance(node, dict) and "$ref" in node:
        target = SPEC
        for part in node["$ref"].removeprefix("#/").split("/"):
            target = target[part]
        node = target
    return node


def templates(base_path):
    for template, item in SPEC["paths"].items():
        base = base_path if "servers" not in item else ""
        pattern = re.sub(r"\{[a-z]+\}", "[^/]+", base + template)
        yield re.compile(pattern), template, item


def find(method, path, base_path):
    """The template and the operation of a request; (None, None) when there is none."""
    for pattern, template, item in templates(base_path):
        if pattern.fullmatch(path):
            # HEAD is answered as GET is, without a body.
            return template, item.get(method.lower()) or (method == "HEAD" and item.get("get")) or None
    return None, None


@lru_cache(maxsize=None)
def validator(pointer):
    """Of the schema that the parts of pointer lead to; its references are into the document."""
    node = SPEC
    for part in pointer:
        node = resolve(node)[part]
    schema = {"$schema": "https://json-schema.org/draft/2020-12/schema",
              "components": SPEC["components"], **resolve(node)}
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


def check_headers(answer, described, where):
    for name, header in described.get("headers", {}).items():
        header = resolve(header)
        value = answer.headers.get(name)
        if value is None:
            assert not header.get("required"), f"{where}: {name} is missing"
            continue
        if header["schema"].get("type") == "integer":
            value = int(value)
        jsonschema.validate(value, header["schema"], cls=jsonschema.Draft202012Validator)


def check(answer, base_path):
    """An answer (requests.Response) that reached tintyped is one that the document describes."""
    request = answer.request
    path = re.split(r"[?#]", request.url.split("://", 1)[1].partition("/")[2])[0]
    template, operation = find(request.method, "/" + path, base_path)
    where = f"{request.method} {template or path}: {answer.status_code}"
    status = str(answer.status_code)
    if operation is None or status not in operation["responses"]:
        assert answer.status_code in UNDESCRIBED, f"{where} is not described"
        assert "X-Request-Id" in answer.headers, where
        return
    described = resolve(operation["responses"][status])
    check_headers(answer, described, where)
    content = described.get("content")
    if content is None or request.method == "HEAD":
        return
    media_type = answer.headers["Content-Type"].split(";")[0]
    assert media_type in content, f"{where}: {media_type} is not described"
    if media_type.endswith("json"):
        validator(("paths", template, request.method.lower(), "responses", status, "content",
                   media_type, "schema")).validate(answer.json())
