"""What is owed for a record: an original by the ratio of its day, a reversal exactly what its original owed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
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
    for number, record in records:
        if not directory.knows(record.institution):
            refused.append(_unknown_institution(number, record))
            continue
        enrolment = directory.on(record.institution, date.fromisoformat(record.day))
        payables = []
        if record.pooled_fen:
            daily = enrolment is not None and enrolment.daily
            ratio = enrolment.ratio if enrolment is not None and daily and record.inpatient else 0
            due = daily_payable(record.pooled_fen, ratio, in_daily_mode=daily, inpatient=record.inpatient)
            payables.append(_payable(record, "pool", record.year, record.pooled_fen, due, ratio))
        if record.account_fen:
            payables.append(_payable(record, "acct", record.year, record.account_fen, 0, 0))
        yield Good(number, record, tuple(payables))


def _unknown_institution(number: int, record: Gist) -> Refusal:
    return Refusal(
        number,
        record.setl_id,
        "fixmedins_code",
        "institution.unknown",
        f"第{number}行 fixmedins_code：{record.institution}不是本统筹区{record.region}的定点医药机构",
    )


def _payable(record: Gist, subfund: str, year: int, fund_fen: int, daily_fen: int, ratio: int) -> Payable:
    return Payable(
        record.book, record.setl_id, subfund, record.institution, year, record.term, record.category,
        record.day, fund_fen, daily_fen, ratio,
    )  # fmt: skip


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
        """SELECT fund, setl_id, subfund, institution, service_year, term, category, day, fund_fen, daily_fen, ratio
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
            yield Good(
                number,
                record,
                tuple(
                    _payable(record, p.subfund, p.service_year, -p.fund_fen, -p.daily_fen, p.ratio)._replace(
                        category=p.category
                    )
                    for p in due
                ),
            )


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


def without_settled(tx: Transaction, goods: list[Good], refused: list[Refusal]) -> list[Good]:
    """Refuse what belongs to a 期号 whose monthly settlement is approved: it can only come through the clearing."""
    keys = {(good.record.book, good.record.institution, good.record.term) for good in goods}
    if not keys:
        return goods
    settled = set(
        tx.rows(
            """SELECT s.fund, s.institution, s.term FROM fund.settled_term s
                 JOIN unnest(%(funds)s::smallint[], %(institutions)s::text[], %(terms)s::int[]) AS k (fund, institution, term)
                   ON k.fund = s.fund AND k.institution = s.institution AND k.term = s.term
                WHERE s.region = %(region)s""",
            region=tx.region,
            funds=[key[0] for key in keys],
            institutions=[key[1] for key in keys],
            terms=[key[2] for key in keys],
        )
    )
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
