"""Applying a rule: one small loop over compiled lines and items, the same for every event."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from functools import cache
from typing import Final, NamedTuple

from ledger.books.chart import account as account_of
from ledger.books.chart import keep
from ledger.core.entries import FUND_NAMES, Dimensions, Leg
from ledger.core.errors import InvalidInput, NotFound
from ledger.core.words import said
from ledger.rules.book import Event, Rule, RuleLine
from ledger.rules.load import rulebook
from ledger.rules.values import Item, RuledEntry, Sheet
from ledger.rules.vocabulary import (
    ATOMS,
    BY_ENTRY,
    BY_SOURCE,
    CLOSING,
    CONDITIONS,
    FORMS,
    NEEDS_YEAR,
    OTHER,
    OWN,
    SHEET,
)

_ALL_DIMS: Final = 31


class _Line(NamedTuple):
    """A line ready to run for one fund."""

    line: RuleLine
    atom: str
    wanted: bool
    account: int
    """0 where the place decides item by item."""


def apply(
    event: str,
    policy: str,
    fund: int,
    items: Sequence[Item] | Sequence[Sheet],
    *,
    bank_account: str = "",
    fiscal_account: str = "",
    own: tuple[int, str] = (0, ""),
    other: tuple[int, str] = (0, ""),
    year: int = 0,
    on: date | None = None,
) -> RuledEntry:
    """The balanced entry of a business event (memorandum.md 2).

    `policy` is the region's `daily_accounting` (P1, P2), `fund` 310 or 390. Per-item lines come in the order of the
    rule and, within a line, of the items; bank lines are one a rule, with the total; zero amounts give no line; each
    line's dimensions are cut to what its account asks. `bank_account` is the 支出户 (1004), `fiscal_account` the
    财政专户 (1003), `own` the account (1002, 1003, 1004, 1005) and number of the one a paper is of,
    `other` the same of the one our own money came from, `year` what earlier service years are earlier than: the calendar year of the bank's
    booking (RCV, RTN) or of the approval (SET, CLR), the letter's own year for RCV.clearing; `on` the day whose
    version of the rule holds (default: the newest).
    Raises NotFound `rule.unknown` for an event, policy or day without a rule; InvalidInput `rule.items`,
    `rule.sign`, `rule.daily_share`, `rule.source`, `rule.dimension_missing`, `rule.place_unknown`,
    `rule.bank_missing`, `rule.year_missing`, `rule.nothing` for input the rule cannot book.
    """
    rule = rule_of(event, policy, on)
    _check_items(rule.event, items)
    total = sum(item.amount_fen for item in items if isinstance(item, Item))
    banks = {"bank": bank_account, "fiscal": fiscal_account, OWN: own[1], OTHER: other[1]}
    kinds = {OWN: own[0], OTHER: other[0]}
    legs: list[Leg] = []
    for compiled in _compiled(rule.event.name, policy, rule.version, fund):
        line = compiled.line
        if line.place in BY_ENTRY:
            if not banks[line.place]:
                raise InvalidInput(
                    "rule.bank_missing", f"{rule.name}需要{BY_ENTRY[line.place]}的银行账户", rule=rule.name
                )
            if total:
                code = kinds.get(line.place, compiled.account)
                dims = keep(_dims_of(fund, code), Dimensions(counterparty=banks[line.place]))
                legs.append(Leg(code, line.side, line.sign * total, dims))
            continue
        if compiled.atom in NEEDS_YEAR and not year:
            raise InvalidInput("rule.year_missing", f"{rule.name}需要业务所属的年度", rule=rule.name)
        legs += _item_legs(rule, compiled, fund, items, year)
    if not legs:
        raise InvalidInput("rule.nothing", f"{rule.name}：金额全为零，没有可记的分录", rule=rule.name)
    return RuledEntry(rule.name, rule.event.entry_event, tuple(legs))


def rule_of(event: str, policy: str, on: date | None = None) -> Rule:
    """The newest version of an event's rule, or the one in force on a day; raises NotFound `rule.unknown`."""
    for rule in reversed(rulebook().rules.get((event, policy), ())):
        if on is None or rule.valid_from <= on:
            return rule
    raise NotFound("rule.unknown", f"没有事件{event}在政策{policy}下的记账规则", event=event, policy=policy)


@cache
def _compiled(event: str, policy: str, version: int, fund: int) -> tuple[_Line, ...]:
    if fund not in FUND_NAMES:
        raise NotFound("fund.unknown", f"没有基金{fund}的会计科目表", fund=fund)
    (rule,) = (rule for rule in rulebook().rules[event, policy] if rule.version == version)
    compiled = []
    for line in rule.lines:
        found = CONDITIONS.get(line.condition)
        atom, wanted = (found.atom, found.wanted) if found else ("", True)
        code = BY_ENTRY.get(line.place, 0) if line.place else int(line.account)
        compiled.append(_Line(line, atom, wanted, code))
    return tuple(compiled)


