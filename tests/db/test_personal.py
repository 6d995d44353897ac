"""What every column says of a natural person: `personal.tsv` beside the schema, whole, and what lies in clear by name and reason."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

import psycopg
import pytest

from ledger.core.masking import masked, masked_numbers
from ledger.db.present import SCHEMAS
from ledger.fund.record.codes import national_codes
from ledger.fund.record.judge import IntakeRules, validate_line
from ledger.fund.record.record import Refusal

TABLE: Final = Path(__file__).with_name("personal.tsv")
CLASSES: Final = ("none", "sealed", "digest", "clear", "open")
OPEN_MAX: Final = 56
"""Personal columns in clear that should not be: fewer with every release, never more."""
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
    assert sum(len(row.columns) for row in rows() if row.kind == "open") <= OPEN_MAX


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
    assert sorted(tried) == sorted(sealed)  # a new one needs a case
    for url, statement in tried.values():
        with (
            psycopg.connect(url) as connection,
            pytest.raises(psycopg.Error, match=r"^(quarantine\.|login\.factor_)clear"),
        ):
            connection.execute(statement.encode())


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
