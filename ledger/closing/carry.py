"""结转: what income and expense have come to is carried to 3001, per sub-fund, by the rules CLOSE-M and CLOSE-Y; and back."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from ledger.books.journal import post
from ledger.closing.checks import last_day
from ledger.core.accounts import coded
from ledger.core.entries import Book, Dimensions, EntryDraft, Leg, Posted, Side
from ledger.core.errors import InvalidInput
from ledger.db.unit_of_work import Transaction
from ledger.rules import Item, RuledEntry, apply
from ledger.rules.interpret import carried_to

EVENT_OF: Final = {"monthly": "CLOSE-M", "yearly": "CLOSE-Y"}
LINES_MAX: Final = 1_000
"""Of one voucher: a month with more institutions takes several."""
_POLICY: Final = "P1"


@dataclass(frozen=True, slots=True)
class Signed:
    """The close its entries belong to: which month and attempt, and the digest the chief confirmed."""

    book: Book
    period: int
    n: int
    method: str
    digest: bytes

    @property
    def due(self) -> bool:
        """Whether income and expense are carried now: every month under 账结, at the year's end under 表结."""
        return self.method == "monthly" or self.period % 100 == 12


def balances(tx: Transaction, book: Book, period: int) -> list[Item]:
    """What each income and expense leaf holds at the end of the period and is not carried yet, on its own side; by account
    and dimension. 4601 and 4602 are only ever split, never carried.
    """
    return [
        Item(Dimensions(*dims), fen, 0, account)
        for account, fen, *dims in tx.rows(
            coded("""SELECT b.account, (CASE left(b.account::text, 1) WHEN '4' THEN -1 ELSE 1 END * sum(b.debit - b.credit))::bigint,
                      d.counterparty, d.subfund, d.service_year, d.term, d.category
                 FROM books.balance b JOIN books.dim d ON d.region = b.region AND d.dim = b.dim
                WHERE b.region = %(region)s AND b.fund = %(fund)s AND b.period <= %(period)s
                  AND left(b.account::text, 1) IN ('4', '5') AND left(b.account::text, 4)::integer NOT IN ({UNSPLIT_CONTRIBUTIONS}, {UNSPLIT_INTEREST})
                GROUP BY b.account, b.dim, 3, 4, 5, 6, 7 HAVING sum(b.debit - b.credit) <> 0
                ORDER BY b.account::text, 3, 4, 5, 6, 7"""),
            region=book.region,
            fund=book.fund,
            period=period,
        )
    ]


def carry(tx: Transaction, signed: Signed) -> list[Posted]:
    """Post the closing entries of a month as the chief who confirms it; none where nothing is due.

    One voucher, or several of `LINES_MAX` lines, per sub-account of 3001 and class (收入, 支出), under the month's last day.
    Raises InvalidInput `rule.place_unknown` for an account closing.csv does not know, and what posting raises.
    """
    if not signed.due:
        return []
    drafts = [
        _draft(tx, signed, ruled, number)
        for number, ruled in enumerate(_ruled(signed, balances(tx, signed.book, signed.period)), 1)
    ]
    return post(tx, signed.book, last_day(signed.period), drafts) if drafts else []


def _ruled(signed: Signed, items: Sequence[Item]) -> Iterator[RuledEntry]:
    groups: dict[tuple[int, str], list[Item]] = defaultdict(list)
    for item in items:
        surplus = carried_to(signed.book.fund, item.source)
        if surplus is None:
            raise InvalidInput(
                "rule.place_unknown",
                f"科目{item.source}不知结转到一般基金结余的哪一明细（closing.csv）",
                account=item.source,
            )
        groups[surplus, str(item.source)[0]].append(item)
    for _, group in sorted(groups.items()):
        for start in range(0, len(group), LINES_MAX):
            part = group[start : start + LINES_MAX]
            ruled = apply(
                EVENT_OF[signed.method], _POLICY, signed.book.fund, part, on=last_day(signed.period)
            )
            yield RuledEntry(ruled.rule, ruled.event, _summed(ruled.legs))


def _summed(legs: Sequence[Leg]) -> tuple[Leg, ...]:
    """The lines of 3001 as one a side, in their place; all others as they are."""
    sums: dict[tuple[int, Side, Dimensions], int] = {}
    for leg in legs:
        key = leg.account, leg.side, leg.dims
        sums[key] = sums.get(key, 0) + leg.amount_fen
    return tuple(Leg(account, side, fen, dims) for (account, side, dims), fen in sums.items() if fen)


def _draft(tx: Transaction, signed: Signed, ruled: RuledEntry, number: int) -> EntryDraft:
    income = any(str(leg.account)[0] == "4" for leg in ruled.legs)
    title = "月末结转" if ruled.event == EVENT_OF["monthly"] else "年末结转"
    return EntryDraft(
        event=ruled.event,
        source_key=f"{ruled.event}:{signed.period}:{signed.n}:{number}",
        business_date=last_day(signed.period),
        summary=f"{signed.period}{title}{'收入' if income else '支出'}",
        legs=ruled.legs,
        rule=ruled.rule,
        prepared_by=f"rule:{ruled.rule}",
        reviewed_by=tx.user,
        evidence_digest=signed.digest,
        evidence=f"结账{signed.period}-{signed.n}",
    )


def carry_back(tx: Transaction, book: Book, period: int, n: int) -> list[Posted]:
    """Reverse the closing entries of a close with red letters, as the chief who reopens the month."""
    heads = tx.rows(
        """SELECT seq, series || '-' || period || '-' || vno, event, source_key, rule, summary, evidence, evidence_digest
             FROM books.entry WHERE region = %(region)s AND fund = %(fund)s AND period = %(period)s
              AND event = ANY(%(events)s) AND reverses_seq = 0 AND split_part(source_key, ':', 3) = %(n)s ORDER BY seq""",
        region=book.region,
        fund=book.fund,
        period=period,
        events=list(EVENT_OF.values()),
        n=str(n),
    )
    drafts = [
        EntryDraft(
            event=event,
            source_key=f"{key}:R",
            business_date=last_day(period),
            summary=f"注销{voucher}号凭证：{summary}",
            legs=_red(tx, book, period, seq),
            rule=rule,
            prepared_by=f"rule:{rule}",
            reviewed_by=tx.user,
            evidence_digest=bytes(digest),
            evidence=evidence,
            reverses_seq=seq,
        )
        for seq, voucher, event, key, rule, summary, evidence, digest in heads
    ]
    return post(tx, book, last_day(period), drafts) if drafts else []


def _red(tx: Transaction, book: Book, period: int, seq: int) -> tuple[Leg, ...]:
    return tuple(
        Leg(account, Side(side), -fen, Dimensions(*dims))
        for account, side, fen, *dims in tx.rows(
            """SELECT l.account, l.side, l.amount_fen, d.counterparty, d.subfund, d.service_year, d.term, d.category
                 FROM books.leg l JOIN books.dim d ON d.region = l.region AND d.dim = l.dim
                WHERE l.region = %(region)s AND l.fund = %(fund)s AND l.period = %(period)s AND l.seq = %(seq)s ORDER BY l.n""",
            region=book.region,
            fund=book.fund,
            period=period,
            seq=seq,
        )
    )
