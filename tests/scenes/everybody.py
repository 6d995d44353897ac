"""`pytest --everybody-signs`: every region of the session's databases demands signatures, and every person signs what they decide.

The stories are those of the suites, told in the stricter region: what cannot be signed, what is signed over another text than was
shown, and an act that asks nobody are failures of it. Imported only where the option is given. A test that brings keys and
demands of its own, or tells of a region without, is marked `unsigned` and left out.

Keys are made of the person's name, so that every worker has the same and a kept template is signed on by all. They are enrolled
by the database's administrator when their person first signs; how a key is enrolled is told elsewhere (tests/access, tests/payments).
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from hashlib import sha256
from typing import Any, Final

import psycopg

from ledger.access.signing.pair import ED25519, KeyPair, pair
from ledger.access.signing.signer import sign_with
from ledger.access.signing.statement import SignedStatement, ToSign
from ledger.control import verify as verifying
from ledger.control.breach import Breach
from ledger.control.snapshot import Snapshot
from ledger.db.cluster import Cluster
from ledger.db.unit_of_work import Transaction

DEMAND: Final = """
    CREATE FUNCTION access.everybody_signs() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        INSERT INTO access.home (id) VALUES (gen_random_uuid()::text) ON CONFLICT DO NOTHING;
        INSERT INTO access.signing_demand (region, digest, asked_by, asked_on, confirmed_on, confirmed_at)
        VALUES (NEW.region, '', '', '2020-01-01', '2020-01-01', clock_timestamp()) ON CONFLICT DO NOTHING;
        RETURN NULL;
    END $$;
    CREATE TRIGGER everybody_signs AFTER INSERT ON access.user_role FOR EACH ROW EXECUTE FUNCTION access.everybody_signs();
"""
"""Of the template: whatever region is founded in a copy of it is founded with a demand."""
_PERSONS: Final = """
    SELECT DISTINCT r.region, u.person FROM access.user_role r JOIN access.app_user u USING (user_name)
      JOIN access.signing_demand d ON d.region = r.region AND d.asked_by = ''
     WHERE r.region = %s AND NOT EXISTS (SELECT 1 FROM access.person_key k WHERE k.region = r.region AND k.person = u.person)
     ORDER BY 1, 2
"""
_ENROL: Final = """
    INSERT INTO access.person_key (region, fingerprint, person, algorithm, public_key, valid_from, valid_to, state, proposed_by,
                                   proposed_on, confirmed_by, confirmed_on, confirmed_at)
    VALUES (%s, %s, %s, 'Ed25519', %s, '2020-01-01', '2099-12-31', 'confirmed', 'everybody', '2020-01-01', 'everybody.else',
            '2020-01-01', '2020-01-01 00:00:00+08') ON CONFLICT DO NOTHING
"""


@cache
def key_of(region: int, person: str) -> KeyPair:
    """The person's key in a region, the same in every process."""
    return pair(ED25519, sha256(f"everybody signs {region} {person}".encode()).digest())


class Everybody:
    """Signs with the key of whoever is asked, unless the act brought a signature of its own."""

    def __init__(self, cluster: Cluster, tx: Transaction, given: Any) -> None:
        self._cluster = cluster
        self._tx = tx
        self._given = given

    def signature(self, wanted: ToSign) -> SignedStatement | None:
        brought = None if self._given is None else self._given.signature(wanted)
        if brought is not None:
            return brought  # type: ignore[no-any-return]
        key = key_of(wanted.region, wanted.person)
        if not self._known(wanted.region, key):
            self._enrol(wanted.region)
            if not self._known(wanted.region, key):
                return None  # nobody of that region, or one that demands nothing: the database says what it thinks of it
        return sign_with(key, wanted)

    def _known(self, region: int, key: KeyPair) -> bool:
        return bool(
            self._tx.value(
                "SELECT 1 FROM access.person_key WHERE region = %(r)s AND fingerprint = %(k)s",
                r=region,
                k=key.id,
            )
        )

    def _enrol(self, wanted: int) -> None:
        with psycopg.connect(self._cluster.admin_url(self._tx.connection.info.dbname)) as admin:
            admin.execute("SET lock_timeout = '10s'")
            for region, person in admin.execute(_PERSONS, [wanted]).fetchall():
                key = key_of(region, person)
                admin.execute(_ENROL, [region, key.id, person, key.public])


def let_everybody_sign(cluster: Cluster) -> None:
    """From here on every transaction of this process has a signer, whatever the act sets."""

    def given(self: Transaction) -> Any:
        return Everybody(cluster, self, self.__dict__.get("signer"))

    def bring(self: Transaction, signer: Any) -> None:
        self.__dict__["signer"] = signer

    Transaction.signer = property(given, bring)  # type: ignore[assignment]
    verifying.CHECKS = tuple((name, _but_enrolled(check)) for name, check in verifying.CHECKS)


def _but_enrolled(check: verifying.Check) -> verifying.Check:
    """The check without what it says of the keys that are enrolled here past the service."""

    def checked(snapshot: Snapshot) -> Iterator[Breach]:
        for one in check(snapshot):
            if (one.code, one.entry.split()[0]) != ("trace.login", "access.person_key"):
                yield one

    return checked
