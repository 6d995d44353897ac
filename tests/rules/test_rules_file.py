"""A rules file that is wrong is refused as a whole, by file, line and field."""

from __future__ import annotations

import shutil
from importlib.resources import as_file, files
from pathlib import Path

import pytest

from ledger.core.errors import InvalidInput
from ledger.rules.load import load


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    with as_file(files("ledger.rules") / "data") as data:
        shutil.copytree(data, tmp_path / "data")
    return tmp_path / "data"


def change(folder: Path, name: str, old: str, new: str) -> None:
    text = (folder / name).read_text(encoding="utf-8")
    assert old in text
    (folder / name).write_text(text.replace(old, new, 1), encoding="utf-8")


REC_2 = "REC,both,1,2018-01-01,2,备查账,贷,9101,d,+,"
BAD = [
    ("rules.csv", REC_2, "REC,both,1,2018-01-01,2,备查账,贷,9101,F,+,", "rules.unbalanced", "REC@1"),
    ("rules.csv", REC_2, "REC,both,1,2018-01-01,2,备查账,借,9101,d,+,", "rules.unbalanced", "备查账"),
    ("rules.csv", "贷,<recovered>,amount,-,", "贷,<recovered>,amount,+,", "rules.unbalanced", "RCV.daily.P2@1"),
    ("rules.csv", "amount,+,expense", "amount,+,", "rules.unbalanced", "会计账"),
    ("rules.csv", "RTN.open,P2,1,2018-01-01,4,会计账,贷", "RTN.open,P1,1,2018-01-01,5,会计账,贷", "rules.unbalanced", "RTN.open"),
    ("rules.csv", "贷,9101,d", "贷,9199,d", "rules.file", "第5行：account“9199”"),
    ("rules.csv", "贷,9101,d", "贷,9204,d", "rules.file", "account“9204”"),
    ("rules.csv", "贷,9101,d", "贷,<elsewhere>,d", "rules.file", "account"),
    ("rules.csv", "贷,9101,d", "贷,9101,2*d", "rules.file", "amount“2*d”"),
    ("rules.csv", "贷,9101,d", "平,9101,d", "rules.file", "side"),
    ("rules.csv", REC_2, REC_2.replace("备查账", "会计账"), "rules.file", "section“会计账”"),
    ("rules.csv", REC_2, REC_2.replace(",+,", ",*,"), "rules.file", "sign"),
    ("rules.csv", REC_2, REC_2.replace("both", "P3"), "rules.file", "policy“P3”"),
    ("rules.csv", REC_2, REC_2.replace("REC", "RCE"), "rules.file", "event“RCE”"),
    ("rules.csv", REC_2, REC_2.replace("2018-01-01,2", "2018-01-01,4"), "rules.file", "行号"),
    ("rules.csv", REC_2, REC_2.replace(",1,2018", ",0,2018"), "rules.file", "version“0”"),
    ("rules.csv", REC_2, REC_2.replace("2018-01-01", "2018-02-30"), "rules.file", "valid_from"),
    ("rules.csv", ",+,expense,", ",+,sometimes,", "rules.file", "condition“sometimes”"),
    ("rules.csv", "借,<bank>,total", "借,<bank>,amount", "rules.file", "amount“amount”"),
    ("rules.csv", REC_2 + ",湖北即时结算规程第九条、第十条", REC_2 + ",", "rules.file", "article"),
    ("rules.csv", REC_2, REC_2 + ",", "rules.file", "应有13列，实有14列"),
    ("rules.csv", "event,policy", "event,policies", "rules.file", "表头"),
    ("events.csv", "total+", "total-", "rules.file", "check"),
    ("events.csv", "9101 9103 9106", "9101 9104", "rules.file", "sources"),
    ("events.csv", "结算记录确认", "", "rules.file", "title"),
    ("events.csv", "REC,REC,", "NEW,NEW,新事件,item,,items+\nREC,REC,", "rules.file", "没有事件NEW"),
    ("rules.csv", "9103,month_result", "9103,waiting", "rules.unbalanced", "SET"),
    ("rules.csv", "9103,month_result", "9103,F", "rules.file", "amount“F”"),
    ("rules.csv", "9103,month_result,+,,", "9103,month_result,+,daily,", "rules.file", "condition“daily”"),
    ("events.csv", "月结审批,sheet", "月结审批,item", "rules.file", "sources"),
    ("events.csv", "REV,REV,", "REC,REV,", "rules.file", "第4行：event“REC”"),
    ("places.csv", "pool,chronic", "pool,inpatient", "rules.file", "place"),
    ("places.csv", "50010101", "500101", "rules.file", "account“500101”"),
    ("places.csv", "benefit,310", "profit,310", "rules.file", "place“profit”"),
    ("places.csv", "benefit,310", "benefit,320", "rules.file", "fund“320”"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "old", "new", "code", "told"), BAD)
def test_corrupted_file_is_refused(folder, name, old, new, code, told):
    change(folder, name, old, new)
    with pytest.raises(InvalidInput) as refused:
        load(folder)
    assert refused.value.code == code
    assert told in refused.value.message


def test_a_second_version_holds_from_its_day(folder):
    rules = (folder / "rules.csv").read_text(encoding="utf-8").splitlines()
    newer = [
        line.replace("1,2018-01-01", "2,2027-01-01", 1) for line in rules if line.startswith("RTN.open,")
    ]
    (folder / "rules.csv").write_text("\n".join(rules + newer) + "\n", encoding="utf-8")
    versions = load(folder).rules["RTN.open", "P2"]
    assert [(rule.name, rule.valid_from.year) for rule in versions] == [
        ("RTN.open.P2@1", 2018),
        ("RTN.open.P2@2", 2027),
    ]


def test_versions_out_of_order_of_their_days_are_refused(folder):
    rules = (folder / "rules.csv").read_text(encoding="utf-8").splitlines()
    newer = [
        line.replace("1,2018-01-01", "2,2017-01-01", 1) for line in rules if line.startswith("RTN.open,")
    ]
    (folder / "rules.csv").write_text("\n".join(rules + newer) + "\n", encoding="utf-8")
    with pytest.raises(InvalidInput, match="同时递增"):
        load(folder)
