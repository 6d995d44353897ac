"""Refusals as problem documents (RFC 9457): a stable code for programs, Chinese for people, nothing of the input."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

import msgspec
import psycopg
from sqlalchemy.exc import TimeoutError as PoolTimeout

from ledger.core.errors import LedgerError, Unavailable

PROBLEM_TYPE: Final = b"application/problem+json"
JSON_TYPE: Final = b"application/json"
TITLES: Final[Mapping[int, str]] = {
    400: "请求不能读取",
    401: "未认证",
    403: "无权限",
    404: "不存在",
    405: "方法不允许",
    408: "请求超时",
    409: "与现状冲突",
    413: "请求过大",
    415: "内容类型不支持",
    414: "地址过长",
    422: "内容不符合规则",
    429: "请求过多",
    431: "请求头过大",
    500: "内部错误",
    501: "不支持",
    503: "服务暂不可用",
    505: "HTTP版本不支持",
}
_ENCODER: Final = msgspec.json.Encoder()
_LOG: Final = logging.getLogger("ledger.api")


class TooLarge(LedgerError):
    """More bytes or records than one request may bring."""

    status = 413


class NotSupported(LedgerError):
    """A content type or encoding that is not read here."""

    status = 415


class TooMany(LedgerError):
    """More requests, or more refused ones, than one caller may bring; to be sent again later."""

    status = 429


class Answer(NamedTuple):
    """A whole response; what is 400 or above is a problem document."""

    status: int
    body: bytes
    headers: tuple[tuple[bytes, bytes], ...] = ()

    @property
    def content_type(self) -> bytes:
        """Of the body."""
        return JSON_TYPE if self.status < 400 else PROBLEM_TYPE

    def replayed(self) -> Answer:
        """The same answer, marked as the first one given again."""
        return self._replace(headers=(*self.headers, (b"idempotency-replayed", b"true")))


def encode(document: object) -> bytes:
    """Compact JSON, Chinese unescaped."""
    return _ENCODER.encode(document)


def document(
    status: int, code: str, detail: str, errors: Sequence[Mapping[str, object]] = (), **more: object
) -> dict[str, object]:
    """The members of a problem document; `errors` hold JSON pointers into the body, or parameter names."""
    found: dict[str, object] = {
        "type": f"urn:fundledger:error:{code}",
        "title": TITLES.get(status, "请求被拒绝"),
        "status": status,
        "detail": detail,
        "code": code,
        **more,
    }
    if errors:
        found["errors"] = list(errors)
    return found


def problem(
    status: int, code: str, detail: str, errors: Sequence[Mapping[str, object]] = (), **more: object
) -> Answer:
    """A problem document as an answer."""
    headers: list[tuple[bytes, bytes]] = []
    if status == 401:
        headers.append((b"www-authenticate", b"Bearer"))
    if status == 413:
        headers.append((b"connection", b"close"))  # the rest of the body is not worth reading
    if status in (429, 503) or code in ("in_flight", "db.retry"):
        headers.append((b"retry-after", b"1"))
    return Answer(status, encode(document(status, code, detail, errors, **more)), tuple(headers))


def of_error(error: Exception) -> Answer:
    """Any error as a problem. What nobody foresaw goes to the log under a number, and only the number goes out."""
    if isinstance(error, PoolTimeout):
        error = Unavailable("service.busy", "请求过多，请稍后再试")
    elif isinstance(error, psycopg.OperationalError):
        error = Unavailable("db.unreachable", "数据库不可用，请稍后再试")
    if isinstance(error, LedgerError):
        field = error.details.get("field")
        errors = [{"field": str(field), "code": error.code, "message": error.message}] if field else []
        asked = error.details.get("to_sign")
        return problem(
            error.status, error.code, error.message, errors, **({"to_sign": asked} if asked else {})
        )
    number = secrets.token_hex(8)
    # The class and the place, not the message: a driver's message may hold values.
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    where = f"{trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}" if trace else ""
    _LOG.error("internal error %s: %s at %s", number, type(error).__name__, where)
    return problem(500, "internal", f"内部错误，编号{number}，请联系系统管理员", correlation_id=number)


_SENTENCES: Final[Mapping[str, str]] = {
    "missing": "缺少必填项",
    "string_pattern_mismatch": "格式不符",
    "string_too_long": "过长",
    "string_too_short": "过短",
    "string_type": "应为字符串",
    "int_type": "应为整数",
    "int_parsing": "应为整数",
    "less_than_equal": "超过上限",
    "greater_than_equal": "低于下限",
    "extra_forbidden": "不应有此项",
    "enum": "不在允许的取值内",
    "literal_error": "不在允许的取值内",
    "json_invalid": "不是完整的JSON",
    "model_attributes_type": "应为JSON对象",
}


def of_validation(found: Sequence[Any]) -> Answer:
    """The framework's findings without the values that caused them."""
    errors: list[dict[str, object]] = []
    for item in found:
        place, *path = [str(part) for part in item["loc"]]
        sentence = _SENTENCES.get(item["type"], "内容不合规")
        if item["type"] == "json_invalid":
            return problem(400, "body.json", "请求体不是完整的JSON")
        if place == "body":
            pointer = "".join(f"/{part.replace('~', '~0').replace('/', '~1')}" for part in path)
            errors.append({"pointer": pointer, "code": "request.field", "message": sentence})
        else:
            errors.append({"parameter": ".".join(path), "code": "request.field", "message": sentence})
    names = "、".join(str(e.get("pointer") or e.get("parameter") or "请求体") for e in errors)
    return problem(422, "request.invalid", f"请求内容不合规：{names}", errors)
