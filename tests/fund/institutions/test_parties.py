"""Parties 往来单位 are a kept list: two persons, and a voucher by hand with an unknown one is refused."""

from __future__ import annotations

from datetime import date

import pytest

from ledger.core.entries import Dimensions, credit, debit
from ledger.core.errors import Conflict, Forbidden, InvalidInput, NotFound
from ledger.fund.institutions.parties import confirm_party, propose_party, read_parties
from tests.scenes.town import FISCAL, Town


def test_a_slip_of_the_pen_opens_no_sub_ledger(town: Town) -> None:
    town.begin(fen=0)
    lent = (debit(1003, 100, Dimensions(FISCAL)), credit(2101, 100, Dimensions("某银行")))
    with pytest.raises(NotFound) as unknown:
        town.by_hand("借入", lent)
    assert (unknown.value.code, "某银行" in unknown.value.message) == ("party.unknown", True)
    with town.tx("zhao") as tx:
        propose_party(tx, "某银行", "某银行某支行", "lender")
        assert propose_party(tx, "某银行", "某银行某支行", "lender").state == "proposed"
    with pytest.raises(NotFound):
        town.by_hand("借入", lent)  # proposed is not confirmed
    with pytest.raises(Forbidden), town.tx("zhao") as tx:
        confirm_party(tx, "某银行", date(2026, 11, 2))
    with town.tx("qian") as tx:
        assert confirm_party(tx, "某银行", date(2026, 11, 2)).state == "confirmed"
    town.by_hand("借入", lent)
    town.verified()
    with town.tx("zhao") as tx:
        assert [(one.party, one.kind, one.confirmed_by) for one in read_parties(tx)] == [
            ("某银行", "lender", "qian")
        ]


def test_what_is_refused_of_a_party(town: Town) -> None:
    for party, name, kind, error, code in (
        ("X", "某", "friend", InvalidInput, "party.kind"),
        ("a\tb", "某", "other", InvalidInput, "text.unbearable"),
        (FISCAL, "财政专户", "other", Conflict, "party.known"),
    ):
        with pytest.raises(error) as refused, town.tx("zhao") as tx:
            propose_party(tx, party, name, kind)
        assert refused.value.code == code
    with town.tx("zhao") as tx:
        propose_party(tx, "X", "某单位", "other")
    with pytest.raises(Conflict), town.tx("zhao") as tx:
        propose_party(tx, "X", "另一单位", "other")
    with pytest.raises(NotFound), town.tx("qian") as tx:
        confirm_party(tx, "Y", date(2026, 11, 2))
