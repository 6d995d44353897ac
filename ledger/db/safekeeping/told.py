"""Which movements a bank tells of are a natural person's: their account, name and words are sealed before they are kept (ADR 31).

An institution, another region's agency, a supplier, we ourselves: known by their account. Whoever else is a person unless the name
is an organisation's: a name that cannot be told is sealed, never the other way round.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from ledger.db.safekeeping.fields import Fields

if TYPE_CHECKING:
    import psycopg

_WITHIN: Final = re.compile("公司|银行|信用社|医院|卫生|财政|国库|医保|医疗保障|社会保险|税务|中心")
_AT_END: Final = re.compile(
    r"(局|厅|院|所|站|社|厂|部|处|店|会|户|户头|房|诊|校|学|中心|政府|集团|基金)(?:[（(].*)?$"
)
_SHORT: Final = 4
"""Organisations' names have at least so many characters; persons' mostly fewer."""
_KNOWN: Final = """
    SELECT number FROM fund.payee_account WHERE region = %(region)s AND number = ANY(%(numbers)s)
    UNION SELECT payee_number FROM fund.outregion_counterparty WHERE region = %(region)s AND payee_number = ANY(%(numbers)s)
    UNION SELECT payee_number FROM fund.advance WHERE region = %(region)s AND payee_number = ANY(%(numbers)s)
    UNION SELECT account FROM payments.bank_account WHERE region = %(region)s AND account = ANY(%(numbers)s)
"""


class OtherSide(NamedTuple):
    """The other side of a movement: account, name, the bank's words."""

    account: str
    name: str
    words: str


def is_person(account: str, name: str, known: Collection[str]) -> bool:
    """Whether the other side is a natural person, as far as can be told; nobody where the bank names nobody."""
    if account in known or not account + name:
        return False
    plain = name.strip()
    named = len(plain) >= _SHORT and "·" not in plain and bool(_WITHIN.search(plain) or _AT_END.search(plain))
    return not named


def sealed_persons(
    connection: psycopg.Connection[Any],
    fields: Fields,
    region: int,
    sides: Sequence[OtherSide],
    persons: Collection[int] = (),
) -> list[OtherSide]:
    """`sides` as they are kept; those whose place is in `persons` are a person's whatever they look like."""
    known = {
        number
        for (number,) in connection.execute(
            _KNOWN, {"region": region, "numbers": sorted({side.account for side in sides} - {""})}
        )
    }
    return [
        OtherSide(*map(fields.seal, side))
        if place in persons or is_person(side.account, side.name, known)
        else side
        for place, side in enumerate(sides)
    ]
