"""INV-10, INV-13: every paper and every word of a bank is in the bytes that were taken in, read again here by the bank's
adapter; and what accepted, refused, paid or gave back an order is one of them.

The bytes are what a bank sent; the rows are what was made of them. A row nobody sent, one that says something else, and one
that is gone are named, whoever wrote or removed it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import astuple
from typing import Final, NamedTuple

from psycopg.rows import TupleRow

from adapters.banks.ports import BankFormat, Decoded, OrderStatus
from ledger.control.breach import Breach
from ledger.control.snapshot import Snapshot
from ledger.core.errors import LedgerError
from ledger.core.text import plain
from ledger.core.words import said
from ledger.db.safekeeping.places import place

FILES_AT_ONCE: Final = 100
REASONS_MAX: Final = 2_000
"""Characters kept of a word's reasons."""

_READ: Final = """
    SELECT f.region, f.account, f.sha256, f.name, a.bank
      FROM payments.inbound_file f
      LEFT JOIN payments.bank_account a ON a.region = f.region AND a.account = f.account
     WHERE f.outcome = 'read' OR EXISTS (SELECT 1 FROM payments.read_again r
           WHERE r.region = f.region AND r.account = f.account AND r.sha256 = f.sha256 AND r.outcome = 'read')
     ORDER BY f.region, f.account, f.sha256
"""
_EVIDENCE: Final = """
    SELECT file_sha256, kind, receipt_no, direction, booking_date, amount_fen, account, other_account, other_name, order_no,
           bank_reference, is_return, reason_code, reason
      FROM payments.evidence WHERE region = %(region)s AND file_sha256 = ANY(%(digests)s)
"""
_KNOWN: Final = """
    SELECT e.account, e.kind, e.receipt_no, e.direction FROM payments.evidence e
      JOIN unnest(%(accounts)s::text[], %(kinds)s::text[], %(numbers)s::text[], %(directions)s::text[])
           AS t (account, kind, receipt_no, direction) USING (account, kind, receipt_no, direction)
     WHERE e.region = %(region)s
"""
_WORDS: Final = """
    SELECT file_sha256, order_no, message_id, state, code, reasons
      FROM payments.bank_word WHERE region = %(region)s AND file_sha256 = ANY(%(digests)s)
"""
_STRAY: Final = """
    SELECT v.region, 'evidence ' || v.kind || ':' || v.receipt_no FROM payments.evidence v
     WHERE v.kind <> 'statement'
       AND NOT EXISTS (SELECT 1 FROM payments.inbound_file f WHERE f.region = v.region AND f.sha256 = v.file_sha256)
        OR v.kind = 'statement' AND NOT EXISTS (      -- a statement's line taken up as a paper
           SELECT 1 FROM payments.statement_line l
            WHERE l.region = v.region AND l.account = v.account AND l.statement || '-' || l.n = v.receipt_no
              AND (l.direction, l.booked_on, l.amount_fen, l.bank_reference)
                = (v.direction, v.booking_date, v.amount_fen, v.bank_reference))
    UNION ALL
    SELECT w.region, 'order ' || w.order_no FROM payments.bank_word w
     WHERE NOT EXISTS (SELECT 1 FROM payments.inbound_file f WHERE f.region = w.region AND f.sha256 = w.file_sha256)
     ORDER BY 1, 2
"""
# Refused since the account's channel says that its bank's status is not final, and no statement proves that nothing was debited.
_UNPROVEN: Final = """
    SELECT o.region, o.fund, o.order_no FROM payments.order_event v
      JOIN payments.pay_order o ON o.region = v.region AND o.order_no = v.order_no
      JOIN payments.bank_channel c ON c.region = o.region AND c.account = o.account AND c.state = 'confirmed'
       AND c.channel ->> 'final_status' = 'false' AND c.confirmed_at < v.recorded_at
     WHERE v.event = 'reject' AND (
           EXISTS (SELECT 1 FROM (SELECT coalesce(max(w.said_on), o.sent_on) AS said_on FROM payments.bank_word w WHERE w.region = o.region
                                     AND w.order_no = o.order_no AND w.effect = 'reject') w
                     CROSS JOIN generate_series(o.sent_on, greatest(o.sent_on, w.said_on), interval '1 day') AS d (day)
                    WHERE NOT EXISTS (SELECT 1 FROM payments.bank_statement s WHERE s.region = o.region AND s.account = o.account
                                         AND s.n > 0 AND d.day::date BETWEEN s.first_day AND s.last_day))
        OR EXISTS (SELECT 1 FROM payments.statement_line l WHERE l.region = o.region AND l.account = o.account AND l.statement > 0
                      AND l.direction = 'debit' AND l.booked_on >= o.sent_on
                      AND (l.order_no = o.order_no OR o.bank_reference <> '' AND l.bank_reference = o.bank_reference)))
     ORDER BY 1, 2, 3
"""
# Before release 0.3 an event named the file of ours that the bank spoke of, and before words were kept nothing else did.
_MOVED: Final = """
    SELECT o.region, o.fund, v.order_no, v.event, v.evidence FROM payments.order_event v
      JOIN payments.pay_order o ON o.region = v.region AND o.order_no = v.order_no
     WHERE v.event IN ('accept', 'reject') AND NOT EXISTS (
               SELECT 1 FROM payments.bank_word w
                WHERE w.region = v.region AND w.order_no = v.order_no AND w.effect = v.event
                  AND v.evidence IN ('file:' || encode(w.file_sha256, 'hex'), w.message_id))
        OR v.event IN ('pay', 'return') AND NOT EXISTS (
               SELECT 1 FROM payments.evidence e
                WHERE e.region = v.region AND e.matched_order = v.order_no AND e.outcome = 'posted'
                  AND e.direction = CASE v.event WHEN 'pay' THEN 'debit' ELSE 'credit' END
                  AND v.evidence = e.kind || ':' || e.receipt_no)
     ORDER BY 1, 2, 3
"""
# An order's serial at the bank. One taken over came with its own.
_SERIALS: Final = """
    SELECT o.region, o.fund, o.order_no, o.file_id, o.bank_reference FROM payments.pay_order o
     WHERE o.file_id <> '' AND NOT EXISTS (SELECT 1 FROM payments.taken_order t WHERE t.region = o.region AND t.order_no = o.order_no)
     ORDER BY 1, 2, 3
"""


