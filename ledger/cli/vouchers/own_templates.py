"""`fundledger book voucher templates propose`, `retire`, `confirm`, `refuse`: a region's own templates, by two persons."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ledger.books.reading import parse_book
from ledger.books.templates.own import (
    OwnTemplate,
    confirm_template,
    propose_retirement,
    propose_template,
    refuse_template,
)
from ledger.books.templates.own_file import read_own
from ledger.cli.line.context import JsonFlag, act, app_for, day_or_today, show
from ledger.cli.vouchers.attachments import file_bytes
from ledger.core.dates import parse_day
from ledger.core.digests import parse_digest
from ledger.core.words import said

BookOption = Annotated[str, typer.Option("--book", help="账套，如420100-310")]
DateOption = Annotated[str, typer.Option("--date", help="办理日期 YYYY-MM-DD；缺省为业务日期")]
FromOption = Annotated[str, typer.Option("--from", help="自何日起 YYYY-MM-DD；确认更晚的，自确认之日起")]
Version = Annotated[str, typer.Argument(help="模板的一版，如WH01@2，见templates list")]
DigestOption = Annotated[str, typer.Option(help="所核对的摘要，见templates list")]


def propose(
    file: Annotated[Path, typer.Option(help="模板文件：一段[[template]]的TOML，见docs/formats")],
    book: BookOption,
    from_day: FromOption,
    date: DateOption = "",
    *,
    as_json: JsonFlag = False,
) -> None:
    """提出本统筹区的一个凭证模板或其新的一版，待另一人确认；已制单的凭证仍写明其所用的一版。"""
    running, named, day = app_for("accountant"), parse_book(book), day_or_today(date)
    form, since = read_own(named.fund, file_bytes(file)), parse_day(from_day)
    with act(running, named.region, "voucher.template_propose", f"{book} {form.code}") as tx:
        made = propose_template(tx, named, form, since, day)
    _show(made, as_json=as_json)


def retire(
    code: Annotated[str, typer.Argument(help="本统筹区的模板编号，如WH01")],
    book: BookOption,
    from_day: FromOption,
    article: Annotated[str, typer.Option(help="停用的依据：文号、条款")],
    date: DateOption = "",
    *,
    as_json: JsonFlag = False,
) -> None:
    """提出停用，待另一人确认；已制单的不受影响。"""
    running, named, day = app_for("accountant"), parse_book(book), day_or_today(date)
    since = parse_day(from_day)
    with act(running, named.region, "voucher.template_retire", f"{book} {code}") as tx:
        made = propose_retirement(tx, named, code, article, since, day)
    _show(made, as_json=as_json)


def confirm(
    template: Version,
    book: BookOption,
    digest: DigestOption,
    date: DateOption = "",
    *,
    as_json: JsonFlag = False,
) -> None:
    """确认新的一版或停用：由提出人以外的人，凭摘要。"""
    running, named, day = app_for("checker"), parse_book(book), day_or_today(date)
    seen = parse_digest(digest)
    with act(running, named.region, "voucher.template_confirm", f"{book} {template}") as tx:
        made = confirm_template(tx, named, template, seen, day)
    _show(made, as_json=as_json)


def refuse(
    template: Version,
    book: BookOption,
    digest: DigestOption,
    reason: Annotated[str, typer.Option(help="理由")],
    date: DateOption = "",
    *,
    as_json: JsonFlag = False,
) -> None:
    """退回，写明理由。"""
    running, named, day = app_for("checker"), parse_book(book), day_or_today(date)
    seen = parse_digest(digest)
    with act(running, named.region, "voucher.template_refuse", f"{book} {template}") as tx:
        made = refuse_template(tx, named, template, seen, reason, day)
    _show(made, as_json=as_json)


def words(one: OwnTemplate) -> str:
    """A version on one line: what it is, from when, whose, its digest."""
    what = "停用" if one.retires else one.form.title
    decided = f"，{one.decided_by}" if one.decided_by else "，"
    return (
        f"{one.template_id} {what}（{one.form.article}）自{one.since or one.from_day}起，{one.proposed_by}提出{decided}"
        f"{said('template.state', one.state)}{f'：{one.reason}' if one.reason else ''}，摘要{one.digest.hex()}"
    )


def _show(one: OwnTemplate, *, as_json: bool) -> None:
    show(one.as_json(), [words(one), *(f"  {line}" for line in one.form.lines)], as_json=as_json)
