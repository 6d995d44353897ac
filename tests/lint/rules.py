"""The house's own rules for SQL and account codes in Python: what is found, where, and what is allowed with a reason.

Layers: a file may name (read or call) the schema of its own floor and of floors below it, never of one above.
Owners: a table is written by the room it belongs to (owners.toml). Regions: a table with a region is asked by region.
"""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final, NamedTuple

from ledger.core.accounts import KNOWN
from ledger.core.entries import FUNDS
from tests.lint import statements
from tests.lint.source import House, Module, Text

HERE: Final = Path(__file__).parent
FLOORS: Final[Mapping[str, tuple[str, ...]]] = {
    "ledger/core": (),
    "ledger/db": (),
    "ledger/access": ("access",),
    "ledger/books": ("access", "books"),
    "ledger/rules": ("access", "books"),
    "ledger/payments": ("access", "books", "payments"),
    "ledger/fund": ("access", "books", "payments", "fund"),
    "adapters": (),
    "scheduler": statements.SCHEMAS,
}
"""Which schemas a floor may name; floors above the fund may name all but `jobs`, which is the scheduler's."""
_ABOVE: Final = ("access", "books", "payments", "fund")

UP_READ: Final[Mapping[str, str]] = {
    "fund.payable": "what an order of daily money pays",
    "fund.outregion_record": "what an order for other regions' patients pays",
    "fund.settled_term": "whether returned daily money is owed by day or by month",
    "fund.institution": "whether an agreement is suspended when its order is drafted",
    "fund.payee_account": "to whom an order goes",
    "fund.region_policy": "P1 or P2 on the payout day",
    "fund.advance": "what an advance's order pays",
    "fund.cash_move": "which paper of the bank another one explains",
    "fund.outregion_move": "which paper of the bank another one explains",
    "fund.letter": "what a clearing order pays",
    "fund.letter_order": "what a clearing order pays",
}
"""What payments reads of the fund, one floor up, where an order and what it pays are compared in one statement."""

ACCOUNTS: Final = {str(known.code) for known in KNOWN}
CODES: Final = ACCOUNTS | {str(fund) for fund in FUNDS}
HOMES: Final = ("ledger/core/accounts.py", "ledger/core/entries.py")
_CODE: Final = re.compile(r"(?<![\w.%\-:])[1-9]\d{2,7}(?![\w.])")
_ASKED: Final = re.compile(r"region\s*(?:=|IN\b)|=\s*(?:\w+\.)?region|:region|\(\s*(?:\w+\.)?region\s*,")
_OF_THE_MACHINE: Final = ("utcnow", "localtime", "gmtime")
_CLOCKS: Final = (
    "date.today", "date_type.today", "datetime.now", "datetime.today", "time.time",
    "time.strftime",
)  # fmt: skip
_CHINESE: Final = re.compile("[\u4e00-\u9fff]")
CODED: Final = frozenset(
    {
        "state", "from_state", "to_state", "order_state", "agreement_state", "kind", "what", "severity", "outcome",
        "outcome_code", "direction", "event", "mode", "cycle", "subfund", "category", "decision", "side",
        "payer", "role", "level", "method", "recovery", "ordered_by",
    }
)  # fmt: skip
"""Attributes that hold a code of ledger/core/words/words.tsv: into a sentence they go through `said` or a family."""
_MADE_UP: Final = ("ledger/simulation/", "adapters/banks/simulator/")
_SQL_CLOCK: Final = re.compile(
    r"\b(?:current_date|current_time(?:stamp)?|localtime(?:stamp)?)\b|\b(?:now|(?:transaction|statement)_timestamp)\s*\(\s*\)",
    re.IGNORECASE,
)
_LOCK: Final = re.compile(r"pg_(?:try_)?advisory_(?:xact_)?lock")


class Found(NamedTuple):
    """One offence: the rule, the file and line, and what it is about."""

    rule: str
    path: str
    line: int
    what: str


