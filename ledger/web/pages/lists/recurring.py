"""定期凭证与本统筹区的凭证模板: what comes again by itself and the forms of our own, each by two persons."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from starlette.requests import Request
from starlette.responses import Response

from ledger.books.templates.own import OwnTemplate, own_templates
from ledger.books.templates.recurring import RHYTHMS, Recurrence, recurrences
from ledger.core.money import yuan_grouped
from ledger.core.words import said, words_of
from ledger.web.record import Ask, Offer, record_page
from ledger.web.show import address
from ledger.web.sitting import Desk
from reports.render.grid import Column, Grid, Line

_REASON = Ask("reason", "理由")


def recurring(desk: Desk, _request: Request) -> Response:
    """The book's recurring vouchers and own templates, what waits of them, and drafting those due."""
    book = desk.book
    with desk.tx() as tx:
        found, forms = recurrences(tx, book), own_templates(tx, book)
    held = {"book": book, "date": desk.today}
    offers = [*_of_recurrences(held, found), *_of_templates(held, forms), *_asking(desk, held)]
    return record_page(
        desk,
        "定期凭证与模板",
        (),
        (_recurrences(found), _templates(forms)),
        offers,
        here=address("recurring", book=book),
    )


def _of_recurrences(held: dict[str, object], found: Sequence[Recurrence]) -> Iterator[Offer]:
    for one in found:
        of_one = {**held, "recurrence": one.recurrence_id, "digest": one.digest.hex()}
        if one.state == "proposed":
            yield Offer(("checker",), "book voucher recurring confirm", f"确认{one.recurrence_id}", of_one)
            yield Offer(
                ("checker",), "book voucher recurring refuse", f"退回{one.recurrence_id}", of_one, (_REASON,)
            )
        elif one.state == "confirmed":
            yield Offer(
                ("accountant", "checker"),
                "book voucher recurring stop",
                f"停止{one.recurrence_id}",
                of_one,
                (_REASON,),
            )


def _of_templates(held: dict[str, object], found: Sequence[OwnTemplate]) -> Iterator[Offer]:
    for one in found:
        if one.state == "proposed":
            of_one = {**held, "template": one.template_id, "digest": one.digest.hex()}
            yield Offer(("checker",), "book voucher templates confirm", f"确认模板{one.template_id}", of_one)
            yield Offer(
                ("checker",),
                "book voucher templates refuse",
                f"退回模板{one.template_id}",
                of_one,
                (_REASON,),
            )


def _asking(desk: Desk, held: dict[str, object]) -> Iterator[Offer]:
    writers, day = ("accountant", "maker"), str(desk.today)
    yield Offer(
        writers, "book voucher due", "把到期的制单", held,
        (Ask("recurrence", "只办这一项（空为全部）", needed=False), Ask("amount", "金额（每期给金额的，元）", needed=False, many=True)),
        note="截至办理日期到期的，每期只一次。",
    )  # fmt: skip
    yield Offer(writers, "book voucher recurring propose", "提出定期凭证", held, (
        Ask("template", "凭证模板（如A14）"), Ask("evidence", "依据（文号、合同号）"),
        Ask("rhythm", "节律", choices=list(RHYTHMS.items())), Ask("first", "首次到期日", "date", value=day),
        Ask("last", "止日（空为不定期限）", "date", needed=False), Ask("amount", "金额（元，空为每期给）", needed=False, many=True),
        Ask("bank", "自有账户", needed=False, many=True), Ask("account", "末级科目", needed=False, many=True),
        Ask("party", "往来单位", needed=False), Ask("subfund", "账目", choices=[("", "—"), *words_of("subfund").items()], needed=False),
        Ask("year", "服务年度", needed=False), Ask("term", "期号（年年年年月月）", needed=False),
        Ask("category", "待遇类别", choices=[("", "—"), *words_of("category").items()], needed=False)))  # fmt: skip
    yield Offer(
        ("accountant",), "book voucher templates retire", "提出停用模板", held,
        (Ask("code", "本统筹区的模板编号"), Ask("from_day", "自何日起", "date", value=day), Ask("article", "依据（文号、条款）")),
        note="新的一版在文件上传处提出。",
    )  # fmt: skip


def _recurrences(found: Sequence[Recurrence]) -> Grid:
    columns = (
        Column("id", "编号"), Column("template", "模板"), Column("summary", "摘要"), Column("rhythm", "节律"), Column("from", "自", "day"),
        Column("to", "至", "day"), Column("amounts", "金额（元）"), Column("evidence", "依据"), Column("state", "状态"),
        Column("by", "提出"), Column("decided", "复核"), Column("reason", "理由"),
    )  # fmt: skip
    lines = [
        Line((
            one.recurrence_id, one.template, one.summary, said("recurrence.rhythm", one.rhythm), one.from_day, one.to_day,
            "、".join(f"{said('template.part', part)}{yuan_grouped(fen)}" for part, fen in one.given.amounts.items()) or "每期给金额",
            one.evidence, said("recurrence.state", one.state), one.proposed_by, one.decided_by, one.reason,
        ))
        for one in found
    ]  # fmt: skip
    return Grid("定期凭证", "定期凭证", columns, lines)


def _templates(found: Sequence[OwnTemplate]) -> Grid:
    columns = (
        Column("id", "模板"), Column("title", "名称"), Column("article", "依据"), Column("from", "自", "day"), Column("state", "状态"),
        Column("by", "提出"), Column("decided", "复核"), Column("reason", "理由"),
    )  # fmt: skip
    lines = [
        Line((
            one.template_id, "停用" if one.retires else one.form.title, one.form.article, one.since or one.from_day,
            said("template.state", one.state), one.proposed_by, one.decided_by, one.reason,
        ))
        for one in found
    ]  # fmt: skip
    return Grid("凭证模板", "本统筹区的凭证模板", columns, lines)
