"""A region whose persons all sign: each has a key, signatures are demanded, and every transaction brings its person's."""

from __future__ import annotations

from datetime import date
from typing import Any

import psycopg
import pytest
from sqlalchemy.engine import Engine

from ledger.access.signing import persons
from ledger.access.signing.pair import ED25519, KeyPair, generate, pair
from ledger.access.signing.register import make_list, sign_list
from ledger.access.signing.signer import WithKey
from ledger.db.unit_of_work import Transaction, unit_of_work
from ledger.simulation.people import DEMO_REGION

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

    def demand(self) -> None:
        """By two."""
        for user in (AUDITOR, "qian"):
            with self.tx(user) as tx:
                tx.signer = WithKey(lambda user=user: self.keys[self.person(user)])  # type: ignore[misc]
                persons.demand(tx, persons.demand_of(tx).digest, self.day)


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
