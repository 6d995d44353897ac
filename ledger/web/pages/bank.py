"""Bank reconciliation: the bank's side and ours next to each other, each adjusted by what the other has not."""

from __future__ import annotations

from collections.abc import Iterator

from starlette.requests import Request
from starlette.responses import Response

from ledger.books.reading import parse_period
from ledger.core.errors import NotFound
from ledger.core.words import said
from ledger.payments.statements.sheet import BankSheet, sheet
from ledger.web.record import Ask, Offer, decide, offered
from ledger.web.show import address, file_of, page
from ledger.web.sitting import Desk
from reports.reconciliation import reconciliation_grid
from reports.render.paper import Paper


def reconciliation(desk: Desk, _request: Request) -> Response:
    """余额调节表 of an account and month."""
    with desk.tx() as tx:
        accounts = tx.rows(
            "SELECT account, name FROM payments.bank_account WHERE region = %(region)s ORDER BY account",
            region=desk.region,
        )
        asked = desk.query.get("account") or (accounts[0][0] if accounts else "")
        made = tx.rows(
            "SELECT DISTINCT period FROM payments.reconciliation WHERE region = %(region)s AND account = %(account)s ORDER BY period DESC",
            region=desk.region,
            account=asked,
        )
        named = parse_period(desk.query["period"]) if desk.query.get("period") else 0
        month = named or (made[0][0] if made else 0)
        # what the address names is what the selector and the form say, made or not
        months = sorted({m for (m,) in made} | ({named} if named else set()), reverse=True)
        try:
            found = sheet(tx, asked, month) if month else None
        except NotFound:
            found = None
        if found is not None and desk.query.get("format") in ("pdf", "xlsx", "csv"):
            grid = reconciliation_grid(tx, asked, month)
            return file_of([grid], desk.query["format"], Paper.A4)
    sides = []
    if found is not None:
        for name, fen, plus, minus in (
            ("银行对账单余额", found.bank_fen, "book_in", "book_out"),
            ("银行存款日记账余额", found.book_fen, "bank_in", "bank_out"),
        ):
            parts = [
                (
                    f"{sign}：{said('sheet_bank.part', part)}",
                    [item for item in found.items if item.part == part],
                )
                for sign, part in (("加", plus), ("减", minus))
            ]
            sides.append((name, fen, parts))
    return page(
        desk, "bank.html", title="银行存款余额调节表", accounts=accounts, account=asked, months=months,
        month=month, found=found, sides=sides, person=desk.persons(), offers=offered(desk, _offers(desk, asked, found, named)),
        here=address("bank", region=desk.region, account=asked, period=month),
    )  # fmt: skip


def _offers(desk: Desk, account: str, found: BankSheet | None, named: int) -> Iterator[Offer]:
    """Making the sheet of a month, and its review by another under the digest of what is shown."""
    held = {"region": desk.region, "account": account, "date": desk.today}
    if found is not None and found.state == "made":
        of_sheet = {**held, "period": found.period, "digest": found.digest.hex()}
        yield from decide(("checker", "reviewer"), "reconciliation review", of_sheet, "refusal")
    last = desk.today.year * 12 + desk.today.month - 2
    month = str(named or last // 12 * 100 + last % 12 + 1)
    yield Offer(("accountant",), "reconciliation make", "编制余额调节表", held, (Ask("period", "期间（年年年年月月）", value=month),),
                note="两边调节后相等才成，待另一人复核。")  # fmt: skip
