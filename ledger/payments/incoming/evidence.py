"""payments.evidence: a row for every movement a bank told us of, with the digest its posting rests on (INV-12)."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import date
from hashlib import sha256
from typing import Final, NamedTuple

from psycopg.rows import TupleRow

from adapters.banks.ports import Direction, Evidence
from ledger.core.errors import Conflict
from ledger.core.persons import PERSON
from ledger.core.text import plain
from ledger.db.safekeeping.fields import fields
from ledger.db.safekeeping.told import OtherSide, sealed_persons
from ledger.db.unit_of_work import Transaction
from ledger.payments.incoming.matching import EvidenceOutcome, SignedMovement
from ledger.payments.orders.entries import Receipt


class PaperKey(NamedTuple):
    """What names a paper within a region: a bank may write a return under its debit's number."""

    account: str
    kind: str
    receipt_no: str
    direction: Direction


class EvidencePaper(NamedTuple):
    """An evidence and the file it came in first."""

    evidence: Evidence
    file_sha256: bytes

    @property
    def key(self) -> PaperKey:
        """The row's key within the region."""
        found = self.evidence
        return PaperKey(found.own_account, found.kind, found.receipt_no, found.direction)

    @property
    def receipt(self) -> Receipt:
        """As its posting names it."""
        found = self.evidence
        return Receipt(found.kind, found.receipt_no, found.booking_date, digest(found, self.file_sha256))


def clean(evidence: Evidence) -> Evidence:
    """With look-alikes for the characters that separate fields in digests and entries."""
    return replace(
        evidence,
        receipt_no=plain(evidence.receipt_no),
        own_account=plain(evidence.own_account),
        other_account=plain(evidence.other_account),
        other_name=plain(evidence.other_name),
        order_no=plain(evidence.order_no),
        bank_reference=plain(evidence.bank_reference),
        reason_code=plain(evidence.reason_code),
        reason=plain(evidence.reason),
    )


def digest(evidence: Evidence, file_sha256: bytes) -> bytes:
    """SHA-256 over the row's facts joined by `|`, as verify takes it from the table."""
    facts = (
        evidence.own_account,
        evidence.kind,
        evidence.receipt_no,
        file_sha256.hex(),
        str(evidence.direction),
        evidence.booking_date.isoformat(),
        str(evidence.amount_fen),
        evidence.other_account,
        evidence.other_name,
        evidence.order_no,
        evidence.bank_reference,
        str(int(evidence.is_return)),
        evidence.reason_code,
        evidence.reason,
    )
    return sha256("|".join(facts).encode()).digest()


_SELECT: Final = (
    "SELECT account, kind, receipt_no, file_sha256, direction, booking_date, amount_fen, other_account, other_name,"
    " order_no, bank_reference, is_return, reason_code, reason FROM payments.evidence WHERE region = %(region)s AND "
)
_UNDECIDED: Final = (
    "account = ANY(%(accounts)s) AND (outcome = 'waiting' OR outcome = 'suspense'"
    " AND outcome_code IN ('order_not_sent', 'booked_in_future'))"
    " ORDER BY booking_date, kind, receipt_no FOR UPDATE"
)
_BY_KEY: Final = (
    "(account, kind, receipt_no, direction) IN"
    " (SELECT * FROM unnest(%(accounts)s::text[], %(kinds)s::text[], %(numbers)s::text[], %(directions)s::text[]))"
)


def undecided(tx: Transaction, accounts: Sequence[str]) -> list[EvidencePaper]:
    """Papers of these accounts that wait for another one, or came for an order that was not sent then; locked."""
    return [
        _paper(tx, row) for row in tx.rows(_SELECT + _UNDECIDED, region=tx.region, accounts=list(accounts))
    ]


def stored(tx: Transaction, papers: Sequence[EvidencePaper]) -> dict[PaperKey, EvidencePaper]:
    """The rows that exist already under the keys of `papers`."""
    rows = tx.rows(_SELECT + _BY_KEY, region=tx.region, **_columns(papers))
    return {found.key: found for found in (_paper(tx, row) for row in rows)}


def _columns(papers: Sequence[EvidencePaper]) -> dict[str, list[str]]:
    """The keys of papers, column by column."""
    return {
        "accounts": [paper.key.account for paper in papers],
        "kinds": [paper.key.kind for paper in papers],
        "numbers": [paper.key.receipt_no for paper in papers],
        "directions": [str(paper.key.direction) for paper in papers],
    }


def locked(tx: Transaction, account: str, kind: str, receipt_no: str) -> list[tuple[EvidencePaper, str]]:
    """The papers of that number with their outcomes, locked: none, one, or a debit and a credit."""
    rows = tx.rows(
        _SELECT
        + "account = %(account)s AND kind = %(kind)s AND receipt_no = %(receipt)s ORDER BY direction FOR UPDATE",
        region=tx.region,
        account=account,
        kind=kind,
        receipt=receipt_no,
    )
    outcomes: dict[str, str] = dict(
        tx.rows(
            "SELECT direction, outcome FROM payments.evidence WHERE region = %(region)s AND account = %(account)s"
            " AND kind = %(kind)s AND receipt_no = %(receipt)s",
            region=tx.region,
            account=account,
            kind=kind,
            receipt=receipt_no,
        )
    )
    return [(paper, outcomes[str(paper.key.direction)]) for paper in (_paper(tx, row) for row in rows)]


