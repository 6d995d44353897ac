"""The two frauds an attacker tried as the service's login, in raw SQL: what the bank never said is refused, or named by verify."""

from __future__ import annotations

from datetime import date
from hashlib import sha256
from typing import Any

import pytest

from ledger.core.digests import EvidenceRow, evidence_digest
from ledger.core.entries import credit, debit
from ledger.core.errors import LedgerError
from ledger.db.safekeeping.fields import fields
from ledger.db.safekeeping.places import place
from ledger.db.unit_of_work import unit_of_work
from tests.control.conftest import KEY, draft

REGION, DAY, ORDER, ACCOUNT = 420100, date(2026, 10, 13), "FL20261013-0002", "6222000001"
JUNK = b"<Document>the bank says so</Document>"
FILE = (
    "INSERT INTO payments.inbound_file (region, account, sha256, name, content, kind, outcome, code, message, received_on)"
    " VALUES (420100, '6222000001', %(d)s, 'said.xml', %(c)s, %(k)s, 'read', '', '', '2026-10-13')"
)
WORD = (
    "INSERT INTO payments.bank_word (region, order_no, n, file_sha256, message_id, state, code, reasons, effect, said_on)"
    " VALUES (420100, 'FL20261013-0002', 1, %(d)s, 'F1', 'rejected', 'RJCT', 'AC01', 'reject', '2026-10-13')"
)
MOVE = "UPDATE payments.pay_order SET state = '{}' WHERE order_no = 'FL20261013-0002'"
EVENT = (
    "INSERT INTO payments.order_event (region, order_no, n, event, from_state, to_state, user_name, business_date, reason, evidence)"
    " SELECT 420100, 'FL20261013-0002', count(*) + 1, '{event}', 'sent', '{to}', access.user_name(), '2026-10-13', '', '{of}'"
    " FROM payments.order_event WHERE order_no = 'FL20261013-0002'"
)
NAME = "INSERT INTO payments.inbound_name VALUES (420100, '6222000001', 'said.xml', %(d)s, %(n)s)"
USERS = ("acc", "maker", "checker", "cash", "adm", "aud")


def tried(town: Any, user: str, *statements: str, **values: Any) -> str:
    """The code a transaction of these statements is refused with, '' where it went through."""
    try:
        with unit_of_work(town.service, user, REGION) as tx:
            if "c" in values:  # whoever forges bytes seals them as the service does: the key is in its home
                values["c"] = fields(tx).seal_bytes(
                    values["c"], place("payments.inbound_file.content", REGION, "6222000001", values["d"])
                )
            for statement in statements:
                tx.connection.execute(statement, values or None)
    except LedgerError as refused:
        return refused.code
    return ""


@pytest.mark.fault(65)
@pytest.mark.parametrize("user", USERS)
def test_no_user_s_raw_statement_refuses_an_order_for_the_bank(town: Any, user: str) -> None:
    """Neither alone nor with an invented word; and what was sent stays sent."""
    digest = sha256(JUNK).digest()
    assert tried(town, user, MOVE.format("rejected")) == "order.no_word"
    assert tried(town, user, WORD, MOVE.format("rejected"), d=digest) in (
        "word.no_file",
        "db.permission",
        "access.role_missing",
    )
    moved = tried(town, user, FILE, WORD, MOVE.format("rejected"), d=digest, c=JUNK, k="pain.002")
    assert moved in ("order.event", "db.permission", "access.role_missing")
    assert tried(town, user, "UPDATE fund.payable SET order_no = '' WHERE setl_id = 'r3'") != ""
    assert town.value(f"SELECT state FROM payments.pay_order WHERE order_no = '{ORDER}'") == "sent"
    assert town.verify() == []


@pytest.mark.fault(38, 65)
def test_a_refusal_out_of_an_invented_file_is_named(town: Any) -> None:
    """A whole forgery as the service: file, name, word, move, event and entry. Its bytes are read again, and do not say it."""
    digest = sha256(JUNK).digest()
    forged = (
        FILE,
        NAME,
        WORD,
        MOVE.format("rejected"),
        EVENT.format(event="reject", to="rejected", of=f"file:{digest.hex()}"),
    )
    assert tried(town, "acc", *forged, d=digest, c=JUNK, k="pain.002", n=len(JUNK)) == ""
    fen = int(town.value(f"SELECT amount_fen FROM payments.pay_order WHERE order_no = '{ORDER}'"))
    shown = bytes(town.value(f"SELECT payments.order_digest(420100, '{ORDER}')"))
    legs = (debit(9104, fen, KEY), credit(9101, fen, KEY))
    town.post(draft(f"REJ:{ORDER}", legs, event="REJ", evidence=ORDER, digest=shown))
    found = {(one.promise, one.entry) for one in town.verify()}
    assert ("INV-13", "file said.xml") in found or ("INV-10", f"order {ORDER}") in found, found


RECEIPT = (
    "INSERT INTO payments.evidence (region, account, kind, receipt_no, file_sha256, direction, booking_date, amount_fen, other_account,"
    " other_name, order_no, bank_reference, is_return, reason_code, reason, digest, outcome, outcome_code, matched_order)"
    " VALUES (420100, '6222000001', 'bker', 'OWN1', %(d)s, 'debit', '2026-10-13', 525926, '9558000001', '某医院', 'FL20261013-0002',"
    " 'B1', false, '', '', %(e)s, 'posted', '', 'FL20261013-0002')"
)


@pytest.mark.fault(38, 65)
@pytest.mark.parametrize("how", ["of no file", "of an invented file"])
def test_a_receipt_that_no_bank_sent_is_refused_or_named(town: Any, how: str) -> None:
    digest = sha256(JUNK).digest()
    row = EvidenceRow(
        ACCOUNT, "bker", "OWN1", digest, "debit", DAY, 525926, "9558000001", "某医院", ORDER, "B1", False, "", "",
    )  # fmt: skip
    values = {"d": digest, "e": evidence_digest(row), "c": JUNK, "k": "bker", "n": len(JUNK)}
    pay = (RECEIPT, MOVE.format("paid"), EVENT.format(event="pay", to="paid", of="bker:OWN1"))
    for user in ("maker", "cash", "adm", "aud"):
        assert tried(town, user, *pay, **values) != ""
    if how == "of no file":
        told = tried(town, "acc", *pay, **values)
    else:
        told = tried(town, "acc", FILE, NAME, *pay, **values)
    found = {one.entry for one in town.verify()}
    assert told or {"file said.xml", "evidence bker:OWN1"} & found, (told, found)
    if told:
        assert town.value(f"SELECT state FROM payments.pay_order WHERE order_no = '{ORDER}'") == "sent"


@pytest.mark.fault(65)
def test_a_paper_that_was_booked_keeps_the_word_it_was_booked_by(town: Any) -> None:
    for user in ("acc", "checker"):
        assert (
            tried(town, user, "UPDATE payments.evidence SET outcome_code = 'same_movement'")
            == "business.frozen"
        )
