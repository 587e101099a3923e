"""www/openapi.yaml is the judge of answers: of path, method, status, headers, media type and body. An answer
that has anything the description does not name fails."""

import json
import re
from pathlib import Path
from urllib.parse import unquote

import jsonschema
import yaml

SPEC = yaml.safe_load((Path(__file__).resolve().parents[2] / "www/openapi.yaml").read_text())
METHODS = ("get", "head", "post", "put", "patch", "delete", "options", "trace")
# These headers need no description, because HTTP's framing needs them or the web server adds them.
# Content-Type is described by `content`.
OF_HTTP = {"connection", "content-encoding", "content-length", "content-type", "date", "keep-alive",
           "server", "transfer-encoding"}
# The description's head says that a path of no template is answered with 404, and a request that cannot be
# read with 400.
OF_NO_PATH = {status: {"$ref": "#/components/responses/Problem"} for status in ("400", "404")}


def resolve(node):
    while isinstance(node, dict) and "$ref" in node:
        target = SPEC
        for part in node["$ref"].removeprefix("#/").split("/"):
            target = target[part]
        node = target
    return node


def join_headers(lines):
    """Makes a dict of lower-case names. Values of one name are joined by commas."""
    headers = {}
    for name, _, value in (line.partition(":") for line in lines):
        name = name.lower()
        headers[name] = f"{headers[name]}, {value.strip()}" if name in headers else value.strip()
    return headers


def find_path(path, base_path):
    """Returns (template, path item) of a request's path, or (None, None) when no template fits. Escaped
    characters of a segment stand for those characters; an escaped slash separates nothing."""
    segments = [unquote(segment) for segment in path.removeprefix(base_path + "/").split("/")]
    whole = [unquote(segment) for segment in path.removeprefix("/").split("/")]
    for template, item in SPEC["paths"].items():
        mine = whole if "servers" in item else segments if path.startswith(base_path + "/") else []
        parts = template.removeprefix("/").split("/")
        if len(parts) == len(mine) and all(part == one or (part[0] == "{" and one)
                                           for part, one in zip(parts, mine)):
            return template, item
    return None, None


def described_responses(method, item):
    if item is None:
        return OF_NO_PATH
    operation = item.get(method.lower()) if method.lower() in METHODS else None
    return operation["responses"] if operation else item["x-other-methods"]


def complain(schema, value, where):
    """Fails when the value is not as the schema says. References in the schema lead into the document."""
    whole = {"$schema": "https://json-schema.org/draft/2020-12/schema",
             "components": SPEC["components"], **schema}
    errors = [f"{'/'.join(map(str, error.absolute_path))} {error.message[:500]}"
              for error in jsonschema.Draft202012Validator(whole).iter_errors(value)]
    assert not errors, f"{where}: {errors}"


def without_compression(headers):
    """Removes Accept-Encoding from Vary, as a web server that compresses adds it."""
    fields = re.split(" *, *", headers.get("vary", ""))
    left = ", ".join(field for field in fields if field.lower() != "accept-encoding")
    return {name: value for name, value in headers.items() if name != "vary"} | ({"vary": left} if left else {})


def judge_headers(headers, described, media_type, where):
    described = {name.lower(): resolve(header) for name, header in described.get("headers", {}).items()}
    for name, value in headers.items():
        assert name in described or name in OF_HTTP, f"{where}: header {name} is not described"
        if name not in described:
            continue
        header = described[name]
        assert header.get("x-media-type", media_type) == media_type, f"{where}: {name} with {media_type}"
        schema = header["schema"]
        is_number = schema.get("type") == "integer" and re.fullmatch("[0-9]+", value)
        complain(schema, int(value) if is_number else value, f"{where}: header {name}")
    for name, header in described.items():
        is_due = header.get("required") or header.get("x-media-type") == media_type is not None
        assert name in headers or not is_due, f"{where}: header {name} is missing"


def judge_allow(headers, item, where):
    """The methods that an address names in Allow must be those that are described."""
    if "allow" not in headers:
        return
    said = headers["allow"].split(", ")
    assert sorted(said) == sorted(method.upper() for method in METHODS if method in item), \
        f"{where}: Allow: {headers['allow']}"
    assert headers.get("access-control-allow-methods", headers["allow"]) == headers["allow"], where


def judge_body(method, status, headers, body, content, where):
    media_type = headers.get("content-type", "").split(";")[0] or None
    if not content:
        assert media_type is None and not body, f"{where}: a body ({media_type}) is not described"
        return
    assert media_type in content, f"{where}: {media_type} is not described"
    if method == "HEAD":
        assert not body, f"{where}: a body"
        return
    schema = content[media_type].get("schema")
    if media_type.endswith("json"):
        value = json.loads(body)
        complain(schema, value, where)
        assert value.get("requestId", headers["x-request-id"]) == headers["x-request-id"], where
        assert media_type != "application/problem+json" or value["status"] == status, where
    elif schema:
        complain(schema, body.decode(), where)


def judge(method, path, status, headers, body, base_path="/api"):
    """Fails unless tintyped's answer to a request for path (as sent, without a query) is one that the
    document describes. headers has lower-case names, and several values of one name are joined by commas."""
    template, item = find_path(path, base_path)
    where = f"{method} {template or path}: {status}"
    responses = described_responses(method, item)
    assert str(status) in responses, f"{where} is not described"
    described = resolve(responses[str(status)])
    media_type = headers.get("content-type", "").split(";")[0] or None
    judge_headers(without_compression(headers), described, media_type, where)
    judge_allow(headers, item, where)
    judge_body(method, status, headers, body, described.get("content"), where)


def check(method, url, status, headers, body, base_path="/api"):
    """Judges an answer that came through a web server, which makes some errors itself."""
    path = "/" + re.split(r"[?#]", url.split("://", 1)[1].partition("/")[2])[0]
    if "x-request-id" in headers:
        judge(method, path, status, headers, body, base_path)
    elif find_path(path, base_path)[1] is not None:
        assert status >= 400, f"{method} {path}: {status} without X-Request-Id"
