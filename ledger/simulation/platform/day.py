"""`fundledger generate`: institutions and a day's settlement records in the intake shapes, with the right answers.

The answers (`expected.json`) come from what the generator put in, by its own arithmetic; nothing here calls intake.
Same arguments, same bytes. Memory does not grow with the number of records.
"""

from __future__ import annotations

import json
import random
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import cache
from itertools import islice
from pathlib import Path
from typing import Final, NamedTuple

from ledger.core.errors import InvalidInput
from ledger.core.private import private_folder
from ledger.simulation.platform.bad import (
    BAD_KINDS,
    INSTITUTION_UNKNOWN,
    OTHER_CONTENT,
    REVERSAL_AGAIN,
    REVERSAL_UNKNOWN,
    BadKind,
)
from ledger.simulation.platform.bill import PlatformBill, make_bill
from ledger.simulation.platform.institutions import Crowd, MadeInstitution, make_institutions
from ledger.simulation.platform.line import DIALECTS, REVERSAL_DIALECT, write_line

LINES_PER_FILE: Final = 10_000
SECONDS_PER_DAY: Final = 86_400
YEARS: Final = range(2000, 2100)
"""Periods are numbered 20yymm."""
REMEMBERED: Final = 512
"""Recent originals kept for reversals and resends."""

REVERSAL_PER_MILLE: Final = 5
DUPLICATE_PER_MILLE: Final = 2


class PlatformLine(NamedTuple):
    """One line and what must become of it."""

    content: bytes
    bill: PlatformBill | None
    """The record it holds, None for one that is refused or a resend."""
    refusal: BadKind | None
    """None and no bill: an exact resend."""


@dataclass(slots=True)
class Expected:
    """Running totals of what intake must find; money in fen."""

    accepted: int = 0
    duplicate: int = 0
    reversals: int = 0
    out_of_region: int = 0
    quarantined: Counter[str] = field(default_factory=Counter)
    quarantined_by_code: Counter[str] = field(default_factory=Counter)
    medfee_fen: int = 0
    fund_pay_fen: int = 0
    pooled_fen: int = 0
    account_fen: int = 0
    payable: defaultdict[int, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))

    def add(self, line: PlatformLine) -> None:
        """Count one line."""
        if line.refusal is not None:
            self.quarantined[line.refusal.name] += 1
            self.quarantined_by_code[line.refusal.code] += 1
            return
        bill = line.bill
        if bill is None:
            self.duplicate += 1
            return
        self.accepted += 1
        self.reversals += bill.init_setl_id != ""
        self.out_of_region += bill.out_of_region
        self.medfee_fen += bill.amounts.medfee_sumamt
        self.fund_pay_fen += bill.amounts.fund_pay_sumamt
        self.pooled_fen += bill.pooled
        self.account_fen += bill.account
        if bill.institution.daily and bill.med_type in {"21", "52"} and bill.pooled:
            tenthousandths = abs(bill.pooled) * int(bill.institution.ratio.removeprefix("0.").ljust(4, "0"))
            rounded = (tenthousandths + 5000) // 10_000
            self.payable[bill.fund][bill.institution.code] += rounded if bill.pooled > 0 else -rounded

    def document(self) -> dict[str, object]:
        """As written to `expected.json`; money in fen as text, like every JSON this program writes."""
        return {
            "accepted": self.accepted,
            "duplicate": self.duplicate,
            "quarantined": self.quarantined.total(),
            "quarantined_by_kind": dict(sorted(self.quarantined.items())),
            "quarantined_by_code": dict(sorted(self.quarantined_by_code.items())),
            "reversals": self.reversals,
            "out_of_region": self.out_of_region,
            "medfee_fen": str(self.medfee_fen),
            "fund_pay_fen": str(self.fund_pay_fen),
            "pooled_fen": str(self.pooled_fen),
            "account_fen": str(self.account_fen),
            "payable_fen": str(sum(fund.total() for fund in self.payable.values())),
            "payable_fen_by_fund": {
                str(fund): str(self.payable[fund].total()) for fund in sorted(self.payable)
            },
            "payable_fen_by_institution": {
                str(fund): {code: str(fen) for code, fen in sorted(self.payable[fund].items())}
                for fund in sorted(self.payable)
            },
        }


class Generated(NamedTuple):
    """Where things were written, and the answers."""

    institutions: Path
    settlements: tuple[Path, ...]
    expected_path: Path
    expected: Expected


@cache
def clock_of_day() -> Mapping[int, str]:
    """Second of the day to HH:MM:SS."""
    return {
        second: f"{second // 3600:02d}:{second // 60 % 60:02d}:{second % 60:02d}"
        for second in range(SECONDS_PER_DAY)
    }


