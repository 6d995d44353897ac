"""`fundledger user`: users and roles, proposed by the security administrator, confirmed by the audit administrator."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any

import typer

from ledger.access.listing import read_users
from ledger.access.proposals import (
    AskedChange,
    WaitingChange,
    confirm,
    propose_activation,
    propose_deactivation,
    propose_revocation,
    propose_role,
    propose_user,
    refuse,
    waiting,
)
from ledger.access.users import ROLES, deactivate, revoke_role
from ledger.cli.installation import user_keys
from ledger.cli.line.context import JsonFlag, RegionOption, act, app_for, show
from ledger.core.digests import parse_digest
from ledger.core.errors import InvalidInput
from ledger.core.words import said
from ledger.db.unit_of_work import unit_of_work

app = typer.Typer(help="用户、角色与接口密钥：安全管理员提出，审计管理员确认", no_args_is_help=True)
user_keys.add_to(app)

RoleArgument = Annotated[
    str, typer.Argument(help="、".join(f"{role}（{name}）" for role, name in ROLES.items()))
]
FundOption = Annotated[int, typer.Option(help="基金：310、390；0为全部")]
NumberArgument = Annotated[int, typer.Argument(help="变更的编号（user pending所列）")]
DigestOption = Annotated[str, typer.Option("--digest", help="所核对内容的摘要（user pending所列）")]
ProposeFlag = Annotated[
    bool, typer.Option("--propose", help="对管理员：提出，待审计管理员确认（其他人即时生效）")
]


@app.command("list")
def list_users(region: RegionOption, *, as_json: JsonFlag = False) -> None:
    """在本统筹区有角色的用户。"""
    running = app_for("reviewer")
    with unit_of_work(running.engine, running.user, region) as tx:
        found = read_users(tx)
    lines = [
        f"{one.user} {one.display_name}（{one.person}）{'' if one.active else '已停用 '}"
        + "、".join(said("user.role", role) + (f"（{fund}）" if fund else "") for role, fund in one.roles)
        for one in found
    ]
    document = [
        asdict(one) | {"roles": [{"role": role, "fund": fund} for role, fund in one.roles]} for one in found
    ]
    show({"users": document}, lines or ["没有"], as_json=as_json)


@app.command()
def pending(region: RegionOption, *, as_json: JsonFlag = False) -> None:
    """待审计管理员确认的变更，各有编号与摘要。"""
    running = app_for("audit_admin")
    with unit_of_work(running.engine, running.user, region) as tx:
        found = waiting(tx)
    lines = [
        f"{one.n} {_words(one)}，{one.proposed_by}于{one.proposed_on}提出；核对无误后："
        f"fundledger user confirm {one.n} --region {region} --digest {one.digest}"
        for one in found
    ]
    show({"pending": [asdict(one) for one in found]}, lines or ["没有"], as_json=as_json)


@app.command()
def add(user: str, person: str, name: str, region: RegionOption, *, as_json: JsonFlag = False) -> None:
    """提出新增用户：登录名、本人标识、姓名。"""
    running = app_for("admin")
    with act(running, region, "user.add", user) as tx:
        asked = propose_user(tx, user, person, name, running.clock.today())
    _show_asked({"user": user}, f"新增用户{user}", asked, as_json=as_json)


@app.command()
def grant(
    user: str, role: RoleArgument, region: RegionOption, fund: FundOption = 0, *, as_json: JsonFlag = False
) -> None:
    """提出授予角色；不相容的岗位由数据库拒绝。"""
    _require_role(role)
    running = app_for("admin")
    with act(running, region, "user.grant", f"{user} {role} {fund}") as tx:
        asked = propose_role(tx, user, role, fund, running.clock.today())
    _show_asked(
        {"user": user, "role": role, "fund": fund}, f"授予{user}角色{ROLES[role]}", asked, as_json=as_json
    )


@app.command("confirm")
def confirm_one(
    number: NumberArgument, region: RegionOption, digest: DigestOption, *, as_json: JsonFlag = False
) -> None:
    """审计管理员确认所核对的一项变更，确认后生效。"""
    running = app_for("audit_admin")
    content = parse_digest(digest).hex()
    with act(running, region, "user.confirm", str(number)) as tx:
        done, second = confirm(tx, number, content, running.clock.today())
    lines = [f"第{number}号已生效：{_words(done)}"]
    if second:
        what = "登录链接" if done.act == "password" else f"接口密钥{done.key_prefix}"
        lines += [f"{done.user}的{what}的后一半，只显示这一次，请当面交给本人：", f"  {second}"]
        if done.act == "key":
            lines += ["  使用人把前一半、英文句点、后一半依次相接，即为密钥"]
    document = asdict(done) | {"state": "confirmed"} | ({"second": second} if second else {})
    show(document, lines, as_json=as_json)


@app.command("refuse")
def refuse_one(
    number: NumberArgument,
    region: RegionOption,
    digest: DigestOption,
    reason: Annotated[str, typer.Option(help="退回的理由")],
    *,
    as_json: JsonFlag = False,
) -> None:
    """审计管理员退回一项变更。"""
    running = app_for("audit_admin")
    content = parse_digest(digest).hex()
    with act(running, region, "user.refuse", str(number)) as tx:
        done = refuse(tx, number, content, reason, running.clock.today())
    show(asdict(done) | {"state": "refused"}, [f"第{number}号已退回：{_words(done)}"], as_json=as_json)


@app.command()
def revoke(
    user: str,
    role: RoleArgument,
    region: RegionOption,
    fund: FundOption = 0,
    *,
    propose: ProposeFlag = False,
    as_json: JsonFlag = False,
) -> None:
    """收回角色，即时生效；管理员的角色加 --propose，由两人办理。"""
    _require_role(role)
    running = app_for("admin")
    document: dict[str, Any] = {"user": user, "role": role, "fund": fund}
    with act(running, region, "user.revoke", f"{user} {role} {fund}") as tx:
        if propose:
            asked = propose_revocation(tx, user, role, fund, running.clock.today())
        else:
            revoke_role(tx, user, role, fund)
    if propose:
        _show_asked(document, f"收回{user}的角色{said('user.role', role)}", asked, as_json=as_json)
    else:
        show(document | {"revoked": True}, [f"已收回{user}的角色{said('user.role', role)}"], as_json=as_json)


@app.command("deactivate")
def deactivate_one(
    user: str, region: RegionOption, *, propose: ProposeFlag = False, as_json: JsonFlag = False
) -> None:
    """停用用户及其全部密钥，即时生效；管理员加 --propose，由两人办理。"""
    running = app_for("admin")
    keys: list[str] = []
    with act(running, region, "user.deactivate", user) as tx:
        if propose:
            asked = propose_deactivation(tx, user, running.clock.today())
        else:
            keys = deactivate(tx, user)
    if propose:
        _show_asked({"user": user}, f"停用用户{user}", asked, as_json=as_json)
    else:
        told = f"，停用密钥{len(keys)}个：{'、'.join(keys)}" if keys else "，没有有效密钥"
        show({"user": user, "active": False, "keys": keys}, [f"已停用用户{user}{told}"], as_json=as_json)


@app.command()
def activate(user: str, region: RegionOption, *, as_json: JsonFlag = False) -> None:
    """提出恢复已停用的用户；密钥须另行签发。"""
    running = app_for("admin")
    with act(running, region, "user.activate", user) as tx:
        asked = propose_activation(tx, user, running.clock.today())
    _show_asked({"user": user}, f"恢复用户{user}", asked, as_json=as_json)


def _require_role(role: str) -> None:
    if role not in ROLES:
        raise InvalidInput("role.unknown", f"没有角色{role}", role=role)


def _show_asked(document: dict[str, Any], words: str, asked: AskedChange, *, as_json: bool) -> None:
    show(
        document | {"state": "proposed", "n": asked.n, "digest": asked.digest},
        [f"第{asked.n}号：{words}，已提出，待审计管理员确认：fundledger user pending"],
        as_json=as_json,
    )


def _words(one: WaitingChange) -> str:
    words = [said("user_proposal.act", one.act), one.user]
    words += [f"{one.display_name}（{one.person}）"] if one.person else []
    words += [said("user.role", one.role) + (f"（{one.fund}）" if one.fund else "")] if one.role else []
    words += [f"{one.label} {one.key_prefix}，至{one.expires_on}"] if one.expires_on else []
    words += [one.label] if one.key_prefix and not one.expires_on else []
    return " ".join(words)
