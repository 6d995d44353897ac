"""Enrolment in instant settlement, and the state of the agreement it rests on (art. 28)."""

from __future__ import annotations

from ledger.core.errors import InvalidInput, NotFound
from ledger.db.unit_of_work import Transaction
from ledger.fund.institutions.master import AGREEMENT_STATES, FAR_DAY, Institution


def enrol(tx: Transaction, item: Institution) -> None:
    """The enrolment an institution comes with; one from a later day ends the one before it."""
    tx.run(
        """UPDATE fund.enrolment SET to_day = %(start)s::date - 1
            WHERE region = %(region)s AND institution = %(code)s AND from_day < %(start)s AND to_day >= %(start)s""",
        region=tx.region,
        code=item.code,
        start=item.enrolled_from,
    )
    tx.run(
        """INSERT INTO fund.enrolment VALUES (%(region)s, %(code)s, %(start)s, %(far)s, %(mode)s, %(cycle)s, %(ratio)s,
               %(month_ratio)s) ON CONFLICT DO NOTHING""",
        region=tx.region,
        code=item.code,
        start=item.enrolled_from,
        far=FAR_DAY,
        mode=item.mode,
        cycle=item.cycle,
        ratio=item.ratio,
        month_ratio=item.month_ratio,
    )


def set_agreement(tx: Transaction, institution: str, state: str) -> None:
    """Suspend, end or resume an agreement; instant settlement stops at once, unsent orders included (art. 28)."""
    if state not in AGREEMENT_STATES:
        raise InvalidInput("institution.state", f"协议状态“{state}”不在字典内", state=state)
    if not tx.run(
        "UPDATE fund.institution SET agreement_state = %(state)s WHERE region = %(region)s AND institution = %(code)s",
        region=tx.region,
        code=institution,
        state=state,
    ):
        raise NotFound("institution.unknown", f"没有定点医药机构{institution}", institution=institution)