class _File(NamedTuple):
    region: int
    account: str
    sha256: bytes
    name: str
    bank: str | None


class _Word(NamedTuple):
    order_no: str
    message_id: str
    state: str
    code: str
    reasons: str


def check_bank_words(snapshot: Snapshot) -> Iterator[Breach]:
    """Papers, words and events against the stored bytes, decoded anew; cost grows with the files."""
    for region, what in snapshot.rows(_STRAY):
        yield Breach("INV-13", str(region), what, "所依据的银行文件不在库中")
    for region, fund, order_no in snapshot.rows(_UNPROVEN):
        message = "银行的拒绝不是终局状态，没有证实未扣款的对账单，却已退回重付"
        yield Breach("INV-10", f"{region}-{fund}", f"order {order_no}", message)
    formats = Formats()
    files = [_File(*row) for row in snapshot.rows(_READ)]
    moved = snapshot.rows(_MOVED)
    said_of = _Said({(row[0], row[4]) for row in moved})
    for region in sorted({file.region for file in files}):
        own = [file for file in files if file.region == region]
        for start in range(0, len(own), FILES_AT_ONCE):
            yield from _check_part(snapshot, formats, region, own[start : start + FILES_AT_ONCE], said_of)
    for region, fund, order_no, file_id, serial in snapshot.each(_SERIALS):
        told = said_of.serials.get((region, order_no), set()) | said_of.serials.get((region, file_id), set())
        if serial in told or not (serial or told):
            continue
        if snapshot.checking in snapshot.passed_over:  # it may stand in a file that nobody can open here
            snapshot.pass_over()
        else:
            message = "拨付单的银行流水号与银行回报的不同"
            yield Breach("INV-13", f"{region}-{fund}", f"order {order_no}", message)
    for region, fund, order_no, event, evidence in moved:
        if said_of.holds(region, evidence, order_no, event):
            continue
        if snapshot.checking in snapshot.passed_over:  # it may stand in a file that nobody can open here
            snapshot.pass_over()
        else:
            message = f"拨付单的事件{said('order.event', event)}没有据以发生的银行回报或回单"
            yield Breach("INV-10", f"{region}-{fund}", f"order {order_no}", message)


