"""A template filled: amounts and dimensions in, the lines of a draft out, or a refusal that says what is missing or too much.

Nothing is guessed: where more than one account is left, one is asked for by name. The region's own leaves below the chart
take part, because the accounts are the book's and not the data file's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from ledger.books.chart import keep
from ledger.books.templates.read import TOTAL, Template, TemplateLine
from ledger.core.accounts import FISCAL_DEPOSIT, SPENDING_DEPOSIT
from ledger.core.entries import NO_DIMENSIONS, Book, Dimensions, Leg
from ledger.core.errors import InvalidInput, NotFound
from ledger.core.words import said
from ledger.db.unit_of_work import Transaction

BANK_KINDS: Final = (1002, FISCAL_DEPOSIT, SPENDING_DEPOSIT, 1005)
"""收入户, 财政专户, 支出户, 国库: what --bank names."""
_SUBFUNDS: Final = {"pool": "统筹基金", "acct": "个人账户基金"}
_DIMS: Final = ((1, "counterparty"), (2, "subfund"), (4, "service_year"), (8, "term"), (16, "category"))


class BookLeaf(NamedTuple):
    """A leaf of the book: its full name and the dimensions it asks for (bits as in `chart.Account`)."""

    name: str
    dims: int


@dataclass(frozen=True, slots=True)
class Ground:
    """What templates are filled on: the book's leaves, its own bank accounts (number → kind), accounts that are no leaves."""

    leaves: Mapping[int, BookLeaf]
    banks: Mapping[str, int]
    _fits: dict[tuple[int, ...], list[int]] = field(default_factory=dict)

    def fits(self, line: TemplateLine) -> list[int]:
        """The leaves a line may stand on, in the order of the chart."""
        if line.accounts not in self._fits:
            under = tuple(map(str, line.accounts))
            self._fits[line.accounts] = [leaf for leaf in self.leaves if str(leaf).startswith(under)]
        return self._fits[line.accounts]


@dataclass(frozen=True, slots=True)
class Filling:
    """What a person gives: amounts by part, in fen; own bank accounts by number or kind; leaves; the dimensions."""

    amounts: Mapping[str, int]
    dims: Dimensions = NO_DIMENSIONS
    banks: Sequence[str] = ()
    accounts: Sequence[int] = ()


def ground(tx: Transaction, book: Book) -> Ground:
    """Read once for any number of templates. Raises NotFound `book.unknown`."""
    leaves = {
        account: BookLeaf(name, dims)
        for account, name, dims in tx.rows(
            "SELECT account, name, dims FROM books.account WHERE region = %(region)s AND fund = %(fund)s AND leaf ORDER BY account",
            region=book.region,
            fund=book.fund,
        )
    }
    if not leaves:
        raise NotFound("book.unknown", f"账套{book}不存在，或不在您的权限内", book=str(book))
    banks = tx.rows(
        "SELECT account, kind FROM books.own_banks(%(region)s, %(fund)s::smallint)",
        region=book.region,
        fund=book.fund,
    )
    return Ground(leaves, {account: int(kind) for account, kind in banks})


def fill(template: Template, on: Ground, given: Filling) -> tuple[Leg, ...]:
    """The lines, balanced, in the template's order; lines of amounts left out are left out.

    Raises InvalidInput `template.by_rule`, `template.amount`, `template.account`, `template.account_choice`,
    `template.bank`, `template.dimension_missing`, `template.dimension_extra`, `template.subfund`.
    """
    if template.by:
        raise InvalidInput(
            "template.by_rule", f"模板{template.code}（{template.title}）由{template.by}办理，不能手工制单"
        )
    amounts = _amounts(template, given.amounts)
    taken: set[str | int] = set()
    used = 0
    legs = []
    for line in template.lines:
        fen = amounts.get(line.part, 0)
        if fen == 0:
            continue
        account, bank = _account(template, line, on, given, taken)
        asks = on.leaves[account].dims
        if bank:
            legs.append(Leg(account, line.side, fen, Dimensions(bank)))
            continue
        _require(template, account, on.leaves[account], given.dims)
        used |= asks
        legs.append(Leg(account, line.side, -fen if line.red else fen, keep(asks, given.dims)))
    _refuse_left(template, given, taken, used)
    return tuple(legs)


def _amounts(template: Template, given: Mapping[str, int]) -> dict[str, int]:
    parts = {line.part: line for line in template.parts}
    names = "、".join(f"{part}{said('template.part', part)}" for part in parts)
    strange = sorted(given.keys() - parts.keys())
    if strange:
        raise InvalidInput(
            "template.amount",
            f"模板{template.code}没有金额项“{strange[0][:20]}”，应为{names}",
            field=strange[0][:20],
        )
    amounts = {}
    for part, line in parts.items():
        fen = given.get(part, 0)
        if (fen == 0 and (part in given or not line.optional)) or (fen < 0 and not line.either_sign):
            raise InvalidInput(
                "template.amount",
                f"模板{template.code}的{part}（{said('template.part', part)}）须为大于零的金额",
                field=part,
            )
        amounts[part] = fen
    total = sum(amounts.values())
    if total <= 0:
        raise InvalidInput(
            "template.amount", f"模板{template.code}至少要有一项金额，合计大于零：{names}", field="amount"
        )
    return {part: fen for part, fen in amounts.items() if fen} | {TOTAL: total}


