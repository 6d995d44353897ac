"""挂账与未知: what did not go by itself and waits for a person: papers in suspense, orders without an answer, refusals, files set aside, a freeze."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final
from urllib.parse import quote, unquote

from starlette.requests import Request
from starlette.responses import Response

from ledger.core.entries import FUND_NAMES
from ledger.core.errors import NotFound
from ledger.core.money import yuan_grouped
from ledger.core.words import paper_named, said, words_of
from ledger.db.safekeeping.fields import shown_rows
from ledger.fund.cash.person_accounts import PersonAccount, read_person_accounts
from ledger.fund.suspense.resolution import Resolution, read_resolutions
from ledger.payments.freeze.freeze import Freeze, freezes, proposed_digest
from ledger.payments.incoming.again import KeptFile, kept_files
from ledger.payments.incoming.by_hand import HandedFile, handed_files
from ledger.payments.incoming.proven import BankRefusal, read_refusals
from ledger.payments.orders.listing import OpenPaper, open_papers
from ledger.web.pages.watch.inbound import file_address, read_again
from ledger.web.pages.watch.quarantine import COUNT
from ledger.web.record import Ask, Offer, decide, record_page
from ledger.web.show import Linked, address
from ledger.web.sitting import Desk
from reports.render.grid import Column, Grid, Line

_UNKNOWN: Final = ("unknown", "sending", "sent", "accepted")
PAPERS: Final = 1000
"""Open papers that are listed, the oldest first."""


def listing(desk: Desk, _request: Request) -> Response:
    """Everything that waits for a person, each kind with the acts it allows."""
    with desk.tx() as tx:
        papers, said_of = open_papers(tx, PAPERS), read_resolutions(tx, state="requested")
        refused = read_refusals(tx)
        aside = kept_files(tx, outcome="quarantined")
        handed = handed_files(tx, state="requested")
        persons = read_person_accounts(tx, open_only=True)
        signs, digest = freezes(tx), proposed_digest(tx)
        found = tx.rows(
            "SELECT order_no, institution, payee_name, amount_fen, sent_on, state FROM payments.pay_order"
            " WHERE region = %(region)s AND state = ANY(%(states)s) ORDER BY sent_on, order_no LIMIT 1000",
            region=desk.region,
            states=list(_UNKNOWN),
        )
        unknown = shown_rows(tx, found)
        [(lines, _)] = tx.rows(COUNT, region=desk.region)
    here = address("exceptions", region=desk.region)
    facts = (
        ("挂账、待配对的回单", len(papers)), ("其中待复核的处理", len(said_of)), ("未回单的拨付单", len(unknown)),
        ("银行拒绝待证实", len(refused)), ("隔离的文件", Linked(str(len(aside)), address("inbound", region=desk.region))),
        ("隔离的结算记录", Linked(str(lines), address("quarantine", region=desk.region))), ("送来的文件待复核", len(handed)),
        ("个人收款账户待更正", len(persons)), ("支付", "冻结" if any(one.state != "lifted" for one in signs) else "未冻结"),
    )  # fmt: skip
    offers = [
        *_frozen(desk, signs, digest),
        *([Offer(("accountant",), "payments ask", "查询超期未回单的", {"region": desk.region}, note="只查询，不重发。")] if unknown else []),
        *(one for file in aside[:20] for one in read_again(desk, file)),
        *(one for file in handed[:20] for one in _handed(desk, file)),
    ]  # fmt: skip
    grids = [
        _papers(desk, papers, said_of), _unknown(unknown), _refusals(refused), _held(desk, persons), _files(desk, aside, handed), _signs(signs),
    ]  # fmt: skip
    return record_page(desk, "挂账与未知", facts, [one for one in grids if one.lines], offers, here=here)


def paper_address(region: int, one: OpenPaper | Resolution) -> str:
    """The page of a paper."""
    key = "~".join(quote(part, safe="") for part in (one.account, one.kind, one.receipt_no, one.direction))
    return address(f"suspense/{quote(key, safe='~')}", region=region)


def one(desk: Desk, request: Request) -> Response:
    """A paper in suspense: what the bank says, what was said of it, proposing what it is, deciding on that."""
    parts = [unquote(part) for part in request.path_params["paper"].split("~")]
    with desk.tx() as tx:
        found = [
            p for p in open_papers(tx, PAPERS) if [p.account, p.kind, p.receipt_no, p.direction] == parts
        ]
        told = [r for r in read_resolutions(tx) if [r.account, r.kind, r.receipt_no, r.direction] == parts]
    if not found and not told:
        raise NotFound("suspense.unknown", f"没有挂账回单{'~'.join(parts)[:60]}", paper=str(parts)[:60])
    account, kind, number, direction = parts
    paper = found[0] if found else None
    facts: list[tuple[str, object]] = [
        ("账户", account),
        ("凭据", paper_named(kind, number)),
        ("借贷", said("direction", direction)),
    ]
    if paper is not None:
        facts += [
            ("银行日期", paper.booking_date), ("金额", yuan_grouped(paper.amount_fen)), ("结果", said("paper.outcome", paper.outcome)),
            ("原因", said("paper.reason", paper.code)), ("拨付单", paper.order_no),
            ("可能", f"似与{paper.same_as}同为一笔（依据须为银行查复）" if paper.same_as else ""),
        ]  # fmt: skip
    here = paper_address(desk.region, paper if paper is not None else told[0])
    held = {"region": desk.region, "date": desk.today}
    offers = []
    for r in told:
        if r.state == "requested":
            offers += decide(
                ("checker",), "payments suspense confirm", {**held, "resolution": r.resolution_id}, "refusal"
            )
    if paper is not None and not offers:
        receipt = f"{kind}:{number}:{direction}"
        offers.append(_proposal({**held, "account": account, "receipt": receipt}, paper))
    return record_page(desk, f"挂账回单 {paper_named(kind, number)}", facts, [_told(told)], offers, here=here)


def _proposal(held: dict[str, object], paper: OpenPaper) -> Offer:
    """The form that says what a paper is; a paper much like another already booked is proposed as the same."""
    kinds = list(words_of("resolution.what").items())
    if paper.same_as:
        kinds.sort(key=lambda one: one[0] != "same")
    asks = (
        Ask("fund", "基金", choices=[(str(code), name) for code, name in FUND_NAMES.items()]),
        Ask("what", "是什么", choices=kinds),
        Ask("reference", "所指（拨付单号、请款编号、另一回单等）", value=paper.order_no or paper.same_as, needed=False),
        Ask("document", "依据（查询查复书、函件、说明）"),
    )  # fmt: skip
    return Offer(
        ("accountant",), "payments suspense propose", "提出，待另一人复核", held, asks,
        note="此时不记账；复核同意后按其规则记账。",
    )  # fmt: skip


def _papers(desk: Desk, papers: Sequence[OpenPaper], said_of: Sequence[Resolution]) -> Grid:
    waits = {(r.account, r.kind, r.receipt_no, r.direction): r for r in said_of}
    columns = (
        Column("paper", "回单"), Column("account", "账户"), Column("day", "银行日期", "day"), Column("direction", "借贷"),
        Column("amount", "金额", "money"), Column("why", "原因"), Column("order_no", "拨付单"), Column("likely", "可能"),
        Column("said", "已提出"),
    )  # fmt: skip
    lines = []
    for p in papers:
        r = waits.get((p.account, p.kind, p.receipt_no, p.direction))
        told = f"{said('resolution.what', r.what)}，{r.prepared_by}提出，待复核" if r is not None else ""
        lines.append(
            Line((
                Linked(paper_named(p.kind, p.receipt_no), paper_address(desk.region, p)), p.account, p.booking_date,
                said("direction", p.direction), p.amount_fen, said("paper.reason", p.code), p.order_no,
                f"似与{_like(p.same_as)}同为一笔" if p.same_as else "", told,
            ))
        )  # fmt: skip
    return Grid(
        "挂账回单",
        "挂账与待配对的回单",
        columns,
        lines,
        notes=("点回单提出它是什么，或复核他人所提。单位：元",),
    )


def _like(reference: str) -> str:
    kind, _, number = reference.partition(":")
    return paper_named(kind, number) if number else reference


def _unknown(rows: Sequence[tuple[object, ...]]) -> Grid:
    columns = (
        Column("order_no", "拨付单号"), Column("institution", "机构"), Column("payee", "收款户名"), Column("amount", "金额", "money"),
        Column("sent", "发送日", "day"), Column("state", "状态"),
    )  # fmt: skip
    lines = [Line((*row[:5], said("order.state", str(row[5])))) for row in rows]  # type: ignore[arg-type]
    return Grid("未回单", "已发送而无回单的拨付单", columns, lines, notes=("单位：元",))


def _refusals(found: Sequence[BankRefusal]) -> Grid:
    columns = (
        Column("order_no", "拨付单号"), Column("amount", "金额", "money"), Column("state", "状态"), Column("said", "银行拒绝日", "day"),
        Column("first", "第一项：银行的拒绝"), Column("second", "第二项：对账单"), Column("missing", "尚缺"),
    )  # fmt: skip
    lines = [
        Line((
            one.order, one.amount_fen, said("order.state", one.state), one.said_on, one.file,
            "、".join(one.statements) or "无", "；".join(one.missing) or "无，可退回重付",
        ))
        for one in found
    ]  # fmt: skip
    return Grid(
        "银行拒绝",
        "银行拒绝待证实的拨付单",
        columns,
        lines,
        notes=("两项证据俱在，在拨付单页退回，方可重付。",),
    )


def _held(desk: Desk, found: Sequence[PersonAccount]) -> Grid:
    columns = (
        Column("payment", "个人付款"), Column("order_no", "退回的拨付单"), Column("failed", "退回日", "day"), Column("why", "原因"),
        Column("state", "状态"), Column("by", "提出"),
    )  # fmt: skip
    lines = [
        Line((Linked(one.payment_id, address(f"cash/{one.payment_id}", region=desk.region)), one.order_no, one.failed_on, one.why,
              said("person_account.state", one.state), one.prepared_by))
        for one in found
    ]  # fmt: skip
    return Grid(
        "个人收款账户",
        "收款账户经银行退回、停付的个人付款",
        columns,
        lines,
        notes=("点编号更正账户（或核实原账户），另一人复核后方再制单。",),
    )


def _files(desk: Desk, aside: Sequence[KeptFile], handed: Sequence[HandedFile]) -> Grid:
    columns = (
        Column("name", "文件名"), Column("account", "账户"), Column("how", "情形"), Column("day", "收到", "day"), Column("why", "说明"),
        Column("sha256", "摘要SHA-256"),
    )  # fmt: skip
    lines = [
        Line(
            (
                Linked(one.name, file_address(desk.region, one)),
                one.account,
                "已隔离",
                one.received_on,
                one.message,
                one.sha256.hex(),
            )
        )
        for one in aside
    ]
    lines += [
        Line((one.name, one.account, f"{one.brought_by}送来，{one.prepared_by}登记", None, one.document, one.sha256.hex()))
        for one in handed
    ]  # fmt: skip
    return Grid("隔离与送来的文件", "隔离的文件，送来待复核的文件", columns, lines)


def _signs(signs: Sequence[Freeze]) -> Grid:
    columns = (
        Column("n", "序号", "count"), Column("found", "发现日", "day"), Column("state", "状态"), Column("detail", "缘由"),
        Column("by", "发现人"), Column("document", "解除的依据"), Column("proposed", "提出"), Column("lifted", "复核"),
        Column("refusal", "退回"),
    )  # fmt: skip
    lines = [
        Line((one.n, one.found_on, said("freeze.state", one.state), one.detail, one.found_by, one.document, one.proposed_by,
              one.lifted_by, one.refusal))
        for one in signs
    ]  # fmt: skip
    return Grid("支付冻结", "支付冻结", columns, lines)


def _told(found: Sequence[Resolution]) -> Grid:
    columns = (
        Column("key", "编号"), Column("what", "是什么"), Column("reference", "所指"), Column("document", "依据"), Column("state", "状态"),
        Column("by", "提出"), Column("checked", "复核"), Column("reason", "理由"),
    )  # fmt: skip
    lines = [
        Line((one.resolution_id, said("resolution.what", one.what), _like(one.reference), one.document,
              said("resolution.state", one.state), one.prepared_by, one.approved_by, one.reason))
        for one in found
    ]  # fmt: skip
    return Grid("处理", "对此回单的处理", columns, lines)


def _frozen(desk: Desk, signs: Sequence[Freeze], digest: str) -> list[Offer]:
    if any(one.state == "standing" for one in signs):
        asks = (Ask("document", "依据（对账单、查复函）"),)
        return [
            Offer(("accountant",), "payments freeze propose", "提出解除冻结", {"region": desk.region}, asks)
        ]
    if digest:
        held = {"region": desk.region, "digest": digest}
        return decide(("checker",), "payments freeze confirm", held, "refusal")
    return []


def _handed(desk: Desk, one: HandedFile) -> list[Offer]:
    held = {
        "region": desk.region,
        "account": one.account,
        "digest": one.sha256.hex(),
        "date": desk.today,
    }
    return decide(("checker",), "payments handed confirm", held, "refusal")