def matched_order(tx: Transaction, key: PaperKey) -> str:
    """The order a paper was found to speak of; empty for none."""
    return str(
        tx.value(
            "SELECT matched_order FROM payments.evidence WHERE region = %(region)s AND account = %(account)s"
            " AND kind = %(kind)s AND receipt_no = %(receipt)s AND direction = %(direction)s",
            region=tx.region,
            account=key.account,
            kind=key.kind,
            receipt=key.receipt_no,
            direction=str(key.direction),
        )
    )


def settle_by_hand(
    tx: Transaction,
    account: str,
    receipt_no: str,
    said: tuple[Direction, int, date],
    code: str,
) -> None:
    """The bank's papers of a movement booked by hand, if they came in as files: they must say the same, and are explained now.

    `said` is direction, fen and booking date. Raises Conflict `code` for a paper that says otherwise or was used.
    """
    papers = tx.rows(
        "SELECT direction, amount_fen, booking_date, outcome FROM payments.evidence WHERE region = %(region)s"
        " AND account = %(account)s AND receipt_no = %(receipt)s FOR UPDATE",
        region=tx.region,
        account=account,
        receipt=receipt_no,
    )
    direction, amount_fen, booked_on = said
    # a debit and its return under one number: only that of this direction is the movement's paper
    own = [paper for paper in papers if paper[0] == str(direction)] or papers
    if any(paper != (str(direction), amount_fen, booked_on, "suspense") for paper in own):
        raise Conflict(
            code, f"回单{receipt_no}的方向、金额、日期与所办的不符，或已用于其他款项", receipt_no=receipt_no
        )
    tx.run(
        "UPDATE payments.evidence SET outcome = 'confirmed', outcome_code = 'booked_by_hand' WHERE region = %(region)s"
        " AND account = %(account)s AND receipt_no = %(receipt)s AND direction = %(direction)s",
        region=tx.region,
        account=account,
        receipt=receipt_no,
        direction=str(direction),
    )
    explain_twins(tx, account, receipt_no)


def explain_twins(tx: Transaction, account: str, receipt_no: str) -> None:
    """Other papers of the same movement (the bank's serial, direction, fen, day) as those of `receipt_no`, explained by now."""
    tx.run(
        "UPDATE payments.evidence t SET outcome = 'confirmed', outcome_code = 'same_movement', matched_order = o.matched_order"
        " FROM payments.evidence o WHERE o.region = %(region)s AND o.account = %(account)s AND o.receipt_no = %(receipt)s"
        " AND o.outcome IN ('confirmed', 'posted') AND o.bank_reference <> '' AND t.region = o.region AND t.account = o.account"
        " AND t.outcome = 'suspense' AND (t.direction, t.bank_reference, t.amount_fen, t.booking_date)"
        "  = (o.direction, o.bank_reference, o.amount_fen, o.booking_date)",
        region=tx.region,
        account=account,
        receipt=receipt_no,
    )


def signed_moves(
    tx: Transaction, papers: Sequence[EvidencePaper]
) -> dict[tuple[str, str, str], SignedMovement]:
    """Movements of own accounts that two persons booked with these papers' receipt numbers, one to a receipt."""
    rows = tx.rows(
        "SELECT m.account, m.receipt_no, m.direction, min(m.amount_fen), min(m.booked_on),"
        " coalesce(max((SELECT max(v.bank_reference) FROM payments.evidence v WHERE v.region = %(region)s"
        "   AND v.account = m.account AND v.receipt_no = m.receipt_no AND v.direction = m.direction"
        "   AND v.outcome = 'confirmed')), '')"
        " FROM (SELECT account, receipt_no, CASE WHEN kind IN ('interest_out', 'fee') THEN 'debit' ELSE 'credit' END AS direction,"
        "   amount_fen, booked_on FROM fund.cash_move WHERE region = %(region)s AND state = 'approved' AND kind <> 'interest_split'"
        "  UNION ALL SELECT account, receipt_no, 'credit', amount_fen, booked_on FROM fund.outregion_move"
        "   WHERE region = %(region)s AND state = 'done' AND receipt_no <> '') m"
        " WHERE m.receipt_no = ANY(%(receipts)s) GROUP BY 1, 2, 3 HAVING count(*) = 1",
        region=tx.region,
        receipts=sorted({paper.evidence.receipt_no for paper in papers}),
    )
    return {
        (account, receipt_no, direction): SignedMovement(fen, day, receipt_no, reference)
        for account, receipt_no, direction, fen, day, reference in rows
    }


