"""The monthly control report (湖北即时结算规程第二十九条) as a whole: its parts, its digest, and what the reviewer signed."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from hashlib import sha256
from typing import Any, Final, NamedTuple

from ledger.books.reading import Cut, cut
from ledger.books.setup import books_of
from ledger.core.entries import Book
from ledger.core.errors import Conflict, InvalidInput, NotFound
from ledger.db.unit_of_work import Transaction
from reports.control.brief import brief, part_of
from reports.control.business import business_grids
from reports.control.changes import changes_grid, reversals_grid, suspense_grid
from reports.control.due import ControlMonth
from reports.control.link import link_grid
from reports.control.sample import draw, sample_grid
from reports.render.grid import Cell, Column, Grid, Line
from reports.render.grid_json import document
from reports.wording import cut_object

CASES: Final = 60
"""Cases drawn where nobody says how many: without an error among them, a rate above 5 % is ruled out at 95 %."""


class SignedControl(NamedTuple):
    """Who signed which content of a month, and when."""

    seed: str
    digest: bytes
    content: str
    signed_by: str
    signed_on: date


@dataclass(frozen=True, slots=True)
class ControlReport:
    """All parts of a month, in the order they are printed."""

    month: ControlMonth
    seed: str
    grids: Sequence[Grid]
    cuts: Mapping[Book, Cut]
    """How far each book was known; empty of one that was kept."""
    tips: Mapping[int, int]
    """The last entry known of each fund's book."""
    signed: SignedControl | None

    @property
    def content(self) -> str:
        """The parts as one JSON text: what is digested and signed. Without the time of asking: the same figures, the same text."""
        parts = [_part(grid) for grid in self.grids]
        return json.dumps(
            {"region": self.month.region, "month": self.month.month, "seed": self.seed, "parts": parts},
            ensure_ascii=False,
            separators=(",", ":"),
        )

    @property
    def digest(self) -> bytes:
        """SHA-256 of the content."""
        return sha256(self.content.encode()).digest()

    def as_json(self) -> dict[str, object]:
        """Parts by name; money as strings of integer fen."""
        return {
            **json.loads(self.content),
            "known_at": {str(book): cut_object(one) for book, one in self.cuts.items()},
            "digest": self.digest.hex(),
            "signed": None if self.signed is None else _signed_object(self.signed),
        }

    def printed(self, *, on_paper: bool = False, whole: Sequence[str] = ()) -> list[Grid]:
        """The parts with the report's head, digest and the reviewer's place on them; on paper without the full lists, but of `whole`."""
        signed = self.signed
        heads = (
            f"统筹区：{self.month.region}",
            f"{self.month.month // 100}年{self.month.month % 100}月",
            "单位：元",
        )
        foot = [f"报告摘要SHA-256 {self.digest.hex()}", f"随机种子 {self.seed}"]
        if signed is not None:
            same = (
                "与签署时一致" if signed.digest == self.digest else "签署后数据有变化，所签署的内容另存可查"
            )
            foot.append(
                f"已由{signed.signed_by}于{signed.signed_on}签署（摘要{signed.digest.hex()[:16]}…），{same}"
            )
        signers = ("内控稽核", "日期")
        grids = [brief(grid) if on_paper and part_of(grid) not in whole else grid for grid in self.grids]
        return [
            replace(grid, heads=heads, notes=[*grid.notes, *foot] if grid is grids[-1] else grid.notes,
                    signers=signers if grid is grids[-1] else ())
            for grid in grids
        ]  # fmt: skip


def control_report(
    tx: Transaction,
    month: int,
    seed: str,
    *,
    cases: int = CASES,
    known_at: datetime | None = None,
) -> ControlReport:
    """The report of a month (yyyymm) of the transaction's region, its sample drawn by `seed`.

    The journal is read as known at `known_at`; records, orders and receipts as they stand. Raises NotFound `control.no_books`.
    """
    books = [book for book, _ in books_of(tx)]
    if not books:
        raise NotFound("control.no_books", f"统筹区{tx.region}没有您可见的账套", region=tx.region)
    here = ControlMonth(tx.region, month, tuple(book.fund for book in books))
    cuts = {book: cut(tx, book, known_at) for book in books}
    tips = tips_of(tx, cuts)
    sample = draw(tx, here, seed, cases)
    people: dict[str, str] = dict(tx.rows("SELECT user_name, display_name FROM access.app_user"))
    parts = [
        *business_grids(tx, here, tips),
        sample_grid(here, sample, people),
        link_grid(tx, here, people),
        changes_grid(tx, here, people),
        reversals_grid(tx, here),
        suspense_grid(tx, here),
    ]
    return ControlReport(here, seed, parts, cuts, tips, signed_of(tx, month))


