"""What every column says of a natural person: `personal.tsv` beside the schema, whole, and what lies in clear by name and reason."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

import psycopg
import pytest

from ledger.access.idempotency import NAMELESS
from ledger.api.intake.storing import ROUTE
from ledger.core.masking import masked, masked_numbers
from ledger.db.present import SCHEMAS
from ledger.fund.record.codes import national_codes
from ledger.fund.record.judge import IntakeRules, validate_line
from ledger.fund.record.record import Refusal

TABLE: Final = Path(__file__).with_name("personal.tsv")
CLASSES: Final = ("none", "sealed", "persons", "digest", "clear")
"""`open`, personal and readable without a reason, is no class any more."""
_SUSPECT: Final = ("psn_", "cert", "brdy", "birth", "payee", "phone", "mobile", "tel_", "addr", "person")


class Row(NamedTuple):
    table: str
    kind: str
    columns: Sequence[str]
    reason: str


def rows() -> list[Row]:
    lines = [line for line in TABLE.read_text(encoding="utf-8").splitlines() if not line.startswith("#")]
    return [
        Row(table, kind, columns.split(" "), reason)
        for table, kind, columns, reason in (line.split("\t") for line in lines)
    ]


def classes() -> dict[str, str]:
    return {f"{row.table}.{column}": row.kind for row in rows() for column in row.columns}


def columns_of(connection: psycopg.Connection[Any]) -> set[str]:
    found = connection.execute(
        """SELECT c.oid::regclass::text || '.' || a.attname
             FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace
            WHERE n.nspname = ANY (%s) AND c.relkind IN ('r', 'p') AND NOT c.relispartition
              AND a.attnum > 0 AND NOT a.attisdropped""",
        [list(SCHEMAS)],
    )
    return {name for (name,) in found}


def unclassified(connection: psycopg.Connection[Any]) -> list[str]:
    return sorted(columns_of(connection) - classes().keys())


@pytest.fixture
def schema(database: Any) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(database.admin_url) as connection:
        yield connection
        connection.rollback()


def test_every_column_has_a_class_and_every_class_a_column(schema: psycopg.Connection[Any]) -> None:
    assert unclassified(schema) == []
    assert sorted(classes().keys() - columns_of(schema)) == []
    twice = Counter(f"{row.table}.{column}" for row in rows() for column in row.columns)
    assert [name for name, count in twice.items() if count > 1] == []


def test_a_column_added_without_a_class_is_named(schema: psycopg.Connection[Any]) -> None:
    schema.execute("ALTER TABLE fund.record ADD psn_name text")
    schema.execute("CREATE TABLE fund.loose (region integer PRIMARY KEY)")
    assert unclassified(schema) == ["fund.loose.region", "fund.record.psn_name"]


def test_what_is_personal_and_readable_says_why() -> None:
    assert {row.kind for row in rows()} <= set(CLASSES)
    assert [row for row in rows() if (row.kind != "none") != (len(row.reason) >= 10)] == []


def test_what_its_name_calls_personal_is_not_classed_as_nothing() -> None:
    """A name of the platform's shapes that says who somebody is, on a column that holds words."""
    amounts = {"psn_part_amt", "psn_cash_pay", "personal_fen"}
    wrong = [
        name
        for name, kind in classes().items()
        if kind == "none"
        and any(word in name.split(".")[-1] for word in _SUSPECT)
        and name.split(".")[-1] not in amounts
    ]
    assert wrong == []


