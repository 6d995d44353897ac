"""Statements taken in: the file kept as it came, each statement joined to the chain of its account, or nothing at all.

A copy from paper is proposed by the accountant and taken in by a checker who names its digest.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from hashlib import sha256
from typing import Final, LiteralString

from adapters.banks.ports import AccountStatement, StatedLine
from ledger.access.signing.signing import sign_decision
from ledger.core.errors import Conflict, InvalidInput, NotFound
from ledger.core.text import file_name
from ledger.core.words import words_of
from ledger.db.locks import Lock, hold
from ledger.db.safekeeping.fields import fields
from ledger.db.safekeeping.places import of_statement
from ledger.db.safekeeping.told import OtherSide, sealed_persons
from ledger.db.unit_of_work import Transaction
from ledger.payments.incoming.evidence import persons_orders
from ledger.payments.incoming.proven import release_proven
from ledger.payments.incoming.unknown import watch_lines
from ledger.payments.statements.chain import last_of, require_next

STATES: Final = words_of("statement_file.state")
_COLUMNS: Final[LiteralString] = (
    "(region, account, statement, n, booked_on, direction, amount_fen, balance_fen, bank_reference, receipt_no, order_no,"
    " other_account, other_name, summary, is_reversal)"
)
_PLAIN: Final = str.maketrans({"|": "｜", "\\": "＼", "\t": "␉", "\n": "␊", "\r": "␍", "\0": "␀"})


@dataclass(frozen=True, slots=True)
class StatementFile:
    """A file as it is loaded: `profile` is how a table was read, `stated` what the person said of it."""

    name: str
    content: bytes
    profile: str = ""
    stated: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True)
class TakenStatement:
    """A statement in the chain of its account."""

    account: str
    n: int
    form: str
    number: str
    first_day: date
    last_day: date
    opening_fen: int
    closing_fen: int
    lines: int
    file_sha256: bytes
    gap_days: int
    """Days without a statement before it; its opening balance proves that nothing moved."""


@dataclass(frozen=True, slots=True)
class KeptStatement:
    """A stored statement file."""

    account: str
    sha256: bytes
    digest: bytes
    n: int
    name: str
    form: str
    state: str
    prepared_by: str
    approved_by: str
    reason: str
    stated: Mapping[str, str]


def load(
    tx: Transaction, account: str, given: StatementFile, statements: Sequence[AccountStatement], day: date
) -> list[TakenStatement]:
    """Take in a bank's own file as accountant; the same bytes again give the first answer.

    Raises NotFound `account.unknown`; InvalidInput `bankfile.foreign_account`; Conflict `statement.repeat`, `.order`,
    `.overlap`, `.gap`, `.opening` naming the file and the figures; Forbidden `access.role_missing`.
    """
    lock_of_account(tx, account)
    digest = sha256(given.content).digest()
    if known := of_file(tx, account, digest):
        return known
    keep_file(tx, account, given, statements[0].form, "taken", day)
    joined = join_chain(tx, account, given.name, digest, statements)
    watch_lines(tx, statements, day)
    release_proven(tx, account, day)
    return joined


def enter(
    tx: Transaction, account: str, given: StatementFile, statement: AccountStatement, day: date
) -> KeptStatement:
    """Propose as accountant a statement copied from paper; nothing counts before a checker confirms its digest.

    The same again gives the first answer. Raises as `load`.
    """
    lock_of_account(tx, account)
    digest = sha256(given.content).digest()
    known = [one for one in files(tx, account) if one.sha256 == digest]
    if known and known[-1].state not in ("refused", "withdrawn"):
        return known[-1]
    require_next(last_of(tx, account), given.name, account, statement)
    keep_file(tx, account, given, statement.form, "proposed", day)
    return [one for one in files(tx, account) if one.sha256 == digest][-1]


def confirm_entered(
    tx: Transaction, account: str, digest: bytes, read: Callable[[StatementFile], AccountStatement], day: date
) -> list[TakenStatement]:
    """Confirm as checker, another person, the copy that `digest` stands for, and take it in; again changes nothing.

    Raises NotFound `statement.not_proposed`; Conflict `request.decided` and those of `load`; Forbidden
    `request.same_person`, `access.role_missing`.
    """
    lock_of_account(tx, account)
    known = _proposed(tx, account, digest)
    if known.state == "taken" and known.approved_by == tx.user:
        return of_file(tx, account, known.sha256)
    content: bytes = tx.value(
        "SELECT content FROM payments.statement_file WHERE region = %(region)s AND account = %(account)s"
        " AND sha256 = %(sha)s AND n = %(n)s",
        region=tx.region,
        account=account,
        sha=known.sha256,
        n=known.n,
    )
    sign_decision(tx, "payments.statement_file", [account, known.sha256, known.n], day)
    _decide(tx, known, "taken", day, "")
    told = fields(tx).open_bytes(bytes(content), of_statement(tx.region, account, known.sha256))
    statement = read(StatementFile(known.name, told, stated=known.stated))
    joined = join_chain(tx, account, known.name, known.sha256, [statement])
    watch_lines(tx, [statement], day)
    release_proven(tx, account, day)
    return joined


def refuse_entered(tx: Transaction, account: str, digest: bytes, day: date, reason: str) -> KeptStatement:
    """Refuse as checker, with a reason; raises InvalidInput `statement.reason`, else as `confirm_entered`."""
    if not 0 < len(reason.strip()) <= 120:
        raise InvalidInput("statement.reason", "理由应为1到120字", field="reason")
    _decide(tx, _proposed(tx, account, digest), "refused", day, reason.strip())
    return _proposed(tx, account, digest)


def files(tx: Transaction, account: str = "") -> list[KeptStatement]:
    """AccountStatement files of an account or all, in their order."""
    return [
        KeptStatement(own, bytes(sha), bytes(digest), *rest)
        for own, sha, digest, *rest in tx.rows(
            "SELECT account, sha256, digest, n, name, form, state, prepared_by, approved_by, reason, stated"
            " FROM payments.statement_file WHERE region = %(region)s AND %(account)s IN ('', account)"
            " ORDER BY prepared_on, account, name, sha256, n",
            region=tx.region,
            account=account,
        )
    ]


def taken(tx: Transaction, account: str = "") -> list[TakenStatement]:
    """The chain of statements of an account, or of all."""
    return [
        TakenStatement(*row)
        for row in tx.rows(
            "SELECT account, n, form, number, first_day, last_day, opening_fen, closing_fen, lines, file_sha256,"
            " coalesce(first_day - lag(last_day) OVER (PARTITION BY account ORDER BY n) - 1, 0)"
            " FROM payments.bank_statement WHERE region = %(region)s AND %(account)s IN ('', account) AND n > 0 ORDER BY account, n",
            region=tx.region,
            account=account,
        )
    ]


def of_file(tx: Transaction, account: str, digest: bytes) -> list[TakenStatement]:
    """The statements that came in a file, or of which it is a page."""
    numbers = {
        n
        for (n,) in tx.rows(
            "SELECT n FROM payments.bank_statement WHERE region = %(region)s AND account = %(account)s AND file_sha256 = %(sha)s"
            " UNION SELECT statement FROM payments.statement_page WHERE region = %(region)s AND account = %(account)s"
            " AND file_sha256 = %(sha)s",
            region=tx.region,
            account=account,
            sha=digest,
        )
    }
    return [one for one in taken(tx, account) if one.n in numbers] if numbers else []


def join_chain(
    tx: Transaction,
    account: str,
    name: str,
    digest: bytes,
    statements: Sequence[AccountStatement],
    pages: Sequence[bytes] = (),
) -> list[TakenStatement]:
    """`pages` are the files of the one statement that came in pages, in their order."""
    last = last_of(tx, account)
    for nth, statement in enumerate(statements, 1):
        require_next(last, name, account, statement)
        n = last[0] + 1 if last else 1
        _add_lines(tx, account, n, statement.lines)
        tx.run_many(
            "INSERT INTO payments.statement_page (region, account, statement, page, file_sha256)"
            " VALUES (%(region)s, %(account)s, %(n)s, %(page)s, %(sha)s)",
            [
                {"region": tx.region, "account": account, "n": n, "page": page, "sha": sha}
                for page, sha in enumerate(pages, 1)
            ],
        )
        tx.run(
            "INSERT INTO payments.bank_statement (region, account, n, file_sha256, place, form, number, sequence, first_day,"
            " last_day, opening_fen, closing_fen, lines) VALUES (%(region)s, %(account)s, %(n)s, %(digest)s, %(place)s,"
            " %(form)s, %(number)s, %(sequence)s, %(first)s, %(last)s, %(opening)s, %(closing)s, %(lines)s)",
            region=tx.region,
            account=account,
            n=n,
            digest=digest,
            place=nth,
            form=statement.form,
            number=statement.number.translate(_PLAIN)[:80],
            sequence=statement.sequence,
            first=statement.first_day,
            last=statement.last_day,
            opening=statement.opening_fen,
            closing=statement.closing_fen,
            lines=len(statement.lines),
        )
        last = (
            n,
            statement.sequence,
            statement.first_day,
            statement.last_day,
            statement.opening_fen,
            statement.closing_fen,
        )
    return of_file(tx, account, digest)


def _add_lines(tx: Transaction, account: str, statement: int, lines: Sequence[StatedLine]) -> None:
    tx.run("DROP TABLE IF EXISTS pg_temp.line_in")
    # no COPY into a table with row security
    tx.run("CREATE TEMP TABLE line_in (LIKE payments.statement_line) ON COMMIT DROP")
    tx.copy(
        "pg_temp.line_in " + _COLUMNS,
        (
            _row((tx.region, account, statement, n), line, side)
            for n, (line, side) in enumerate(zip(lines, _kept_sides(tx, lines), strict=True), 1)
        ),
    )
    tx.run(
        "INSERT INTO payments.statement_line (region, account, statement, n, booked_on, direction, amount_fen, balance_fen,"
        " bank_reference, receipt_no, order_no, other_account, other_name, summary, is_reversal) SELECT region, account, statement,"
        " n, booked_on, direction, amount_fen, balance_fen, bank_reference, receipt_no, order_no, other_account, other_name,"
        " summary, is_reversal FROM pg_temp.line_in"
    )


def _kept_sides(tx: Transaction, lines: Sequence[StatedLine]) -> list[OtherSide]:
    """The other side of each line as it is kept: a person's sealed."""
    told = [
        OtherSide(*(text.translate(_PLAIN) for text in (line.other_account, line.other_name, line.text)))
        for line in lines
    ]
    paying = persons_orders(tx, [line.order_no for line in lines])
    places = {place for place, line in enumerate(lines) if line.order_no in paying}
    return sealed_persons(tx.connection, fields(tx), tx.region, told, places)


