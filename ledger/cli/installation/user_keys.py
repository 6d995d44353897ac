"""`fundledger user key …`: API keys, proposed and confirmed by two persons; the secret goes to a file, never on a command line."""

from __future__ import annotations

import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from ledger.access.keys import MadeKey, revoke_keys
from ledger.access.listing import read_keys
from ledger.access.proposals import propose_identity, propose_key, propose_link, revoke_identities
from ledger.cli.line.acting import ACTING
from ledger.cli.line.context import JsonFlag, RegionOption, act, app_for, show
from ledger.core.dates import parse_day
from ledger.core.errors import Conflict, InvalidInput
from ledger.core.os_errors import os_reason
from ledger.core.private import write_private
from ledger.core.words import said
from ledger.db.unit_of_work import unit_of_work


def add_to(app: typer.Typer) -> None:
    """The commands of keys, as words of `user`."""
    app.command("keys")(keys)
    app.command("key")(key)
    app.command("revoke-key")(revoke_key)
    app.command("link")(link)
    app.command("identity")(identity)
    app.command("revoke-identity")(revoke_identity)


def keys(region: RegionOption, *, as_json: JsonFlag = False) -> None:
    """本统筹区签发的接口密钥：编号前8位、用户、用途、到期日、最近使用日。"""
    running = app_for("reviewer")
    with unit_of_work(running.engine, running.user, region) as tx:
        found = read_keys(tx, running.clock.today())
    lines = [
        f"{one.prefix} {one.user} {one.label} 至{one.expires_on} {said('api_key.state', one.state)}，"
        + (f"最近使用{one.used_on}" if one.used_on else "从未使用")
        for one in found
    ]
    show({"keys": [asdict(one) for one in found]}, lines or ["没有"], as_json=as_json)


def key(
    user: str,
    region: RegionOption,
    expires: Annotated[str, typer.Option(help="到期日 YYYY-MM-DD")],
    label: Annotated[str, typer.Option(help="用途")] = "接口",
    out: Annotated[
        str, typer.Option(help="密钥写入此文件（权限0600），不得已存在；缺省在数据目录的keys/")
    ] = "",
    *,
    as_json: JsonFlag = False,
) -> None:
    """提出签发接口密钥：前一半写入文件，库内只存摘要；后一半在审计管理员确认时给出，两半齐全才能使用。"""
    running = app_for("admin")
    remote = ACTING.answers is not None
    if remote and out:
        raise InvalidInput("usage.option", "通过HTTP签发的密钥只在答复中，不写文件", field="out")
    with act(running, region, "user.key", f"{user} {label}") as tx:
        asked, made = propose_key(tx, user, label, parse_day(expires), running.clock.today())
        place = None if remote else _kept(made, out, running.settings.home)
    document = {
        "user": user,
        "state": "proposed",
        "n": asked.n,
        "digest": asked.digest,
    } | ({"key": made.secret} if place is None else {"file": str(place)})
    told = f"第{asked.n}号：{user}的接口密钥的前一半"
    if place is None:
        words = [f"{told}，只显示这一次，请当面交给使用人：", f"  {made.secret}"]
    else:
        words = [f"{told}已写入{place}，请交给使用人"]
    words.append(
        "  后一半由审计管理员在确认时得到，也由其交给使用人；前一半、英文句点、后一半依次相接，即为密钥"
    )
    show(document, words, as_json=as_json)


def link(user: str, region: RegionOption, *, as_json: JsonFlag = False) -> None:
    """提出登录链接：本人凭它设定网页的密码，只能用一次；后一半在审计管理员确认时给出，两半齐全才能使用。"""
    running = app_for("admin")
    with act(running, region, "user.link", user) as tx:
        asked, made = propose_link(tx, user, running.clock.today())
    path = f"/desk/first?user={user}&code={made.code}"
    show(
        {"user": user, "state": "proposed", "n": asked.n, "digest": asked.digest, "path": path},
        [
            f"第{asked.n}号：{user}的登录链接的前一半，待审计管理员确认后三日内可用一次，请当面交给本人：",
            f"  网页地址后接 {path}",
            "  后一半由审计管理员在确认时得到，也由其当面交给本人",
        ],
        as_json=as_json,
    )