def test_a_sealed_column_takes_nothing_in_clear(database: Any) -> None:
    """Past the program too: who may write the column at all writes it in clear, and the database says no."""
    sealed = [f"{row.table}.{column}" for row in rows() if row.kind == "sealed" for column in row.columns]
    tried = {
        "access.password.otp_secret": (
            database.admin_url,  # no working login writes it
            "INSERT INTO access.password (user_name, hash, otp_secret) VALUES ('sun', '$argon2id$', 'JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP')",
        ),
        "fund.quarantine.raw": (
            database.service_url,
            "INSERT INTO fund.quarantine (region, file_sha256, line, setl_id, field, code, message, load_id, raw)"
            " VALUES (420100, sha256('x'), 1, '', '', 'record.shape', 'x', 1, 'in clear')",
        ),
    }
    tried |= {column: (database.service_url, statement) for column, statement in _CLEAR.items()}
    tried |= {column: (database.admin_url, statement) for column, statement in _OF_FUNCTIONS.items()}
    tried |= {column: (database.admin_url, _WRITER + statement) for column, statement in _OF_VOUCHERS.items()}
    assert sorted(tried) == sorted(sealed)  # a new one needs a case
    for column, (url, statement) in tried.items():
        with psycopg.connect(url) as connection:
            connection.execute("SET app.actor = 'zhao'; SET app.region = '420100'")
            with pytest.raises(psycopg.Error, match=r"^(quarantine\.|login\.factor_|data\.)clear") as refused:
                connection.execute(statement.encode())
        assert refused.value, column