class _Said:
    """What the bytes say of files of ours whose orders moved without a word kept: those of before words were kept."""

    def __init__(self, wanted: set[tuple[int, str]]) -> None:
        self._wanted = wanted
        self._found: set[tuple[int, str, str, str]] = set()
        self.serials: dict[tuple[int, str], set[str]] = defaultdict(set)
        """By region and order, or file of ours where a word is of all of it: the bank's serials."""

    def hear(self, region: int, found: Sequence[Decoded]) -> None:
        """Keep the words about the wanted files, and every serial."""
        for status in (status for one in found for status in one.statuses):
            if status.bank_reference:
                self.serials[region, status.order_no or status.message_id].add(plain(status.bank_reference))
            if (region, status.message_id) in self._wanted:
                self._found.add((region, status.message_id, status.order_no, str(status.state)))

    def holds(self, region: int, message_id: str, order_no: str, event: str) -> bool:
        """Whether a bank said what `event` did, of the order or of its whole file."""
        states = {"accept": ("accepted", "settled"), "reject": ("rejected",)}.get(event, ())
        return any((region, message_id, no, s) in self._found for no in (order_no, "") for s in states)


class Formats:
    """The adapter of each account, made once."""

    def __init__(self) -> None:
        self._made: dict[tuple[str, str], BankFormat] = {}

    def of(self, bank: str, account: str) -> BankFormat:
        """Raises NotFound `bank.unknown`."""
        if (bank, account) not in self._made:
            # what reads banks' files costs more to import than a home without any has to pay
            from adapters.banks.registry import make_format

            self._made[bank, account] = make_format(bank, frozenset({account}))
        return self._made[bank, account]


def _check_part(
    snapshot: Snapshot, formats: Formats, region: int, files: Sequence[_File], said_of: _Said
) -> Iterator[Breach]:
    digests = list({file.sha256 for file in files})
    contents = {
        row[:2]: snapshot.open_bytes(bytes(row[2]), place("payments.inbound_file.content", region, *row[:2]))
        for row in snapshot.rows(
            "SELECT account, sha256, content FROM payments.inbound_file WHERE region = %(region)s AND sha256 = ANY(%(digests)s)",
            region=region,
            digests=digests,
        )
    }
    papers = _by_file(_opened(snapshot, snapshot.rows(_EVIDENCE, region=region, digests=digests)))
    words = _by_file(_opened(snapshot, snapshot.rows(_WORDS, region=region, digests=digests)))
    told: dict[bytes, list[Decoded]] = defaultdict(list)
    for file in files:
        content = contents[file.account, file.sha256]
        if content is None:
            snapshot.pass_over()
            continue
        try:
            decoded = formats.of(file.bank or "", file.account).decode(file.name, content)
        except LedgerError as refusal:
            yield Breach(
                "INV-13", str(region), f"file {file.name}", f"当时可读的银行文件现已不能读：{refusal.message}"
            )
            continue
        told[file.sha256].append(decoded)
        said_of.hear(region, [decoded])
    for digest, found in sorted(told.items()):
        yield from _papers(region, papers[digest], found)
        yield from _words(region, words[digest], found)
        yield from _unheard(snapshot, region, words[digest], found)
    yield from _lost(snapshot, region, [one for found in told.values() for one in found])


