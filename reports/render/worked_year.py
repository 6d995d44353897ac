"""The worked year for an accountant's eyes: 事件与分录 as a table, T形账 per account, and the same as JSON values."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.table import Table

from ledger.books.chart import account as account_of
from ledger.core.cny import grouped, to_money
from ledger.core.entries import FUND_NAMES, Leg, Section, Side, section_of
from ledger.core.money import yuan
from ledger.core.words import words_of
from ledger.rules.values import Item
from ledger.rules.worked_year import FUND, WorkedEvent
from reports.wording import SECTION_KEYS, SECTION_NAMES, direction
from reports.worked_year import SidePosting, TAccount, WorkedYear

_POLICY_NAMES = words_of("policy")


def worked_year_tables(year: WorkedYear) -> Iterator[Table]:
    """The events first, then the T-accounts of each section."""
    yield _events(year)
    for section in year.accounts:
        yield _t_accounts(year, section)


def _heading(year: WorkedYear, what: str) -> str:
    return f"年度范例  {FUND_NAMES[FUND]}  {year.policy}{_POLICY_NAMES[year.policy]}  {what}  单位：元"


def _events(year: WorkedYear) -> Table:
    table = Table(title=_heading(year, "事件与分录"), title_justify="left", show_lines=True)
    for heading in ("序号", "日期", "业务事件"):
        table.add_column(heading, no_wrap=heading != "业务事件", overflow="fold")
    table.add_column("金额", justify="right", no_wrap=True)
    table.add_column("规则", no_wrap=True)
    for section in Section:
        table.add_column(SECTION_NAMES[section], no_wrap=True)
    for told in year.events:
        event = told.event
        table.add_row(
            str(event.seq),
            event.day.isoformat(),
            event.happened,
            grouped(to_money(_amount(event, told.legs))),
            told.rule,
            *(
                "\n".join(_line(leg) for leg in told.legs if section_of(leg.account) is section)
                for section in Section
            ),
        )
    return table


def _amount(event: WorkedEvent, legs: Sequence[Leg]) -> int:
    """What the event is about: the sum of its items, or of a paper the debits of its lines in the 备查账."""
    amounts = [item.amount_fen for item in event.items if isinstance(item, Item)]
    if amounts:
        return sum(amounts)
    return sum(
        leg.amount_fen
        for leg in legs
        if leg.side is Side.DEBIT and section_of(leg.account) is Section.MEMORANDUM
    )


def _line(leg: Leg) -> str:
    return (
        f"{_side(leg)} {leg.account}{account_of(FUND, leg.account).name}  {grouped(to_money(leg.amount_fen))}"
    )


def _side(leg: Leg) -> str:
    return "借" if leg.side is Side.DEBIT else "贷"


def _t_accounts(year: WorkedYear, section: Section) -> Table:
    table = Table(
        title=_heading(year, f"{SECTION_NAMES[section]}T形账（括号内为事件序号）"),
        title_justify="left",
        show_lines=True,
    )
    table.add_column("科目", overflow="fold")
    for heading in ("借方", "贷方"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column(f"{year.first_year}年末余额", justify="right", no_wrap=True)
    table.add_column("期末余额", justify="right", no_wrap=True)
    for account in year.accounts[section]:
        table.add_row(
            f"{account.account}\n{account.name}",
            _postings(account.debits, account.debit_fen),
            _postings(account.credits, account.credit_fen),
            _balance(account.first_year_fen),
            _balance(account.balance_fen),
        )
    totals = year.totals(section)
    table.add_row(
        "合计",
        grouped(to_money(totals.debit_fen)),
        grouped(to_money(totals.credit_fen)),
        "",
        f"借{grouped(to_money(totals.debit_balances_fen))}\n贷{grouped(to_money(totals.credit_balances_fen))}",
        style="bold",
    )
    return table


def _postings(postings: Sequence[SidePosting], total_fen: int) -> str:
    lines = [f"({seq}) {grouped(to_money(fen))}" for seq, fen in postings]
    if len(lines) > 1:
        lines.append(f"合计 {grouped(to_money(total_fen))}")
    return "\n".join(lines)


def _balance(fen: int) -> str:
    """A balance never has a sign: 借, 贷 or 平 stands before it."""
    return f"{direction(fen)} {grouped(to_money(abs(fen)))}"


def worked_year_object(year: WorkedYear) -> dict[str, object]:
    """The same for programs: amounts in yuan as strings, balances debit-positive."""
    return {
        "policy": year.policy,
        "fund": FUND,
        "events": [
            {
                "seq": told.event.seq,
                "date": told.event.day.isoformat(),
                "event": told.event.event,
                "happened": told.event.happened,
                "amount": yuan(_amount(told.event, told.legs)),
                "rule": told.rule,
                "lines": [_leg_object(leg) for leg in told.legs],
            }
            for told in year.events
        ],
        "accounts": {
            SECTION_KEYS[section]: [_account_object(account) for account in accounts]
            for section, accounts in year.accounts.items()
        },
        "totals": {
            SECTION_KEYS[section]: {
                name.removesuffix("_fen"): yuan(fen) for name, fen in year.totals(section)._asdict().items()
            }
            for section in year.accounts
        },
    }


def _leg_object(leg: Leg) -> dict[str, str]:
    return {
        "section": SECTION_KEYS[section_of(leg.account)],
        "side": _side(leg),
        "account": str(leg.account),
        "name": account_of(FUND, leg.account).name,
        "amount": yuan(leg.amount_fen),
    }


def _account_object(account: TAccount) -> dict[str, object]:
    return {
        "account": str(account.account),
        "name": account.name,
        "debits": [{"seq": seq, "amount": yuan(fen)} for seq, fen in account.debits],
        "credits": [{"seq": seq, "amount": yuan(fen)} for seq, fen in account.credits],
        "debit": yuan(account.debit_fen),
        "credit": yuan(account.credit_fen),
        "first_year_balance": yuan(account.first_year_fen),
        "balance": yuan(account.balance_fen),
        "side": direction(account.balance_fen),
    }
