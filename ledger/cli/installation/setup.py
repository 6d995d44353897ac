"""`fundledger setup`: a region's first day: database, first users, calendar, books, own accounts."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from ledger.access.users import ROLES, Person
from ledger.core.dates import parse_day
from ledger.core.errors import InvalidInput
from ledger.founding import Founding, found
from ledger.payments.orders.own_accounts import OwnAccount
from ledger.settings import get_settings


def setup(
    file: Annotated[
        Path, typer.Argument(help="建账文件（JSON）：region、name、opened_on、people、accounts、signatures")
    ],
) -> None:
    """建账：升级数据库，登记首批用户，导入节假日，开立账套与自有账户。可重复执行。"""
    founding = read_founding(file)
    demanded = found(get_settings(), founding)
    typer.echo(f"{founding.name}（{founding.region}）已建账，自{founding.opened_on}起")
    if demanded:
        for line in _first_keys(founding):
            typer.echo(line)
    else:
        typer.echo(
            f"警告（signing.none）：统筹区{founding.region}不要求签名：能用服务登录的人可以任何人的名义审批。"
            "各人登记密钥后由两人办理 fundledger key demand",
            err=True,
        )


def _first_keys(founding: Founding) -> list[str]:
    """How the two administrators enrol the first two keys: unsigned, so that the fingerprints are compared on paper."""
    first, second = (
        next(one.user for one in founding.people if one.role == role) for role in ("admin", "audit_admin")
    )
    region = f"--region {founding.region}"
    return [
        f"审批须由本人签名。{first}与{second}先各自 fundledger key new 文件，抄下指纹，当面核对后互相登记（这两把不须签名）：",
        f"  fundledger key enroll {first} {region} --file 文件 --as {first}；fundledger key confirm 指纹 {region} --digest 摘要 --as {second}",
        f"  fundledger key enroll {second} {region} --file 文件 --as {second}；fundledger key confirm 指纹 {region} --digest 摘要 --as {first}",
        "两个指纹写在纸上留存（evidence verify --trust）；其后各人的密钥，提出与确认都须签名（--sign-with 文件）",
    ]


def _yes(given: object) -> bool:
    """True or false as JSON has it: the word "false" would be true. Raises TypeError."""
    if not isinstance(given, bool):
        raise TypeError("signatures")
    return given


def read_founding(path: Path) -> Founding:
    """The founding file; raises InvalidInput `setup.format` naming the field, `setup.posts` if a post is not filled."""
    try:
        document: dict[str, Any] = json.loads(path.read_text(encoding="utf-8-sig"))
        people = tuple(Person(p["user"], p["person"], p["name"], p["role"]) for p in document["people"])
        accounts = tuple(
            OwnAccount(a["kind"], a["number"], a["name"], a["bank"], a["bank_name"], a["cnaps"])
            for a in document["accounts"]
        )
        founding = Founding(
            int(document["region"]),
            document["name"],
            people,
            accounts,
            parse_day(document["opened_on"]),
            _yes(document.get("signatures", True)),
        )
    except json.JSONDecodeError as error:
        raise InvalidInput(
            "setup.format",
            f"建账文件{path.name}第{error.lineno}行第{error.colno}列起不是JSON",
            file=path.name,
        ) from error
    except KeyError as error:
        raise InvalidInput(
            "setup.format", f"建账文件{path.name}缺少字段{error.args[0]}", file=path.name
        ) from error
    except (ValueError, TypeError) as error:
        raise InvalidInput(
            "setup.format", f"建账文件{path.name}的内容不是约定的形状", file=path.name
        ) from error
    missing = {"admin", "audit_admin", "accountant", "maker", "checker", "cashier"} - {
        person.role for person in people
    }
    if missing or any(person.role not in ROLES for person in people):
        names = "、".join(ROLES[role] for role in sorted(missing))
        raise InvalidInput("setup.posts", f"首批用户缺少岗位或含未知角色：{names}", missing=sorted(missing))
    return founding
