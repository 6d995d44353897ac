"""What people read is Chinese: every code the database allows has a word, and none appears raw in any command's output."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final, NamedTuple

import psycopg
import pytest

from ledger.cli.commands import WORDS, load
from ledger.cli.remote import _leaves, acts
from ledger.core.words import evidence_named, families, said, spoken, words_of
from ledger.db import connections, engine
from ledger.db.migrate import migrate
from tests.cli.filled import COLUMNS, COMMANDS, NO_WORDS, NOT_LISTED, fill_every_code
from tests.db.homes.home import as_left, kept
from tests.docs.rooms import ROOT
from tests.scenes.line import typed

CHECKS: Final = """
SELECT c.conrelid::regclass::text || '.' || a.attname, pg_get_constraintdef(c.oid)
  FROM pg_constraint c JOIN pg_class t ON t.oid = c.conrelid JOIN pg_namespace n ON n.oid = t.relnamespace
  JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = c.conkey[1]
 WHERE c.contype = 'c' AND cardinality(c.conkey) = 1 AND NOT t.relispartition AND a.atttypid = 'text'::regtype
   AND n.nspname IN ('access', 'books', 'fund', 'payments', 'jobs') AND pg_get_constraintdef(c.oid) LIKE '%= ANY (ARRAY[%'
"""
EVENTS: Final = "SELECT event FROM payments.transition UNION SELECT event FROM fund.finding_transition UNION SELECT event FROM fund.declaration_transition"
ALLOWED: Final = {
    "DRG": "the payment method's own name, as every regulation writes it",
    "DIP": "likewise",
    "P1": "the accounting policy's number, with its title beside it",
    "P2": "likewise",
    "Ed25519": "an algorithm's own name",
    "SM2": "likewise",
}

BY_OTHERS: Final = {
    "payments ask": {"payments"},  # an act: it marks what is overdue
    "reconciliation list": {"books"},  # lays both sides out in tables of the transaction's own
    "reconciliation propose": {"books"},
    "worker --once overdue": {"service", "payments"},  # its lease, and the act
}
"""Commands of COMMANDS that enter by another login beside the one that only looks, and by which."""


class Lived(NamedTuple):
    """A home to look at: the environment to reach it, the limited columns' codes, and what no row could hold."""

    env: dict[str, str]
    codes: dict[str, list[str]]
    lost: list[str]


@pytest.fixture(scope="module")
def lived(cluster: Any) -> Iterator[Lived]:
    """A home that has lived some weeks, with every code the database allows in its rows."""
    with ExitStack() as stack:
        settings, _ = stack.enter_context(
            as_left(cluster, f"t_words_{os.environ.get('PYTEST_XDIST_WORKER', 'one')}", kept()[0])
        )
        migrate(settings)
        with psycopg.connect(str(settings.database_url)) as connection:
            codes = allowed_codes(connection)
            more = {
                "payments.pay_order.state": list(words_of("order.state")),
                "payments.evidence.outcome_code": list(words_of("paper.reason")),
            }
            lost = fill_every_code(connection, codes | more)
        env = {
            **os.environ,
            "FUNDLEDGER_HOME": str(settings.home),
            "DATABASE_URL": str(settings.database_url),
            "FUNDLEDGER_TODAY": "2026-05-08",
            "COLUMNS": "400",
        }
        yield Lived(env, codes, lost)


def allowed_codes(connection: psycopg.Connection[Any]) -> dict[str, list[str]]:
    """`fund.enrolment.cycle` → its values, for every column of text that a CHECK limits to a list."""
    return {
        column: [code for code in re.findall(r"'([^']*)'::text", definition) if code]
        for column, definition in connection.execute(CHECKS).fetchall()
    }


def known(of: str) -> set[str]:
    """The codes that have words in one family, or in several joined by +."""
    return {code for one in of.split("+") for code in words_of(one)}


def family_codes() -> set[str]:
    """Every code that has words, but for names of what a region chooses, which people type, and for what explain calls a thing."""
    return {
        code
        for of, found in families().items()
        if not of.startswith(("explain.", "policy.value"))
        for code in found
    }


def raw(text: str, codes: set[str]) -> set[str]:
    """The codes that stand in a text as words of their own: not inside a number, a path, a name or an option."""
    found = set(re.findall(r"(?<![\w./:@=\-])[A-Za-z][A-Za-z_.0-9]*(?![\w/@=\-])", text))
    return {word.rstrip(".") for word in found} & codes


