"""The OpenAPI description: what FastAPI cannot know (the raw intake route, problems, keys) is added by hand."""

from __future__ import annotations

import html
from collections.abc import Mapping
from functools import cache
from typing import Any, Final

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.responses import HTMLResponse, JSONResponse, Response

from ledger.api.limits import BODY_MAX, RECORDS_MAX
from ledger.api.schemas import SCHEMAS, Schema, ref
from ledger.fund.record.fields import ALIASES, DETAILS_MAX, MONEY_NAMES, MONEY_OPTIONAL, TEXT_FIELDS

PROBLEM: Final[Schema] = {
    "description": "拒绝：稳定的code，中文说明（RFC 9457）",
    "content": {"application/problem+json": {"schema": ref("Problem")}},
}


def described(name: str, status: int = 200) -> dict[int | str, dict[str, Any]]:
    """The responses of a route: one good answer of a named schema, any refusal a problem."""
    return {
        status: {"description": "成功", "content": {"application/json": {"schema": ref(name)}}},
        "default": PROBLEM,
    }


FILES: Final = (
    "text/csv",
    "text/html",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "application/pdf",
)


def described_files(name: str) -> dict[int | str, dict[str, Any]]:
    """The responses of a report: a named schema as JSON, or a file in one of its formats."""
    found = described(name)
    found[200]["content"] |= {kind: {"schema": {"type": "string"}} for kind in FILES}
    return found


_MONEY: Final[Schema] = {
    "description": "元，至多两位小数；字符串、整数或小数；不接受NaN、指数、全角、超过10^13",
    "anyOf": [{"type": "string", "pattern": r"^-?[0-9]{1,13}(\.[0-9]{1,2})?$"}, {"type": "number"}],
}


def _optional(schema: Schema) -> Schema:
    return {"anyOf": [schema, {"type": "null"}]}


def _settlement() -> Schema:
    """The 2304 shape, from the very tables the reader uses."""
    members: dict[str, Schema] = {}
    required: list[str] = []
    for field in TEXT_FIELDS:
        text: Schema = {"type": "string", "pattern": f"^(?:{field.pattern})$", "description": field.rule}
        members[field.name] = text if field.required else _optional(text)
        if field.required:
            required.append(field.name)
    for name in MONEY_NAMES:
        plain = name not in MONEY_OPTIONAL and name not in ALIASES
        members[name] = _MONEY if plain else _optional(_MONEY)
        if plain:
            required.append(name)
        for alias in ALIASES.get(name, ()):
            members[alias] = _optional(_MONEY)
    row: Schema = {
        "type": "object",
        "properties": {
            "fund_pay_type": {"type": "string"},
            "poolarea_fund_pay_type": _optional({"type": "string"}),
            "fund_payamt": _MONEY,
            "inscp_scp_amt": _optional(_MONEY),
            "crt_payb_lmt_amt": _optional(_MONEY),
        },
        "required": ["fund_pay_type", "fund_payamt"],
    }
    return {
        "type": "object",
        "description": "2304结算输出；另须满足金额关系、字典与定点机构，否则隔离并返回原因",
        "properties": {
            "setlinfo": {"type": "object", "properties": members, "required": required},
            "setldetail": _optional({"type": "array", "maxItems": DETAILS_MAX, "items": row}),
        },
        "required": ["setlinfo"],
    }


KEY_HEADER: Final[Schema] = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "同一键与同一内容只办一次，再次请求得到首次的答复（Idempotency-Replayed: true）；内容不同为409 key_reused，"
    "首次尚未办完为409 in_flight",
    "schema": {"type": "string", "pattern": "^[!-~]{1,200}$"},
}


