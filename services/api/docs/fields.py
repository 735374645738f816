"""Lists of fields and parameters: name, kind, meaning, and what an object in an object is made of."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from services.api.docs.html import Html, el, join, prose
from services.api.docs.kinds import Kinds, Schema

DEEPEST = 4
"""Objects in objects that are shown; what lies deeper is named."""


@dataclass(frozen=True, slots=True)
class Fields:
    """Writes them for one document."""

    kinds: Kinds
    answered: bool = False
    """Of an answer: then everything is there, and nothing has to be given."""

    def of(self, schema: Schema, depth: int = 1) -> Html:
        """The fields of the object that `schema` is, or consists of; nothing for a plain value."""
        parts = self.kinds.parts(schema)
        if parts is None or depth > DEEPEST:
            return Html("")
        given = [] if self.answered else parts.get("required", [])
        listed = (
            self._one(name, said, self._notes(said, name in given), depth) for name, said in parts["properties"].items()
        )
        return el("dl", *listed, class_="fields")

    def parameter(self, parameter: dict[str, Any], place: str) -> Html:
        """One parameter, as a field."""
        schema = parameter["schema"] | {"description": parameter["description"]}
        where = el("span", place, class_="place")
        return self._one(
            parameter["name"], schema, join(where, self._notes(schema, parameter.get("required", False))), 1
        )

    def _one(self, name: str, schema: Schema, notes: Html, depth: int) -> Html:
        kind = el("span", prose(self.kinds.words(schema)), class_="kind")
        inner = self.of(schema, depth + 1)
        if inner:
            inner = el("details", el("summary", "Fields of", " ", el("code", name)), inner)
        return join(el("dt", el("code", name), kind, notes), el("dd", prose(schema.get("description", "")), inner))

    def _notes(self, schema: Schema, required: bool) -> Html:
        if required:
            return el("span", "required", class_="required")
        default = schema.get("default")
        if self.answered or default in (None, "", []):
            return Html("")
        return el("span", "default ", el("code", json.dumps(default)), class_="default")
