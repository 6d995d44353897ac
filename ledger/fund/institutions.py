"""Designated institutions: master data, enrolment, payee accounts. A payee account needs a second person."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Final

from ledger.core.dates import parse_day
from ledger.core.errors import Conflict, InvalidInput, NotFound
from ledger.core.money import parse_ratio
from ledger.db.unit_of_work import Transaction

FAR_DAY: Final = date(9999, 12, 31)
_TYPES: Final = {"hospital": "1", "pharmacy": "2", "both": "3"}
_STATES: Final = frozenset({"active", "suspended", "ended"})


@dataclass(frozen=True, slots=True)
class Institution:
    """One line of an institution file."""

    code: str
    name: str
    type: str
    level: str
    agreement_state: str
    agreement_from: date
    agreement_to: date
    mode: str
    cycle: str
    ratio: int
    month_ratio: int
    enrolled_from: date
    payee_name: str
    payee_number: str
    payee_bank: str
    payee_cnaps: str


@dataclass(frozen=True, slots=True)
class Loaded:
    """What a load of institutions did."""

    new: int
    changed: int
    payees_proposed: int


def read_institutions(path: Path) -> Iterator[Institution]:
    """The institutions of a JSON-lines file (the shape `generate` writes).

    Raises InvalidInput `institution.format` naming file, line and field: master data is taken whole or not at all;
    `institution.empty` for a file without a line, OSError for one that cannot be read.
    """
    number = 0
    with path.open("rb") as file:
        for number, raw in enumerate(file, 1):
            try:
                yield _institution(json.loads(raw.decode("utf-8-sig")))
            except (KeyError, TypeError, ValueError, InvalidInput) as error:
                field = error.args[0] if isinstance(error, KeyError) else ""
                reason = error.message if isinstance(error, InvalidInput) else f"字段{field}缺失或不合规"
                raise InvalidInput(
                    "institution.format",
                    f"{path.name}第{number}行：{reason}",
                    file=path.name,
                    line=number,
                    field=field,
                ) from error
    if not number:
        raise InvalidInput("institution.empty", f"文件{path.name}没有内容，应每行一家机构", file=path.name)


def _institution(row: dict[str, Any]) -> Institution:
    enrolment, payee = row["enrolment"], row["payee"]
    if row["status"] not in _STATES:
        raise InvalidInput("institution.format", f"协议状态“{row['status']}”不在字典内")
    return Institution(
        code=row["code"],
        name=row["name"],
        type=_TYPES[row["type"]],
        level=row["level"],
        agreement_state=row["status"],
        agreement_from=parse_day(row["agreement_start"]),
        agreement_to=parse_day(row["agreement_end"]),
        mode=enrolment["mode"],
        cycle=enrolment["cycle"],
        ratio=parse_ratio(enrolment["ratio"]),
        month_ratio=parse_ratio(enrolment["month_ratio"]),
        enrolled_from=parse_day(enrolment["start"]),
        payee_name=payee["name"],
        payee_number=payee["account"],
        payee_bank=payee["bank_name"],
        payee_cnaps=payee["cnaps"],
    )


def load_institutions(tx: Transaction, institutions: Iterable[Institution]) -> Loaded:
    """Add or update master data in the transaction's region; changed payee accounts are proposed, not used.

    A new enrolment from a later day ends the one before it. Raises InvalidInput `db.constraint` for impossible values.
    """
    known: dict[str, str] = dict(
        tx.rows("SELECT institution, (name, type, level, agreement_state)::text FROM fund.institution")
    )
    new = changed = proposed = 0
    for item in institutions:
        written = tx.value(
            """INSERT INTO fund.institution AS i VALUES (%(region)s, %(code)s, %(name)s, %(type)s, %(level)s, %(state)s,
                   %(since)s, %(until)s)
               ON CONFLICT (region, institution) DO UPDATE SET name = excluded.name, type = excluded.type,
                   level = excluded.level, agreement_state = excluded.agreement_state,
                   agreement_from = excluded.agreement_from, agreement_to = excluded.agreement_to
               RETURNING (name, type, level, agreement_state)::text""",
            region=tx.region,
            code=item.code,
            name=item.name,
            type=item.type,
            level=item.level,
            state=item.agreement_state,
            since=item.agreement_from,
            until=item.agreement_to,
        )
        new += item.code not in known
        changed += item.code in known and known[item.code] != written
        _enrol(tx, item)
        proposed += _propose(tx, item)
    return Loaded(new, changed, proposed)


def _enrol(tx: Transaction, item: Institution) -> None:
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


def _propose(tx: Transaction, item: Institution) -> int:
    """Propose the payee account unless the latest version already says the same."""
    return tx.run(
        """INSERT INTO fund.payee_account (region, institution, version, name, number, bank_name, cnaps, state, proposed_by)
           SELECT %(region)s, %(code)s, coalesce(max(version), 0) + 1, %(name)s, %(number)s, %(bank)s, %(cnaps)s,
                  'proposed', %(user)s
             FROM fund.payee_account WHERE region = %(region)s AND institution = %(code)s
           HAVING NOT coalesce((SELECT (p.name, p.number, p.bank_name, p.cnaps)
                                     = (%(name)s, %(number)s, %(bank)s, %(cnaps)s) AND p.state <> 'failed'
                                  FROM fund.payee_account p WHERE p.region = %(region)s AND p.institution = %(code)s
                                 ORDER BY p.version DESC LIMIT 1), false)""",
        region=tx.region,
        code=item.code,
        name=item.payee_name,
        number=item.payee_number,
        bank=item.payee_bank,
        cnaps=item.payee_cnaps,
        user=tx.user,
    )


def confirm_payees(tx: Transaction, institution: str = "") -> int:
    """Confirm the latest proposed payee account of one institution, or of all; returns how many.

    Raises Forbidden `payee.same_person` if the user proposed it (also under another name), NotFound `payee.none`,
    Conflict `payee.not_checker` unless the user is a checker.
    """
    if not tx.value(
        "SELECT access.has_role(%(region)s, 0::smallint, %(user)s, '{checker}')",
        region=tx.region,
        user=tx.user,
    ):
        raise Conflict("payee.not_checker", f"用户{tx.user}不是复核审批岗，不能确认收款账户")
    latest = """SELECT DISTINCT ON (institution) institution, version, state FROM fund.payee_account
                 WHERE region = %(region)s AND (%(institution)s = '' OR institution = %(institution)s)
                 ORDER BY institution, version DESC"""
    waiting = [
        (code, version)
        for code, version, state in tx.rows(latest, region=tx.region, institution=institution)
        if state == "proposed"
    ]
    if not waiting and institution:
        raise NotFound("payee.none", f"机构{institution}没有待确认的收款账户")
    codes, versions = [code for code, _ in waiting], [version for _, version in waiting]
    tx.run(
        """UPDATE fund.payee_account SET state = 'replaced', reason = '启用新账户'
            WHERE region = %(region)s AND institution = ANY(%(codes)s) AND state = 'confirmed'""",
        region=tx.region,
        codes=codes,
    )
    return tx.run(
        """UPDATE fund.payee_account p SET state = 'confirmed', confirmed_by = %(user)s
             FROM unnest(%(codes)s::text[], %(versions)s::int[]) AS w (institution, version)
            WHERE p.region = %(region)s AND p.institution = w.institution AND p.version = w.version""",
        region=tx.region,
        codes=codes,
        versions=versions,
        user=tx.user,
    )


def set_agreement(tx: Transaction, institution: str, state: str) -> None:
    """Suspend, end or resume an agreement; instant settlement stops at once, unsent orders included (art. 28)."""
    if state not in _STATES:
        raise InvalidInput("institution.state", f"协议状态“{state}”不在字典内", state=state)
    if not tx.run(
        "UPDATE fund.institution SET agreement_state = %(state)s WHERE region = %(region)s AND institution = %(code)s",
        region=tx.region,
        code=institution,
        state=state,
    ):
        raise NotFound("institution.unknown", f"没有定点医药机构{institution}", institution=institution)