def _account(
    template: Template, line: TemplateLine, on: Ground, given: Filling, taken: set[str | int]
) -> tuple[int, str]:
    """The leaf of a line, and its own bank account's number where it asks for one."""
    fits = on.fits(line)
    named = [account for account in given.accounts if account in fits]
    if named:
        fits = named
        taken.update(named)
    kinds = [kind for kind in BANK_KINDS if any(str(leaf).startswith(str(kind)) for leaf in fits)]
    if kinds:
        return _bank(template, fits, kinds, on, given, taken)
    if len(fits) > 1 and given.dims.subfund in _SUBFUNDS:
        word = _SUBFUNDS[given.dims.subfund]
        of_fund = [leaf for leaf in fits if f"—{word}" in on.leaves[leaf].name]
        if of_fund:
            taken.add("subfund")
            fits = of_fund
    if len(fits) != 1:
        choices = "、".join(f"{leaf}{on.leaves[leaf].name}" for leaf in fits) or "（账套没有这样的末级科目）"
        raise InvalidInput(
            "template.account_choice",
            f"模板{template.code}须用--account指明一个科目：{choices}",
            choices=fits,
        )
    return fits[0], ""


def _bank(
    template: Template,
    fits: Sequence[int],
    kinds: Sequence[int],
    on: Ground,
    given: Filling,
    taken: set[str | int],
) -> tuple[int, str]:
    choices = []
    for text in given.banks:
        kind = on.banks.get(text) or (
            int(text) if text.isascii() and text.isdigit() and len(text) == 4 else 0
        )
        if kind in kinds or (kind == 1001 and 1001 in fits):
            choices.append((text, kind))
    own = [(number, kind) for number, kind in on.banks.items() if kind in kinds]
    if not choices and len(kinds) == 1 and len(fits) == 1:
        choices = own[:1] or [("", kinds[0])]
    if len(choices) != 1:
        named = "、".join(f"{number}（{kind}）" for number, kind in own) or "、".join(map(str, kinds))
        raise InvalidInput(
            "template.bank",
            f"模板{template.code}须用--bank指明一个本账套的账户：{named}",
            choices=list(kinds),
        )
    text, kind = choices[0]
    taken.add(text)
    leaves = [leaf for leaf in fits if str(leaf).startswith(str(kind))]
    if len(leaves) != 1:
        raise InvalidInput(
            "template.account_choice",
            f"模板{template.code}须用--account指明{kind}下的一个科目",
            choices=leaves,
        )
    if not on.leaves[leaves[0]].dims & 1:
        return leaves[0], ""
    numbers = (
        [text] if on.banks.get(text) == kind else [number for number, of in on.banks.items() if of == kind]
    )
    if len(numbers) != 1:
        raise InvalidInput(
            "template.bank", f"账套没有登记{kind}账户，或不止一个：请用--bank指明账号", choices=numbers
        )
    return leaves[0], numbers[0]


def _require(template: Template, account: int, leaf: BookLeaf, dims: Dimensions) -> None:
    for bit, name in _DIMS:
        if leaf.dims & bit and not getattr(dims, name):
            raise InvalidInput(
                "template.dimension_missing",
                f"模板{template.code}的科目{account}（{leaf.name}）须有{said('dimension', name)}",
                field=name,
            )
    if leaf.dims & 2:
        wrong = _SUBFUNDS.get({"pool": "acct", "acct": "pool"}.get(dims.subfund, ""), "")
        if dims.subfund not in _SUBFUNDS or (wrong and f"—{wrong}" in leaf.name):
            raise InvalidInput(
                "template.subfund",
                f"科目{account}（{leaf.name}）不属于子基金“{dims.subfund[:10]}”",
                field="subfund",
            )


def _refuse_left(template: Template, given: Filling, taken: set[str | int], used: int) -> None:
    """What was given and stands nowhere is refused: it would be lost unseen."""
    for account in given.accounts:
        if account not in taken:
            raise InvalidInput(
                "template.account",
                f"模板{template.code}没有一行可用科目{account}，或账套没有此末级科目",
                account=account,
            )
    for text in given.banks:
        if text not in taken:
            raise InvalidInput(
                "template.bank", f"模板{template.code}没有一行可用账户{text[:34]}", field="bank"
            )
    for bit, name in _DIMS:
        if getattr(given.dims, name) and not used & bit and name not in taken:
            raise InvalidInput(
                "template.dimension_extra",
                f"模板{template.code}的科目都不要{said('dimension', name)}",
                field=name,
            )
