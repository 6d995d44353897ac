"""`fundledger payments freeze`: why a region pays nothing, and lifting it after reconciling with the bank, by two persons."""

from __future__ import annotations

import dataclasses
from typing import Annotated

import typer

from ledger.cli.line.context import JsonFlag, RegionOption, act, app_for, show
from ledger.core.digests import parse_digest
from ledger.db.unit_of_work import unit_of_work
from ledger.payments.freeze.freeze import (
    STATES,
    Freeze,
    decide_thaw,
    freezes,
    propose_thaw,
    proposed_digest,
)

app = typer.Typer(help="支付冻结：数据库从备份恢复后先与银行核对，两人解除", no_args_is_help=True)


@app.command("list")
def list_command(region: RegionOption, *, as_json: JsonFlag = False) -> None:
    """列出冻结的原因、解除的依据与经办；有待复核的，给出摘要。"""
    running = app_for("reviewer")
    with unit_of_work(running.engine, running.user, region) as tx:
        found, digest = freezes(tx), proposed_digest(tx)
    document = {"freezes": [_plain(one) for one in found], "digest": digest or None}
    lines = [_words(one) for one in found] or ["没有冻结"]
    if digest:
        lines.append(f"待复核解除，摘要 {digest}")
    show(document, lines, as_json=as_json)


@app.command("propose")
def propose_command(
    region: RegionOption,
    document: Annotated[str, typer.Option(help="依据：与银行核对所据的对账单、查复函")],
    *,
    as_json: JsonFlag = False,
) -> None:
    """会计与银行核对完毕后提出解除，待另一人复核。"""
    running = app_for("accountant")
    with act(running, region, "payments.thaw_proposed", document) as tx:
        digest = propose_thaw(tx, document, running.clock.today())
    show({"digest": digest}, [f"已提出解除，待另一人复核，摘要 {digest}"], as_json=as_json)


@app.command("confirm")
def confirm_command(
    region: RegionOption,
    digest: Annotated[str, typer.Option(help="所核对的摘要（freeze list给出）")],
    refusal: Annotated[str, typer.Option("--refuse", help="不同意的理由")] = "",
    *,
    as_json: JsonFlag = False,
) -> None:
    """复核解除：另一人，对摘要负责；给出理由则退回，支付仍冻结。"""
    running = app_for("checker")
    with act(running, region, "payments.thaw_refused" if refusal else "payments.thawed", digest[:16]) as tx:
        count = decide_thaw(tx, parse_digest(digest, "freeze.digest_format"), running.clock.today(), refusal)
    words = f"已退回：{refusal}" if refusal else f"已解除{count}项冻结，可以拨付"
    show({"lifted": 0 if refusal else count}, [words], as_json=as_json)


def _plain(one: Freeze) -> dict[str, object]:
    return dataclasses.asdict(one) | {"found_on": one.found_on.isoformat()}


def _words(one: Freeze) -> str:
    said = f"{one.n} {one.found_on} {STATES[one.state]} {one.detail}（{one.found_by}发现）"
    if one.proposed_by:
        said += f"；{one.proposed_by}提出解除，依据{one.document}"
    if one.lifted_by:
        said += f"；{one.lifted_by}复核解除"
    return said + (f"；退回：{one.refusal}" if one.refusal else "")