def layers(texts: list[Text]) -> Iterator[Found]:
    """Names of a schema above the file's floor."""
    for text in texts:
        allowed = next((names for room, names in FLOORS.items() if text.path.startswith(room + "/")), _ABOVE)
        for name in sorted(statements.names(text.text)):
            reads = text.path.startswith("ledger/payments/") and name in UP_READ
            if name.split(".")[0] not in allowed and not reads:
                yield Found("layer", text.path, text.line, name)


def owners(texts: list[Text], owner: Mapping[str, str]) -> Iterator[Found]:
    """Tables written by another room than their own, and tables nobody owns."""
    for text in texts:
        for use in statements.uses(text.text):
            if use.written and not text.path.startswith(owner.get(use.table, "?") + "/"):
                yield Found("owner", text.path, text.line, use.table)


def regions(texts: list[Text], everywhere: set[str]) -> Iterator[Found]:
    """Tables of a region asked or written without it."""
    for text in texts:
        if text.whole:
            for use in statements.uses(text.text):
                if use.table not in everywhere and not (use.by_region and (_over_all(text) or _asked(text))):
                    yield Found("region", text.path, text.line, use.table)


def _over_all(text: Text) -> bool:
    """Who verifies, or compares a made-up region, reads all regions: there a column of the region is enough."""
    return text.path.startswith(("ledger/control/", "ledger/simulation/"))


def _asked(text: Text) -> bool:
    """Whether the region is given or compared somewhere, not only shown."""
    return bool(_ASKED.search(statements.bare(text.text)))


def codes(house: House) -> Iterator[Found]:
    """Account and fund codes written out: as numbers, as texts that are nothing else, and in SQL.

    '310' as text is a kind of insurance (险种) more often than a fund: only the number is held.
    """
    for module in house.modules.values():
        if module.path in HOMES:
            continue
        for node in _constants(module):
            value = node.value
            if isinstance(value, int) and not isinstance(value, bool) and str(value) in CODES:
                yield Found("code", module.path, node.lineno, str(value))
            elif isinstance(value, str) and value in ACCOUNTS:
                yield Found("code", module.path, node.lineno, value)
            elif isinstance(value, str) and re.search(r"\b(?:SELECT|FROM|WHERE|JOIN|WHEN|AND)\b", value):
                for found in _CODE.findall(re.sub(r"--.*|'(?:310|390)'", "", value)):
                    if found in CODES:
                        yield Found("code", module.path, node.lineno, found)


def locks(house: House, home: str = "ledger/db/") -> Iterator[Found]:
    """Locks taken past their one home."""
    for module in house.modules.values():
        if not module.path.startswith(home):
            for node in _constants(module):
                if isinstance(node.value, str) and _LOCK.search(node.value):
                    yield Found("lock", module.path, node.lineno, "pg_advisory_lock")


def clocks(house: House, home: str = "ledger/core/dates.py") -> Iterator[Found]:
    """The machine's day or time taken past its one home: a dated run, a practice home and a replay would not follow."""
    for module in house.modules.values():
        if module.path != home:
            for node in module.nodes:
                if isinstance(node, ast.Name) and node.id == "SystemClock":
                    yield Found("clock", module.path, node.lineno, "SystemClock")
                elif isinstance(node, ast.Attribute):
                    named = f"{_last(node.value)}.{node.attr}"
                    if named in _CLOCKS or node.attr in _OF_THE_MACHINE:
                        yield Found("clock", module.path, node.lineno, named)
    for text in house.texts():
        for said in sql_clocks(text.text) if statements.is_sql(text.text) else ():
            yield Found("clock", text.path, text.line, said)


def _last(node: ast.expr) -> str:
    """`datetime` of `datetime` and of `dt.datetime`; empty for what has no name."""
    return getattr(node, "id", "") or getattr(node, "attr", "")


def sql_clocks(sql: str) -> list[str]:
    """The server's day or transaction time asked in SQL; `clock_timestamp()`, when a row was recorded, is allowed."""
    return [found.group().lower() for found in _SQL_CLOCK.finditer(statements.bare(sql))]


