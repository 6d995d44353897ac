"""Users with their posts, changes that wait for the audit administrator, and the operator log."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from datetime import date, datetime, time, timedelta
from typing import Any
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response

from ledger.access.listing import ListedUser, read_keys, read_users
from ledger.access.proposals import waiting
from ledger.access.signing import published
from ledger.access.signing.persons import keys_of
from ledger.access.signing.register import check_list, list_digest
from ledger.access.signing.statement import read_statement
from ledger.access.users import ROLES
from ledger.core.dates import SHANGHAI, parse_day
from ledger.core.entries import FUND_NAMES
from ledger.core.errors import Forbidden
from ledger.core.words import said, words_of
from ledger.web.pages.payouts import local
from ledger.web.record import Ask, Offer, offered
from ledger.web.show import ROWS, Filter, address, grid_page
from ledger.web.sitting import Desk
from reports.render.grid import Column, Grid, Line

_LOG: tuple[Column, ...] = (
    Column("at", "时间"), Column("user", "操作员"), Column("name", "姓名"), Column("action", "事项"), Column("object", "对象"),
    Column("outcome", "结果"), Column("detail", "说明"),
)  # fmt: skip
READERS = ("admin", "audit_admin", "reviewer", "chief")
"""Who is shown users and the log: the page's own choice of what to offer; the database lets a region's people read both."""


def users(desk: Desk, _request: Request) -> Response:
    """Who works here, and what is proposed."""
    _require_reader(desk)
    with desk.tx() as tx:
        found = read_users(tx)
        proposals = waiting(tx)
        keys = read_keys(tx, desk.today)
        signing = keys_of(tx)
        listed = (
            published.listed(tx, desk.today)
            if tx.value("SELECT count(*) FROM access.home") and signing
            else None
        )
        entered = dict(
            tx.rows(
                "SELECT p.user_name, CASE WHEN p.locked_until > clock_timestamp() THEN 'locked' ELSE 'set' END FROM access.password p"
                " JOIN access.user_role r USING (user_name) WHERE r.region = %(region)s",
                region=desk.region,
            )
        )
    columns = (
        Column("user", "用户名"), Column("name", "姓名"), Column("person", "本人标识"), Column("roles", "岗位"), Column("active", "状态"),
        Column("password", "网页登录"),
    )  # fmt: skip
    words = {"locked": "陌生地址已锁定", "set": "已设密码"}
    lines = [
        Line((
            one.user, one.display_name, one.person,
            "、".join(said("user.role", role) + (f"（{fund}）" if fund else "") for role, fund in one.roles),
            "在用" if one.active else "已停用", words.get(entered.get(one.user, ""), "未设密码"),
        ))
        for one in found
    ]  # fmt: skip
    shown = Grid("用户", "用户", columns, lines)
    return grid_page(
        desk, shown, template="users.html",
        extra={
            "proposals": proposals, "keys": keys, "signing": signing, "listed": _listed(listed), "roles": ROLES, "offers": offered(desk, _offers(desk, found)),
            "here": address("users", region=desk.region),
        },
    )  # fmt: skip


def _listed(document: dict[str, Any] | None) -> dict[str, Any] | None:
    """The list of persons as it is signed: by its digest, and who signed it so far."""
    if document is None:
        return None
    signers = [read_statement(one["statement"])[0] for one in document["signatures"]]
    return {
        "digest": list_digest(document), "made_on": document["made_on"], "keys": len(document["keys"]),
        "signers": [(one.user, one.person) for one in signers],
    }  # fmt: skip


def persons_list(desk: Desk, _request: Request) -> Response:
    """The list of persons that two signed, as the file that evidence is checked by offline. Raises InvalidInput `evidence.list`."""
    _require_reader(desk)
    with desk.tx() as tx:
        document = published.listed(tx, desk.today)
    check_list(document)
    name = quote(f"人员密钥名册-{desk.region}.json")
    headers = {"content-disposition": f"attachment; filename*=UTF-8''{name}"}
    content = json.dumps(document, ensure_ascii=False, indent=1) + "\n"
    return Response(content, media_type="application/json", headers=headers)


def _offers(desk: Desk, found: Sequence[ListedUser]) -> Iterator[Offer]:
    """Taking roles, stopping and bringing back users: an administrator's are taken by two persons."""
    held, admin = {"region": desk.region}, ("admin",)
    role = Ask("role", "岗位", choices=list(ROLES.items()))
    fund = Ask(
        "fund", "基金", choices=(("0", "全部"), *((str(code), name) for code, name in FUND_NAMES.items()))
    )
    active = Ask(
        "user", "用户", choices=[(one.user, f"{one.user} {one.display_name}") for one in found if one.active]
    )
    of_key = (
        active,
        Ask("label", "用途", value="接口"),
        Ask("expires", "到期日", "date", value=str(desk.today + timedelta(days=365))),
    )
    yield Offer(
        admin,
        "user key",
        "签发接口密钥",
        held,
        of_key,
        note="只显示前一半，请当面交给使用人；后一半在审计管理员确认时显示，由其交给使用人。两半齐全才能用。",
        keyed=False,
    )
    yield Offer(admin, "user revoke", "即时收回岗位", held, (active, role, fund))
    yield Offer(
        admin,
        "user revoke",
        "提出收回管理员岗位",
        {**held, "propose": True},
        (active, role, fund),
        note="待审计管理员确认。",
    )
    yield Offer(admin, "user deactivate", "即时停用", held, (active,), note="连同其全部密钥。")
    yield Offer(
        admin,
        "user deactivate",
        "提出停用管理员",
        {**held, "propose": True},
        (active,),
        note="待审计管理员确认。",
    )
    stopped = [(one.user, f"{one.user} {one.display_name}") for one in found if not one.active]
    if stopped:
        yield Offer(
            admin,
            "user activate",
            "提出恢复",
            held,
            (Ask("user", "用户", choices=stopped),),
            note="密钥须另行签发。",
        )


