"""隔离: settlement records that were set aside, each with its reason in words; one opened with a reason that the operator log keeps."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any, Final, LiteralString

from starlette.requests import Request
from starlette.responses import Response

from ledger.core.dates import SHANGHAI
from ledger.core.errors import NotFound
from ledger.core.refusals import registry
from ledger.web.pages.given.record import LABELS
from ledger.web.record import Ask, Offer, record_page
from ledger.web.show import ROWS, Filter, Linked, address, grid_page
from ledger.web.sitting import Desk
from reports.render.grid import Column, Grid, Line

OPENERS: Final = ("maker", "accountant", "reviewer")
"""Whose form opens a line; the act itself asks for the post."""
STATES: Final = (("", "待处理"), ("taken", "其后已接入"), ("passed", "两人同意放行"), ("all", "全部"))
_LISTED: Final[LiteralString] = """
    SELECT * FROM (
        SELECT q.region, q.load_id, q.line, q.setl_id, q.field, q.code, q.message, coalesce(l.file_name, ''), l.begun_at,
               coalesce(l.loaded_by, ''), CASE WHEN q.setl_id <> '' AND EXISTS (
                   SELECT 1 FROM fund.record r WHERE r.region = %(region)s AND r.setl_id = q.setl_id) THEN 'taken'
                   WHEN 'load ' || q.load_id || ' line ' || q.line IN (SELECT p.item FROM fund.passed_lines(%(region)s) p) THEN 'passed'
                   ELSE 'open' END AS now
          FROM fund.quarantine q LEFT JOIN fund.intake_load l ON l.region IN (0, %(region)s) AND l.load_id = q.load_id
         WHERE q.region IN (0, %(region)s) AND %(code)s IN ('', q.code)
           AND (%(load)s::bigint IS NULL OR q.load_id = %(load)s) AND (%(only)s::bigint IS NULL OR q.line = %(only)s)
           AND (%(before)s::bigint IS NULL OR (q.load_id, q.line) < (%(before)s, %(line)s))) q
     WHERE %(state)s IN ('all', q.now) ORDER BY q.load_id DESC, q.line DESC LIMIT %(limit)s"""
_ANY: Final = {
    "state": "all",
    "code": "",
    "load": None,
    "only": None,
    "before": None,
    "line": 0,
    "limit": None,
}
COUNT: Final[LiteralString] = """
    SELECT count(*), min((l.begun_at AT TIME ZONE 'Asia/Shanghai')::date) FROM fund.quarantine q
      LEFT JOIN fund.intake_load l ON l.region IN (0, %(region)s) AND l.load_id = q.load_id
     WHERE q.region IN (0, %(region)s) AND NOT (q.setl_id <> '' AND EXISTS (
           SELECT 1 FROM fund.record r WHERE r.region = %(region)s AND r.setl_id = q.setl_id))
       AND 'load ' || q.load_id || ' line ' || q.line NOT IN (SELECT p.item FROM fund.passed_lines(%(region)s) p)"""
"""How many wait, and since when: not what came again and was taken, nor what two persons let pass, as the closing of a month counts them."""


def listing(desk: Desk, _request: Request) -> Response:
    """The lines, the newest first: by state, by reason, by load."""
    q = desk.query
    with desk.tx() as tx:
        codes = [
            code
            for (code,) in tx.rows(
                "SELECT DISTINCT code FROM fund.quarantine WHERE region IN (0, %(region)s) ORDER BY 1",
                region=desk.region,
            )
        ]
    load = _number(q.get("load", ""))

    def read(limit: int | None, after: str) -> list[tuple[Any, ...]]:
        before, _, line = after.partition(".")
        with desk.tx() as tx:
            found: list[tuple[Any, ...]] = tx.rows(
                _LISTED,
                region=desk.region,
                **_ANY
                | {
                    "state": q.get("state") or "open",
                    "code": q.get("code", ""),
                    "load": load,
                    "before": _number(before),
                    "line": _number(line) or 0,
                    "limit": limit,
                },
            )
        return found

    rows = read(ROWS + 1, q.get("after", ""))
    following = f"{rows[ROWS - 1][1]}.{rows[ROWS - 1][2]}" if len(rows) > ROWS else None
    filters = (
        Filter("state", "状态", STATES), Filter("code", "原因", [("", "全部"), *((code, reason_of(code)) for code in codes)]),
        Filter("load", "第几次接入", kind="number"),
    )  # fmt: skip
    return grid_page(
        desk, _grid(desk, rows[:ROWS]), filters=filters, following=following, whole=lambda: _grid(desk, read(None, "")),
        template="quarantine.html",
    )  # fmt: skip


def one(desk: Desk, request: Request) -> Response:
    """One line: why it was set aside, and the form that opens it, masked or whole."""
    load, line = (_number(request.path_params[part]) for part in ("load", "line"))
    with desk.tx() as tx:
        found = tx.rows(
            _LISTED, region=desk.region, **_ANY | {"load": load or 0, "only": line or 0, "limit": 1}
        )
    if not found:
        raise NotFound("data.no_line", f"第{load or 0}次接入没有隔离的第{line or 0}行")
    region, _, _, setl_id, field, code, message, file, at, by, state = found[0]
    facts = (
        ("文件", file), ("第几次接入", load), ("行", line), ("接入", f"{_day(at) or ''} {by}"), ("结算ID", setl_id), ("字段", _named(field)),
        ("原因", message), ("代码", code), ("状态", _state(state)), ("统筹区", region or "未能判明，各统筹区都列"),
    )  # fmt: skip
    held = {"region": desk.region, "load": load, "line": line}
    why = (Ask("reason", "查看的理由（记入操作日志）"),)
    offers = (
        Offer(OPENERS, "data open", "查看内容（遮蔽个人信息）", held, why, keyed=False),
        Offer(OPENERS, "data open", "查看内容（明文）", {**held, "clear": True}, why, note="何人、何行、何故记入操作日志；答复不留存。", keyed=False),
    )  # fmt: skip
    return record_page(
        desk, f"隔离的记录：第{load}次接入第{line}行", facts, (), offers,
        here=address(f"quarantine/{load}/{line}", region=desk.region),
    )  # fmt: skip


def reason_of(code: str) -> str:
    """What a code of a reason says anywhere."""
    known = registry().get(code)
    return known.sentence if known is not None else code


def _grid(desk: Desk, rows: Sequence[tuple[Any, ...]]) -> Grid:
    columns = (
        Column("line", "记录"), Column("file", "文件"), Column("day", "接入日", "day"), Column("by", "接入人"), Column("setl", "结算ID"),
        Column("field", "字段"), Column("why", "原因"), Column("reason", "代码"), Column("state", "状态"),
    )  # fmt: skip
    lines = []
    for _, load, line, setl_id, field, code, message, file, at, by, state in rows:
        href = address(f"quarantine/{load}/{line}", region=desk.region)
        record = (
            Linked(setl_id, address("follow", region=desk.region, subject=setl_id))
            if state == "taken"
            else setl_id
        )
        lines.append(
            Line((Linked(f"第{load}次第{line}行", href), file, _day(at), by, record, _named(field), message, code, _state(state)))
        )  # fmt: skip
    notes = (
        "原因中的证件号、账号已遮蔽；点“记录”以理由查看原文。更正后重新接入即可，其后已接入的、结账时两人同意放行的不再算待处理。",
    )
    return Grid("隔离的记录", "隔离的结算记录", columns, lines, notes=notes)


def _named(field: str) -> str:
    """A field of the platform's as people call it, and as its file does."""
    return f"{LABELS[field]} {field}" if field in LABELS else field


def _state(code: str) -> str:
    return dict(STATES).get("" if code == "open" else code, code)


def _day(at: Any) -> date | None:
    return at.astimezone(SHANGHAI).date() if at is not None else None


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else None
