"""The published contract as a judge: every answer is held against it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import httpx
import jsonschema
import yaml
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

PATH = Path(__file__).resolve().parents[2] / "docs" / "contract" / "openapi.yaml"
SPEC: dict[str, Any] = yaml.safe_load(PATH.read_text(encoding="utf-8"))
_REGISTRY: Registry[Any] = Registry().with_resource("urn:contract", Resource(contents=SPEC, specification=DRAFT202012))


def resolve(node: dict[str, Any]) -> dict[str, Any]:
    """Follow a ``$ref`` within the document."""
    while "$ref" in node:
        found: Any = SPEC
        for part in node["$ref"].removeprefix("#/").split("/"):
            found = found[part]
        node = found
    return node


def validate(instance: object, pointer: str) -> None:
    """Hold a JSON value against the schema at a pointer such as ``/components/schemas/Risk``."""
    validator = jsonschema.Draft202012Validator(
        {"$ref": f"urn:contract#{pointer}"},
        registry=_REGISTRY,
        format_checker=jsonschema.Draft202012Validator.FORMAT_CHECKER,
    )
    validator.validate(instance)


def operation(method: str, path: str) -> tuple[str, dict[str, Any]]:
    """Return the template and operation that a request is."""
    for template, item in SPEC["paths"].items():
        if re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", template), path) and method.lower() in item:
            return template, item[method.lower()]
    raise AssertionError(f"the contract has no {method} {path}")


def check(response: httpx.Response) -> None:
    """Hold an answer against the contract: its status, headers, content type and body."""
    _, op = operation(response.request.method, response.request.url.path)
    status = str(response.status_code)
    assert status in op["responses"], f"{response.request.url.path} may not answer {status}"
    said = resolve(op["responses"][status])
    kind = response.headers["content-type"].partition(";")[0]
    assert list(said["content"]) == [kind]
    for name, header in said.get("headers", {}).items():
        assert name in response.headers or not header.get("required")
        if name in response.headers and "pattern" in header["schema"]:
            assert re.search(header["schema"]["pattern"], response.headers[name])
    validate(response.json(), said["content"][kind]["schema"]["$ref"].removeprefix("#"))
