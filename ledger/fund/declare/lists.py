"""Settlement lists 结算清单 (4101): which records need one before they are declared (art. 17), and which have one."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from datetime import date
from functools import cache
from importlib import resources
from typing import NamedTuple

from ledger.core.dates import parse_day
from ledger.core.errors import Conflict, InvalidInput
from ledger.db.unit_of_work import Transaction


class UploadedList(NamedTuple):
    """A record's list as the platform confirmed it (4101 output `setl_list_id` 清单流水号)."""

    setl_id: str
    setl_list_id: str
    uploaded_on: date


@cache
def list_med_types() -> frozenset[str]:
    """The med_types whose records need a list: `ledger/fund/data/settlement_list.csv`."""
    text = resources.files("ledger.fund").joinpath("data", "settlement_list.csv").read_text(encoding="utf-8")
    return frozenset(row["med_type"] for row in csv.DictReader(text.splitlines()))


def read_lists(name: str, content: bytes) -> list[UploadedList]:
    """Lists from TAB-separated UTF-8 lines `setl_id, setl_list_id, uploaded_on`.

    Raises InvalidInput `lists.encoding`, `lists.format`, `lists.duplicate` naming file, line and field.
    """
    try:
        lines = content.decode("utf-8").splitlines()
    except UnicodeDecodeError:
        raise InvalidInput("lists.encoding", f"{name}：应为UTF-8编码") from None
    found: dict[str, UploadedList] = {}
    for number, line in enumerate(lines, 1):
        cells = line.split("\t")
        if len(cells) != len(UploadedList._fields) or not all(cells):
            raise InvalidInput(
                "lists.format", f"{name}第{number}行：应有三列setl_id、setl_list_id、uploaded_on", line=number
            )
        if cells[0] in found:
            raise InvalidInput(
                "lists.duplicate", f"{name}第{number}行 setl_id：结算{cells[0]}重复", line=number
            )
        try:
            found[cells[0]] = UploadedList(cells[0], cells[1], parse_day(cells[2]))
        except InvalidInput as error:
            raise InvalidInput(
                "lists.format",
                f"{name}第{number}行 uploaded_on：{error.message}",
                line=number,
                field="uploaded_on",
            ) from None
    return list(found.values())


def record_lists(tx: Transaction, lists: Iterable[UploadedList]) -> int:
    """Keep that these lists are uploaded; returns how many are new. A list known already under the same id stays.

    Raises Conflict `lists.other_id` when a record has a list of another id, `lists.unknown_record` when we have no
    such record.
    """
    tx.run("DROP TABLE IF EXISTS lists_in")
    tx.run(
        "CREATE TEMP TABLE lists_in (setl_id text PRIMARY KEY, setl_list_id text, uploaded_on date) ON COMMIT DROP"
    )
    tx.copy("lists_in (setl_id, setl_list_id, uploaded_on)", lists)
    tx.run("ANALYZE lists_in")
    stranger = tx.row(
        """SELECT l.setl_id FROM lists_in l LEFT JOIN fund.record r ON r.region = %(region)s AND r.setl_id = l.setl_id
            WHERE r.setl_id IS NULL ORDER BY 1 LIMIT 1""",
        region=tx.region,
    )
    if stranger is not None:
        raise Conflict("lists.unknown_record", f"清单所指的结算{stranger[0]}尚未收到", setl_id=stranger[0])
    other = tx.row(
        """SELECT l.setl_id, k.setl_list_id, l.setl_list_id FROM lists_in l JOIN fund.settlement_list k
               ON k.region = %(region)s AND k.setl_id = l.setl_id WHERE k.setl_list_id <> l.setl_list_id ORDER BY 1 LIMIT 1""",
        region=tx.region,
    )
    if other is not None:
        raise Conflict(
            "lists.other_id", f"结算{other[0]}已有清单{other[1]}，不能改为{other[2]}", setl_id=other[0]
        )
    return tx.run(
        """INSERT INTO fund.settlement_list SELECT %(region)s, setl_id, setl_list_id, uploaded_on, %(user)s FROM lists_in
           ON CONFLICT DO NOTHING""",
        region=tx.region,
        user=tx.user,
    )
