"""A region ready for a day: users with keys, books, money, institutions with confirmed accounts, records that fit it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest

from ledger.access.keys import make_key
from ledger.access.users import Person, found_region
from ledger.api.intake.service import Service, make_service
from ledger.cli.remote import Remote
from ledger.db.cluster import DATABASE
from ledger.db.connections import Direct
from ledger.db.engine import admin_engine
from ledger.db.unit_of_work import unit_of_work
from ledger.founding import bring_in_institutions
from ledger.fund.institutions.master import read_institutions
from ledger.fund.region.calendar import import_shipped_calendar
from ledger.fund.region.setup import set_up_region
from ledger.payments.orders.own_accounts import OwnAccount
from ledger.settings import Settings
from ledger.simulation.platform.day import day_lines
from ledger.simulation.platform.institutions import MadeInstitution, make_institutions
from tests.scenes.month import closing_direct
from tests.scenes.served import NO_TLS, served

REGION = 420100
OTHER_REGION = 420200
DAY = date(2026, 10, 12)
PAY_DATE = date(2026, 10, 13)
URL = "/api/v1/settlements"
PEOPLE = (
    Person("admin", "p-admin", "管理员", "admin"),
    Person("auditor", "p-auditor", "审计管理员", "audit_admin"),
    Person("intake", "p-intake", "接入", "intake"),
    Person("maker", "p-maker", "制单", "maker"),
    Person("checker", "p-checker", "复核", "checker"),
    Person("cashier", "p-cashier", "出纳", "cashier"),
    Person("accountant", "p-accountant", "会计", "accountant"),
    Person("reviewer", "p-reviewer", "内控", "reviewer"),
    Person("system", "p-system", "系统", "system"),
    Person("rules", "p-rules", "规则审定人", "reviewer"),
)
OTHERS = (
    Person("admin2", "p-admin2", "外地管理员", "admin"),
    Person("auditor2", "p-auditor2", "外地审计管理员", "audit_admin"),
    Person("intake2", "p-intake2", "外地接入", "intake"),
    Person("reviewer2", "p-reviewer2", "外地内控", "reviewer"),
    Person("accountant2", "p-accountant2", "外地会计", "accountant"),
)


@dataclass
class World:
    """The prepared database, its settings, keys by user, and the institutions of its generated records."""

    settings: Settings
    database: Any
    institutions: list[MadeInstitution]
    keys: dict[str, str] = field(default_factory=dict)

    def tx(self, user: str = "accountant", region: int = REGION) -> Any:
        return unit_of_work(self.database.service_engine, user, region)

    def value(self, query: Any, **params: object) -> Any:
        """As superuser, past row security."""
        with psycopg.connect(self.database.admin_url, autocommit=True) as admin:
            row = admin.execute(query, params or None).fetchone()
            return None if row is None else row[0]

    def count(self, table: str, where: str = "true") -> int:
        return int(self.value(f"SELECT count(*) FROM {table} WHERE {where}"))

    def new_key(
        self, user: str, region: int = REGION, expires: str = "2099-01-01", *, revoked: bool = False
    ) -> str:
        """A key the user begins with, written by the database administrator as `found_region` writes the users."""
        with psycopg.connect(self.database.admin_url, autocommit=True) as admin:
            return _new_key(admin, user, region, expires, revoked=revoked)

    def auth(self, user: str = "intake") -> dict[str, str]:
        return {"authorization": f"Bearer {self.keys[user]}"}

    def lines(self, count: int, seed: int = 1, bad: int = 0) -> list[bytes]:
        """Generated record lines; reversals and resends among them."""
        return [line.content for line in day_lines(count, self.institutions, DAY, seed, bad)]

    def originals(self, count: int, seed: int = 1) -> list[bytes]:
        """Generated originals only, every one with a key of its own."""
        found = [
            line.content
            for line in day_lines(count * 2 + 20, self.institutions, DAY, seed, 0)
            if line.bill is not None and b'"init_setl_id":"' not in line.content
        ]
        return found[:count]

    def record(self, seed: int = 1) -> dict[str, Any]:
        """One original as an object, its amounts as text."""
        for raw in self.originals(20, seed):
            document = json.loads(raw)
            if isinstance(document.get("setlinfo"), dict) and isinstance(
                document["setlinfo"]["medfee_sumamt"], str
            ):
                return dict(document)
        raise AssertionError("no record with amounts as text")


@pytest.fixture(scope="session")
def kept_region(keep: Any) -> str:
    """The template with both regions and the institutions."""
    return str(keep(f"{DATABASE}_region", DATABASE, _found))


def _found(settings: Settings) -> None:
    """Set the region up through the same services the fund's people use."""
    admin = admin_engine(settings)
    found_region(admin, REGION, PEOPLE)
    found_region(admin, OTHER_REGION, OTHERS)
    import_shipped_calendar(admin)
    admin.dispose()
    with closing_direct(settings) as engine:
        _set_up(engine, settings.home / "institutions.jsonl")


def _set_up(engine: Direct, file: Path) -> None:
    with unit_of_work(engine, "accountant", REGION) as tx:
        set_up_region(
            tx,
            "示例市",
            (310, 390),
            (
                OwnAccount("1003", "4200000000001003", "财政专户", "iso20022", "银行", "102421000001"),
                OwnAccount("1004", "4200000000001004", "支出户", "iso20022", "银行", "102421000001"),
            ),
            date(2026, 10, 1),
        )
    made = make_institutions(12, REGION)
    file.write_text("".join(f"{item.line(DAY)}\n" for item in made), encoding="utf-8")
    bring_in_institutions(engine, "maker", "checker", REGION, DAY, read_institutions(file))


@pytest.fixture
def world(kept_region: str, database: Any) -> World:
    settings = database.settings.model_copy(update={"today": PAY_DATE})
    world = World(settings, database, make_institutions(12, REGION))
    with psycopg.connect(database.admin_url) as admin:
        for region, people in ((REGION, PEOPLE), (OTHER_REGION, OTHERS)):
            for person in people:
                world.keys[person.user] = _new_key(admin, person.user, region)
    return world


def _new_key(
    admin: psycopg.Connection[Any],
    user: str,
    region: int,
    expires: str = "2099-01-01",
    *,
    revoked: bool = False,
) -> str:
    made = make_key()
    admin.execute(
        "INSERT INTO access.api_key VALUES (%s, %s, %s, 'test', %s, %s)",
        [made.digest, region, user, expires, revoked],
    )
    return made.secret


@pytest.fixture
def service(world: World) -> Iterator[Service]:
    """The service on a real socket, in a thread of this process; its address is in `service.address`, `service.stop()` ends it."""
    with served(make_service(world.settings, Remote)) as made:
        yield made


@pytest.fixture
def client(service: Any) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=service.address, timeout=30, verify=NO_TLS) as made:
        yield made


@pytest.fixture
def send(client: httpx.Client, world: World) -> Callable[..., httpx.Response]:
    """POST one intake body as a user, with further headers."""

    def post(body: Any, user: str = "intake", **headers: str) -> httpx.Response:
        content = body if isinstance(body, bytes) else json.dumps(body, ensure_ascii=False).encode()
        return client.post(
            URL,
            content=content,
            headers={"content-type": "application/json", **world.auth(user), **headers},
        )

    return post
