"""What the descriptions of answers are made of. Money is a string of integer fen."""

from __future__ import annotations

from typing import Any, Final, TypeAlias

Schema: TypeAlias = dict[str, Any]

TEXT: Final[Schema] = {"type": "string"}
FEN: Final[Schema] = {"type": "string", "pattern": "^-?(0|[1-9][0-9]*)$", "description": "分，整数"}
YES_NO: Final[Schema] = {"type": "boolean"}
INT: Final[Schema] = {"type": "integer"}
COUNT: Final[Schema] = {"type": "integer", "minimum": 0}
DAY: Final[Schema] = {"type": "string", "format": "date"}
MOMENT: Final[Schema] = {"type": "string", "format": "date-time"}
SHA: Final[Schema] = {"type": "string", "pattern": "^[0-9a-f]{64}$"}
HEX: Final[Schema] = {"type": "string", "pattern": "^[0-9a-f]*$"}
OUTCOME: Final[Schema] = {"type": "string", "enum": ["accepted", "duplicate", "quarantined"]}
"""What became of a record."""
FREE: Final[Schema] = {"type": "object"}


def nullable(schema: Schema) -> Schema:
    """The value or null."""
    return {"anyOf": [schema, {"type": "null"}]}


def items(schema: Schema) -> Schema:
    """A list."""
    return {"type": "array", "items": schema}


def an_object(optional: tuple[str, ...] = (), /, **members: Schema) -> Schema:
    """An object with exactly these members, all required but the `optional`."""
    return {
        "type": "object",
        "properties": members,
        "required": [name for name in members if name not in optional],
        "additionalProperties": False,
    }


def ref(name: str) -> Schema:
    """A named schema."""
    return {"$ref": f"#/components/schemas/{name}"}
