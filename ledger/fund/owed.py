"""What is owed for a record: an original by the ratio of its day, a reversal exactly what its original owed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence, Set
from datetime import date

from ledger.db.unit_of_work import Transaction
from ledger.fund.classify import daily_payable
from ledger.fund.directory import Directory
from ledger.fund.outcome import Gist, Good, Payable
from ledger.fund.record import Refusal


def owed_for_originals(
    records: Sequence[tuple[int, Gist]], directory: Directory, refused: list[Refusal]
) -> Iterator[Good]:
    """Originals with their payables (procedure.md 2.2): pooled × daily ratio of the day, personal account apart."""
    ratios: dict[tuple[str, str], int | None] = {}
    for number, record in records:
        if not directory.knows(record.institution):
            refused.append(_unknown_institution(number, record))
            continue
        due, owed = 0, ""
        if record.pooled_fen:
            place = record.institution, record.day
            if place not in ratios:
                enrolment = directory.on(record.institution, date.fromisoformat(record.day))
                ratios[place] = enrolment.ratio if enrolment is not None and enrolment.daily else None
            ratio = ratios[place] if record.inpatient else None
            due = daily_payable(
                record.pooled_fen, ratio or 0, in_daily_mode=ratio is not None, inpatient=record.inpatient
            )
            owed = _row(
                number, record, "pool", record.year, record.category, record.pooled_fen, due, ratio or 0
            )
        if record.account_fen:
            owed += _row(number, record, "acct", record.year, record.category, record.account_fen, 0, 0)
        yield Good(number, record, due, owed)


def _unknown_institution(number: int, record: Gist) -> Refusal:
    return Refusal(
        number,
        record.setl_id,
        "fixmedins_code",
        "institution.unknown",
        f"第{number}行 fixmedins_code：{record.institution}不是本统筹区{record.region}的定点医药机构；"
        "参保人在外就医的，请先登记该就医地机构，再重新接入",
    )


def _row(
    number: int,
    record: Gist,
    subfund: str,
    year: int,
    category: str,
    fund_fen: int,
    daily_fen: int,
    ratio: int,
) -> str:
    """A row of `fund.owed_line`: its institution, 期号 and day are those of the record, its money another's if reversed."""
    return (
        f"{number}\t{record.region}\t{record.book}\t{record.setl_id}\t{subfund}\t{record.institution}\t{year}\t{record.term}"
        f"\t{category}\t{record.day}\t{fund_fen}\t{daily_fen}\t{ratio}\n"
    )


def owed_for_reversals(
    tx: Transaction,
    records: Sequence[tuple[int, Gist]],
    directory: Directory,
    refused: list[Refusal],
) -> Iterator[Good]:
    """Reversals: exactly the negative of what their original owes, in the original's service year, their own 期号."""
    if not records:
        return
    wanted = [record.init_setl_id for _, record in records]
    originals: dict[str, str] = dict(
        tx.rows(
            "SELECT setl_id, init_setl_id FROM fund.record WHERE region = %(region)s AND setl_id = ANY(%(ids)s)",
            region=tx.region,
            ids=wanted,
        )
    )
    owed: dict[str, list[Payable]] = {}
    for row in tx.rows(
        """SELECT fund, setl_id, subfund, institution, service_year, category, fund_fen, daily_fen, ratio
             FROM fund.payable WHERE region = %(region)s AND setl_id = ANY(%(ids)s)""",
        region=tx.region,
        ids=wanted,
    ):
        owed.setdefault(row[1], []).append(Payable(*row))
    for number, record in records:
        due = owed.get(record.init_setl_id, [])
        problem = _reversal_problem(record, originals, due)
        if not directory.knows(record.institution):
            refused.append(_unknown_institution(number, record))
        elif problem:
            code, rule = problem
            refused.append(
                Refusal(number, record.setl_id, "init_setl_id", code, f"第{number}行 init_setl_id：{rule}")
            )
        else:
            rows = [
                _row(
                    number, record, p.subfund, p.service_year, p.category, -p.fund_fen, -p.daily_fen, p.ratio
                )
                for p in due
            ]
            yield Good(number, record, -sum(p.daily_fen for p in due), "".join(rows))


def _reversal_problem(
    record: Gist, originals: dict[str, str], due: Sequence[Payable]
) -> tuple[str, str] | None:
    original = record.init_setl_id
    if original not in originals:
        return "reversal.unknown_original", f"没有收到过原结算{original}"
    if originals[original]:
        return "reversal.of_reversal", f"{original}本身是冲销记录，不能再冲销"
    if any(p.institution != record.institution or p.fund != record.book for p in due):
        return "reversal.other_party", f"与原结算{original}的机构或险种不同"
    if -record.pooled_fen - record.account_fen != sum(p.fund_fen for p in due):
        return "reversal.amount", f"冲销的基金金额不是原结算{original}的相反数"
    return None


def without_settled(
    settled: Set[tuple[int, str, int]], goods: list[Good], refused: list[Refusal]
) -> list[Good]:
    """Refuse what belongs to a 期号 whose monthly settlement is approved: it can only come through the clearing."""
    if not settled:
        return goods
    kept = []
    for good in goods:
        record = good.record
        if (record.book, record.institution, record.term) in settled:
            message = f"第{good.line}行 setl_time：{record.institution}的{record.term}期月结算已审定，不再接收该期记录"
            refused.append(Refusal(good.line, record.setl_id, "setl_time", "record.term_settled", message))
        else:
            kept.append(good)
    return kept
