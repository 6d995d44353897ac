"""A movement that stands on a statement and of which the bank sent no paper: the statement's line as paper (kind `statement`)."""

from __future__ import annotations

import re
from datetime import date
from typing import Final

from adapters.banks.ports import Direction, Evidence
from ledger.core.errors import NotFound
from ledger.db.safekeeping.fields import fields
from ledger.db.unit_of_work import Transaction
from ledger.payments.incoming.evidence import EvidencePaper, PaperKey

KIND: Final = "statement"
_PLACE: Final = re.compile(r"([1-9][0-9]{0,8})[:-]([1-9][0-9]{0,8})", re.ASCII)


def take_line(tx: Transaction, account: str, place: str) -> PaperKey:
    """Make a paper in suspense of the line `3:7` (the seventh of the third statement), as accountant; again gives the same.

    Raises NotFound `suspense.unknown` for a line that is not there; Conflict `suspense.line_matched`, `suspense.has_paper` (the
    bank did send a paper: that one is to be explained); Forbidden `access.role_missing`.
    """
    found = _PLACE.fullmatch(place)
    row = found and tx.row(
        "SELECT s.file_sha256, l.direction, l.booked_on, l.amount_fen, l.other_account, l.other_name, l.order_no, l.bank_reference,"
        " l.summary, (SELECT count(*) FROM payments.evidence v WHERE v.region = l.region AND v.account = l.account"
        "   AND v.kind = %(kind)s AND v.receipt_no = %(number)s)"
        " FROM payments.statement_line l JOIN payments.bank_statement s ON s.region = l.region AND s.account = l.account"
        "   AND s.n = l.statement WHERE l.region = %(region)s AND l.account = %(account)s AND l.statement = %(statement)s AND l.n = %(n)s",
        region=tx.region,
        account=account,
        kind=KIND,
        number=f"{found[1]}-{found[2]}",
        statement=int(found[1]),
        n=int(found[2]),
    )
    if not found or not row:
        raise NotFound(
            "suspense.unknown", f"账户{account[:40]}的对账单没有行{place[:40]}，应写为第几份:第几行"
        )
    number = f"{found[1]}-{found[2]}"
    file_sha256, direction, day, fen, other, name, order_no, reference, summary, known = row
    key = PaperKey(account, KIND, number, Direction(direction))
    if not known:
        other, name, summary = map(fields(tx).open, (other, name, summary))
        told = Evidence(
            KIND, number, key.direction, day, fen, account, other, name, order_no, reference, reason=summary,
        )  # fmt: skip
        tx.run(
            "SELECT payments.take_line(%(region)s, %(account)s, %(statement)s, %(n)s, %(digest)s)",
            region=tx.region,
            account=account,
            statement=int(found[1]),
            n=int(found[2]),
            digest=EvidencePaper(told, bytes(file_sha256)).receipt.digest,
        )
    return key


def match_line(tx: Transaction, account: str, receipt_no: str, day: date) -> None:
    """Match the line `3-7` with the entry that rests on it, if both are open and come to the same; else nothing is done."""
    tx.run(
        "SELECT payments.match_stated(%(region)s, %(account)s, ARRAY[%(receipt)s]::text[], %(day)s)",
        region=tx.region,
        account=account,
        receipt=receipt_no,
        day=day,
    )
