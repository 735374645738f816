"""A JSON Schema in words: of what kind a value is, and what it is made of."""

from __future__ import annotations

import re
from typing import Any

Schema = dict[str, Any]

_HEX = re.compile(r"\^\(\[0-9a-f\]\{2\}\)\{(\d+)\}\$")
_FORMATS = {"date-time": "moment (RFC 3339)", "ip-port": "address and port"}


class Kinds:
    """Reads the schemas of one document."""

    def __init__(self, components: dict[str, Schema]) -> None:
        """`components` are the document's, by name."""
        self._components = components

    def words(self, schema: Schema) -> str:
        """Of what kind a value is: `integer, 0 … 255`, `list of objects, or null`."""
        if "anyOf" in schema:
            return ", or ".join(self.words(choice) for choice in schema["anyOf"])
        if "$ref" in schema:
            named = self._named(schema)
            return self.words(named) if "enum" in named else "object"
        if "enum" in schema:
            return " or ".join(f"`{value}`" for value in schema["enum"])
        return self._typed(schema)

    def parts(self, schema: Schema) -> Schema | None:
        """The schema of the object that a value is, or consists of; None for a plain value."""
        inner = [*schema.get("anyOf", []), schema.get("items"), schema.get("additionalProperties")]
        for part in inner:
            if isinstance(part, dict) and (found := self.parts(part)) is not None:
                return found
        named = self._named(schema) if "$ref" in schema else schema
        return named if "properties" in named else None

    def _named(self, schema: Schema) -> Schema:
        return self._components[schema["$ref"].rpartition("/")[2]]

    def _typed(self, schema: Schema) -> str:
        match schema.get("type"):
            case "array":
                return f"list of {self._plural(schema['items'])}"
            case "object":
                values = schema.get("additionalProperties")
                return f"object: name → {self.words(values)}" if isinstance(values, dict) else "object"
            case "string":
                return _text(schema)
            case "integer" | "number" as name:
                return _number(name, schema)
            case other:
                return str(other)

    def _plural(self, schema: Schema) -> str:
        words = self.words(schema)
        kind, comma, rest = words.partition(",")
        several = {
            "object": "objects",
            "integer": "integers",
            "text": "texts",
            "address and port": "addresses and ports",
        }
        return several.get(kind, kind) + comma + rest


def _text(schema: Schema) -> str:
    if "contentEncoding" in schema:
        size = schema.get("maxLength")
        return "base64url" if size is None else f"base64url, at most {size * 3 // 4} bytes"
    if found := _HEX.fullmatch(schema.get("pattern", "")):
        return f"hex, {found[1]} bytes"
    if "format" in schema:
        return _FORMATS.get(schema["format"], str(schema["format"]))
    return "text" if "maxLength" not in schema else f"text, at most {schema['maxLength']} characters"


def _number(name: str, schema: Schema) -> str:
    least, most = schema.get("minimum"), schema.get("maximum")
    if least is None or most is None:
        return name if least is None else f"{name}, at least {least}"
    return f"{name}, {least} … {most}".replace("-", "\N{MINUS SIGN}")
