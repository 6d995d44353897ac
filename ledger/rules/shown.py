"""A rule as an accountant reviews it: section, side, account, amount, condition and article of every line, in words."""

from __future__ import annotations

from ledger.books.chart import account
from ledger.core.entries import EMPLOYEE_FUND, Section, Side
from ledger.rules.book import Rule, RuleLine
from ledger.rules.vocabulary import CONDITIONS, FORM_TITLES, PLACE_TITLES


def plain_rule(rule: Rule) -> dict[str, object]:
    """A rule for machines."""
    return {
        "rule": rule.name,
        "event": rule.event.name,
        "title": rule.event.title,
        "version": rule.version,
        "valid_from": rule.valid_from.isoformat(),
        "lines": [plain_line(line) for line in rule.lines],
    }


def plain_line(line: RuleLine) -> dict[str, str]:
    """A line with its codes and their words."""
    if line.place:
        title = PLACE_TITLES[line.place]
    else:
        title = f"{line.account}{account(EMPLOYEE_FUND, int(line.account)).name}"
    return {
        "section": "会计账" if line.section is Section.STATUTORY else "备查账",
        "side": "借" if line.side is Side.DEBIT else "贷",
        "account": line.account,
        "account_title": title,
        "amount": f"{'-' if line.sign < 0 else ''}{line.amount}",
        "amount_title": f"{'－' if line.sign < 0 else ''}{FORM_TITLES[line.amount]}",
        "condition": line.condition,
        "condition_title": CONDITIONS[line.condition].title if line.condition else "",
        "article": line.article,
        "note": line.note,
    }