def _row(key: tuple[int, str, int, int], line: StatedLine, side: OtherSide) -> tuple[object, ...]:
    said = (text.translate(_PLAIN) for text in (line.bank_reference, line.receipt_no, line.order_no))
    return (
        *key,
        line.booked_on,
        str(line.direction),
        line.amount_fen,
        line.balance_fen,
        *said,
        *side,
        line.is_reversal,
    )


def keep_file(tx: Transaction, account: str, given: StatementFile, form: str, state: str, day: date) -> None:
    """Store a file as it came, in a state (taken, proposed, waiting), in the user's name."""
    sha = sha256(given.content).digest()
    tx.run(
        "INSERT INTO payments.statement_file (region, account, sha256, n, name, form, content, profile, stated, digest, state,"
        " prepared_by, prepared_on) SELECT %(region)s, %(account)s, %(sha)s, coalesce(max(n), 0) + 1, %(name)s, %(form)s,"
        " %(content)s, %(profile)s, %(stated)s, %(sha)s, %(state)s, %(user)s, %(day)s FROM payments.statement_file"
        " WHERE region = %(region)s AND account = %(account)s AND sha256 = %(sha)s",
        region=tx.region,
        account=account,
        sha=sha,
        name=file_name(given.name),
        form=form,
        content=fields(tx).seal_bytes(given.content, of_statement(tx.region, account, sha)),
        profile=given.profile,
        stated=json.dumps(dict(given.stated or {}), ensure_ascii=False),
        state=state,
        user=tx.user,
        day=day,
    )


