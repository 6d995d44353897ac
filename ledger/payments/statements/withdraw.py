"""Withdrawal of a statement that was loaded wrongly: asked for with a reason, agreed to by another person, kept with all its lines.

Only the last of an account, only while no match, no 余额调节表, no paper taken of it and no closed month rests on it. All statements
of one file go together; the next one loaded follows the one before them. A page that waits for others is taken back by itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from ledger.access.signing.signing import sign_decision
from ledger.core.errors import Conflict, InvalidInput, NotFound
from ledger.db.unit_of_work import Transaction
from ledger.payments.statements.take import files, lock_of_account, taken


@dataclass(frozen=True, slots=True)
class Withdrawal:
    """A stored withdrawal; `kept_as` is the number of its first statement since, None before it is agreed to.

    Of a page that waits for others `first_statement` is 0 and `page` the file's name.
    """

    account: str
    n: int
    file_sha256: bytes
    first_statement: int
    last_statement: int
    kept_as: int | None
    reason: str
    state: str
    prepared_by: str
    approved_by: str
    refusal: str
    page: str = ""


def ask_withdrawal(tx: Transaction, account: str, statement: int, reason: str, day: date) -> Withdrawal:
    """Ask as accountant to take back the file that statement number `statement` came in; the same again gives the first answer.

    Raises InvalidInput `statement.reason`; NotFound `account.unknown`, `statement.unknown`; Conflict `statement.not_last`,
    `.matched`, `.on_sheet`, `.taken_up`, `.month_closed`, `db.duplicate` (another one waits); Forbidden `access.role_missing`.
    """
    if not 0 < len(reason.strip()) <= 120:
        raise InvalidInput("statement.reason", "理由应为1到120字", field="reason")
    lock_of_account(tx, account)
    found = [one for one in taken(tx, account) if one.n == statement]
    if not found:
        raise NotFound("statement.unknown", f"账户{account}没有第{statement}份对账单")
    own = [one.n for one in taken(tx, account) if one.file_sha256 == found[0].file_sha256]
    return _ask(tx, account, found[0].file_sha256, (min(own), max(own)), reason.strip(), day)


def ask_page_withdrawal(tx: Transaction, account: str, digest: bytes, reason: str, day: date) -> Withdrawal:
    """Ask as accountant to take back one page that waits for the others of its statement; the same again gives the first answer.

    `digest` is the file's as `files` tells it, or the SHA-256 of its bytes. Raises InvalidInput `statement.reason`; NotFound `account.unknown`; Conflict
    `statement.not_waiting` (no such page, or its statement is complete), `db.duplicate`; Forbidden `access.role_missing`.
    """
    if not 0 < len(reason.strip()) <= 120:
        raise InvalidInput("statement.reason", "理由应为1到120字", field="reason")
    lock_of_account(tx, account)
    found = [
        one for one in files(tx, account) if digest in (one.digest, one.sha256) and one.state == "waiting"
    ]
    if not found:
        raise Conflict(
            "statement.not_waiting",
            f"账户{account}没有待齐的页{digest.hex()[:16]}：已齐的按整份对账单收回",
        )
    return _ask(tx, account, found[0].sha256, (0, 0), reason.strip(), day)


def _ask(
    tx: Transaction, account: str, sha256: bytes, span: tuple[int, int], reason: str, day: date
) -> Withdrawal:
    for known in withdrawals(tx, account):
        said = (known.state, known.first_statement, known.file_sha256, known.reason)
        if said == ("requested", span[0], sha256, reason):
            return known
    tx.run(
        "INSERT INTO payments.statement_withdrawal (region, account, n, file_sha256, first_statement, last_statement, reason,"
        " prepared_by, prepared_on) SELECT %(region)s, %(account)s, coalesce(max(n), 0) + 1, %(sha)s, %(first)s, %(last)s, %(reason)s,"
        " %(user)s, %(day)s FROM payments.statement_withdrawal WHERE region = %(region)s AND account = %(account)s",
        region=tx.region,
        account=account,
        sha=sha256,
        first=span[0],
        last=span[1],
        reason=reason,
        user=tx.user,
        day=day,
    )
    return withdrawals(tx, account)[-1]


def decide_withdrawal(tx: Transaction, account: str, n: int, day: date, refusal: str = "") -> Withdrawal:
    """Agree as checker, another person, or give the reason why not; agreeing again changes nothing.

    Raises NotFound `statement.no_withdrawal`; Conflict `request.decided` and what hinders it (`ask_withdrawal`); Forbidden
    `request.same_person`, `access.role_missing`; InvalidInput `statement.reason`.
    """
    if len(refusal) > 120:
        raise InvalidInput("statement.reason", "理由应为1到120字", field="reason")
    lock_of_account(tx, account)
    known = [one for one in withdrawals(tx, account) if one.n == n]
    if not known:
        raise NotFound("statement.no_withdrawal", f"账户{account}没有收回申请{n}")
    if (known[0].state, known[0].approved_by) == ("approved", tx.user) and not refusal:
        return known[0]
    if refusal.strip():
        tx.run(
            "UPDATE payments.statement_withdrawal SET state = 'refused', approved_by = %(user)s, approved_on = %(day)s,"
            " refusal = %(refusal)s WHERE region = %(region)s AND account = %(account)s AND n = %(n)s",
            region=tx.region,
            account=account,
            n=n,
            user=tx.user,
            day=day,
            refusal=refusal.strip(),
        )
    else:
        sign_decision(tx, "payments.statement_withdrawal", [account, n], day)
        tx.run(
            "SELECT payments.withdraw_statements(%(region)s, %(account)s, %(n)s, %(day)s)",
            region=tx.region,
            account=account,
            n=n,
            day=day,
        )
    return next(one for one in withdrawals(tx, account) if one.n == n)


def withdrawals(tx: Transaction, account: str = "") -> list[Withdrawal]:
    """Withdrawals of an account or all, in their order."""
    return [
        Withdrawal(own, n, bytes(sha), *rest)
        for own, n, sha, *rest in tx.rows(
            "SELECT account, n, file_sha256, first_statement, last_statement, kept_as, reason, state, prepared_by, approved_by, refusal,"
            " CASE first_statement WHEN 0 THEN (SELECT min(f.name) FROM payments.statement_file f WHERE f.region = w.region"
            "   AND f.account = w.account AND f.sha256 = w.file_sha256) ELSE '' END"
            " FROM payments.statement_withdrawal w WHERE region = %(region)s AND %(account)s IN ('', account) ORDER BY account, n",
            region=tx.region,
            account=account,
        )
    ]
