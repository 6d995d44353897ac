"""The kept list of parties 往来单位 beside institutions, regions and own accounts: proposed by one person, confirmed by another.

财会〔2017〕28号 accounts 1101, 2001 (by counterparty), 1201 (by bond), 2101 (by lender): a sub-ledger is opened by decision, not by
a slip of the pen.
"""

from __future__ import annotations

from datetime import date
from typing import Final, NamedTuple

from ledger.access.signing.signing import sign_decision
from ledger.core.errors import Conflict, InvalidInput, NotFound
from ledger.core.text import bearable
from ledger.core.words import words_of
from ledger.db.safekeeping.fields import fields, read_shown
from ledger.db.unit_of_work import Transaction

PARTY_MAX = 60


NATURAL: Final = "person"
"""The kind of a party who is a natural person: whose name is stored sealed and shown masked."""


class ListedParty(NamedTuple):
    """Somebody the fund deals with; `taken_over`: in use before there was a list."""

    party: str
    name: str
    kind: str
    state: str
    proposed_by: str
    confirmed_by: str


def propose_party(tx: Transaction, party: str, name: str, kind: str) -> ListedParty:
    """Propose a party, as maker or accountant; the same again gives the first answer.

    Raises InvalidInput `text.unbearable`, `party.kind`; Conflict `party.known`; Forbidden `access.role_missing`.
    """
    bearable(party, "往来单位编码", PARTY_MAX)
    bearable(name, "往来单位名称")
    kinds = words_of("party.kind")
    if kind not in kinds:
        raise InvalidInput("party.kind", f"没有往来单位种类“{kind[:20]}”，应为{'、'.join(kinds)}")
    if tx.value(
        "SELECT fund.known_party(%(region)s, %(party)s)", region=tx.region, party=party
    ) and not _stored(tx, party):
        raise Conflict("party.known", f"“{party}”已是机构、自有账户或统筹区，不必登记为往来单位")
    kept = fields(tx).seal(name) if kind == NATURAL else name
    tx.run(
        """INSERT INTO fund.party (region, party, name, kind, proposed_by)
           VALUES (%(region)s, %(party)s, %(name)s, %(kind)s, %(user)s) ON CONFLICT DO NOTHING""",
        region=tx.region,
        party=party,
        name=kept,
        kind=kind,
        user=tx.user,
    )
    [stored] = _stored(tx, party)
    known = tx.value(
        "SELECT name FROM fund.party WHERE region = %(region)s AND party = %(party)s",
        region=tx.region,
        party=party,
    )
    if (known, stored.kind) != (kept, kind):
        raise Conflict("party.known", f"往来单位{party}已登记为{stored.name}")
    return stored


def confirm_party(tx: Transaction, party: str, day: date) -> ListedParty:
    """Confirm it, as checker and another person.

    Raises NotFound `party.unknown`; Conflict `party.known`; Forbidden `request.same_person`, `access.role_missing`.
    """
    sign_decision(tx, "fund.party", [party], day)
    if not tx.run(
        """UPDATE fund.party SET state = 'confirmed', confirmed_by = %(user)s, confirmed_on = %(day)s
            WHERE region = %(region)s AND party = %(party)s""",
        region=tx.region,
        party=party,
        user=tx.user,
        day=day,
    ):
        raise NotFound("party.unknown", f"没有登记往来单位{party[:60]}")
    return _stored(tx, party)[0]


def read_parties(tx: Transaction) -> list[ListedParty]:
    """All of the region, by code."""
    return _stored(tx, "")


def _stored(tx: Transaction, party: str) -> list[ListedParty]:
    return [
        ListedParty(*row)
        for row in read_shown(
            tx,
            """SELECT party, name, kind, state, proposed_by, confirmed_by FROM fund.party
                WHERE region = %(region)s AND %(party)s IN ('', party) ORDER BY party COLLATE "C" """,
            region=tx.region,
            party=party,
        )
    ]
