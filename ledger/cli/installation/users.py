"""`fundledger user`: users, roles and API keys, by the region's administrator."""

from __future__ import annotations

from typing import Annotated

import typer

from ledger.access.users import ROLES, add_user, grant_role, issue_key, revoke_key, revoke_role
from ledger.cli.line.context import JsonFlag, RegionOption, act, app_for, show
from ledger.core.dates import parse_day
from ledger.core.errors import InvalidInput
from ledger.core.words import said

app = typer.Typer(help="用户、角色与接口密钥", no_args_is_help=True)

RoleArgument = Annotated[
    str, typer.Argument(help="、".join(f"{role}（{name}）" for role, name in ROLES.items()))
]
FundOption = Annotated[int, typer.Option(help="基金：310、390；0为全部")]


@app.command()
def add(user: str, person: str, name: str, region: RegionOption, *, as_json: JsonFlag = False) -> None:
    """新增用户：登录名、本人标识、姓名。"""
    running = app_for("admin")
    with act(running, region, "user.add", user) as tx:
        add_user(tx, user, person, name)
    show({"user": user}, [f"已新增用户{user}"], as_json=as_json)


@app.command()
def grant(
    user: str, role: RoleArgument, region: RegionOption, fund: FundOption = 0, *, as_json: JsonFlag = False
) -> None:
    """授予角色；不相容的岗位由数据库拒绝。"""
    if role not in ROLES:
        raise InvalidInput("role.unknown", f"没有角色{role}", role=role)
    running = app_for("admin")
    with act(running, region, "user.grant", f"{user} {role} {fund}") as tx:
        grant_role(tx, user, role, fund)
    show({"user": user, "role": role, "fund": fund}, [f"已授予{user}角色{ROLES[role]}"], as_json=as_json)


@app.command()
def revoke(
    user: str, role: RoleArgument, region: RegionOption, fund: FundOption = 0, *, as_json: JsonFlag = False
) -> None:
    """收回角色。"""
    running = app_for("admin")
    with act(running, region, "user.revoke", f"{user} {role} {fund}") as tx:
        revoke_role(tx, user, role, fund)
    show(
        {"user": user, "role": role, "fund": fund},
        [f"已收回{user}的角色{said('user.role', role)}"],
        as_json=as_json,
    )


@app.command()
def key(
    user: str,
    region: RegionOption,
    expires: Annotated[str, typer.Option(help="到期日 YYYY-MM-DD")],
    label: Annotated[str, typer.Option(help="用途")] = "接口",
    *,
    as_json: JsonFlag = False,
) -> None:
    """签发接口密钥：只显示这一次，库内只存摘要。"""
    running = app_for("admin")
    with act(running, region, "user.key", f"{user} {label}") as tx:
        issued = issue_key(tx, user, label, parse_day(expires))
    show({"user": user, "key": issued}, [issued], as_json=as_json)


@app.command("revoke-key")
def revoke_one(key: str, region: RegionOption, *, as_json: JsonFlag = False) -> None:
    """停用接口密钥。"""
    running = app_for("admin")
    with act(running, region, "user.revoke_key", "接口密钥") as tx:
        revoke_key(tx, key)
    show({"revoked": True}, ["已停用"], as_json=as_json)
