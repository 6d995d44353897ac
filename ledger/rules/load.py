"""Reading the rulebook: the packaged CSV files, strictly, and refused as a whole if any rule does not balance."""

from __future__ import annotations

import csv
import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from itertools import product

from ledger.books.chart import chart
from ledger.core.accounts import FUND_BALANCE
from ledger.core.dates import parse_day
from ledger.core.entries import FUND_NAMES, Section, Side, section_of
from ledger.core.errors import InvalidInput, LedgerError
from ledger.rules.book import BOTH, POLICIES, Event, Rule, Rulebook, RuleLine
from ledger.rules.vocabulary import (
    ATOMS,
    BY_CLOSING,
    BY_ENTRY,
    BY_KEY,
    BY_SOURCE,
    CHECKS,
    CLOSING,
    CONDITIONS,
    FORMS,
    SHEET,
    TOTAL,
)

_EVENT_COLUMNS = ("event", "entry_event", "title", "shape", "sources", "check")
_PLACE_COLUMNS = ("place", "fund", "subfund", "category", "account", "note")
_CARRIED_COLUMNS = ("fund", "account", "surplus", "article", "note")
_LINE_COLUMNS = (
    "event",
    "policy",
    "version",
    "valid_from",
    "line",
    "section",
    "side",
    "account",
    "amount",
    "sign",
    "condition",
    "article",
    "note",
)
_SECTIONS = {"会计账": Section.STATUTORY, "备查账": Section.MEMORANDUM}
_SIDES = {"借": Side.DEBIT, "贷": Side.CREDIT}
_SIGNS = {"+": 1, "-": -1}
_SOURCES = {"0", *(str(code) for accounts in BY_SOURCE.values() for code in accounts)}
_VERSION = re.compile(r"[1-9][0-9]{0,3}", re.ASCII)


@cache
def rulebook() -> Rulebook:
    """The packaged rulebook."""
    return load(files("ledger.rules") / "data")


def load(folder: Traversable) -> Rulebook:
    """Read `events.csv`, `rules.csv`, `places.csv`, `closing.csv` of a folder.

    Raises InvalidInput `rules.file` naming file, line and field for a word outside the vocabulary, an account the
    chart does not have, a missing or doubled line; `rules.unbalanced` for a rule whose sections do not balance for
    every amount and every answer of its conditions.
    """
    events: dict[str, Event] = {}
    for where, row in _rows(folder, "events.csv", _EVENT_COLUMNS):
        if row["event"] in events:
            raise _bad(where, "event", row["event"])
        events[row["event"]] = _event(where, row)
    places: dict[tuple[str, int, str, str], int] = {}
    for where, row in _rows(folder, "places.csv", _PLACE_COLUMNS):
        key, code = _place(where, row)
        if key in places:
            raise _bad(where, "place", row["place"])
        places[key] = code
    carried = dict(_carried(where, row) for where, row in _rows(folder, "closing.csv", _CARRIED_COLUMNS))
    grouped: dict[tuple[str, int, date], list[RuleLine]] = defaultdict(list)
    for where, row in _rows(folder, "rules.csv", _LINE_COLUMNS):
        if row["event"] not in events:
            raise _bad(where, "event", row["event"])
        if not _VERSION.fullmatch(row["version"]):
            raise _bad(where, "version", row["version"])
        try:
            valid_from = parse_day(row["valid_from"])
        except LedgerError as error:
            raise _bad(where, "valid_from", row["valid_from"]) from error
        grouped[row["event"], int(row["version"]), valid_from].append(
            _line(where, row, events[row["event"]].shape)
        )
    order = list(events)
    rules: dict[tuple[str, str], list[Rule]] = defaultdict(list)
    for event, version, valid_from in sorted(grouped, key=lambda key: (order.index(key[0]), *key[1:])):
        lines = grouped[event, version, valid_from]
        for policy in POLICIES:
            own = sorted((line for line in lines if line.policy in (BOTH, policy)), key=lambda li: li.number)
            rule = Rule(events[event], policy, version, valid_from, tuple(own))
            _check(rule, rules[event, policy])
            rules[event, policy].append(rule)
    missing = [event for event in events if (event, "P1") not in rules]
    if missing:
        raise InvalidInput("rules.file", f"rules.csv没有事件{'、'.join(missing)}的规则", events=missing)
    return Rulebook({key: tuple(found) for key, found in rules.items()}, places, carried)


def _rows(folder: Traversable, name: str, columns: Sequence[str]) -> Iterator[tuple[str, dict[str, str]]]:
    """(place in the file, row) of every line; raises for a header or a line of another shape."""
    reader = csv.reader((folder / name).read_text(encoding="utf-8").splitlines(), strict=True)
    header = next(reader, [])
    if tuple(header) != tuple(columns):
        raise InvalidInput("rules.file", f"{name}第1行：表头应为{','.join(columns)}", file=name)
    for cells in reader:
        if len(cells) != len(columns):
            raise InvalidInput(
                "rules.file",
                f"{name}第{reader.line_num}行：应有{len(columns)}列，实有{len(cells)}列",
                file=name,
            )
        yield f"{name}第{reader.line_num}行", dict(zip(columns, cells, strict=True))


def _bad(where: str, field: str, value: str) -> InvalidInput:
    return InvalidInput(
        "rules.file", f"{where}：{field}“{value}”不合规", where=where, field=field, value=value
    )


