"""The types of `schemas` and `answers` as JSON Schema (draft 2020-12, which is OpenAPI 3.1's own)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

from services.api import schemas
from services.api.answers import Answered
from services.api.attribute_docs import attribute_docs
from services.api.openapi.examples import EXAMPLES
from shared.json_bytes import Blob, Hex, encode_json

REF = "#/components/schemas/{name}"

BASE64URL = "^([A-Za-z0-9_-]{4})*([A-Za-z0-9_-][AQgw]|[A-Za-z0-9_-]{2}[AEIMQUYcgkosw048])?$"
"""No padding, and no stray bits in the last character (RFC 4648, section 3.5): each value has one spelling."""

_ONE_OF: dict[type[Any], list[dict[str, Any]]] = {
    schemas.LinkRequest: [
        {
            "title": "With one other",
            "required": ["key", "peer"],
            "properties": {
                "key": {"type": "string"},
                "peer": {"type": "string"},
                "secret": {"type": "null"},
                "member": {"type": "null"},
            },
        },
        {
            "title": "Among a group",
            "required": ["secret"],
            "properties": {"key": {"type": "null"}, "peer": {"type": "null"}, "secret": {"type": "string"}},
        },
    ]
}
"""What belongs together, where a type alone can't say it."""


def schemas_of(types: Iterable[type[msgspec.Struct]]) -> dict[str, dict[str, Any]]:
    """Name -> schema of the types, and of all that they are made of."""
    wanted = list(types)
    _, made = msgspec.json.schema_components(wanted, schema_hook=_bytes_schema, ref_template=REF)
    named = {cls.__name__: cls for cls in _with_parts(wanted)}
    return {name: _finished(schema, named[name]) if name in named else schema for name, schema in sorted(made.items())}


def example_of(cls: type[Any]) -> dict[str, Any]:
    """The example of a type as it travels; of what comes in without what may be left out."""
    example = EXAMPLES[cls]
    sent: dict[str, Any] = msgspec.json.decode(encode_json(example))
    if isinstance(example, Answered):
        return sent
    usual = {field.name: _default(field) for field in msgspec.structs.fields(cls)}
    return {name: value for name, value in sent.items() if getattr(example, name) != usual[name]}


def _default(field: msgspec.structs.FieldInfo) -> Any:
    return field.default if field.default_factory is msgspec.NODEFAULT else field.default_factory()


def parameters_of(into: type[msgspec.Struct]) -> dict[str, tuple[dict[str, Any], bool]]:
    """Name -> schema, with its description, and whether it is required, of each field of a query's or a path's type."""
    schema = schemas_of([into])[into.__name__]
    required = schema.get("required", [])
    return {name: (_without_null(field), name in required) for name, field in schema["properties"].items()}


def _bytes_schema(cls: type[Any]) -> dict[str, Any]:
    if issubclass(cls, Blob):
        return {"type": "string", "contentEncoding": "base64url", "pattern": BASE64URL}
    if issubclass(cls, Hex):
        digits = "*" if cls.SIZE is None else f"{{{cls.SIZE}}}"
        return {"type": "string", "pattern": f"^([0-9a-f]{{2}}){digits}$"}
    raise NotImplementedError(cls)


def _with_parts(types: Iterable[type[Any]]) -> set[type[Any]]:
    """The structs among `types`, and those in their fields."""
    found: set[type[Any]] = set()

    def visit(info: Any) -> None:
        if isinstance(info, msgspec.inspect.StructType) and info.cls not in found:
            found.add(info.cls)
            for field in info.fields:
                visit(field.type)
        for part in getattr(info, "types", ()):
            visit(part)
        for name in ("type", "item_type", "value_type"):
            if isinstance(part := getattr(info, name, None), msgspec.inspect.Type):
                visit(part)

    for cls in types:
        visit(msgspec.inspect.type_info(cls))
    return found


def _finished(schema: dict[str, Any], cls: type[Any]) -> dict[str, Any]:
    """What msgspec says of a type, and what it can't know: the words, the example, what belongs together."""
    properties, docs = schema["properties"], attribute_docs(cls)
    for name in [name for name, field in properties.items() if field == {}]:
        del properties[name]  # a field that takes anything is there to be refused with a better sentence
    for name, field in properties.items():
        if name in docs:
            field["description"] = docs[name]
    if issubclass(cls, Answered):
        # what has a default is sent all the same; only what may be unset may be missing
        optional = {field.name for field in msgspec.structs.fields(cls) if field.default is msgspec.UNSET}
        schema["required"] = [name for name in properties if name not in optional]
    if cls in EXAMPLES:
        schema["examples"] = [example_of(cls)]
    if cls in _ONE_OF:
        schema["oneOf"] = _ONE_OF[cls]
    if not schema["required"]:
        del schema["required"]
    return schema


def _without_null(schema: dict[str, Any]) -> dict[str, Any]:
    """The schema of a parameter that may be left out: there is no null in a URL."""
    kinds = [kind for kind in schema.get("anyOf", []) if kind != {"type": "null"}]
    if len(kinds) != 1:
        return schema
    kept = {key: value for key, value in schema.items() if key != "anyOf" and (key, value) != ("default", None)}
    return {**kinds[0], **kept}
