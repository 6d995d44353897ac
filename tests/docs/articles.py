"""What the rules cite, and the outline of the cited texts in docs/domain/articles.csv: which paragraph books what.

A citation is `财会〔2017〕28号1101三（四）` (account, article, paragraphs), articles of 湖北即时结算规程 and 基金监管条例, or a row of the
清算确认书; 、 joins several. The outline says of every paragraph of an article cited which accounts it debits and credits
(`*`: the text says 等 or 相关科目), so that a citation of a neighbour of the right paragraph is found.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.resources import files
from typing import Final, NamedTuple

from ledger.books.chart import chart
from ledger.core.entries import FUND_NAMES, Section, Side
from ledger.rules.book import Rule, Rulebook, RuleLine
from ledger.rules.vocabulary import BY_CLOSING, BY_ENTRY, BY_SOURCE, OTHER, OWN
from tests.docs.rooms import ROOT

ACCOUNTING: Final = "财会〔2017〕28号"
_SOURCE: Final = re.compile(r"(财会〔2017〕28号|湖北即时结算规程|清算确认书|基金监管条例)(.+)")
_PLACE: Final = re.compile(
    r"(\d{4}[一二三四五六七八九])((?:（[一二三四五六七八九]）)+)|(第[一二三四五六七八九十]+条)|(第\d行)"
)


class Article(NamedTuple):
    """One paragraph: the accounts it debits and credits, by code or the code's beginning."""

    debit: tuple[str, ...]
    credit: tuple[str, ...]

    def books(self, side: Side, account: int, own: str) -> bool:
        """Whether the paragraph moves the account on this side: by name, or by 等 if it is not `own`, its heading's."""
        words = self.debit if side is Side.DEBIT else self.credit
        by_name = any(str(account).startswith(word) for word in words)
        return by_name or ("*" in words and not str(account).startswith(own))


@cache
def outline() -> Mapping[str, Article]:
    """`财会〔2017〕28号1101三（四）` → its paragraph."""
    with (ROOT / "docs/domain/articles.csv").open(encoding="utf-8", newline="") as file:
        return {
            row["source"] + row["place"]: Article(tuple(row["debit"].split()), tuple(row["credit"].split()))
            for row in csv.DictReader(file)
        }


def cited(text: str) -> list[str]:
    """The single paragraphs a citation names; raises ValueError for one of another shape."""
    found = []
    for word in re.split(r"、(?=财会|湖北|清算|基金)", text):
        match = _SOURCE.fullmatch(word)
        if match is None:
            raise ValueError(word)
        for place in match[2].split("、"):
            one = _PLACE.fullmatch(place)
            if one is None:
                raise ValueError(place)
            parts = [one[1] + part for part in re.findall("（.）", one[2])] if one[1] else [place]
            found += [match[1] + part for part in parts]
    return found


def wrong_citations(book: Rulebook) -> Iterator[str]:
    """Every line whose citation is of no paragraph, or of one that books something else."""
    for (_, policy), versions in book.rules.items():
        for rule in versions:
            for line in rule.lines:
                for fault in _of_line(book, rule, line):
                    yield f"{rule.event.name} {policy} {line.number}: {line.article}: {fault}"


def _of_line(book: Rulebook, rule: Rule, line: RuleLine) -> Iterator[str]:
    try:
        places = cited(line.article)
    except ValueError as error:
        yield f"of no known shape: {error}"
        return
    unknown = [place for place in places if place not in outline()]
    yield from (f"no such paragraph: {place}" for place in unknown)
    by_regulation = places[0].startswith(ACCOUNTING)
    if unknown or (line.section is Section.MEMORANDUM and by_regulation):
        return  # what the regulation has no account for stands beside the statutory lines it explains
    for fund in FUND_NAMES:
        charted = {account.account // 10 ** (len(str(account.account)) - 4) for account in chart(fund)}
        if by_regulation and not any(int(place[len(ACCOUNTING) :][:4]) in charted for place in places):
            continue  # the fund has no such account: the act is refused there
        accounts = _accounts(book, rule, line, fund)
        for account in accounts - _against(book, rule, line, fund) or accounts:
            yield from _of_account(places, line, account)


def _of_account(places: list[str], line: RuleLine, account: int) -> Iterator[str]:
    # a red line moves the other side; what is taken back by netting is negative already
    side = line.side if line.sign > 0 or line.condition == "recovery" else Side(-line.side)
    if not any(outline()[place].books(side, account, _own(place)) for place in places):
        yield f"does not book {side.name} {account}"
    for place in places:
        named = {*outline()[place].debit, *outline()[place].credit}
        if str(account).startswith(_own(place)) and not any(str(account).startswith(word) for word in named):
            yield f"{place} is not about {account}"


def _own(place: str) -> str:
    """The account a paragraph stands under; what is no paragraph of the regulation stands under none."""
    return place[len(ACCOUNTING) :][:4] if place.startswith(ACCOUNTING) else "none"


@cache
def _receipts() -> dict[str, set[int]]:
    """The accounts a kind of receipt may be of: the rows of payments.receipt_kind."""
    text = (files("ledger.db") / "sql" / "fund" / "suspense.sql").read_text(encoding="utf-8")
    found = re.findall(r"\('(\w+)',\s+'(?:debit|credit)',\s+'\{([0-9,]+)\}'", text)
    return {what: {int(code) for code in codes.split(",")} for what, codes in found}


def _accounts(book: Rulebook, rule: Rule, line: RuleLine, fund: int) -> set[int]:
    if not line.place:
        return {int(line.account)}
    if line.place == OWN:
        return _receipts()[rule.event.name.removeprefix("OWN.")]
    if line.place == OTHER:
        return {1002, 1005}
    if line.place in BY_ENTRY:
        return {BY_ENTRY[line.place]}
    if line.place in BY_CLOSING:
        own = "4" if line.condition == "income" else "5"
        carried = {int(code): to for (of, code), to in book.carried.items() if of == fund and code[0] == own}
        return set(carried) if line.place == "closed" else set(carried.values())
    if line.place in BY_SOURCE:
        return set(BY_SOURCE[line.place].values())
    return {code for (place, of, *_), code in book.places.items() if (place, of) == (line.place, fund)}


def _against(book: Rulebook, rule: Rule, line: RuleLine, fund: int) -> set[int]:
    """What a line of places would move against itself: unsplit interest is never split into unsplit interest."""
    if not line.place or line.place in BY_SOURCE:
        return set()
    others = (one for one in rule.lines if one.side is not line.side and one.section is line.section)
    return set().union(*(_accounts(book, rule, one, fund) for one in others if one.place not in BY_SOURCE))
