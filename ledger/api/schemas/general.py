"""Refusals and health."""

from __future__ import annotations

from typing import Final

from ledger.api.schemas.parts import INT, OUTCOME, TEXT, Schema, an_object, items

_ERROR: Final = an_object(
    ("pointer", "parameter", "field"),
    pointer={"type": "string", "description": "请求体内的JSON指针"},
    parameter={"type": "string", "description": "参数名"},
    field=TEXT,
    code=TEXT,
    message=TEXT,
)


SCHEMAS: Final[dict[str, Schema]] = {
    "Problem": an_object(
        ("errors", "setl_id", "outcome", "correlation_id", "to_sign"),
        type={"type": "string", "pattern": "^urn:fundledger:error:"},
        title=TEXT,
        status=INT,
        detail=TEXT,
        code={
            "type": "string",
            "description": "稳定的错误代码；含义与依据见 GET /api/v1/codes/{code} 或 fundledger codes",
        },
        errors=items(_ERROR),
        setl_id=TEXT,
        outcome=OUTCOME,
        correlation_id=TEXT,
        to_sign={
            "type": "array",
            "items": {"type": "object"},
            "description": "signature.missing：须由本人签名的内容（fundledger key sign --request）；content是摘要所据的文本，可为空",
        },
    ),
    "Code": an_object(code=TEXT, kinds=items(TEXT), statuses=items(INT), sentence=TEXT, rule=TEXT),
    "Acts": an_object(acts=items({"type": "object"})),
    "Done": {"type": "object", "description": "与命令行 --json 相同的答复；金额为文字"},
    "Health": an_object(("schema",), status=TEXT, version=TEXT, schema=TEXT),
}
