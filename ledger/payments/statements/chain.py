"""Where the chain of an account's statements ends, and what may follow there."""

from __future__ import annotations

from datetime import date

from adapters.banks.ports import AccountStatement
from ledger.core.errors import Conflict, InvalidInput
from ledger.core.money import yuan_grouped
from ledger.db.unit_of_work import Transaction

LastStatement = tuple[int, int | None, date, date, int, int]


def last_of(tx: Transaction, account: str) -> LastStatement | None:
    """Number, sequence, days and balances of the last statement of an account; None where there is none."""
    found = tx.row(
        "SELECT n, sequence, first_day, last_day, opening_fen, closing_fen FROM payments.bank_statement"
        " WHERE region = %(region)s AND account = %(account)s AND n > 0 ORDER BY n DESC LIMIT 1",
        region=tx.region,
        account=account,
    )
    return None if found is None else (found[0], found[1], found[2], found[3], found[4], found[5])


def require_next(last: LastStatement | None, name: str, account: str, statement: AccountStatement) -> None:
    """Refuse a statement that does not follow the last one; the database would too, without the file's name."""
    if statement.account != account:
        raise InvalidInput(
            "bankfile.foreign_account",
            f"文件{name}的账号“{statement.account[:40]}”不是账户{account}",
            file=name,
        )
    if last is None:
        return
    _, sequence, first_day, last_day, opening, closing = last
    where = f"文件{name}{statement.where}（{statement.first_day}至{statement.last_day}）"
    if (statement.first_day, statement.last_day, statement.opening_fen, statement.closing_fen) == (
        first_day, last_day, opening, closing,
    ):  # fmt: skip
        raise Conflict("statement.repeat", f"{where}与已收到的同一期对账单重复", file=name)
    if statement.last_day < first_day:
        raise Conflict(
            "statement.order", f"{where}次序颠倒：账户{account}的对账单已收到{last_day}", file=name
        )
    if statement.first_day <= last_day:
        raise Conflict("statement.overlap", f"{where}与已收到{last_day}为止的对账单重叠", file=name)
    follows = sequence is None or statement.sequence in (None, sequence + 1)
    if not follows and not (statement.sequence == 1 and statement.first_day.year > last_day.year):
        raise Conflict(
            "statement.gap", f"{where}序号{statement.sequence}，上一份为{sequence}：中间有缺", file=name
        )
    if statement.opening_fen != closing:
        raise Conflict(
            "statement.opening",
            f"{where}期初{yuan_grouped(statement.opening_fen)}元，上一份（{last_day}为止）期末{yuan_grouped(closing)}元：不相接",
            file=name,
        )