def explained(tx: Transaction, papers: Sequence[EvidencePaper]) -> dict[tuple[str, str, str], SignedMovement]:
    """Movements with these papers' serials of which another paper was explained without an order."""
    rows = tx.rows(
        "SELECT account, bank_reference, direction, amount_fen, booking_date, receipt_no FROM payments.evidence"
        " WHERE region = %(region)s AND outcome = 'confirmed' AND matched_order = ''"
        " AND bank_reference = ANY(%(references)s) ORDER BY (outcome_code = 'same_movement') DESC",
        region=tx.region,
        references=sorted({paper.evidence.bank_reference for paper in papers} - {""}),
    )
    return {
        (account, reference, direction): SignedMovement(fen, day, receipt_no, reference)
        for account, reference, direction, fen, day, receipt_no in rows
    }


def insert(tx: Transaction, papers: Sequence[EvidencePaper], outcomes: Sequence[EvidenceOutcome]) -> None:
    """Store new papers with what was decided of them."""
    facts = [paper.evidence for paper in papers]
    sides = _kept_sides(tx, facts, [outcome.order_no for outcome in outcomes])
    tx.run(
        "INSERT INTO payments.evidence (region, account, kind, receipt_no, file_sha256, direction, booking_date,"
        " amount_fen, other_account, other_name, order_no, bank_reference, is_return, reason_code, reason, digest,"
        " outcome, outcome_code, matched_order)"
        " SELECT %(region)s, * FROM unnest(%(accounts)s::text[], %(kinds)s::text[], %(numbers)s::text[],"
        " %(files)s::bytea[], %(directions)s::text[], %(days)s::date[], %(amounts)s::bigint[], %(others)s::text[],"
        " %(names)s::text[], %(orders)s::text[], %(references)s::text[], %(returns)s::boolean[], %(codes)s::text[],"
        " %(reasons)s::text[], %(digests)s::bytea[], %(outcomes)s::text[], %(outcome_codes)s::text[], %(matched)s::text[])",
        region=tx.region,
        accounts=[found.own_account for found in facts],
        kinds=[found.kind for found in facts],
        numbers=[found.receipt_no for found in facts],
        files=[paper.file_sha256 for paper in papers],
        directions=[str(found.direction) for found in facts],
        days=[found.booking_date for found in facts],
        amounts=[found.amount_fen for found in facts],
        others=[side.account for side in sides],
        names=[side.name for side in sides],
        orders=[found.order_no for found in facts],
        references=[found.bank_reference for found in facts],
        returns=[found.is_return for found in facts],
        codes=[found.reason_code for found in facts],
        reasons=[side.words for side in sides],
        digests=[paper.receipt.digest for paper in papers],
        outcomes=[outcome.outcome for outcome in outcomes],
        outcome_codes=[outcome.code for outcome in outcomes],
        matched=[outcome.order_no for outcome in outcomes],
    )


def _kept_sides(tx: Transaction, facts: Sequence[Evidence], orders: Sequence[str]) -> list[OtherSide]:
    """The other side of each movement as it is kept: a person's sealed, and always where the order pays one."""
    told = [OtherSide(found.other_account, found.other_name, found.reason) for found in facts]
    paying = persons_orders(tx, orders)
    places = {place for place, order_no in enumerate(orders) if order_no in paying}
    return sealed_persons(tx.connection, fields(tx), tx.region, told, places)


def persons_orders(tx: Transaction, orders: Collection[str]) -> set[str]:
    """Those of the orders that pay a natural person."""
    return {
        order_no
        for (order_no,) in tx.rows(
            "SELECT order_no FROM payments.pay_order WHERE region = %(region)s AND order_no = ANY(%(orders)s)"
            " AND institution = %(person)s",
            region=tx.region,
            orders=sorted({*orders} - {""}),
            person=PERSON,
        )
    }


def decide_again(
    tx: Transaction, papers: Sequence[EvidencePaper], outcomes: Sequence[EvidenceOutcome]
) -> None:
    """Write what became of papers stored before."""
    tx.run(
        "UPDATE payments.evidence e SET outcome = d.outcome, outcome_code = d.code, matched_order = d.matched"
        " FROM unnest(%(accounts)s::text[], %(kinds)s::text[], %(numbers)s::text[], %(directions)s::text[],"
        " %(outcomes)s::text[], %(codes)s::text[], %(matched)s::text[])"
        " AS d (account, kind, receipt_no, direction, outcome, code, matched)"
        " WHERE e.region = %(region)s AND e.account = d.account AND e.kind = d.kind AND e.receipt_no = d.receipt_no"
        " AND e.direction = d.direction"
        " AND (e.outcome, e.outcome_code, e.matched_order) IS DISTINCT FROM (d.outcome, d.code, d.matched)",
        region=tx.region,
        outcomes=[outcome.outcome for outcome in outcomes],
        codes=[outcome.code for outcome in outcomes],
        matched=[outcome.order_no for outcome in outcomes],
        **_columns(papers),
    )


def _paper(tx: Transaction, row: TupleRow) -> EvidencePaper:
    account, kind, receipt_no, file_sha256, direction, day, amount, other, name, order_no, reference = row[
        :11
    ]
    known = fields(tx)
    *rest, reason = row[11:]
    told = (
        Direction(direction), day, amount, account, known.open(other), known.open(name), order_no, reference, *rest, known.open(reason),
    )  # fmt: skip
    return EvidencePaper(Evidence(kind, receipt_no, *told), file_sha256)
