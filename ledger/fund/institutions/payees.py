"""Payee accounts 收款账户: where an institution is paid, and which accounts of a file are proposed to a second person."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from datetime import date
from typing import Final, NamedTuple

from adapters.banks.ports import BankAccount
from ledger.core.errors import InvalidInput
from ledger.core.text import ACCOUNT_NUMBER, bearable, one_line
from ledger.db.unit_of_work import Transaction
from ledger.fund.institutions.master import Institution
from ledger.fund.institutions.read import require_standing

_CNAPS: Final = re.compile("[0-9]{12}")
"""A bank's clearing number, as fund.payee_account takes it."""


class Payee(NamedTuple):
    """Where an institution is paid: its confirmed account, and whether the latest one failed."""

    account: BankAccount | None
    failed: bool
    held: str = ""
    """The sentence why nothing is ordered to it yet, its account having changed lately; empty where nothing is in the way."""


def payees(tx: Transaction, institutions: Collection[str], day: date) -> dict[str, Payee]:
    """Where the named institutions are paid on `day`; one without any account is there too."""
    found = {institution: Payee(None, failed=False) for institution in institutions}
    for institution, state, latest, *account in tx.rows(
        """SELECT a.institution, a.state, a.version = max(a.version) OVER (PARTITION BY a.institution),
                  a.name, a.number, a.bank_name, a.cnaps
             FROM fund.payee_account a
            WHERE a.region = %(region)s AND a.institution = ANY(%(institutions)s) AND a.state IN ('confirmed', 'failed', 'replaced')""",
        region=tx.region,
        institutions=list(found),
    ):
        known = found[institution]
        if state == "confirmed":
            found[institution] = known._replace(account=BankAccount(*account))
        elif state == "failed" and latest:
            found[institution] = known._replace(failed=True)
    for institution, changed_on, free_on in tx.rows(
        "SELECT institution, changed_on, free_on FROM fund.payee_holds(%(region)s, %(day)s)",
        region=tx.region,
        day=day,
    ):
        if institution in found:
            why = f"收款账户于{changed_on}变更，{free_on}起拨付，或由另一人回访确认"
            found[institution] = found[institution]._replace(held=why)
    return found


class Proposed(NamedTuple):
    """What became of the accounts a file names; institutions by their codes."""

    proposed: list[str]
    waiting: list[str]
    """The same account waits for its second person already."""
    in_force: list[str]
    came_back: list[str]
    """In force once, stopped since, and no reason given: not proposed."""


def propose_payees(tx: Transaction, items: Collection[Institution], day: date, reason: str = "") -> Proposed:
    """Propose the accounts that are neither in force nor waiting; `reason` stands for those that bring none of their own.

    One that was in force and was replaced or failed comes back only with a reason: an old file loaded again changes nothing.
    """
    return _propose(tx, [(item.code, item.payee, item.payee_reason or reason) for item in items], day)


def propose_payee(
    tx: Transaction, institution: str, account: BankAccount, day: date, reason: str
) -> Proposed:
    """Propose one account of one institution, as a file of one line would. Raises InvalidInput `payee.account` for a number or a
    bank's number that no account has, `payee.reason` without a reason, NotFound `institution.unknown`, Forbidden
    `access.role_missing`."""
    # asked here, for an account that stands already inserts nothing
    tx.run("SELECT access.require_role(%(region)s, 0::smallint, '{maker,system}')", region=tx.region)
    require_standing(tx, day, institution)
    name, bank = bearable(account.name, "收款户名"), bearable(account.bank_name, "开户行")
    for said, value, shape in (("账号", account.number, ACCOUNT_NUMBER), ("行号", account.cnaps, _CNAPS)):
        if not shape.fullmatch(value):
            words = "5至34位数字、字母或连字符" if said == "账号" else "12位数字"
            raise InvalidInput(
                "payee.account", f"{said}“{one_line(value[:40])}”不合规，应为{words}", field=said
            )
    if not reason:
        raise InvalidInput("payee.reason", "变更收款账户须写明理由（机构的申请、银行的退回）")
    wanted = BankAccount(name, account.number, bank, account.cnaps)
    return _propose(tx, [(institution, wanted, reason)], day)


def _propose(tx: Transaction, wanted: Sequence[tuple[str, BankAccount, str]], day: date) -> Proposed:
    known: dict[str, list[tuple[str, BankAccount]]] = {code: [] for code, _, _ in wanted}
    for code, state, *account in tx.rows(
        """SELECT institution, state, name, number, bank_name, cnaps FROM fund.payee_account
            WHERE region = %(region)s AND institution = ANY(%(codes)s) AND state NOT IN ('withdrawn', 'refused') ORDER BY version""",
        region=tx.region,
        codes=list(known),
    ):
        known[code].append((state, BankAccount(*account)))
    done = Proposed([], [], [], [])
    fresh = []
    for code, named, why in wanted:
        where = _standing(known[code], named, why, done)
        where.append(code)
        if where is done.proposed:
            fresh.append((code, named, why))
    if fresh:
        _insert(tx, fresh, day)
    return done


def _standing(
    known: list[tuple[str, BankAccount]], wanted: BankAccount, why: str, done: Proposed
) -> list[str]:
    """The list of `done` that an institution's account belongs in."""
    states = {state for state, account in known if account == wanted}
    same = {
        state for state, account in known if (account.number, account.cnaps) == (wanted.number, wanted.cnaps)
    }
    if "proposed" in states:
        return done.waiting
    if "confirmed" in states:
        return done.in_force
    if "confirmed" not in same and same & {"replaced", "failed"} and not why:
        return done.came_back
    return done.proposed


def _insert(tx: Transaction, fresh: Sequence[tuple[str, BankAccount, str]], day: date) -> None:
    tx.run(
        """INSERT INTO fund.payee_account (region, institution, version, name, number, bank_name, cnaps, state, proposed_by,
                                           proposed_on, why)
           SELECT %(region)s, n.code, coalesce((SELECT max(p.version) FROM fund.payee_account p
                                                 WHERE p.region = %(region)s AND p.institution = n.code), 0) + 1,
                  n.name, n.number, n.bank_name, n.cnaps, 'proposed', %(user)s, %(day)s, n.why
             FROM unnest(%(codes)s::text[], %(names)s::text[], %(numbers)s::text[], %(banks)s::text[], %(cnaps)s::text[],
                         %(why)s::text[]) AS n (code, name, number, bank_name, cnaps, why)""",
        region=tx.region,
        user=tx.user,
        day=day,
        codes=[code for code, _, _ in fresh],
        names=[account.name for _, account, _ in fresh],
        numbers=[account.number for _, account, _ in fresh],
        banks=[account.bank_name for _, account, _ in fresh],
        cnaps=[account.cnaps for _, account, _ in fresh],
        why=[why for _, _, why in fresh],
    )
