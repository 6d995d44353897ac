"""What a year's clearing needs to know of one institution: assessment, 特例单议, documented late costs; two persons each."""

from __future__ import annotations

from datetime import date
from typing import Final, LiteralString, NamedTuple

from ledger.access.signing.signing import sign_decision
from ledger.core.errors import Conflict, NotFound
from ledger.db.unit_of_work import Transaction

_APPROVE: Final[tuple[LiteralString, ...]] = (
    "UPDATE fund.assessment SET approved_by = %(user)s, approved_on = %(day)s WHERE region = %(region)s"
    " AND fund = %(fund)s AND year = %(year)s AND institution = %(institution)s AND approved_by = ''",
    "UPDATE fund.special_case SET approved_by = %(user)s, approved_on = %(day)s WHERE region = %(region)s"
    " AND fund = %(fund)s AND year = %(year)s AND institution = %(institution)s AND approved_by = ''",
    "UPDATE fund.late_case SET approved_by = %(user)s, approved_on = %(day)s WHERE region = %(region)s"
    " AND fund = %(fund)s AND year = %(year)s AND institution = %(institution)s AND approved_by = ''",
)
_WAITING: Final = (
    "SELECT '考核等级' FROM fund.assessment WHERE region = %(region)s AND fund = %(fund)s AND year = %(year)s"
    " AND institution = %(institution)s AND approved_by = ''"
    " UNION ALL SELECT '特例单议' || setl_id FROM fund.special_case WHERE region = %(region)s AND fund = %(fund)s"
    " AND year = %(year)s AND institution = %(institution)s AND approved_by = ''"
    " UNION ALL SELECT '逾期申报特殊情况' || setl_id FROM fund.late_case WHERE region = %(region)s AND fund = %(fund)s"
    " AND year = %(year)s AND institution = %(institution)s AND approved_by = '' LIMIT 1"
)

_TO_APPROVE: Final = (
    "SELECT 'fund.assessment', fund::text, year::text, institution FROM fund.assessment WHERE region = %(region)s"
    " AND fund = %(fund)s AND year = %(year)s AND institution = %(institution)s AND approved_by = ''"
    " UNION ALL SELECT 'fund.special_case', fund::text, setl_id, '' FROM fund.special_case WHERE region = %(region)s"
    " AND fund = %(fund)s AND year = %(year)s AND institution = %(institution)s AND approved_by = ''"
    " UNION ALL SELECT 'fund.late_case', fund::text, setl_id, year::text FROM fund.late_case WHERE region = %(region)s"
    " AND fund = %(fund)s AND year = %(year)s AND institution = %(institution)s AND approved_by = '' ORDER BY 1, 2, 3, 4"
)


class WaitingCase(NamedTuple):
    """A grade, a 特例单议 or a late cost that waits for its second person; `amount_fen` is None where it is of no amount."""

    institution: str
    kind: str
    """`assessment`, `special` or `late`."""
    setl_id: str
    grade: str
    amount_fen: int | None
    document: str
    prepared_by: str


def waiting_cases(tx: Transaction, fund: int, year: int) -> list[WaitingCase]:
    """What waits for a second person in a fund's year, by institution."""
    rows = tx.rows(_LISTED, region=tx.region, fund=fund, year=year)
    return [WaitingCase(*row) for row in rows]


_LISTED: Final = (
    "SELECT institution, 'assessment' AS kind, '' AS setl_id, grade, NULL::bigint, document, prepared_by FROM fund.assessment"
    " WHERE region = %(region)s AND fund = %(fund)s AND year = %(year)s AND approved_by = ''"
    " UNION ALL SELECT institution, 'special', setl_id, '', amount_fen, document, prepared_by FROM fund.special_case"
    " WHERE region = %(region)s AND fund = %(fund)s AND year = %(year)s AND approved_by = ''"
    " UNION ALL SELECT institution, 'late', setl_id, '', NULL::bigint, document, prepared_by FROM fund.late_case"
    " WHERE region = %(region)s AND fund = %(fund)s AND year = %(year)s AND approved_by = '' ORDER BY 1, 2, 3"
)


def assess(tx: Transaction, fund: int, year: int, institution: str, grade: str, document: str) -> None:
    """Propose the year's grade; the same again is no change. Raises Conflict `clearing.assessed` for another grade."""
    known = tx.row(
        "SELECT grade, document FROM fund.assessment WHERE region = %(region)s AND fund = %(fund)s AND year = %(year)s"
        " AND institution = %(institution)s",
        region=tx.region, fund=fund, year=year, institution=institution,
    )  # fmt: skip
    if known is not None:
        if known != (grade, document):
            raise Conflict(
                "clearing.assessed", f"机构{institution}{year}年度考核已定为{known[0]}（{known[1]}）"
            )
        return
    tx.run(
        "INSERT INTO fund.assessment (region, fund, year, institution, grade, document, prepared_by)"
        " VALUES (%(region)s, %(fund)s, %(year)s, %(institution)s, %(grade)s, %(document)s, %(user)s)",
        region=tx.region, fund=fund, year=year, institution=institution, grade=grade, document=document, user=tx.user,
    )  # fmt: skip