class _Day:
    """The stream of one day's lines: originals, now and then a reversal, a resend or a bad line."""

    def __init__(self, records: int, crowd: Crowd, day: date, seed: int, bad_per_mille: int) -> None:
        self.records, self.crowd, self.day, self.bad_per_mille = records, crowd, day, bad_per_mille
        self.rng = random.Random(f"{seed}:{day.isoformat()}:{len(crowd.institutions)}")  # noqa: S311 made-up data, repeatable on purpose
        self.prefix = f"{day:%Y%m%d}{seed % 100_000:05d}"
        self.clock = clock_of_day()
        self.recent: list[tuple[PlatformBill, bytes]] = []
        self.reversed: list[PlatformBill] = []
        self.bad_made = 0

    def lines(self) -> Iterator[PlatformLine]:
        """All lines in the order of their time."""
        bad_from, draw = 1000 - self.bad_per_mille, self.rng.getrandbits
        for number in range(self.records):
            second = number * SECONDS_PER_DAY // self.records
            setl_id = f"{self.prefix}{number + 1:09d}"
            chance = draw(32) % 1000
            if chance >= bad_from:
                yield self._bad(setl_id, second)
            elif chance < REVERSAL_PER_MILLE and self.recent:
                yield self._reversal(setl_id, second)
            elif chance < REVERSAL_PER_MILLE + DUPLICATE_PER_MILLE and self.recent:
                yield PlatformLine(self.recent[draw(32) % len(self.recent)][1], None, None)
            else:
                yield self._original(setl_id, second, draw(32))

    def _write(self, bill: PlatformBill, dialect: int = 0) -> str:
        return write_line(bill, DIALECTS[dialect], self.day, self.clock)

    def _make(self, setl_id: str, second: int) -> PlatformBill:
        return make_bill(self.rng, setl_id, self.crowd.pick(self.rng.getrandbits(48)), second)

    def _original(self, setl_id: str, second: int, draw: int) -> PlatformLine:
        bill = self._make(setl_id, second)
        content = self._write(bill, draw % len(DIALECTS)).encode("utf-8")
        if len(self.recent) < REMEMBERED:
            self.recent.append((bill, content))
        else:
            self.recent[draw // 64 % REMEMBERED] = (bill, content)
        return PlatformLine(content, bill, None)

    def _reversal(self, setl_id: str, second: int) -> PlatformLine:
        original, _ = self.recent.pop(self.rng.getrandbits(32) % len(self.recent))
        self.reversed = [*self.reversed[-15:], original]
        bill = original.reversed(setl_id, second)
        return PlatformLine(
            write_line(bill, REVERSAL_DIALECT, self.day, self.clock).encode("utf-8"), bill, None
        )

    def _bad(self, setl_id: str, second: int) -> PlatformLine:
        """The next kind of bad line in turn; one that needs an earlier record is passed over where there is none."""
        kinds: list[tuple[BadKind, Callable[[], PlatformBill]]] = [
            (kind, lambda: self._make(setl_id, second)) for kind in (*BAD_KINDS, INSTITUTION_UNKNOWN)
        ]
        kinds.append((REVERSAL_UNKNOWN, lambda: self._nobody(setl_id, second)))
        if self.recent:
            kinds.append((OTHER_CONTENT, lambda: self.recent[-1][0]))
        if self.reversed:
            kinds.append((REVERSAL_AGAIN, lambda: self.reversed[-1].reversed(setl_id, second)))
        kind, make = kinds[self.bad_made % len(kinds)]
        self.bad_made += 1
        return PlatformLine(kind.spoil(self._write(make())), None, kind)

    def _nobody(self, setl_id: str, second: int) -> PlatformBill:
        """A reversal of a settlement that was never sent."""
        return self._make(f"X{setl_id}", second).reversed(setl_id, second)


def day_lines(
    records: int, institutions: list[MadeInstitution], day: date, seed: int, bad_per_mille: int = 3
) -> Iterator[PlatformLine]:
    """The day's lines, one by one, without writing anything."""
    return _Day(records, Crowd(institutions), day, seed, bad_per_mille).lines()


def generate(
    records: int,
    institutions: int,
    day: date,
    seed: int,
    out: Path,
    *,
    region: int = 420100,
    bad_per_mille: int = 3,
) -> Generated:
    """Write `institutions.jsonl`, `settlements-NNNN.jsonl` (10,000 lines each) and `expected.json` into `out`.

    `day` is the settlement day of every record; `bad_per_mille` of the lines are bad, the kinds taking turns.
    Raises InvalidInput `generate.size` for counts below 1 or a share of bad lines above one half, `generate.region`,
    `generate.date`; OSError where `out` cannot be written.
    """
    if records < 1 or not 1 <= institutions <= 99_999 or not 0 <= bad_per_mille <= 500:
        raise InvalidInput(
            "generate.size", "记录数应不小于1，机构数应在1至99999之间，坏记录千分比应在0至500之间"
        )
    if not 100_000 <= region <= 999_999:
        raise InvalidInput("generate.region", f"统筹区{region}应为6位数字，首位不为0", region=region)
    if day.year not in YEARS:
        raise InvalidInput("generate.date", f"结算日{day}应在{YEARS.start}年至{YEARS.stop - 1}年之间")
    private_folder(out)
    made = make_institutions(institutions, region)
    master = out / "institutions.jsonl"
    master.write_text("".join(f"{item.line(day)}\n" for item in made), encoding="utf-8")
    expected, paths, files = Expected(), [], []
    lines = day_lines(records, made, day, seed, bad_per_mille)
    for start in range(0, records, LINES_PER_FILE):
        path = out / f"settlements-{start // LINES_PER_FILE + 1:04d}.jsonl"
        count = 0
        with path.open("wb") as file:
            for line in islice(lines, LINES_PER_FILE):
                file.write(line.content + b"\n")
                expected.add(line)
                count += 1
        paths.append(path)
        files.append({"name": path.name, "records": count})
    document = {
        "day": day.isoformat(),
        "region": region,
        "seed": seed,
        "records": records,
        "institutions": institutions,
        "files": files,
        **expected.document(),
    }
    answers = out / "expected.json"
    answers.write_text(json.dumps(document, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    return Generated(master, tuple(paths), answers, expected)