def identity(
    user: str,
    region: RegionOption,
    subject: Annotated[str, typer.Option("--subject", help="身份提供方的主体标识sub")],
    *,
    as_json: JsonFlag = False,
) -> None:
    """提出外部身份：本人可由统一身份认证（OIDC）登录网页；审计管理员确认后生效。"""
    running = app_for("admin")
    issuer = running.settings.oidc_issuer
    if not issuer:
        raise InvalidInput("user.identity", "没有设定统一身份认证：FUNDLEDGER_OIDC_ISSUER")
    with act(running, region, "user.identity", user) as tx:
        asked = propose_identity(tx, user, issuer, subject, running.clock.today())
    show(
        {"user": user, "issuer": issuer, "subject": subject, "state": "proposed", "n": asked.n, "digest": asked.digest},
        [f"第{asked.n}号：{user}的外部身份{subject}（{issuer}），已提出，待审计管理员确认"],
        as_json=as_json,
    )  # fmt: skip


def revoke_identity(user: str, region: RegionOption, *, as_json: JsonFlag = False) -> None:
    """停用一个用户的全部外部身份，即时生效。"""
    running = app_for("admin")
    with act(running, region, "user.revoke_identity", user) as tx:
        done = revoke_identities(tx, user)
    show({"user": user, "revoked": done}, [f"已停用{user}的外部身份{done}个"], as_json=as_json)


def revoke_key(
    region: RegionOption,
    user: Annotated[str, typer.Option(help="此用户的全部密钥")] = "",
    person: Annotated[str, typer.Option(help="此人（本人标识）名下各用户的全部密钥")] = "",
    label: Annotated[str, typer.Option(help="此用途的密钥")] = "",
    prefix: Annotated[str, typer.Option(help="编号的前8位（user keys所列）")] = "",
    *,
    stdin: Annotated[bool, typer.Option("--stdin", help="从标准输入读密钥本身")] = False,
    as_json: JsonFlag = False,
) -> None:
    """停用接口密钥，即时生效：逐个列出实际停用的；一个也没有即为错误。"""
    if stdin and ACTING.answers is not None:
        raise InvalidInput("usage.option", "通过HTTP停用密钥请用编号、用户、用途或本人标识", field="stdin")
    secret = sys.stdin.readline().strip() if stdin else ""
    if not any((user, person, label, prefix, secret)):
        raise InvalidInput("user.key_which", "须指明密钥：用户、本人标识、用途、编号前8位或密钥本身")
    running = app_for("admin")
    with act(running, region, "user.revoke_key", user or person or label or prefix or "接口密钥") as tx:
        found = revoke_keys(tx, user=user, person=person, label=label, prefix=prefix, key=secret)
    show(
        {"revoked": [one._asdict() for one in found], "count": len(found)},
        [f"已停用{len(found)}个密钥", *(f"{one.prefix} {one.user} {one.label}" for one in found)],
        as_json=as_json,
    )


def _kept(made: MadeKey, out: str, home: Path) -> Path:
    """The file with the secret, its owner's alone. Raises Conflict `user.key_file` where one is there, or it cannot be written."""
    place = Path(out) if out else home / "keys" / f"api-{made.prefix}.key"
    if place.exists() or place.is_symlink():
        raise Conflict("user.key_file", f"文件{place}已存在，不覆盖", file=str(place))
    try:
        place.parent.mkdir(mode=0o700, exist_ok=True)
        write_private(place, made.secret + "\n")
    except OSError as error:
        raise Conflict(
            "user.key_file", f"密钥不能写入{place}：{os_reason(error)}", file=str(place)
        ) from error
    return place
