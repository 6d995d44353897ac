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
    file: Annotated[Path, typer.Argument(help="建账文件（JSON）：region、name、opened_on、people、accounts")],
) -> None:
    """建账：升级数据库，登记首批用户，导入节假日，开立账套与自有账户。可重复执行。"""
    founding = read_founding(file)
    found(get_settings(), founding)
    typer.echo(f"{founding.name}（{founding.region}）已建账，自{founding.opened_on}起")


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
            int(document["region"]), document["name"], people, accounts, parse_day(document["opened_on"])
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
