"""A pharmacy or clinic is no hospital, and is not paid by day: refused where it is loaded, and by the table."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from ledger.core.errors import InvalidInput, LedgerError
from ledger.founding import bring_in_institutions
from ledger.fund.institutions.judge import judge
from ledger.fund.institutions.load import load_institutions
from ledger.fund.institutions.master import read_institutions
from ledger.simulation.platform.institutions import make_institutions

DAY = date(2026, 10, 12)


@pytest.mark.parametrize(
    ("code", "name", "type_", "level", "mode", "wanted"),
    [
        ("H42010000001", "某市第一医院", "1", "02", "daily", ""),
        ("H42010000001", "某街道社区卫生服务中心", "1", "09", "daily", ""),
        ("H42010000001", "某医院门诊部", "1", "02", "daily", ""),  # a hospital's own
        ("H42010000001", "某镇中心卫生院", "1", "09", "daily", ""),
        ("H42010000001", "张氏口腔诊所", "1", "11", "monthly", ""),
        ("P42010000001", "某大药房", "2", "11", "monthly", ""),
        ("S42010000001", "某大药房", "3", "11", "monthly", ""),
        ("P42010000001", "某大药房", "2", "11", "daily", "institution.daily_not_inpatient"),
        ("H42010000001", "张氏口腔诊所", "1", "11", "daily", "institution.daily_not_inpatient"),
        ("H42010000001", "张氏口腔诊所", "1", "05", "monthly", "institution.clinic_as_hospital"),
        ("H42010000001", "某村卫生室", "1", "10", "daily", "institution.clinic_as_hospital"),
        ("P42010000001", "某医药", "1", "11", "monthly", "institution.type_code"),
        ("H42010000001", "某医药", "2", "11", "monthly", "institution.type_code"),
        ("S42010000001", "某大药房", "1", "11", "monthly", "institution.type_code"),
    ],
)
def test_what_an_institution_can_be(
    code: str, name: str, type_: str, level: str, mode: str, wanted: str
) -> None:
    if not wanted:
        judge(code, name, type_, level, mode)
        return
    with pytest.raises(InvalidInput) as refused:
        judge(code, name, type_, level, mode)
    assert refused.value.code == wanted
    assert code in refused.value.message


def write(folder: Path, **changed: object) -> Path:
    rows = [json.loads(made.line(date(2026, 10, 12))) for made in make_institutions(10, 420100)]
    rows[9]["enrolment"].update(changed)
    path = folder / "institutions.jsonl"
    path.write_text("\n".join(json.dumps(row, ensure_ascii=False) for row in rows) + "\n", encoding="utf-8")
    return path


def test_a_file_names_the_line_and_is_taken_whole_or_not_at_all(month: Any, tmp_path: Path) -> None:
    before = month.asked("SELECT count(*) FROM fund.institution")
    with pytest.raises(InvalidInput) as refused, month.tx() as tx:
        load_institutions(tx, read_institutions(write(tmp_path, mode="daily")), DAY)
    assert refused.value.code == "institution.daily_not_inpatient"
    assert "第10行" in refused.value.message
    assert month.asked("SELECT count(*) FROM fund.institution") == before
    with month.tx() as tx:
        assert load_institutions(tx, read_institutions(write(tmp_path)), DAY).new


def test_raw_sql_enrols_no_pharmacy_by_day(month: Any, tmp_path: Path) -> None:
    bring_in_institutions(month.engine, "zhao", "qian", 420100, DAY, read_institutions(write(tmp_path)))
    for raw in (
        "INSERT INTO fund.enrolment SELECT region, institution, '2027-01-01', '2027-12-31', 'daily', 'daily', 6000, 9500, version"
        " FROM fund.enrolment WHERE institution = 'P42010000010'",
        "UPDATE fund.enrolment SET mode = 'daily' WHERE institution = 'P42010000010'",
        "UPDATE fund.institution SET type = '2' WHERE institution = 'H42010000001'",
    ):
        with pytest.raises(LedgerError, match=r"db\.permission"), month.tx() as tx:
            tx.run(raw)  # type: ignore[arg-type]
        with (
            pytest.raises(Exception, match=r"institution\.daily_not_inpatient|terms\.overlap"),
            month.admin.begin() as owner,
        ):
            owner.exec_driver_sql(raw)