def _event(where: str, row: Mapping[str, str]) -> Event:
    for field, allowed in (("shape", tuple(FORMS)), ("check", CHECKS)):
        if row[field] not in allowed:
            raise _bad(where, field, row[field])
    for field in ("event", "entry_event", "title"):
        if not row[field]:
            raise _bad(where, field, "")
    sources = row["sources"].split()
    if not _SOURCES.issuperset(sources) or any(
        (row["shape"] == kind) != (row["check"] == kind) for kind in (SHEET, CLOSING)
    ):
        raise _bad(where, "sources", row["sources"])
    return Event(
        row["event"],
        row["entry_event"],
        row["title"],
        row["shape"],
        frozenset(map(int, sources or ["0"])),
        row["check"],
    )


def _place(where: str, row: Mapping[str, str]) -> tuple[tuple[str, int, str, str], int]:
    if row["place"] not in BY_KEY:
        raise _bad(where, "place", row["place"])
    if row["fund"] not in map(str, FUND_NAMES):
        raise _bad(where, "fund", row["fund"])
    fund = int(row["fund"])
    if row["account"] not in {str(a.account) for a in chart(fund) if a.leaf}:
        raise _bad(where, "account", row["account"])
    return (row["place"], fund, row["subfund"], row["category"]), int(row["account"])


def _carried(where: str, row: Mapping[str, str]) -> tuple[tuple[int, str], int]:
    if row["fund"] not in map(str, FUND_NAMES):
        raise _bad(where, "fund", row["fund"])
    fund = int(row["fund"])
    accounts = {str(a.account): a for a in chart(fund)}
    if row["account"] not in accounts or row["account"][0] not in "45":
        raise _bad(where, "account", row["account"])
    if (
        row["surplus"] not in accounts
        or not accounts[row["surplus"]].leaf
        or row["surplus"][:4] != str(FUND_BALANCE)
    ):
        raise _bad(where, "surplus", row["surplus"])
    if not row["article"]:
        raise _bad(where, "article", "")
    return (fund, row["account"]), int(row["surplus"])


def _line(where: str, row: Mapping[str, str], shape: str) -> RuleLine:
    allowed: tuple[tuple[str, Mapping[str, object] | Sequence[str]], ...] = (
        ("policy", (BOTH, *POLICIES)),
        ("section", _SECTIONS),
        ("side", _SIDES),
        ("amount", FORMS[shape]),
        ("sign", _SIGNS),
        ("condition", ("", *(word for word, found in CONDITIONS.items() if shape in found.shapes))),
    )
    for field, words in allowed:
        if row[field] not in words:
            raise _bad(where, field, row[field])
    if not row["article"]:
        raise _bad(where, "article", "")
    if not _VERSION.fullmatch(row["line"]):
        raise _bad(where, "line", row["line"])
    line = RuleLine(
        row["policy"],
        int(row["line"]),
        _SECTIONS[row["section"]],
        _SIDES[row["side"]],
        row["account"],
        row["amount"],
        _SIGNS[row["sign"]],
        row["condition"],
        row["article"],
        row["note"],
    )
    if _section(where, line) is not line.section:
        raise _bad(where, "section", row["section"])
    if (line.amount == TOTAL) != (line.place in BY_ENTRY) or (line.amount == TOTAL and line.condition):
        raise _bad(where, "amount", row["amount"])
    return line


def _section(where: str, line: RuleLine) -> Section:
    """The section of the line's account; raises for an account or place nobody has."""
    if line.place in BY_ENTRY or line.place in BY_KEY or line.place in BY_CLOSING:
        return Section.STATUTORY
    if line.place in BY_SOURCE:
        return section_of(min(BY_SOURCE[line.place].values()))
    for fund in FUND_NAMES:
        if line.account not in {str(a.account) for a in chart(fund) if a.leaf}:
            raise _bad(where, "account", line.account)
    return section_of(int(line.account))


def _check(rule: Rule, earlier: Sequence[Rule]) -> None:
    """Numbers without gaps, versions in order of date, and balance per section for symbolic amounts."""
    if [line.number for line in rule.lines] != list(range(1, len(rule.lines) + 1)):
        raise InvalidInput(
            "rules.file", f"rules.csv：{rule.event.name}（{rule.policy}）的行号应从1起连续", rule=rule.name
        )
    if earlier and (earlier[-1].version == rule.version or earlier[-1].valid_from >= rule.valid_from):
        raise InvalidInput(
            "rules.file", f"rules.csv：{rule.name}的版本与启用日期应同时递增且各版本一个日期", rule=rule.name
        )
    atoms = sorted(ATOMS)
    for answers in product((True, False), repeat=len(atoms)):
        given = dict(zip(atoms, answers, strict=True))
        for section in Section:
            rest: Counter[str] = Counter()
            for line in rule.lines:
                if line.section is section and _holds(line, given):
                    for field, times in FORMS[rule.event.shape][line.amount].items():
                        rest[field] += line.side * line.sign * times
            if any(rest.values()):
                title = next(word for word, found in _SECTIONS.items() if found is section)
                raise InvalidInput(
                    "rules.unbalanced",
                    f"rules.csv：{rule.name}（{rule.event.title}）{title}借贷不平（条件：{given}）",
                    rule=rule.name,
                    section=title,
                )


def _holds(line: RuleLine, answers: Mapping[str, bool]) -> bool:
    if not line.condition:
        return True
    condition = CONDITIONS[line.condition]
    return answers[condition.atom] == condition.wanted
