"""`fundledger intake`: settlement records from files; what was refused, and why."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

from ledger.bootstrap import App
from ledger.cli.line.acting import ACTING
from ledger.cli.line.context import JsonFlag, app_for, progress_bar, show, steps
from ledger.core.cells import cell
from ledger.core.errors import Forbidden, InvalidInput, LedgerError
from ledger.core.money import yuan_grouped
from ledger.core.private import opened_text, private_folder
from ledger.db.unit_of_work import NO_REGION, unit_of_work
from ledger.fund.intake.file import FileResult, load_file
from ledger.fund.record.judge import IntakeRules

app = typer.Typer(help="结算记录接入", no_args_is_help=True)


@app.callback()
def _group() -> None:
    """结算记录接入."""


@app.command()
def load(
    files: Annotated[list[Path], typer.Argument(help="JSON行文件，2304格式")],
    region: Annotated[
        int, typer.Option("--region", help="记入此统筹区的操作日志；缺省记入不分统筹区的日志")
    ] = NO_REGION,
    *,
    as_json: JsonFlag = False,
) -> None:
    """接入结算记录文件：好的入库，坏的隔离并列明原因，合计相符。"""
    running = app_for("intake")
    for path in files:
        require_file(path)
    if region != NO_REGION:
        _require_post(running, region)
    results: list[FileResult] = []
    rules = IntakeRules(today=running.clock.today())
    try:
        for path in files:
            with (
                steps(running, region, "intake.load", path.name),
                progress_bar(path.name) as advance,
            ):
                results.append(load_file(running.engine, running.user, path, rules, progress=advance))
    except LedgerError as refusal:
        if results:  # what the files before it brought in is stored, and has to be told
            refusal.details = {**refusal.details, "loaded": _document(running, results)}
            for line in _words(_document(running, results), results):
                typer.echo(line, err=True)
        raise
    # over HTTP nobody can open a file on this machine: the lines set aside are looked at by who may (`data open`)
    document = summary(results) if ACTING.answers is not None else _document(running, results)
    show(document, _words(document, results), as_json=as_json)


def _require_post(running: App, region: int) -> None:
    """Raise Forbidden `access.role_missing` unless the user brings records in there: its log is not another's to write in."""
    with unit_of_work(running.engine, running.user, region) as tx:
        held = tx.value(
            "SELECT count(*) FROM access.user_role WHERE region = %(region)s AND user_name = %(user)s AND role = 'intake'",
            region=region,
            user=running.user,
        )
    if not held:
        raise Forbidden("access.role_missing", f"用户{running.user}在统筹区{region}没有数据接入岗")


def require_file(path: Path) -> None:
    """Raise the operating system's reason for a file that cannot be read; InvalidInput `file.missing` for what is none."""
    if not path.is_file():
        path.stat()
        raise InvalidInput("file.missing", f"{path}不是文件", file=str(path))
    path.open("rb").close()


def _document(running: App, results: list[FileResult]) -> dict[str, object]:
    report_path = write_quarantine_report(running, results)
    return summary(results) | {"quarantine": str(report_path) if report_path else ""}


def _words(document: Mapping[str, object], results: list[FileResult]) -> list[str]:
    lines = [
        f"接受{document['accepted']}笔，重复{document['duplicate']}笔，隔离{document['quarantined']}笔；"
        f"接受的医疗费总额{yuan_grouped(sum(r.accepted_fen for r in results))}元，"
        f"日拨付应付{yuan_grouped(sum(r.payable_fen for r in results))}元"
    ]
    if document.get("quarantine"):
        lines.append(f"隔离清单：{document['quarantine']}")
    return lines


def summary(results: list[FileResult]) -> dict[str, object]:
    """The totals of some loads; amounts in fen as text."""
    return {
        "accepted": sum(r.accepted for r in results),
        "duplicate": sum(r.duplicate for r in results),
        "quarantined": sum(r.quarantined for r in results),
        "amount_fen": str(sum(r.accepted_fen for r in results)),
        "payable_fen": str(sum(r.payable_fen for r in results)),
    }


def write_quarantine_report(running: App, results: list[FileResult]) -> Path | None:
    """The refused lines of these loads as CSV in the home's reports folder; None where nothing was refused."""
    if not any(r.quarantined for r in results):
        return None
    names = {r.load_id: r.file for r in results}
    rows: list[tuple[object, ...]] = []
    with unit_of_work(running.engine, running.user) as tx:
        regions = [region for (region,) in tx.rows("SELECT access.regions_of(%(user)s)", user=running.user)]
    for region in [NO_REGION, *regions]:
        with unit_of_work(running.engine, running.user, region) as tx:
            rows += tx.rows(
                """SELECT q.load_id, q.line, q.setl_id, q.field, q.code, q.message FROM fund.quarantine q
                    WHERE q.region = %(region)s AND q.load_id = ANY(%(loads)s) ORDER BY q.load_id, q.line""",
                region=region,
                loads=list(names),
            )
    folder = running.settings.home / "reports"
    private_folder(folder)
    path = folder / f"quarantine-{min(names)}-{max(names)}.csv"
    with opened_text(path, encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["文件", "行", "结算ID", "字段", "代码", "原因"])
        for load_id, line, setl_id, field, code, message in sorted(rows, key=lambda row: (row[0], row[1])):
            said = (setl_id, field, code, message)
            writer.writerow([cell(names[int(str(load_id))]), line, *(cell(str(text)) for text in said)])
    return path
