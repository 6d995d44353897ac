"""Next year's holiday table: read from a file, proposed by one person with its source, confirmed by another."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from datetime import date
from io import StringIO
from pathlib import Path
from typing import Final, NamedTuple

from ledger.access.signing.signing import sign_decision
from ledger.core.dates import parse_day
from ledger.core.errors import InvalidInput
from ledger.db.unit_of_work import Transaction

COLUMNS: Final = ("year", "day", "working", "source")
_MARKS: Final = {"Y": True, "N": False}
_BYTES_MAX: Final = 64 * 1024


@dataclass(frozen=True, slots=True)
class HolidayTable:
    """The days of a year that differ from Monday-to-Friday: off (False) or worked (True), and the notice that says so."""

    year: int
    source: str
    days: tuple[tuple[date, bool], ...]


class Proposal(NamedTuple):
    """A transcription; `decided_by` is "" while it waits."""

    year: int
    version: int
    source: str
    days: str
    """`YYYY-MM-DD,N` or `,Y` in order, joined by `;`."""
    digest: str
    """SHA-256 in hex: what the second person confirms."""
    state: str
    proposed_by: str
    decided_by: str
    reason: str


def read_table(path: Path) -> HolidayTable:
    """A CSV of `year,day,working,source`, one year and one source; working is Y or N.

    Raises InvalidInput `calendar.file`, `calendar.no_year`, `calendar.one_year`, `calendar.format`, `date.format`,
    naming the line.
    """
    try:
        content = path.read_bytes()
        text = content[: _BYTES_MAX + 1].decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInput("calendar.file", f"节假日表{path.name}不可读：应为UTF-8的CSV文件") from error
    reader = csv.DictReader(StringIO(text))
    heads = tuple(reader.fieldnames or ())
    if "year" not in heads:
        raise InvalidInput("calendar.no_year", f"节假日表{path.name}没有year（年份）列")
    if heads != COLUMNS or len(content) > _BYTES_MAX:
        raise InvalidInput("calendar.file", f"节假日表{path.name}的列应为{','.join(COLUMNS)}，不超过64KB")
    years: set[str] = set()
    sources: set[str] = set()
    days: list[tuple[date, bool]] = []
    for line, row in enumerate(reader, 2):
        if not row["year"]:
            raise InvalidInput("calendar.no_year", f"节假日表{path.name}第{line}行没有年份", line=line)
        if row["working"] not in _MARKS or not row["source"] or None in row:
            raise InvalidInput(
                "calendar.format",
                f"节假日表{path.name}第{line}行不合规：working应为Y或N，须写明source",
                line=line,
            )
        years.add(row["year"])
        sources.add(row["source"].strip())
        days.append((parse_day(row["day"]), _MARKS[row["working"]]))
    if not days:
        raise InvalidInput("calendar.no_year", f"节假日表{path.name}没有任何一天")
    [year, *more] = sorted(years)
    if more or len(sources) > 1 or not (year.isascii() and year.isdigit() and len(year) == 4):
        raise InvalidInput("calendar.one_year", f"节假日表{path.name}应只有一个4位年份、一个依据")
    return HolidayTable(int(year), sources.pop(), tuple(days))


def propose_calendar(tx: Transaction, table: HolidayTable, day: date) -> str:
    """Propose a year's table, as maker; gives the digest to confirm. The same again changes nothing.

    Raises InvalidInput `calendar.source`, `.other_year`, `.day_twice`, `.not_swapped`, `.incomplete`; Conflict
    `calendar.known`, `calendar.pending`; Forbidden `access.role_missing`.
    """
    digest: bytes = tx.value(
        "SELECT fund.propose_calendar(%(region)s, %(year)s, %(source)s, %(days)s::date[], %(working)s::boolean[], %(on)s)",
        region=tx.region,
        year=table.year,
        source=table.source,
        days=[one for one, _ in table.days],
        working=[working for _, working in table.days],
        on=day,
    )
    return bytes(digest).hex()


def confirm_calendar(tx: Transaction, year: int, digest: str, day: date) -> None:
    """Put a year's table in force, as checker and another person.

    Raises NotFound `calendar.no_proposal`; Conflict `calendar.changed`, `calendar.known`; Forbidden
    `request.same_person`, `access.role_missing`.
    """
    _decide(tx, year, digest, "", day)


def refuse_calendar(tx: Transaction, year: int, digest: str, reason: str, day: date) -> None:
    """Refuse it with a reason; raises as `confirm_calendar`, and InvalidInput `calendar.reason` without one."""
    if not reason.strip():
        raise InvalidInput("calendar.reason", "退回节假日表须写明理由")
    _decide(tx, year, digest, reason.strip(), day)


def read_proposals(tx: Transaction, year: int = 0) -> list[Proposal]:
    """The region's transcriptions, the latest of a year first."""
    return [
        Proposal(*row)
        for row in tx.rows(
            """SELECT year, version, source, days, encode(digest, 'hex'), state, proposed_by, decided_by, reason
                 FROM fund.calendar_proposal WHERE region = %(region)s AND %(year)s IN (0, year) ORDER BY year, version DESC""",
            region=tx.region,
            year=year,
        )
    ]


def _decide(tx: Transaction, year: int, digest: str, reason: str, day: date) -> None:
    try:
        said = bytes.fromhex(digest)
    except ValueError:
        raise InvalidInput("calendar.digest", "摘要应为64位十六进制", digest=digest[:80]) from None
    if not reason and tx.signer is not None:
        version = tx.value(
            "SELECT max(version) FROM fund.calendar_proposal WHERE region = %(region)s AND year = %(year)s",
            region=tx.region,
            year=year,
        )
        sign_decision(tx, "fund.calendar_proposal", [year, version or 0], day)
    tx.run(
        "SELECT fund.decide_calendar(%(region)s, %(year)s, %(digest)s, %(reason)s, %(on)s)",
        region=tx.region,
        year=year,
        digest=said,
        reason=reason,
        on=day,
    )