def lock_of_account(tx: Transaction, account: str) -> None:
    """Hold the statements of an account until the transaction ends; raises NotFound `account.unknown`."""
    hold(tx, Lock.STATEMENT, f"{tx.region} {account}")
    if not tx.value(
        "SELECT count(*) FROM payments.bank_account WHERE region = %(region)s AND account = %(account)s",
        region=tx.region,
        account=account,
    ):
        raise NotFound("account.unknown", f"统筹区{tx.region}没有账户{account[:40]}", account=account[:40])


def _proposed(tx: Transaction, account: str, digest: bytes) -> KeptStatement:
    found = [one for one in files(tx, account) if one.digest == digest and one.form == "hand"]
    if not found:
        raise NotFound("statement.not_proposed", f"账户{account[:40]}没有待复核的对账单{digest.hex()[:16]}")
    return found[-1]


def _decide(tx: Transaction, known: KeptStatement, state: str, day: date, reason: str) -> None:
    if known.state != "proposed":
        raise Conflict("request.decided", f"对账单{known.name}已办理（{STATES[known.state]}），不能再改")
    tx.run(
        "UPDATE payments.statement_file SET state = %(state)s, approved_by = %(user)s, approved_on = %(day)s,"
        " reason = %(reason)s WHERE region = %(region)s AND account = %(account)s AND sha256 = %(sha)s AND n = %(n)s",
        region=tx.region,
        account=known.account,
        sha=known.sha256,
        n=known.n,
        state=state,
        user=tx.user,
        day=day,
        reason=reason,
    )