def tips_of(tx: Transaction, cuts: Mapping[Book, Cut]) -> dict[int, int]:
    """The last entry known of each fund's book."""
    return {
        book.fund: tx.value(
            "SELECT coalesce(max(last_seq), 0) FROM books.block WHERE region = %(region)s AND fund = %(fund)s AND block <= %(block)s",
            region=book.region,
            fund=book.fund,
            block=known.block,
        )
        for book, known in cuts.items()
    }


def signed_of(tx: Transaction, month: int) -> SignedControl | None:
    """What was signed for a month; None before."""
    row = tx.row(
        "SELECT seed, digest, content, signed_by, signed_on FROM fund.control_report WHERE region = %(region)s AND month = %(month)s",
        region=tx.region,
        month=month,
    )
    return None if row is None else SignedControl(row[0], bytes(row[1]), *row[2:])


def as_signed(tx: Transaction, month: int) -> ControlReport:
    """The report as it was signed, from its stored content; raises NotFound `control.not_signed`."""
    signed = signed_of(tx, month)
    if signed is None:
        raise NotFound("control.not_signed", f"{month}的内控报告尚未签署", month=month)
    return as_kept(tx, month, signed.seed, signed.content, signed)


def as_kept(
    tx: Transaction, month: int, seed: str, content: str, signed: SignedControl | None
) -> ControlReport:
    """The report of a month from its content, as it was kept."""
    parts = [_grid(part) for part in json.loads(content)["parts"]]
    return ControlReport(ControlMonth(tx.region, month), seed, parts, {}, {}, signed)


def sign(tx: Transaction, report: ControlReport, digest: bytes, signed_on: date, today: date) -> None:
    """Sign a report exactly as it was shown; the database asks for the reviewer's post, and for one signature a month.

    Raises Conflict `control.changed` where it is no longer what was shown, `control.running` before the month is over,
    `control.signed` the second time; InvalidInput `control.future` where the day is after the business date `today`; Forbidden
    `access.role_missing`.
    """
    if signed_on > today:
        raise InvalidInput("control.future", f"签署日{signed_on}晚于业务日期{today}，签署日应为今天或以前", day=str(signed_on))  # fmt: skip
    if signed_on < report.month.after:
        raise Conflict("control.running", f"{report.month.month}尚未结束，月末之后方可签署内控报告", month=report.month.month)  # fmt: skip
    if report.signed is not None:
        raise Conflict("control.signed", f"{report.month.month}的内控报告已由{report.signed.signed_by}于{report.signed.signed_on}签署", month=report.month.month)  # fmt: skip
    if report.digest != digest:
        raise Conflict("control.changed", "报告与您看到的已不同，请重新编制、查看后按新的摘要签署", digest=report.digest.hex())  # fmt: skip
    tx.run(
        "INSERT INTO fund.control_report (region, month, seed, content, digest, signed_by, signed_on)"
        " VALUES (%(region)s, %(month)s, %(seed)s, %(content)s, %(digest)s, %(by)s, %(on)s)",
        region=tx.region,
        month=report.month.month,
        seed=report.seed,
        content=report.content,
        digest=report.digest,
        by=tx.user,
        on=signed_on,
    )


def _signed_object(signed: SignedControl) -> dict[str, str]:
    return {
        "by": signed.signed_by,
        "on": signed.signed_on.isoformat(),
        "digest": signed.digest.hex(),
        "seed": signed.seed,
    }


def _part(grid: Grid) -> dict[str, object]:
    return {"name": grid.name, **document(grid), "notes": list(grid.notes)}


def _grid(part: dict[str, Any]) -> Grid:
    """A part as it was stored: what `_part` made of it, backwards."""
    columns = [Column(one["key"], one["title"], one["kind"]) for one in part["columns"]]
    lines = [
        Line(
            [_cell(column, row[column.key]) for column in columns],
            row.get("total", False),
            row.get("level", 0),
        )
        for row in part["rows"]
    ]
    known = {"name", "title", "columns", "rows", "notes"}
    facts = {key: value for key, value in part.items() if key not in known}
    return Grid(part["name"], part["title"], columns, lines, notes=part["notes"], facts=facts)


def _cell(column: Column, value: str | int | None) -> Cell:
    if value in (None, ""):
        return None if value is None else ""
    if column.kind == "day":
        return date.fromisoformat(str(value))
    return int(value) if column.kind == "money" else value
