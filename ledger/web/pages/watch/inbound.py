"""隔离: files the banks sent, those set aside with their reason in words, what was wrong in each, and reading one again."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from ledger.core.digests import parse_digest
from ledger.core.errors import NotFound
from ledger.core.words import said, words_of
from ledger.payments.incoming.again import KeptFile, ReadAgain, attempts, kept_files, problems_of
from ledger.web.record import Offer, record_page
from ledger.web.show import Filter, Linked, address, grid_page
from ledger.web.sitting import Desk
from reports.render.grid import Column, Grid, Line

_OUTCOME: Final = "bank_file.outcome"


def files(desk: Desk, _request: Request) -> Response:
    """The files, those set aside unless others are asked for, by account."""
    q = desk.query
    asked = q.get("outcome") or "quarantined"
    with desk.tx() as tx:
        found = kept_files(tx, q.get("account", ""), "" if asked == "all" else asked)
        own = [number for (number,) in tx.rows(
            "SELECT account FROM payments.bank_account WHERE region = %(region)s ORDER BY 1", region=desk.region)]  # fmt: skip
    outcomes = [("", said(_OUTCOME, "quarantined")), *((code, word) for code, word in words_of(_OUTCOME).items() if code != "quarantined")]  # fmt: skip
    filters = (
        Filter("outcome", "结果", [*outcomes, ("all", "全部")]),
        Filter("account", "账户", [("", "全部"), *((one, one) for one in own)]),
    )
    return grid_page(desk, listed(desk, found), filters=filters, template="inbound.html")


def listed(desk: Desk, found: Sequence[KeptFile]) -> Grid:
    """Files as a list."""
    columns = (
        Column("name", "文件名"), Column("account", "账户"), Column("day", "收到", "day"), Column("outcome", "结果"), Column("why", "原因"),
        Column("reason", "代码"), Column("times", "重读次数", "count"), Column("by", "重读人"), Column("sha256", "摘要SHA-256"),
    )  # fmt: skip
    lines = [
        Line((Linked(one.name, file_address(desk.region, one)), one.account, one.received_on, said(_OUTCOME, one.outcome), one.message,
              one.code, one.attempts, one.read_by, one.sha256.hex()))
        for one in found
    ]  # fmt: skip
    return Grid("银行文件", "银行送来的文件", columns, lines, notes=("原件加密保存，不得更改；重读过的以最后一次为准。",))  # fmt: skip


def file_address(region: int, one: KeptFile) -> str:
    """The page of a file."""
    return address(f"inbound/{one.sha256.hex()}", region=region, account=one.account)


def one_file(desk: Desk, request: Request) -> Response:
    """One file: what became of it, what was wrong in it, each reading again; and, set aside, reading it once more."""
    digest, account = parse_digest(request.path_params["digest"]), desk.query.get("account", "")
    with desk.tx() as tx:
        found = [one for one in kept_files(tx, account) if one.sha256 == digest]
        if not found:
            raise NotFound("file.not_kept", f"账户{account[:40]}没有收到过文件{digest.hex()[:16]}")
        one = found[0]
        problems, again = problems_of(tx, one.account, digest), attempts(tx, one.account, digest)
    facts = (
        ("文件名", one.name), ("账户", one.account), ("收到", one.received_on), ("结果", said(_OUTCOME, one.outcome)), ("原因", one.message),
        ("代码", one.code), ("重读次数", one.attempts or ""), ("摘要SHA-256", digest.hex()),
    )  # fmt: skip
    grids = (_problems(problems), _attempts(again))
    return record_page(
        desk, f"银行文件 {one.name}", facts, [grid for grid in grids if grid.lines], read_again(desk, one),
        here=file_address(desk.region, one),
    )  # fmt: skip


def read_again(desk: Desk, one: KeptFile) -> list[Offer]:
    """The form that reads a file that was set aside again."""
    if one.outcome != "quarantined":
        return []
    held = {
        "region": desk.region,
        "account": one.account,
        "digest": one.sha256.hex(),
        "date": desk.today,
    }
    return [Offer(("accountant",), "bank read-again", f"重读 {one.name}", held)]


def _problems(found: Sequence[tuple[str, str, str]]) -> Grid:
    columns = (Column("place", "处"), Column("why", "原因"), Column("reason", "代码"))
    return Grid("问题", "文件中未能收下的", columns, [Line((place, message, code)) for place, code, message in found])  # fmt: skip


def _attempts(found: Sequence[ReadAgain]) -> Grid:
    columns = (
        Column("n", "次", "count"), Column("day", "重读日", "day"), Column("by", "重读人"), Column("outcome", "结果"),
        Column("why", "原因"), Column("reason", "代码"),
    )  # fmt: skip
    lines = [
        Line((one.n, one.read_on, one.read_by, said(_OUTCOME, one.outcome), one.message, one.code))
        for one in found
    ]
    return Grid("重读", "重读", columns, lines)
