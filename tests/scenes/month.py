"""A small month of one or two institutions, through the real intake, for what is done with it afterwards."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine

from ledger.core.money import yuan
from ledger.db.connections import Direct, direct
from ledger.db.unit_of_work import Transaction, unit_of_work
from ledger.founding import bring_in_institutions
from ledger.fund.institutions.master import FAR_DAY, Institution
from ledger.fund.intake.file import load_file
from ledger.fund.record.judge import IntakeRules
from ledger.settings import Settings
from ledger.simulation.people import DEMO_REGION

HOSPITAL, OTHER_HOSPITAL = "H42010000001", "H42010000002"
_files = itertools.count(1)


def bill_line(setl_id: str, **said: Any) -> dict[str, Any]:
    """A settlement that the basic fund (`fund`), the personal account (`acct`) and cash (`cash`) pay, in fen."""
    how = {
        "fund": 100_000, "acct": 0, "cash": 20_000, "insutype": "310", "med_type": "21", "clr_type": "21", "day": "2026-10-12",
        "time": "10:00:00", "init": None, "institution": HOSPITAL, "pay_loc": "2", "insu_admdvs": "420102", **said,
    }  # fmt: skip
    total = how["fund"] + how["acct"] + how["cash"]
    zero = dict.fromkeys(
        ["fulamt_ownpay_amt", "overlmt_selfpay", "preselfpay_amt", "cvlserv_pay", "hifes_pay", "hifmi_pay", "hifob_pay",
         "maf_pay", "oth_pay", "hosp_part_amt", "acct_mulaid_pay", "balc"], "0.00",
    )  # fmt: skip
    resident = how["insutype"] == "390"
    rows = [{"fund_pay_type": "390101" if resident else "310101", "fund_payamt": yuan(how["fund"])}]
    if how["acct"]:
        rows.append({"fund_pay_type": "310201", "fund_payamt": yuan(how["acct"])})
    return {
        "setlinfo": {
            **zero,
            "setl_id": setl_id, "mdtrt_id": f"M{setl_id}", "psn_no": "42010000000001", "fixmedins_code": how["institution"],
            "insutype": how["insutype"], "med_type": how["med_type"], "clr_type": how["clr_type"], "clr_way": "1",
            "setl_time": f"{how['day']} {how['time']}", "poolarea_no": "420100", "clr_optins": "420106",
            "insu_admdvs": how["insu_admdvs"], "pay_loc": how["pay_loc"], "out_flag": "0", "begndate": how["day"],
            "enddate": how["day"], "medins_setl_id": f"S{setl_id}", "init_setl_id": how["init"], "medfee_sumamt": yuan(total),
            "inscp_scp_amt": yuan(total), "hifp_pay": yuan(how["fund"]), "fund_pay_sumamt": yuan(how["fund"]),
            "psn_part_amt": yuan(how["acct"] + how["cash"]), "acct_pay": yuan(how["acct"]), "psn_cash_pay": yuan(how["cash"]),
            "refd_setl_flag": "1" if how["init"] else "0",
        },
        "setldetail": rows,
    }  # fmt: skip


@dataclass
class Month:
    """The founded region with two hospitals in daily mode, and short ways to act in it."""

    engine: Engine
    admin: Engine
    database: Any
    folder: Path
    hospital: str = HOSPITAL
    other_hospital: str = OTHER_HOSPITAL
    taken: list[str] = field(default_factory=list)

    def tx(self, user: str = "zhao") -> AbstractContextManager[Transaction]:
        """A transaction of a named user in the demo's region."""
        return unit_of_work(self.engine, user, DEMO_REGION)

    def take(self, *bills: dict[str, Any]) -> None:
        """Through the intake of files; every line must be accepted."""
        path = self.folder / f"bills-{next(_files)}.jsonl"
        path.write_text("".join(json.dumps(bill) + "\n" for bill in bills), encoding="utf-8")
        done = load_file(self.engine, "jieru", path, IntakeRules())
        assert done.accepted == len(bills), done
        self.taken += [bill["setlinfo"]["setl_id"] for bill in bills]

    def asked(self, sql: str) -> list[Any]:
        """Rows as the administrator sees them."""
        with self.admin.connect() as connection:
            return list(connection.exec_driver_sql(sql).fetchall())

    def pretend(self, sql: str) -> None:
        """Rows of another step, put there without it: the guards are off for this statement."""
        with self.admin.begin() as connection:
            connection.exec_driver_sql("SET LOCAL session_replication_role = replica")
            connection.exec_driver_sql(sql)


@pytest.fixture(scope="session")
def kept_hospitals(keep: Any, founded: str) -> str:
    """The template with two hospitals whose payees are confirmed."""
    return str(keep(f"{founded}_hospitals", founded, load_hospitals))


def load_hospitals(settings: Settings) -> None:
    """Two hospitals, brought in by two persons."""

    def hospital(code: str, n: int) -> Institution:
        return Institution(
            code, f"第{n}医院", "1", "02", "active", date(2020, 1, 1), date(2030, 12, 31), "daily", "daily", 6_000, 9_500,
            date(2026, 10, 1), f"第{n}医院", f"62000000000{n}", "模拟银行", "102421000009",
        )  # fmt: skip

    assert date(2030, 12, 31) < FAR_DAY
    with closing_direct(settings) as engine:
        hospitals = [hospital(HOSPITAL, 1), hospital(OTHER_HOSPITAL, 2)]
        bring_in_institutions(engine, "zhao", "qian", DEMO_REGION, date(2026, 10, 1), hospitals)


@contextmanager
def closing_direct(settings: Settings) -> Iterator[Direct]:
    """The service's connections while a template is filled: none may be left when it is copied."""
    engine = direct(settings)
    try:
        yield engine
    finally:
        engine.dispose()


@pytest.fixture
def month(kept_hospitals: str, world: Any, tmp_path: Path) -> Month:
    return Month(world.service_engine, world.admin_engine, world, tmp_path)


@pytest.fixture
def bill() -> Any:
    """The maker of bills: `bill("S1", fund=…, acct=…, cash=…, init=…)`."""
    return bill_line
