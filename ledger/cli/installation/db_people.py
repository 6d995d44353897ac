"""`fundledger db audit-admin`, `db link`: what the database administrator does for a region's two administrators."""

from __future__ import annotations

from typing import Annotated

import psycopg
import typer

from ledger.access.links import give_link
from ledger.access.naming import name_audit_admin, without_audit_admin
from ledger.access.users import Person
from ledger.cli.line.context import JsonFlag, show
from ledger.db.engine import admin_url
from ledger.db.urls import libpq_url
from ledger.settings import Settings, get_settings


def audit_admin(
    user: Annotated[str, typer.Argument(help="登录名")],
    person: Annotated[str, typer.Argument(help="本人标识")],
    name: Annotated[str, typer.Argument(help="姓名")],
    region: Annotated[int, typer.Option("--region", help="统筹区，6位", min=100_000, max=999_999)],
    *,
    as_json: JsonFlag = False,
) -> None:
    """为没有审计管理员的统筹区指定一人（由数据库管理员执行）；其后的变更都由两位管理员办理。"""
    with psycopg.connect(libpq_url(admin_url(get_settings())), autocommit=True) as connection:
        name_audit_admin(connection, region, Person(user, person, name, "audit_admin"))
    show(
        {"user": user, "role": "audit_admin", "region": region},
        [f"{user}（{name}）已是统筹区{region}的审计管理员"],
        as_json=as_json,
    )


def link(
    user: Annotated[str, typer.Argument(help="安全管理员或审计管理员的登录名")],
    region: Annotated[int, typer.Option("--region", help="统筹区，6位", min=100_000, max=999_999)],
    *,
    as_json: JsonFlag = False,
) -> None:
    """给一位管理员一次性的登录链接（由数据库管理员执行）；其他人的由两位管理员办理（user link）。"""
    settings = get_settings()
    with psycopg.connect(libpq_url(admin_url(settings)), autocommit=True) as connection:
        made = give_link(connection, region, user, settings.clock().today())
    path = f"/desk/first?user={user}&code={made.code}"
    show(
        {"user": user, "path": path},
        [f"三日内可用一次，请当面交给{user}：网页地址后接 {path}"],
        as_json=as_json,
    )


def missing_audit_admins(settings: Settings) -> list[str]:
    """A line for each region that has no audit administrator, saying what to do."""
    with psycopg.connect(libpq_url(admin_url(settings)), autocommit=True) as connection:
        regions = without_audit_admin(connection)
    return [
        f"统筹区{region}没有审计管理员：原管理员现为安全管理员，请执行 fundledger db audit-admin 指定一人，"
        "在此之前不能增改用户、角色与密钥"
        for region in regions
    ]