def propose_special(
    tx: Transaction, fund: int, year: int, setl_id: str, amount_fen: int, document: str
) -> None:
    """Propose money for one case beside its weight, out of the class's reserve.

    Raises NotFound `clearing.unknown_record`; a record twice is `db.duplicate`.
    """
    tx.run(
        "INSERT INTO fund.special_case (region, fund, year, setl_id, institution, amount_fen, document, prepared_by)"
        " VALUES (%(region)s, %(fund)s, %(year)s, %(setl_id)s, %(institution)s, %(amount)s, %(document)s, %(user)s)",
        region=tx.region, fund=fund, year=year, setl_id=setl_id, institution=_institution_of(tx, fund, setl_id, year),
        amount=amount_fen, document=document, user=tx.user,
    )  # fmt: skip


def propose_late(tx: Transaction, fund: int, year: int, setl_id: str, document: str) -> None:
    """Propose that an undeclared record is left to the next year's clearing (art. 23), for a documented reason.

    Raises NotFound `clearing.unknown_record`; Conflict `clearing.settled` for a record that is settled.
    """
    institution = _institution_of(tx, fund, setl_id, year)
    if tx.value(
        "SELECT count(*) FROM fund.payable WHERE region = %(region)s AND fund = %(fund)s AND setl_id = %(setl_id)s"
        " AND settled_by <> ''",
        region=tx.region, fund=fund, setl_id=setl_id,
    ):  # fmt: skip
        raise Conflict("clearing.settled", f"结算{setl_id}已结算，不是逾期未申报", setl_id=setl_id)
    tx.run(
        "INSERT INTO fund.late_case (region, fund, setl_id, year, institution, document, prepared_by)"
        " VALUES (%(region)s, %(fund)s, %(setl_id)s, %(year)s, %(institution)s, %(document)s, %(user)s)",
        region=tx.region, fund=fund, setl_id=setl_id, year=year, institution=institution, document=document, user=tx.user,
    )  # fmt: skip


def _institution_of(tx: Transaction, fund: int, setl_id: str, year: int) -> str:
    found: str | None = tx.value(
        "SELECT institution FROM fund.payable WHERE region = %(region)s AND fund = %(fund)s AND setl_id = %(setl_id)s"
        " AND service_year <= %(year)s LIMIT 1",
        region=tx.region, fund=fund, setl_id=setl_id, year=year,
    )  # fmt: skip
    if found is None:
        raise NotFound("clearing.unknown_record", f"没有{year}年度的结算{setl_id}", setl_id=setl_id)
    return found


def approve_cases(tx: Transaction, fund: int, year: int, institution: str, day: date) -> int:
    """Approve, as a second person, all that waits for the institution's year; returns how many rows.

    Raises Forbidden `clearing.same_person`, `access.role_missing`; Conflict `clearing.over_reserve`.
    """
    where = {"region": tx.region, "fund": fund, "year": year, "institution": institution}
    for noun, *key in tx.rows(_TO_APPROVE, **where) if tx.signer is not None else ():
        sign_decision(tx, noun, key, day)
    return sum(
        tx.run(
            statement, user=tx.user, day=day, region=tx.region, fund=fund, year=year, institution=institution
        )
        for statement in _APPROVE
    )


def require_no_waiting(tx: Transaction, fund: int, year: int, institution: str) -> None:
    """Raises Conflict `clearing.input_waiting` while anything of the year waits for its second person."""
    waiting = tx.value(_WAITING, region=tx.region, fund=fund, year=year, institution=institution)
    if waiting is not None:
        raise Conflict("clearing.input_waiting", f"机构{institution}{year}年度的{waiting}尚未复核")


def grade_of(tx: Transaction, fund: int, year: int, institution: str) -> str:
    """The approved grade; '' where the institution was not assessed."""
    found: str | None = tx.value(
        "SELECT grade FROM fund.assessment WHERE region = %(region)s AND fund = %(fund)s AND year = %(year)s"
        " AND institution = %(institution)s AND approved_by <> ''",
        region=tx.region, fund=fund, year=year, institution=institution,
    )  # fmt: skip
    return found or ""


def standard_of(tx: Transaction, fund: int, year: int, institution: str) -> int | None:
    """The institution's standard of the approved plan, its approved special cases added; None where it has none.

    Raises Conflict `clearing.plan_not_approved`.
    """
    row = tx.row(
        "SELECT s.standard_fen, p.approved_by, coalesce((SELECT sum(c.amount_fen) FROM fund.special_case c"
        "   WHERE c.region = s.region AND c.fund = s.fund AND c.year = s.year AND c.institution = s.institution"
        "     AND c.approved_by <> ''), 0)::bigint"
        " FROM fund.clearing_standard s JOIN fund.clearing_plan p ON p.region = s.region AND p.fund = s.fund AND p.year = s.year"
        " WHERE s.region = %(region)s AND s.fund = %(fund)s AND s.year = %(year)s AND s.institution = %(institution)s",
        region=tx.region, fund=fund, year=year, institution=institution,
    )  # fmt: skip
    if row is None:
        return None
    if not row[1]:
        raise Conflict("clearing.plan_not_approved", f"{year}年度清算方案尚未复核")
    standard: int = row[0] + row[2]
    return standard
