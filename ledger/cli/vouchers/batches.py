"""`fundledger book voucher waiting`, and `approve --all`: the drafts a checker can approve, as one list under one digest."""

from __future__ import annotations

from typing import Annotated

import typer

from ledger.books.batches import DraftList, approve_batch, waiting_batch
from ledger.books.manual import require_happened
from ledger.books.reading import parse_book
from ledger.books.setup import open_period
from ledger.cli.line.context import JsonFlag, act, app_for, day_or_today, show
from ledger.core.dates import parse_day, period_of
from ledger.core.digests import parse_digest
from ledger.core.money import yuan_grouped
from ledger.db.unit_of_work import unit_of_work

FileOption = Annotated[
    str, typer.Option("--file", help="只限此导入文件的凭证：文件的SHA-256，见book voucher imported")
]
_SHOWN = 20


def waiting(
    book: Annotated[str, typer.Option("--book", help="账套，如420100-310")],
    date: Annotated[str, typer.Option(help="办理日期 YYYY-MM-DD；缺省为业务日期")] = "",
    file: FileOption = "",
    *,
    as_json: JsonFlag = False,
) -> None:
    """列出本人可以一并复核的草稿与其摘要；不能复核的另列并说明原因。"""
    running, named, day = app_for("checker"), parse_book(book), day_or_today(date)
    sha = parse_digest(file) if file else None
    with unit_of_work(running.engine, running.user, named.region) as tx:
        batch = waiting_batch(tx, named, day, sha)
    show({"book": book} | batch.as_json(), words(batch), as_json=as_json)


def approve_all(book: str, date: str, digest: str, file: str, *, as_json: bool) -> None:
    """Approve and post the list of `waiting` under its digest."""
    running, named, day = app_for("checker"), parse_book(book), parse_day(date)
    seen, sha = parse_digest(digest), parse_digest(file) if file else None
    require_happened(day, running.clock.today())
    with act(running, named.region, "voucher.approve", f"{book} {digest[:16]}") as tx:
        open_period(tx, named, period_of(day))
        batch, posted = approve_batch(tx, named, seen, day, sha)
    document = {
        "book": book,
        "posted": len(posted),
        "first": posted[0].voucher,
        "last": posted[-1].voucher,
        "amount_fen": str(batch.amount_fen),
        "digest": digest,
        "exceptions": [one._asdict() for one in batch.exceptions],
    }
    lines = [
        f"已复核并记账{len(posted)}张：{posted[0].voucher}至{posted[-1].voucher}，{yuan_grouped(batch.amount_fen)}元"
    ]
    show(document, lines + _exceptions(batch), as_json=as_json)


def words(batch: DraftList) -> list[str]:
    """A list for people: the first of it, the rest counted."""
    lines = [f"  {one}" for one in batch.voucher_ids[:_SHOWN]]
    if len(batch.voucher_ids) > _SHOWN:
        lines.append(f"  …另{len(batch.voucher_ids) - _SHOWN}张")
    head = f"可复核{len(batch.voucher_ids)}张，借方合计{yuan_grouped(batch.amount_fen)}元"
    tail = [f"摘要 {batch.digest.hex()}"] if batch.voucher_ids else []
    return [head, *lines, *_exceptions(batch), *tail]


def _exceptions(batch: DraftList) -> list[str]:
    return [f"  未列入 {one.voucher_id}：{one.message}（{one.code}）" for one in batch.exceptions]