def _item_legs(
    rule: Rule, compiled: _Line, fund: int, items: Sequence[Item] | Sequence[Sheet], year: int
) -> list[Leg]:
    line, atom, wanted, code = compiled
    form = FORMS[rule.event.shape][line.amount].items()
    legs = []
    for item in items:
        if atom and ATOMS[atom](item, year) is not wanted:
            continue
        amount = line.sign * sum(times * getattr(item, field) for field, times in form)
        if amount:
            account = code or _place(rule, line.place, fund, item)
            # what is carried is a balance: its dimensions are those its account asks, also below the mandated chart
            dims = item.dims if line.place == "closed" else _cut(rule, fund, account, item.dims)
            legs.append(Leg(account, line.side, amount, dims))
    return legs


def _place(rule: Rule, place: str, fund: int, item: Item | Sheet) -> int:
    """The account of a place for one item."""
    if place in BY_SOURCE:
        if item.source not in BY_SOURCE[place]:
            raise InvalidInput("rule.source", f"{rule.name}：抵扣须注明预付种类", rule=rule.name)
        return BY_SOURCE[place][item.source]
    if place == "closed":
        return item.source
    found = (
        carried_to(fund, item.source)
        if place == "surplus"
        else place_account(place, fund, item.dims.subfund, item.dims.category)
    )
    if found is None:
        raise InvalidInput(
            "rule.place_unknown",
            f"{rule.name}：{FUND_NAMES[fund]}没有“{said('subfund', item.dims.subfund)}/"
            f"{said('category', item.dims.category)}”对应的科目",
            rule=rule.name,
        )
    return found


@cache
def place_account(place: str, fund: int, subfund: str, category: str) -> int | None:
    """The account of `benefit` or `recovered` for a key, from places.csv; None where there is none."""
    places = rulebook().places
    return places.get((place, fund, subfund, category)) or places.get((place, fund, subfund, ""))


@cache
def carried_to(fund: int, account: int) -> int | None:
    """The sub-account of 3001 an income or expense leaf is carried to, by the nearest account above it that closing.csv names;
    None for one that is never carried (4601, 4602) or that the table does not know.
    """
    code = str(account)
    for length in range(len(code), 3, -1):
        found = rulebook().carried.get((fund, code[:length]))
        if found is not None:
            return found
    return None


@cache
def _dims_of(fund: int, code: int) -> int:
    return account_of(fund, code).dims


def _cut(rule: Rule, fund: int, code: int, dims: Dimensions) -> Dimensions:
    wanted = _dims_of(fund, code)
    if wanted == _ALL_DIMS and all(dims):
        return dims
    cut = keep(wanted, dims)
    if sum(1 << bit for bit, value in enumerate(cut) if value) != wanted:
        raise InvalidInput(
            "rule.dimension_missing", f"{rule.name}：科目{code}需要的辅助核算不全：{dims}", rule=rule.name
        )
    return cut


def _check_items(event: Event, items: Sequence[Item] | Sequence[Sheet]) -> None:
    """The shape and sources an event may have, and the signs of items."""
    if not items:
        raise InvalidInput("rule.items", f"{event.title}没有明细", event=event.name)
    shape = Sheet if event.shape == SHEET else Item
    for item in items:
        if not isinstance(item, shape):
            raise InvalidInput("rule.items", f"{event.title}的明细应为{shape.__name__}", event=event.name)
        if event.shape != CLOSING and item.source not in event.sources:
            raise InvalidInput(
                "rule.source",
                f"{event.title}的明细不能来自科目{item.source}",
                event=event.name,
                source=item.source,
            )
    found = [item for item in items if isinstance(item, Item)]
    if event.check == "total+":
        if sum(item.amount_fen for item in found) <= 0:
            raise InvalidInput("rule.sign", f"{event.title}的合计应大于零", event=event.name)
    elif event.check not in (SHEET, CLOSING):
        _check_records(event, found, 1 if event.check == "items+" else -1)


def _check_records(event: Event, items: Sequence[Item], sign: int) -> None:
    """Records are positive, reversals negative, and the daily share lies within the fund money."""
    for item in items:
        if sign * item.amount_fen < 0:
            word = "不小于零" if sign == 1 else "不大于零"
            raise InvalidInput("rule.sign", f"{event.title}的基金金额应{word}", event=event.name)
        if not 0 <= sign * item.daily_fen <= sign * item.amount_fen or (
            item.daily_fen and item.dims.subfund == "acct"
        ):
            raise InvalidInput(
                "rule.daily_share",
                f"{event.title}的日拨付额应在零与基金金额之间，个人账户没有日拨付",
                event=event.name,
            )
