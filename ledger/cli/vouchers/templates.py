"""`fundledger book voucher templates`: which entries can be drafted from a template, the regulation's and the region's own, and what one asks for."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date as date_type
from typing import Annotated, Final

import typer

from ledger.books.reading import parse_book
from ledger.books.templates.fill import Filling, Ground, ground
from ledger.books.templates.own import forms_on, own_template, own_templates, template_on
from ledger.books.templates.read import Template, TemplateLine, templates
from ledger.bootstrap import App
from ledger.cli.line.context import JsonFlag, app_for, day_or_today, show
from ledger.cli.vouchers import own_templates as own
from ledger.core.entries import FUND_NAMES, Book, Dimensions, Side
from ledger.core.errors import InvalidInput
from ledger.core.money import parse_fen
from ledger.core.words import said, words_of
from ledger.db.unit_of_work import unit_of_work

app = typer.Typer(help="凭证模板：28号规定的分录，及本统筹区两人办理的", no_args_is_help=True)
app.command()(own.propose)
app.command()(own.retire)
app.command()(own.confirm)
app.command()(own.refuse)

BookOption = Annotated[str, typer.Option("--book", help="账套，如420100-310")]
AmountOption = Annotated[
    list[str] | None,
    typer.Option(
        "--amount", help="模板的金额，元；有几项的写作 pool=60.00 或 统筹基金=60.00，可重复，见templates show"
    ),
]
BankOption = Annotated[
    list[str] | None, typer.Option("--bank", help="模板所用的自有账户：账号或其科目，如1003；可重复")
]
AccountOption = Annotated[
    list[int] | None, typer.Option("--account", help="模板有几个末级科目可选时选定的科目；可重复")
]
PartyOption = Annotated[str, typer.Option(help="模板的往来单位")]
SubfundOption = Annotated[str, typer.Option(help="模板的子基金：pool或acct")]
YearOption = Annotated[int, typer.Option(help="模板的服务年度")]
TermOption = Annotated[int, typer.Option(help="模板的期号yyyymm")]
CategoryOption = Annotated[str, typer.Option(help="模板的待遇类别")]


_PARTS: Final = {word: part for part, word in words_of("template.part").items()}


@app.command("list")
def list_templates(
    book: BookOption,
    date: Annotated[str, typer.Option("--date", help="在此日可用的；缺省为业务日期")] = "",
    *,
    as_json: JsonFlag = False,
) -> None:
    """列出账套可用的凭证模板：编号、用途、条款；本统筹区的另列各版、两人与摘要。"""
    running, named, day = app_for("reviewer"), parse_book(book), day_or_today(date)
    with unit_of_work(running.engine, running.user, named.region) as tx:
        found, versions = list(forms_on(tx, named, day).values()), own_templates(tx, named)
    lines = [
        f"{one.own_id or one.code}  {one.title}  （{one.article}）{f'由{one.by}办理' if one.by else ''}"
        for one in found
    ]
    lines += ["本统筹区模板的各版：", *map(own.words, versions)] if versions else []
    show(
        {
            "fund": FUND_NAMES[named.fund],
            "templates": [one.as_json() for one in found],
            "own": [one.as_json() for one in versions],
        },
        lines,
        as_json=as_json,
    )


@app.command("show")
def show_template(
    code: Annotated[str, typer.Argument(help="模板编号，如A5；本统筹区的某一版写作WH01@2")],
    book: BookOption,
    date: Annotated[str, typer.Option("--date", help="在此日可用的；缺省为业务日期")] = "",
    *,
    as_json: JsonFlag = False,
) -> None:
    """一个模板的分录：各行可用的末级科目、金额项、辅助核算，以及条款；写明版次的，连同两人与摘要。"""
    running, named, day = app_for("reviewer"), parse_book(book), day_or_today(date)
    with unit_of_work(running.engine, running.user, named.region) as tx:
        version = own_template(tx, named, code) if "@" in code else None
        one = version.form if version else template_on(tx, named, code, day)
        on = ground(tx, named)
    lines = [own.words(version)] if version else [f"{one.own_id or one.code} {one.title}"]
    lines += [f"  条款：{one.article}", f"  摘要：{one.summary}"]
    if one.by:
        lines.append(f"  由{one.by}办理，不能手工制单")
    lines += [text for line in one.lines for text in _line_words(line, on)]
    document = version.as_json() if version else one.as_json()
    show(document | {"accounts": _accounts(one, on)}, lines, as_json=as_json)


def template_of(running: App, book: Book, code: str, day: date_type) -> Template:
    """The template of a code that a book can use on a day; raises as `template_on`."""
    shipped = templates(book.fund).get(code)
    if shipped is not None:
        return shipped
    with unit_of_work(running.engine, running.user, book.region) as tx:
        return template_on(tx, book, code, day)


def given_of(
    amounts: Sequence[str] | None,
    banks: Sequence[str] | None,
    accounts: Sequence[int] | None,
    dims: Dimensions,
) -> Filling:
    """What was typed, in fen; `100.00` alone is the part `amount`. Raises InvalidInput `template.amount`, `amount.format`."""
    parts: dict[str, int] = {}
    for text in amounts or ():
        name, mark, yuan = text.partition("=")
        part, yuan = (_PARTS.get(name, name), yuan) if mark else ("amount", text)
        if part in parts:
            raise InvalidInput("template.amount", f"金额项{part[:20]}给了两次", field=part[:20])
        parts[part] = parse_fen(yuan)
    return Filling(parts, dims, tuple(banks or ()), tuple(accounts or ()))


def _accounts(one: Template, on: Ground) -> list[list[dict[str, object]]]:
    return [
        [
            {"account": leaf, "name": on.leaves[leaf].name, "dims": on.leaves[leaf].dims}
            for leaf in on.fits(line)
        ]
        for line in one.lines
    ]


def _line_words(line: TemplateLine, on: Ground) -> list[str]:
    side = ("红字" if line.red else "") + ("借" if line.side is Side.DEBIT else "贷")
    what = "合计" if line.part == "=" else said("template.part", line.part)
    may = "，可省" if line.optional else ""
    return [f"  {side} {what}{may}", *(f"      {leaf} {on.leaves[leaf].name}" for leaf in on.fits(line))]