def _opened(snapshot: Snapshot, rows: Sequence[TupleRow]) -> list[TupleRow]:
    """Rows with what is sealed of persons opened: the bytes they are compared with say it in clear. Without those nobody can open."""
    found = [snapshot.open_row(row) for row in rows]
    for _ in range(found.count(None)):
        snapshot.pass_over()
    return [row for row in found if row is not None]


def _by_file(rows: Sequence[TupleRow]) -> dict[bytes, list[TupleRow]]:
    found: dict[bytes, list[TupleRow]] = defaultdict(list)
    for row in rows:
        found[bytes(row[0])].append(row[1:])
    return found


def _told_papers(found: Sequence[Decoded]) -> set[tuple[object, ...]]:
    return {
        tuple(plain(value) if isinstance(value, str) else value for value in astuple(paper))
        for one in found
        for paper in one.evidence
    }


def _papers(region: int, rows: Sequence[TupleRow], found: Sequence[Decoded]) -> Iterator[Breach]:
    """Each stored paper stands in the bytes of its file, fact by fact."""
    told = _told_papers(found)
    for row in rows:
        if row not in told:
            yield Breach(
                "INV-13", str(region), f"evidence {row[0]}:{row[1]}", "回单与其银行文件原文不符，或原文中没有"
            )


def _lost(snapshot: Snapshot, region: int, found: Sequence[Decoded]) -> Iterator[Breach]:
    """Each paper in the bytes is kept, from this file or one before it."""
    keys = sorted(
        {(str(p[5]), str(p[0]), str(p[1]), str(p[2])) for p in _told_papers(found)},
    )
    if not keys:
        return
    accounts, kinds, numbers, directions = (list(column) for column in zip(*keys, strict=True))
    known = set(
        snapshot.rows(
            _KNOWN, region=region, accounts=accounts, kinds=kinds, numbers=numbers, directions=directions
        )
    )
    for key in keys:
        if key not in known:
            yield Breach(
                "INV-13", str(region), f"evidence {key[1]}:{key[2]}", "银行文件中的回单没有入库，或已被删去"
            )


def _words(region: int, rows: Sequence[TupleRow], found: Sequence[Decoded]) -> Iterator[Breach]:
    """Each stored word was said in its file, of this order or of its whole file."""
    told = {_as_word(status) for one in found for status in one.statuses}
    for row in rows:
        word = _Word(*row)
        if word not in told and word._replace(order_no="") not in told:
            yield Breach(
                "INV-10", str(region), f"order {word.order_no}", "银行回报与其文件原文不符，或原文中没有"
            )


def _unheard(
    snapshot: Snapshot, region: int, rows: Sequence[TupleRow], found: Sequence[Decoded]
) -> Iterator[Breach]:
    """Each word in the bytes about an order in the file it names is kept: of a file with any, for before words were kept there
    were none; what moved an order without one is named by its event.
    """
    kept = {row[0] for row in rows}
    if not kept:
        return
    silent = {
        w for one in found for w in map(_as_word, one.statuses) if w.order_no and w.order_no not in kept
    }
    if not silent:
        return
    for (order_no,) in snapshot.rows(
        "SELECT o.order_no FROM payments.pay_order o JOIN unnest(%(orders)s::text[], %(files)s::text[]) AS t (order_no, file_id)"
        " USING (order_no, file_id) WHERE o.region = %(region)s ORDER BY 1",
        region=region,
        orders=[word.order_no for word in silent],
        files=[word.message_id for word in silent],
    ):
        yield Breach("INV-10", str(region), f"order {order_no}", "银行文件中的回报没有入库，或已被删去")


def _as_word(status: OrderStatus) -> _Word:
    codes = [*status.reason_codes, *status.whole_reason_codes]
    reasons = "；".join(filter(None, ["/".join(codes), status.reason, status.whole_reason]))[:REASONS_MAX]
    return _Word(
        plain(status.order_no),
        plain(status.message_id),
        str(status.state),
        plain(status.code),
        plain(reasons),
    )
