"""A region whose persons all sign: each has a key, signatures are demanded, and every transaction brings its person's."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from copy import deepcopy
from datetime import date
from typing import Any

import psycopg
import pytest
from sqlalchemy.engine import Engine

from ledger.access.signing import persons
from ledger.access.signing.pair import ED25519, KeyPair, generate, pair
from ledger.access.signing.register import make_list, sign_list
from ledger.access.signing.signer import WithKey
from ledger.core.errors import InvalidInput
from ledger.db.unit_of_work import Transaction, unit_of_work
from ledger.simulation.people import DEMO_REGION
from reports.evidence.export import evidence_of
from reports.evidence.verify import check_evidence

ADMIN, AUDITOR = "guan", "shen"


class Signers:
    """Keys by person; who comes later gets theirs when they first have to sign."""

    def __init__(self, engine: Engine, day: date) -> None:
        self.engine = engine
        self.keys: dict[str, KeyPair] = {}
        self.day = day

    def person(self, user: str) -> str:
        with unit_of_work(self.engine, ADMIN, DEMO_REGION) as tx:
            return str(tx.value("SELECT access.person(%(user)s)", user=user))

    def enroll(self, user: str) -> KeyPair:
        """A key of the user's person: proposed by the security administrator, confirmed by the audit administrator."""
        person = self.person(user)
        if person not in self.keys:
            made = pair(ED25519, generate(ED25519))
            valid = (date(2020, 1, 1), date(2099, 12, 31))
            with self.tx(ADMIN) as tx:
                found = persons.enroll(tx, user, ED25519, made.public, valid, self.day)
            with self.tx("qian" if user == AUDITOR else AUDITOR) as tx:
                persons.confirm(tx, found.fingerprint, found.digest, self.day)
            self.keys[person] = made
        return self.keys[person]

    def tx(self, user: str) -> Any:
        return unit_of_work(self.engine, user, DEMO_REGION)

    def listed(self, tx: Transaction) -> dict[str, Any]:
        """The region's list of persons, signed by two."""
        made = make_list(tx.value("SELECT id FROM access.home"), DEMO_REGION, persons.keys_of(tx), self.day)
        for user in (AUDITOR, "qian"):
            sign_list(made, self.enroll(user), user)
        return made

    def proven(self) -> set[str]:
        """The acts signed so far, each thing's evidence exported and checked without a database; a byte flipped in it is found."""
        with self.tx(AUDITOR) as tx:
            listed = self.listed(tx)
        with self.tx(AUDITOR) as tx:
            things = tx.rows("SELECT DISTINCT act, object FROM access.signature ORDER BY 1, 2")
            documents = [evidence_of(tx, act, thing, listed) for act, thing in things]
        for document in documents:
            found = check_evidence(document)
            assert found.flaws == [], (document["act"], document["object"], found.flaws)
            assert len(found.proven) == len(document["signatures"])
        for document in {one["act"]: one for one in documents}.values():
            no_byte_of_it_may_change(document)
        return {one["act"] for one in documents}

    def demand(self) -> None:
        """By two."""
        for user in (AUDITOR, "qian"):
            with self.tx(user) as tx:
                tx.signer = WithKey(lambda user=user: self.keys[self.person(user)])  # type: ignore[misc]
                persons.demand(tx, persons.demand_of(tx).digest, self.day)


def no_byte_of_it_may_change(document: dict[str, Any]) -> None:
    """Of whatever the file says, one character changed in the middle makes it no evidence."""
    for way in _leaves(document):
        other = deepcopy(document)
        holder = other
        for step in way[:-1]:
            holder = holder[step]
        said = holder[way[-1]]
        holder[way[-1]] = (
            said + 1
            if isinstance(said, int)
            else said[: len(said) // 2] + chr(ord(said[len(said) // 2]) ^ 1) + said[len(said) // 2 + 1 :]
        )
        with suppress(InvalidInput):  # no shape, or a list that two persons did not sign
            assert check_evidence(other).flaws, way


def _leaves(document: Any, way: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Where texts and numbers stand, empty ones left out."""
    if isinstance(document, dict | list):
        for step, value in document.items() if isinstance(document, dict) else enumerate(document):
            if (*way, step) not in {("format",), ("version",)}:
                yield from _leaves(value, (*way, step))
    elif document:
        yield way


@pytest.fixture
def signers(month: Any, monkeypatch: pytest.MonkeyPatch) -> Signers:
    """From here on whoever acts in the region signs with the own key."""
    return all_sign(month.engine, month.database.admin_url, monkeypatch)


def all_sign(engine: Engine, admin_url: str, monkeypatch: pytest.MonkeyPatch) -> Signers:
    """Keys, a demand by two, and a signer for every transaction of the demo's region."""
    with psycopg.connect(admin_url) as admin:
        [(last,)] = admin.execute("SELECT access.last_approval(%s)", [DEMO_REGION]).fetchall()
    made = Signers(engine, last)
    for user in (ADMIN, AUDITOR, "qian"):
        made.enroll(user)
    made.demand()
    plain = Transaction.__init__

    def signing(self: Transaction, *given: Any, **named: Any) -> None:
        plain(self, *given, **named)
        if self.user and self.region == DEMO_REGION:
            self.signer = WithKey(lambda: made.enroll(self.user))

    monkeypatch.setattr(Transaction, "__init__", signing)
    return made