def written(house: House, home: str = "ledger/core/private.py") -> Iterator[Found]:
    """Files opened for writing past their one home, which makes them their owner's alone; what is made up to practise with is not asked."""
    for module in house.modules.values():
        if module.path != home and not module.path.startswith(_MADE_UP):
            for node in module.nodes:
                if isinstance(node, ast.Call) and (how := _writes(node)):
                    yield Found("written", module.path, node.lineno, how)


_HOME_MADE: Final = ("ledger/db/cluster.py", "ledger/db/roles.py", "ledger/db/server.py")
"""Where the data directory itself is made: the embedded server's own user passes through it, and nothing of it but what is 0600 and 0700."""


def folders(house: House, home: str = "ledger/core/private.py") -> Iterator[Found]:
    """Folders made past their one home, which makes them and what was missing above them their owner's alone."""
    for module in house.modules.values():
        if module.path not in (home, *_HOME_MADE) and not module.path.startswith(_MADE_UP):
            for node in module.nodes:
                if not isinstance(node, ast.Call) or _last(node.func) not in ("mkdir", "makedirs"):
                    continue
                modes = [word.value for word in node.keywords if word.arg == "mode"]
                if not any(isinstance(one, ast.Constant) and one.value == 0o700 for one in modes):
                    yield Found("folder", module.path, node.lineno, _last(node.func))


def _writes(call: ast.Call) -> str:
    """How a call opens a file for writing; empty where it does not."""
    name = _last(call.func)
    if name in ("write_bytes", "write_text"):
        return name
    given = [*call.args, *(word.value for word in call.keywords if word.arg in ("mode", "flags"))]
    if name == "open" and any("O_CREAT" in ast.dump(one) for one in given):
        return "os.open"
    modes = [one.value for one in given if isinstance(one, ast.Constant) and isinstance(one.value, str)]
    if name in ("open", "fdopen") and any(
        re.fullmatch(r"[rwxabt+]{1,4}", mode) and set(mode) & set("wxa+") for mode in modes
    ):
        return name
    return ""


def raw_codes(house: House) -> Iterator[Found]:
    """A state, kind or reason put into a Chinese sentence as the database keeps it, past ledger.core.words."""
    for module in house.modules.values():
        for node in module.nodes:
            if isinstance(node, ast.JoinedStr) and any(
                isinstance(part, ast.Constant) and _CHINESE.search(str(part.value)) for part in node.values
            ):
                for part in node.values:
                    value = part.value if isinstance(part, ast.FormattedValue) else None
                    if isinstance(value, ast.Attribute) and value.attr in CODED:
                        yield Found("raw", module.path, node.lineno, f"{_last(value.value)}.{value.attr}")


def _constants(module: Module) -> Iterator[ast.Constant]:
    for node in module.nodes:
        if isinstance(node, ast.Constant) and id(node) not in module.docs:
            yield node


def read_owners() -> dict[str, str]:
    """Table → room."""
    rooms = tomllib.loads((HERE / "owners.toml").read_text(encoding="utf-8"))
    pairs = [(table, room) for room, what in rooms.items() for table in what["tables"]]
    assert len(pairs) == len(dict(pairs)), "a table with two owners"
    return dict(pairs)


def allowed() -> dict[tuple[str, str, str], str]:
    """(rule, file, what) → why."""
    listed = tomllib.loads((HERE / "exceptions.toml").read_text(encoding="utf-8"))["allowed"]
    return {(one["rule"], one["file"], what): one["why"] for one in listed for what in one["what"]}


def check(house: House, owner: Mapping[str, str], everywhere: set[str]) -> list[Found]:
    """Everything all rules find."""
    texts = [text for text in house.texts() if statements.is_sql(text.text)]
    return [
        *layers(texts),
        *owners(texts, owner),
        *regions(texts, everywhere),
        *codes(house),
        *locks(house),
        *clocks(house),
        *written(house),
        *folders(house),
        *raw_codes(house),
    ]