_PERSON: Final = (
    "INSERT INTO fund.person_payment (region, fund, payment_id, kind, psn_no, subfund, service_year, term, category, amount_fen, document,"
    " payee_name, payee_number, payee_bank, payee_cnaps, due_on, prepared_by, prepared_on) VALUES (420100, 310, 'OPEN-PER-1',"
    " 'reimbursement', 'P1', 'pool', 2026, 202610, 'inpatient', 1, 'D', {}, 'bank', '102100099996', '2026-10-13', 'zhao', '2026-10-13')"
)
_ORDER: Final = (
    "INSERT INTO payments.pay_order (region, order_no, fund, batch_id, institution, amount_fen, account, payee_name, payee_number,"
    " payee_bank, payee_cnaps, purpose, state) VALUES (420100, 'FL420100-1', 310, 'B', 'PERSON', 1, 'a', {}, 'b', 'c', 'p', 'draft')"
)
_TAKEN: Final = (
    "INSERT INTO fund.cutover_order VALUES (420100, 310, 1, 1, 'R', 5001, 'P1', 'pool', 2026, 202610, 'inpatient', 1, 'a', {},"
    " 'b', 'c', '2026-10-13', '')"
)
_EVIDENCE: Final = (
    "INSERT INTO fund.finding_evidence VALUES (420100, 'F1', sha256('x'), {}, {}, 'zhao', '2026-10-13')"
)
_NAME: Final = "'张三', '~00000000.AAAAAAAAAAAAAAAAAAAAAAAA~'"
_NUMBER: Final = "'~00000000.AAAAAAAAAAAAAAAAAAAAAAAA~', '6222021234567890123'"
_CLEAR: Final = {
    "access.idempotency.response": "INSERT INTO access.idempotency (region, user_name, route, key, body_digest, status, response)"
    " VALUES (420100, 'zhao', 'POST /api/v1/acts/cash/person', 'k', sha256(''), 200, 'in clear')",
    "fund.person_payment.payee_name": _PERSON.format(_NAME),
    "fund.person_payment.payee_number": _PERSON.format(_NUMBER),
    "fund.cutover_order.payee_name": _TAKEN.format(_NAME),
    "fund.cutover_order.payee_number": _TAKEN.format(_NUMBER),
    "fund.finding_evidence.name": _EVIDENCE.format("'张三.pdf'", "'FUNDLEDGER-SEAL3'"),
    "fund.finding_evidence.content": _EVIDENCE.format("'~00000000.AAAAAAAAAAAAAAAAAAAAAAAA~'", "'in clear'"),
    "fund.letter_paper.content": "INSERT INTO fund.letter_paper VALUES (420100, 310, 'L', 'letter', 'in clear', sha256('x'), sha256('x'), '', 'a', '2026-10-13', 'zhao')",
    "fund.reconcile_run.content": "INSERT INTO fund.reconcile_run VALUES (420100, 'R', 310, 'H', 202610, '11', '', '0', 'n', sha256('x'), 'in clear',"
    " '', 0, 0, 0, 0, 'zhao', '2026-10-13')",
    "fund.party.name": "INSERT INTO fund.party (region, party, name, kind, proposed_by) VALUES (420100, 'P', '张三', 'person', 'zhao')",
    "payments.pay_order.payee_name": _ORDER.format(_NAME),
    "payments.pay_order.payee_number": _ORDER.format(_NUMBER),
    "payments.pay_order.payee_token": _ORDER.format("'医院', '9558000001'")
    .replace("state)", "state, payee_token)")
    .replace("'PERSON'", "'H42010000001'")
    .replace("'draft')", "'draft', '9558000001')"),
    "payments.bank_file.content": "INSERT INTO payments.bank_file VALUES (420100, 'F', 'B', 'a', 'n', now(), 'in clear', '', '', 1, 1, 'filed')",
    "payments.inbound_file.content": "INSERT INTO payments.inbound_file VALUES (420100, 'a', '', 'n', 'in clear', '', 'read', '', '', '2026-10-13')",
    "payments.handed_file.content": "INSERT INTO payments.handed_file (region, account, sha256, n, name, content, brought_by, document, state,"
    " prepared_by, prepared_on) VALUES (420100, 'a', '', 1, 'n', 'in clear', 'b', 'd', 'requested', 'zhao', '2026-10-13')",
    "payments.statement_file.content": "INSERT INTO payments.statement_file (region, account, sha256, n, name, form, content, profile, stated,"
    " digest, state, prepared_by, prepared_on) VALUES (420100, 'a', '', 1, 'n', 'bkrs', 'in clear', '', '{}', '', 'taken', 'zhao', '2026-10-13')",
}
"""Columns and what writes them in clear, past the program, as its login."""
_HELD: Final = (
    "INSERT INTO fund.person_account (region, fund, account_id, payment_id, n, order_no, failed_on, payee_name, payee_number)"
    " VALUES (420100, 310, 'PAC-X', 'P', 1, 'X', '2026-10-13', {})"
)
_OF_FUNCTIONS: Final = {
    "fund.person_account.payee_name": _HELD.format(_NAME),
    "fund.person_account.payee_number": _HELD.format(_NUMBER),
}
"""Columns whose rows only a function makes: not in clear by its owner either."""
_WRITER: Final = "SET ROLE fundledger_poster; "
_ROW: Final = (
    "INSERT INTO books.import_row VALUES (420100, 310, sha256('x'), 1, 'tax', '', 0, NULL, 'f', 'c', {})"
)
_OF_VOUCHERS: Final = {
    "books.attached_file.content": "INSERT INTO books.attached_file VALUES (420100, 310, sha256('x'), 'in clear')",
    "books.import_file.content": "INSERT INTO books.import_file VALUES (420100, 310, 'tax', sha256('x'), 'n', 'in clear', 'li', '2026-10-13', 0, 0, 0)",
    "books.import_row.message": _ROW.format("'张三', ''"),
    "books.import_row.raw": _ROW.format("'', '张三'"),
}
"""Columns of the journal's room: its functions' owner alone writes them, and not in clear either."""


def test_answers_that_stay_in_clear_are_those_to_records() -> None:
    """What a refused record is answered with: words without a long number, so that nothing of a person is kept by its key."""
    assert {ROUTE} == NAMELESS


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("证件420106199001011234不在字典内", "证件**************1234不在字典内"),
        ("42010619900101123X", "**************123X"),
        ("电话13800001234", "电话*******1234"),
        ("金额1234567890分", "金额1234567890分"),
    ],
)
def test_long_numbers_are_masked(text: str, shown: str) -> None:
    assert masked_numbers(text) == shown
    assert masked(text) == shown


def test_a_refusal_does_not_quote_an_identity_card() -> None:
    """The number stands in a field of a code: the refusal names the field and keeps four digits."""
    line = json.dumps(
        {"setlinfo": {"setl_id": "S1", "420106199001011234": "x"}, "setldetail": "420106199001011234"}
    )
    twice = line.replace('"setl_id": "S1"', '"420106199001011234": "y"')
    for content in (line, twice):
        found = validate_line(content.encode(), 1, IntakeRules(national_codes()))
        assert isinstance(found, Refusal)
        assert "420106199001011234" not in found.message + found.field
