"""The rule of the opening entry: what the books before these closed with, line by line, is what these begin with.

会计基础工作规范 art. 63(三): the balances of all accounts are carried into the new books and said to be so (上年结转); 财会〔2017〕28号
总说明十: by the mandated accounts. Unlike the rules in `data`, its lines are the confirmed set's own: there is no amount from
which they could follow.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, NamedTuple

from ledger.core.entries import Dimensions, Leg, Section, Side, section_of
from ledger.core.errors import InvalidInput
from ledger.core.money import yuan_grouped
from ledger.rules.values import RuledEntry

OPENING_EVENT: Final = "OPEN"
OPENING_RULE: Final = "OPEN@1"
OPENING_ARTICLE: Final = (
    "会计基础工作规范第六十三条（三）：各账户余额结转新账，摘要注明；财会〔2017〕28号总说明十"
)
OPENING_SUMMARY: Final = "期初余额（接转）"


class Opened(NamedTuple):
    """What an account is taken over with; fen on its normal side, never zero."""

    account: int
    normal_side: Side
    fen: int
    dims: Dimensions


def opening_entries(lines: Iterable[Opened]) -> dict[Section, RuledEntry]:
    """The balanced entry of each section that has lines; a balance on the other side stands there, black.

    Raises InvalidInput `rule.nothing` for no lines, `entry.unbalanced` for a section that does not balance.
    """
    legs: dict[Section, list[Leg]] = {}
    for account, normal, fen, dims in lines:
        side = normal if fen > 0 else Side(-normal)
        legs.setdefault(section_of(account), []).append(Leg(account, side, abs(fen), dims))
    if not legs:
        raise InvalidInput("rule.nothing", f"{OPENING_RULE}：金额全为零，没有可记的分录", rule=OPENING_RULE)
    for section, own in legs.items():
        rest = sum(leg.side * leg.amount_fen for leg in own)
        if rest:
            raise InvalidInput(
                "entry.unbalanced", f"{OPENING_RULE}：借贷差{yuan_grouped(rest)}元", section=int(section)
            )
    return {
        section: RuledEntry(OPENING_RULE, OPENING_EVENT, tuple(own)) for section, own in sorted(legs.items())
    }
