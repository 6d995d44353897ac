"""A region's own meaning of fund_pay_types, for reading records: what its map (fund.layer_map) makes of the dictionary.

390400 is the residents' accident cover in one province and their basic fund in another (platform-fields.md 4.6): what a
row counts for is decided where the record is read, by the region and the day.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from typing import Final

from ledger.core.entries import EMPLOYEE_FUND, RESIDENT_FUND
from ledger.db.connections import Engine
from ledger.db.unit_of_work import unit_of_work
from ledger.fund.layers.map import LayerMap, read_map
from ledger.fund.record.codes import Codes, FundRow
from ledger.fund.record.judge import IntakeRules

_FUND: Final = FundRow("fund", (), 0)
_BASIC: Final = ("hifp_pay", "oth_pay")
_ROWS: Final[Mapping[str, FundRow]] = {
    "basic_310": FundRow("fund", _BASIC, EMPLOYEE_FUND),
    "basic_390": FundRow("fund", _BASIC, RESIDENT_FUND),
    "account": FundRow("account", ("acct_pay",), 0),
    "wallet": FundRow("account", ("acct_pay",), 0),
    "hospital": FundRow("hospital", ("hosp_part_amt",), 0),
    "outside": FundRow("outside", ("oth_pay",), 0),
    "undecided": FundRow("undecided", ("oth_pay", "hosp_part_amt"), 0),
}
"""How a row of a payer counts; every other payer is a fund that stands in a column of its own."""
_PREFIX_TAILS: Final = [f"{tail:02d}" for tail in range(100)]


def regional_rules(engine: Engine, user: str, rules: IntakeRules) -> IntakeRules:
    """The rules with the dictionaries of the user's regions that have a map of their own."""
    with unit_of_work(engine, user) as tx:
        mapped = [
            region
            for (region,) in tx.rows("SELECT region FROM access.regions_of(%(user)s) AS region", user=user)
        ]
    regional = dict(rules.regional)
    for region in mapped:
        with unit_of_work(engine, user, region) as tx:
            own = read_map(tx)
        if own.own:
            regional[str(region)] = _dated(own, rules.codes)
    return replace(rules, regional=regional) if regional else rules


def _dated(own: LayerMap, national: Codes) -> list[tuple[str, Codes]]:
    days = sorted({day for rows in own.own.values() for day, _ in rows}, reverse=True)
    return [(day.isoformat(), _codes_on(own, national, day)) for day in days]


def _codes_on(own: LayerMap, national: Codes, day: date) -> Codes:
    """The dictionary on a day: exact rows of the region over its prefixes over the nation's."""
    meant = dict(national.fund_pay_type)
    for row in own.on(day):
        for code in [row.code] if row.match == "exact" else [row.code + tail for tail in _PREFIX_TAILS]:
            if row.payer == "unknown":
                meant.pop(code, None)
            else:
                meant[code] = _meaning(row.payer, meant.get(code, _FUND))
    return replace(national, fund_pay_type=meant)


def _meaning(payer: str, known: FundRow) -> FundRow:
    """The nation's meaning where the region's is the same kind: it knows the column."""
    row = _ROWS.get(payer, _FUND)
    return known if (known.kind, known.book) == (row.kind, row.book) else row
