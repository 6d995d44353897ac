"""Payee accounts 收款账户: proposed by one person, confirmed by another; where an institution is paid."""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

from adapters.banks.ports import BankAccount
from ledger.core.errors import Conflict, NotFound
from ledger.db.unit_of_work import Transaction
from ledger.fund.institutions.master import Institution


class Payee(NamedTuple):
    """Where an institution is paid: its confirmed account, and whether the latest one failed."""

    account: BankAccount | None
    failed: bool


def payees(tx: Transaction, institutions: Collection[str]) -> dict[str, Payee]:
    """Where the named institutions are paid; one without any account is there too."""
    found = {institution: Payee(None, failed=False) for institution in institutions}
    for institution, state, latest, *account in tx.rows(
        """SELECT a.institution, a.state, a.version = max(a.version) OVER (PARTITION BY a.institution),
                  a.name, a.number, a.bank_name, a.cnaps
             FROM fund.payee_account a
            WHERE a.region = %(region)s AND a.institution = ANY(%(institutions)s) AND a.state <> 'proposed'""",
        region=tx.region,
        institutions=list(found),
    ):
        known = found[institution]
        if state == "confirmed":
            found[institution] = known._replace(account=BankAccount(*account))
        elif state == "failed" and latest:
            found[institution] = known._replace(failed=True)
    return found


def propose_payee(tx: Transaction, item: Institution) -> int:
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
