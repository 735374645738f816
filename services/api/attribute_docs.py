"""The sentences that stand below attributes in the source, at run time.

They are where the documentation of the API has its words from: what a field means is written once, beside the field.
"""

from __future__ import annotations

import ast
import inspect
import textwrap
from functools import cache
from itertools import pairwise
from typing import Any


def attribute_docs(documented: type[Any]) -> dict[str, str]:
    """Attribute -> what the string below it says, on one line; those of base classes included."""
    docs: dict[str, str] = {}
    for cls in reversed(documented.__mro__):
        if cls.__module__.startswith(("services.", "shared.")):
            docs |= _own_docs(cls)
    return docs


@cache
def _own_docs(cls: type[Any]) -> dict[str, str]:
    (definition,) = ast.parse(textwrap.dedent(inspect.getsource(cls))).body
    if not isinstance(definition, ast.ClassDef):
        raise TypeError(f"expected a class statement, got {ast.dump(definition)[:80]}")
    docs, statements = {}, definition.body
    for statement, below in pairwise(statements):
        match statement, below:
            case (
                (ast.AnnAssign(target=ast.Name(id=name)) | ast.Assign(targets=[ast.Name(id=name)])),
                ast.Expr(value=ast.Constant(value=str(text))),
            ):
                docs[name] = " ".join(text.split())
            case _:
                pass
    return docs