def log(desk: Desk, _request: Request) -> Response:
    """Who did what, when, with which outcome; by person, time and content, the newest first."""
    _require_reader(desk)
    q = desk.query
    summaries = {
        one.name.replace(" ", "."): re.split("[：，。；]", one.summary)[0]
        for one in desk.house.commands.described()
    }
    worded_actions = summaries | dict(words_of("operator.action"))
    """What was done, in words: an act of the command line by what its help says of it."""
    sought = q.get("words", "")
    # people look for what they read: the stored code of an action is on no page
    actions = [action for action, words in worded_actions.items() if sought and sought in words]

    def read(limit: int | None, before: str) -> list[tuple[Any, ...]]:
        with desk.tx() as tx:
            named = tx.rows(
                "SELECT user_name FROM access.app_user WHERE display_name = %(name)s", name=q.get("user", "")
            )
            rows: list[tuple[Any, ...]] = tx.rows(
                """SELECT l.id, l.recorded_at, l.user_name, u.display_name, l.action, l.object, l.outcome, l.detail
                     FROM access.operator_log l LEFT JOIN access.app_user u ON u.user_name = l.user_name
                    WHERE l.region = %(region)s AND (%(before)s::bigint IS NULL OR l.id < %(before)s)
                      AND (%(user)s = '' OR l.user_name = ANY(%(users)s::text[])) AND (%(outcome)s = '' OR l.outcome = %(outcome)s)
                      AND (%(since)s::timestamptz IS NULL OR l.recorded_at >= %(since)s)
                      AND (%(until)s::timestamptz IS NULL OR l.recorded_at < %(until)s)
                      AND (%(words)s = '' OR l.action = ANY(%(actions)s::text[])
                           OR strpos(l.action || ' ' || l.object || ' ' || l.detail, %(words)s) > 0)
                    ORDER BY l.id DESC LIMIT %(limit)s""",
                region=desk.region,
                before=int(before) if before.isascii() and before.isdigit() and len(before) < 19 else None,
                user=q.get("user", ""),
                users=[q.get("user", ""), *(user for (user,) in named)],
                actions=actions,
                outcome=q.get("outcome", ""),
                since=_midnight(q.get("from", "")),
                until=_midnight(q.get("to", ""), 1),
                words=sought,
                limit=limit,
            )
        return rows

    def table(rows: list[tuple[Any, ...]]) -> Grid:
        lines = [
            Line(
                (
                    local(at),
                    user,
                    name or "",
                    worded_actions.get(action) or action,
                    subject,
                    said("operator.outcome", outcome),
                    detail,
                )
            )
            for _, at, user, name, action, subject, outcome, detail in rows
        ]
        return Grid("操作日志", "操作日志", _LOG, lines)

    found = read(ROWS + 1, q.get("after", ""))
    filters = (
        Filter("user", "操作员（用户名或姓名）"), Filter("from", "日期自", (), "date"), Filter("to", "至", (), "date"),
        Filter("outcome", "结果", list(words_of("operator.outcome").items())), Filter("words", "内容"),
    )  # fmt: skip
    following = str(found[ROWS - 1][0]) if len(found) > ROWS else None
    return grid_page(
        desk, table(found[:ROWS]), filters=filters, following=following, whole=lambda: table(read(None, ""))
    )


def _require_reader(desk: Desk) -> None:
    if not desk.can(*READERS):
        raise Forbidden("access.role_missing", "此页供管理员、内控稽核、会计主管查看")


def _midnight(text: str, later: int = 0) -> datetime | None:
    if not text:
        return None
    day: date = parse_day(text) + timedelta(days=later)
    return datetime.combine(day, time(), SHANGHAI)