def _intake() -> Schema:
    """`POST /api/v1/settlements`, which reads its body by itself so that no amount passes through a float."""
    many: Schema = {
        "type": "object",
        "properties": {
            "records": {
                "type": "array",
                "minItems": 1,
                "maxItems": RECORDS_MAX,
                "items": ref("SettlementIn"),
            }
        },
        "required": ["records"],
        "additionalProperties": False,
    }
    return {
        "tags": ["结算记录"],
        "summary": "上传结算记录，一条或多条",
        "description": "只生成记录与应付款，不记账。一条：201接受，200重复，409与已存内容冲突，403无该统筹区的接入角色，422隔离。"
        '多条（{"records": [...]}）：200，逐条列明结果与合计；JSON不完整时整个请求不处理（400）。'
        f"每次至多{RECORDS_MAX}条、{BODY_MAX}字节。同一结算ID与相同内容再次上传不重复入库。",
        "operationId": "take_settlements",
        "parameters": [KEY_HEADER],
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": {"anyOf": [ref("SettlementIn"), many]}}},
        },
        "responses": {
            "200": {
                "description": "一条：已有相同记录；多条：逐条结果",
                "content": {"application/json": {"schema": {"anyOf": [ref("Taken"), ref("TakenMany")]}}},
            },
            "201": {
                "description": "接受",
                "content": {"application/json": {"schema": ref("Taken")}},
            },
            "default": PROBLEM,
        },
    }


def _describe(app: FastAPI) -> dict[str, Any]:
    document = get_openapi(title=app.title, version=app.version, routes=app.routes)
    components = document.setdefault("components", {})
    schemas = components.setdefault("schemas", {})
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    schemas.update(SCHEMAS)
    schemas["SettlementIn"] = _settlement()
    components["securitySchemes"] = {
        "key": {"type": "http", "scheme": "bearer", "description": "接口密钥fl_…"}
    }
    document["paths"] = {"/api/v1/settlements": {"post": _intake()}, **document["paths"]}
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            operation["security"] = [] if path.startswith(("/health/", "/api/v1/codes/")) else [{"key": []}]
            known = {item["name"] for item in operation.get("parameters", [])}
            if method == "post" and "Idempotency-Key" not in known:
                operation.setdefault("parameters", []).append(KEY_HEADER)
    return document


def complete(app: FastAPI) -> None:
    """Give the application its description and a page that lists it, made here, with nothing from another server."""

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = _describe(app)
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign] # FastAPI's documented way to extend the description

    # rendered once: anybody may ask, and to render it takes longer than to answer ten of a caller's requests
    @cache
    def written() -> bytes:
        return bytes(JSONResponse(openapi()).body)

    @cache
    def page() -> str:
        return _page(openapi())

    @app.get("/openapi.json", include_in_schema=False)
    async def document() -> Response:
        return Response(written(), media_type="application/json")

    @app.get("/docs", include_in_schema=False)
    async def docs() -> HTMLResponse:
        return HTMLResponse(page())


def _page(document: Mapping[str, Any]) -> str:
    """A plain list of all operations with their parameters."""
    rows = []
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            names = "、".join(
                f"{item['name']}（{item.get('description') or item['in']}）"
                for item in operation.get("parameters", [])
            )
            rows.append(
                "<tr>"
                + "".join(
                    f"<td>{html.escape(cell)}</td>"
                    for cell in (method.upper(), path, operation.get("summary", ""), names)
                )
                + "</tr>"
            )
    return (
        "<!doctype html><html lang=zh-CN><meta charset=utf-8>"
        f"<title>{html.escape(document['info']['title'])}</title>"
        "<style>body{font-family:sans-serif;margin:2rem}td,th{border:1px solid #999;padding:.3rem .6rem;"
        "text-align:left;vertical-align:top}table{border-collapse:collapse}</style>"
        f"<h1>{html.escape(document['info']['title'])}</h1>"
        "<p>完整描述：<a href=/openapi.json>/openapi.json</a></p>"
        "<table><tr><th>方法</th><th>地址</th><th>说明</th><th>参数</th></tr>"
        + "".join(rows)
        + "</table></html>"
    )
