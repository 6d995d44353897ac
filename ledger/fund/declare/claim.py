"""The values of a declaration: the claim of a 3203 request, and a declaration as kept (3205)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Final, NamedTuple

from ledger.core.errors import InvalidInput, NotFound
from ledger.core.money import parse_fen
from ledger.db.unit_of_work import Transaction
from ledger.fund.reconcile.scope import ReconcileScope


class Claim(NamedTuple):
    """The totals of a 3203 request, in fen. Identity: medfee = fund + cash + account, the hospital's own share apart."""

    psntime: int
    """清算人次; a reversal counts −1."""
    medfee_fen: int
    med_sumfee_fen: int
    """医保认可费用总额"""
    fund_appy_fen: int
    """基金申报总额: Σ fund_pay_sumamt, all funds."""
    cash_fen: int
    acct_fen: int


@dataclass(frozen=True, slots=True)
class ClaimRequest:
    """A 3203 request: scope, totals, message id."""

    scope: ReconcileScope
    claim: Claim
    clr_way: str = ""
    msgid: str = ""


@dataclass(frozen=True, slots=True)
class Declaration:
    """A declaration as kept; money in fen. `state` is clr_stas (platform-fields.md 4.5)."""

    declaration_id: str
    scope: ReconcileScope
    clr_way: str
    state: str
    late: bool
    withdrawn: bool
    records: int
    claim: Claim
    pool_fen: int
    """This book's pooled money in it."""
    book_acct_fen: int
    """This book's personal-account money in it."""
    declared_by: str
    declared_on: date


_CLAIM_FIELDS: Final = ("medfee_sumamt", "med_sumfee", "fund_appy_sum", "cash_payamt", "acct_pay")


def claim_request(fund: int, institution: str, data: Mapping[str, Any], msgid: str = "") -> ClaimRequest:
    """Read the `data` node of a 3203 message for one book; amounts as strings or numbers, decimal only.

    begndate and enddate must be the first and last day of setlym. Raises InvalidInput `declare.field` naming it.
    """
    name = ""
    try:
        for name in (*_CLAIM_FIELDS, "setlym", "psntime", "clr_type", "begndate", "enddate"):
            if data.get(name) is None or isinstance(data[name], float):
                raise ValueError
        name = "setlym"
        if len(str(data[name])) != 6:
            raise ValueError
        scope = ReconcileScope(fund, institution, int(data[name]), str(data["clr_type"]))
        days = (scope.first_day.isoformat(), scope.last_day.isoformat())
        for name, day in zip(("begndate", "enddate"), days, strict=True):
            if str(data[name]) != day:
                raise ValueError
        name = "psntime"
        psntime = int(str(data[name]))
        fen: list[int] = []
        for name in _CLAIM_FIELDS:
            fen.append(parse_fen(str(data[name])))
        return ClaimRequest(scope, Claim(psntime, *fen), str(data.get("clr_way") or ""), msgid)
    except (ValueError, InvalidInput):
        raise InvalidInput("declare.field", f"清算申请的{name}缺失或不合规", field=name) from None


_READ: Final = """
    SELECT declaration_id, fund, institution, term, clr_type, clr_way, state, late, withdrawn, records, psntime, medfee_fen,
           med_sumfee_fen, fund_appy_fen, cash_fen, acct_fen, pool_fen, book_acct_fen, declared_by, declared_on
      FROM fund.declaration
     WHERE region = %(region)s
       AND (declaration_id = %(id)s OR %(id)s = '' AND fund = %(fund)s AND institution = %(institution)s AND term = %(term)s)
     ORDER BY declaration_id COLLATE "C" """


def _declaration(row: tuple[Any, ...]) -> Declaration:
    declaration_id, fund, institution, term, clr_type, clr_way, state, late, withdrawn, records = row[:10]
    pool_fen, book_acct_fen, declared_by, declared_on = row[16:]
    return Declaration(
        declaration_id, ReconcileScope(fund, institution, term, clr_type), clr_way, state, late, withdrawn, records,
        Claim(*row[10:16]), pool_fen, book_acct_fen, declared_by, declared_on,
    )  # fmt: skip


def read_declaration(tx: Transaction, declaration_id: str) -> Declaration:
    """One declaration; raises NotFound `declare.unknown`."""
    row = declaration_id and tx.row(
        _READ, region=tx.region, id=declaration_id, fund=0, institution="", term=0
    )
    if not row:
        raise NotFound("declare.unknown", f"没有申报{declaration_id}")
    return _declaration(row)


def declarations(tx: Transaction, fund: int, institution: str, term: int) -> list[Declaration]:
    """The declarations of an institution's 期号 in one book, withdrawn ones too (3205)."""
    return [
        _declaration(row)
        for row in tx.rows(_READ, region=tx.region, id="", fund=fund, institution=institution, term=term)
    ]
