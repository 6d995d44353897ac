"""The report of a take-over, to be signed: every balance with 年初 and turnover, what is open by account, the digest of the set."""

from __future__ import annotations

import csv
import io
from datetime import date
from typing import Any, Final

from ledger.core.cells import cell
from ledger.core.entries import Book
from ledger.core.errors import NotFound
from ledger.core.money import yuan
from ledger.core.words import said
from ledger.db.unit_of_work import Transaction
from reports.render.grid import Column, Grid, Line

_COLUMNS: Final = (
    Column("account", "科目编码"),
    Column("name", "科目名称", width=28),
    Column("party", "往来单位"),
    Column("year_open_fen", "年初余额", "money"),
    Column("debit_fen", "本年借方", "money"),
    Column("credit_fen", "本年贷方", "money"),
    Column("balance_fen", "期初余额", "money"),
    Column("lines", "行数", "count"),
)
_BALANCES: Final = """
    SELECT l.account, coalesce(a.name, ''), l.counterparty, sum(l.year_open_fen)::bigint, sum(l.debit_fen)::bigint, sum(l.credit_fen)::bigint,
           sum(l.balance_fen)::bigint, count(*), a.normal_side, a.section
      FROM fund.cutover_line l JOIN books.account a ON a.region = l.region AND a.fund = l.fund AND a.account = l.account
     WHERE l.region = %(region)s AND l.fund = %(fund)s AND l.version = %(version)s AND (l.file = 'balances' OR a.section = 2)
     GROUP BY l.account, a.name, CASE a.section WHEN 1 THEN l.counterparty END, a.normal_side, a.section, l.counterparty
     ORDER BY l.account, l.counterparty COLLATE "C"
"""
_REST: Final = """
    SELECT (SELECT count(*) FROM fund.cutover_record r WHERE (r.region, r.fund, r.version) = (%(region)s, %(fund)s, %(version)s)),
           (SELECT count(*) FROM fund.cutover_record r WHERE (r.region, r.fund, r.version) = (%(region)s, %(fund)s, %(version)s) AND r.paid),
           (SELECT coalesce(sum(d.amount_fen), 0)::bigint FROM fund.cutover_deduction d
             WHERE (d.region, d.fund, d.version) = (%(region)s, %(fund)s, %(version)s)),
           (SELECT count(*) FROM fund.cutover_history h WHERE (h.region, h.fund, h.version) = (%(region)s, %(fund)s, %(version)s)),
           (SELECT count(DISTINCT o.reference) FROM fund.cutover_order o WHERE (o.region, o.fund, o.version) = (%(region)s, %(fund)s, %(version)s)),
           (SELECT coalesce(sum(o.amount_fen), 0)::bigint FROM fund.cutover_order o
             WHERE (o.region, o.fund, o.version) = (%(region)s, %(fund)s, %(version)s))
"""
_BANKS: Final = """
    SELECT b.account, coalesce(sum(b.amount_fen) FILTER (WHERE b.kind = 'statement'), 0)::bigint, count(*) FILTER (WHERE b.kind <> 'statement'),
           coalesce(sum(CASE b.kind WHEN 'book_in' THEN b.amount_fen WHEN 'book_out' THEN -b.amount_fen END), 0)::bigint
      FROM fund.cutover_bank b WHERE (b.region, b.fund, b.version) = (%(region)s, %(fund)s, %(version)s) GROUP BY b.account ORDER BY b.account
"""


def cutover_report(tx: Transaction, book: Book) -> Grid:
    """The newest set that is not refused; raises NotFound `cutover.no_proposal`."""
    head = tx.row(
        """SELECT c.version, c.day, c.state, encode(c.digest, 'hex'), c.proposed_by, c.proposed_on, c.decided_by, k.name
             FROM fund.cutover c JOIN books.book k ON k.region = c.region AND k.fund = c.fund
            WHERE c.region = %(region)s AND c.fund = %(fund)s AND c.state <> 'refused'""",
        **book._asdict(),
    )
    if head is None:
        raise NotFound("cutover.no_proposal", f"账套{book}没有待复核的接转")
    version, day, state, digest, proposed_by, proposed_on, decided_by, name = head
    keys = {**book._asdict(), "version": version}
    lines: list[Line] = []
    totals = [0, 0, 0, 0]
    for *shown, side, section in tx.rows(_BALANCES, **keys):
        lines.append(Line([str(shown[0]), *shown[1:]]))
        if section == 1:
            totals = [
                totals[0] + side * shown[3],
                totals[1] + shown[4],
                totals[2] + shown[5],
                totals[3] + side * shown[6],
            ]
    lines.append(
        Line(
            ["", "会计账借贷差（应为零）", "", totals[0], totals[1], totals[2], totals[3], len(lines)],
            total=True,
        )
    )
    [(records, paid, deductions, history, orders, flying)] = tx.rows(_REST, **keys)
    return Grid(
        f"cutover-{book}-{day}",
        "接转报告",
        _COLUMNS,
        lines,
        heads=[f"账套 {book} {name}", f"接转日 {day}，{said('cutover.state', state)}", f"资料摘要（SHA-256）{digest}"],
        notes=[
            f"未结算月份的结算记录{records}笔，其中旧账已付日拨付{paid}笔；历史发生额{history}行；尚待其他扣款{yuan(deductions)}元",
            f"原系统已发出、尚无回单的在途拨付{orders}单，{yuan(flying)}元",
            *(
                f"账户{account}接转日对账单余额{yuan(bank)}元，未达账项{items}笔，调节后{yuan(bank + open_book)}元"
                for account, bank, items, open_book in tx.rows(_BANKS, **keys)
            ),
            "金额按科目正常余额方向，反方向为负；期初余额即接转日终了余额，本年发生额只作年度报表累计之用，不重复记账",
        ],
        signers=[f"提出 {proposed_by}（{proposed_on}）", f"复核 {decided_by}", "会计主管"],
        facts={"book": str(book), "day": day, "state": state, "digest": digest, "version": version},
    )  # fmt: skip


def as_document(grid: Grid) -> dict[str, Any]:
    """The grid for machines; money in fen as text."""
    rows = [
        {
            column.key: str(value) if column.kind == "money" or isinstance(value, date) else value
            for column, value in zip(grid.columns, line.cells, strict=True)
        }
        | ({"total": True} if line.total else {})
        for line in grid.lines
    ]
    return {
        "title": grid.title, "heads": list(grid.heads), "rows": rows, "notes": list(grid.notes),
        "signers": list(grid.signers), **{key: str(value) for key, value in grid.facts.items()},
    }  # fmt: skip


def as_csv(grid: Grid) -> str:
    """The grid for spreadsheets: yuan, text that can be no formula."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    for text in (grid.title, *grid.heads):
        writer.writerow([cell(text)])
    writer.writerow([column.title for column in grid.columns])
    for line in grid.lines:
        writer.writerow(
            [
                yuan(value) if column.kind == "money" and isinstance(value, int) else cell(str(value))
                for column, value in zip(grid.columns, line.cells, strict=True)
            ]
        )
    for text in (*grid.notes, *grid.signers):
        writer.writerow([cell(text)])
    return "\ufeff" + out.getvalue()
