"""Settlements by period 结算信息按时段查询 (art. 16's interface 5262), a shape of this project's own.

Hubei's 5262 has no public field list; this one takes begin and end day, page size and the place to go on from, and
answers rows of SETL_D's names in the order of (setl_time, setl_id): a page costs the same wherever it stands.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final, NamedTuple

from ledger.core.errors import InvalidInput
from ledger.core.money import yuan
from ledger.db.unit_of_work import Transaction

PAGE_MAX: Final = 1_000
_PLACE: Final = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,6})?)\|(.{1,40})", re.ASCII)


class PeriodQuery(NamedTuple):
    """One page of an institution's settlements. `after` is "" or the `next` of the page before."""

    institution: str
    begin: date
    end: date
    after: str = ""
    page_size: int = 100


@dataclass(frozen=True, slots=True)
class Page:
    """Rows of the platform's field names, amounts in yuan as text; `next` is "" on the last page."""

    rows: tuple[dict[str, str], ...]
    next: str


def settlements(tx: Transaction, query: PeriodQuery) -> Page:
    """One page. Raises InvalidInput `period.dates`, `period.page_size`, `period.after`."""
    if query.end < query.begin:
        raise InvalidInput("period.dates", f"查询起止{query.begin}至{query.end}颠倒")
    if not 1 <= query.page_size <= PAGE_MAX:
        raise InvalidInput("period.page_size", f"每页应为1至{PAGE_MAX}条")
    since, last_id = _place(query)
    found = tx.rows(
        """SELECT r.setl_time, r.setl_id, r.mdtrt_id, r.psn_no, r.insutype, r.clr_type, r.med_type, r.clr_optins, r.init_setl_id,
                  r.init_setl_id <> '' OR v.setl_id IS NOT NULL, d.declaration_id IS NOT NULL, r.medfee_sumamt,
                  r.fund_pay_sumamt, r.acct_pay, r.psn_cash_pay
             FROM fund.record r
             LEFT JOIN fund.record v ON v.region = r.region AND v.init_setl_id = r.setl_id AND v.init_setl_id <> ''
             LEFT JOIN LATERAL (SELECT declaration_id FROM fund.declared
                                 WHERE region = r.region AND setl_id = r.setl_id LIMIT 1) d ON true
            WHERE r.region = %(region)s AND r.fixmedins_code = %(institution)s AND r.setl_time < %(end)s
              AND r.setl_time >= %(since)s AND (r.setl_time, r.setl_id) > (%(since)s, %(last_id)s)
            ORDER BY r.setl_time, r.setl_id LIMIT %(limit)s""",
        region=tx.region,
        institution=query.institution,
        since=since,
        end=query.end + timedelta(days=1),
        last_id=last_id,
        limit=query.page_size + 1,
    )
    page = found[: query.page_size]
    more = len(found) > query.page_size
    return Page(tuple(map(_row, page)), f"{page[-1][0].isoformat()}|{page[-1][1]}" if more else "")


def _place(query: PeriodQuery) -> tuple[datetime, str]:
    start = datetime.combine(query.begin, datetime.min.time())
    if not query.after:
        return start, ""
    match = _PLACE.fullmatch(query.after)
    try:
        if match is None:
            raise ValueError
        since = datetime.fromisoformat(match.group(1))
    except ValueError:
        raise InvalidInput("period.after", f"续查位置“{query.after[:60]}”不合规") from None
    return max(since, start), match.group(2) if since >= start else ""


def _row(row: tuple[Any, ...]) -> dict[str, str]:
    names = (
        "setl_id",
        "mdtrt_id",
        "psn_no",
        "insutype",
        "clr_type",
        "med_type",
        "clr_optins",
        "init_setl_id",
    )
    amounts = ("medfee_sumamt", "fund_pay_sumamt", "acct_pay", "psn_cash_pay")
    return {
        "setl_time": row[0].isoformat(sep=" "),
        **dict(zip(names, row[1:9], strict=True)),
        "refd_setl_flag": "1" if row[9] else "0",
        "clr_flag": "1" if row[10] else "0",
        **{name: yuan(fen) for name, fen in zip(amounts, row[11:], strict=True)},
    }