def test_every_code_of_the_database_has_a_word(lived: Lived) -> None:
    with psycopg.connect(lived.env["DATABASE_URL"]) as connection:
        events = {event for (event,) in connection.execute(EVENTS)}
        orders = connection.execute("SELECT state, display_name FROM payments.state").fetchall()
        roles = connection.execute("SELECT role, display_name FROM access.role").fetchall()
    found = lived.codes
    assert len(found) > 50
    assert lived.lost == [], "\n".join(lived.lost)
    nameless = sorted(set(found) - set(COLUMNS) - set(NO_WORDS))
    assert nameless == [], (
        "columns that no family of ledger/core/words/words.tsv is named for in tests/cli/filled.py"
    )
    assert set(NO_WORDS) <= set(found), "an exception nobody needs"
    lost = {
        column: set(codes) - known(COLUMNS[column]) for column, codes in found.items() if column in COLUMNS
    }
    assert {column: codes for column, codes in lost.items() if codes} == {}
    assert dict(orders) == words_of("order.state")
    assert dict(roles) == words_of("user.role")
    assert events <= known("order.event+finding.event+declaration.event")


def test_the_table_of_words(lived: Lived) -> None:
    assert said("enrolment.cycle", "daily") != said("enrolment.mode", "daily")
    assert said("order.state", "") == ""
    for of, found in families().items():
        assert all(re.search(r"[一-鿿]", word) for word in found.values()), of
        assert len(found) == len(set(found)), of
    with pytest.raises(KeyError):
        words_of("no such family")


@pytest.fixture
def entered(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """The logins by which connections are opened from now on."""
    found: set[str] = set()
    for module in (connections, engine):

        def asked(settings: Any, login: Any, real: Any = module.require_password) -> str:
            found.add(login)
            return str(real(settings, login))

        monkeypatch.setattr(module, "require_password", asked)
    return found


@pytest.mark.parametrize("line", COMMANDS, ids=lambda line: line[:60])
def test_no_code_stands_where_a_person_reads(
    lived: Lived, line: str, tmp_path: Path, entered: set[str]
) -> None:
    """Nor does what only lists enter by a login that may write (`BY_OTHERS` apart)."""
    with psycopg.connect(lived.env["DATABASE_URL"]) as connection:
        codes = {code for found in lived.codes.values() for code in found}
        codes |= {event for (event,) in connection.execute(EVENTS)}
        asked = re.sub(r"\{(.*?)\}", lambda sql: str(connection.execute(sql[1]).fetchone()[0]), line)  # type: ignore[index]
    codes |= family_codes()
    codes = {code for code in codes if re.fullmatch(r"[A-Za-z][A-Za-z_.0-9]*", code)} - set(ALLOWED)
    ended = typed(*asked.replace("OUT", str(tmp_path / "out")).split(), env=lived.env)
    assert ended.code == 0, ended.err
    assert ended.out.strip()
    word = " ".join(line.split()[2:])
    others = [logins for part, logins in BY_OTHERS.items() if word.startswith(part)]
    assert entered <= {"read"}.union(*others)
    shown = re.sub(r"<[^>]*>", " ", ended.out) if "html" in line else ended.out
    shown = re.sub(r"fundledger [^\n]*", "", shown)  # a command to type is no word of a sentence
    lines = {code: text for text in shown.splitlines() for code in raw(text, codes)}
    assert lines == {}


def test_a_raw_code_is_found() -> None:
    codes = {"daily", "unknown_order", "camt.054", "paid"}
    text = "H1 daily 挂账 unknown_order（camt.054）paid。 a-daily FL-paid --daily daily=1 /paid/ daily.csv prepaid paid_on"
    assert raw(text, codes) == {"daily", "unknown_order", "camt.054", "paid"}
    assert raw("a-daily --daily daily=1 /paid/ xpaid paid_on", codes) == set()


def test_sentences_of_the_database_are_said_in_words(lived: Lived) -> None:
    assert (
        spoken("审核结果F1处于{finding.state:first}，不能{finding.event:decide}")
        == "审核结果F1处于初审，不能终审"
    )
    assert spoken("由{file.state:（新建）}转为{file.state:sent}") == "由（新建）转为已发送"
    assert spoken("摘要{x}{}{no.such:thing}") == "摘要{x}{}thing"
    assert evidence_named("bker:R1") == "电子回单R1"
    assert evidence_named("YJ420100-310:x") == "YJ420100-310:x"
    sql = "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "ledger/db/sql").rglob("*.sql"))
    named = set(re.findall(r"\{([a-z_.]+):%s\}", sql))
    assert len(named) > 8
    assert named <= set(families())


def test_every_command_that_lists_is_looked_at() -> None:
    looked = {" ".join(word for word in line.split()[2:]) for line in COMMANDS}
    unseen = [
        name
        for word in WORDS
        for name, _ in _leaves(load(word), word.name)
        if name not in acts() and not any(f"{one} ".startswith(f"{name} ") for one in looked)
    ]
    assert sorted(unseen) == sorted(NOT_LISTED)
