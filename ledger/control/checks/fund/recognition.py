"""INV-12: records are as taken in, and every REC and REV entry still rests on exactly the payables it booked."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from typing import Final

from ledger.control.breach import Breach
from ledger.control.snapshot import Snapshot
from ledger.core.digests import recognition_digest, record_digest
from ledger.core.entries import Book

_RECORDS: Final = (
    "SELECT region, encode(content_digest, 'hex'), setl_id, mdtrt_id, psn_no, fixmedins_code, insutype, med_type, clr_type,"
    " setl_time, poolarea_no, clr_optins, clr_way, pay_loc, out_flag, insu_admdvs, fix_blng_admdvs, setl_type, hosp_lv, year,"
    " begndate, enddate, medins_setl_id, init_setl_id, medfee_sumamt, fulamt_ownpay_amt, overlmt_selfpay, preselfpay_amt,"
    " inscp_scp_amt, act_pay_dedc, hifp_pay, cvlserv_pay, hifes_pay, hifmi_pay, hifob_pay, maf_pay, hifdm_pay, oth_pay,"
    " fund_pay_sumamt, hosp_part_amt, psn_part_amt, acct_pay, psn_cash_pay, balc, acct_mulaid_pay, hi_agre_sumfee, details"
    " FROM fund.record"
)
_PAYABLES: Final = (
    "SELECT p.recognised_by, encode(r.content_digest, 'hex'), p.fund, p.setl_id, p.subfund, p.institution, p.service_year,"
    " p.term, p.category, p.day, p.fund_fen, p.daily_fen, p.ratio"
    " FROM fund.payable p JOIN fund.record r ON r.region = p.region AND r.setl_id = p.setl_id"
    " WHERE p.region = {region} AND p.fund = {fund} AND p.recognised_by <> '' AND p.recognised_by NOT LIKE 'OPEN:%'"
    ' ORDER BY p.recognised_by COLLATE "C", p.setl_id COLLATE "C", p.subfund'
)
_ENTRIES: Final = (
    "SELECT source_key, event, seq, series, period, vno, encode(evidence_digest, 'hex') FROM books.entry"
    " WHERE region = {region} AND fund = {fund} AND event IN ('REC', 'REV') ORDER BY source_key COLLATE \"C\""
)


_BACKWARDS: Final = """
    SELECT r.region, r.setl_id, r.init_setl_id, r.setl_time::date, o.setl_time::date
      FROM fund.record r JOIN fund.record o ON o.region = r.region AND o.setl_id = r.init_setl_id
     WHERE r.init_setl_id <> '' AND r.setl_time::date < o.setl_time::date ORDER BY 1, 2
"""


def check_recognition(snapshot: Snapshot) -> Iterator[Breach]:
    """Record digests from the columns, then the evidence digests of recognitions from records and payables."""
    yield from _records(snapshot)
    for region, fund, setl_id, subfund in snapshot.rows(
        """
        SELECT p.region, p.fund, p.setl_id, p.subfund FROM fund.payable p
         WHERE NOT EXISTS (SELECT 1 FROM fund.record r WHERE r.region = p.region AND r.setl_id = p.setl_id)
         ORDER BY 1, 2, 3, 4
        """
    ):
        yield Breach("INV-12", f"{region}-{fund}", f"record {setl_id}", f"应付明细（{subfund}）没有结算记录")
    for region, setl_id, reverses, day, before in snapshot.rows(_BACKWARDS):
        message = f"冲销记录的日期{day}早于原结算{reverses}的{before}"
        yield Breach("INV-12", str(region), f"record {setl_id}", message)
    for book in snapshot.books():
        yield from _entries(snapshot, book)
    _count_waiting(snapshot)


def _records(snapshot: Snapshot) -> Iterator[Breach]:
    for line in snapshot.copy(0, _RECORDS):
        where, stored, text = line[:-1].split(b"|", 2)
        if record_digest(text).hex().encode() == stored:
            continue
        region, setl_id = (field.decode("utf-8", "replace") for field in (where, text.partition(b"|")[0]))
        keys = snapshot.rows(
            "SELECT DISTINCT p.fund, p.recognised_by FROM fund.payable p"
            " WHERE p.region = %(region)s AND p.setl_id = %(setl_id)s ORDER BY 1",
            region=int(region),
            setl_id=setl_id,
        )
        for fund, key in keys or [("", "")]:
            named = f"record {setl_id}" + (f"，凭证业务键{key}" if key else "")
            book = f"{region}-{fund}" if fund else region
            yield Breach("INV-12", book, named, "结算记录与其内容摘要不符，已被改动")


def _entries(snapshot: Snapshot, book: Book) -> Iterator[Breach]:
    """Entries and payables in the order of their key, side by side."""
    keys = {"region": book.region, "fund": book.fund}
    entries = (line[:-1].split(b"|") for line in snapshot.copy(0, _ENTRIES, **keys))
    entry = next(entries, None)
    for key, lines in groupby(snapshot.copy(1, _PAYABLES, **keys), key=lambda line: line.partition(b"|")[0]):
        while entry is not None and entry[0] < key:
            yield _broken(book, entry, "所依据的应付明细已不存在")
            entry = next(entries, None)
        digest = recognition_digest(map(_parts, lines)).hex().encode()
        if entry is None or entry[0] != key:
            message = "应付明细称已由此键入账，而没有这样的确认凭证"
            yield Breach("INV-12", str(book), f"key {key.decode('utf-8', 'replace')}", message)
            continue
        if entry[6] != digest:
            yield _broken(book, entry, "所依据的结算记录或应付明细与记账时不同，已被改动")
        entry = next(entries, None)
    while entry is not None:
        yield _broken(book, entry, "所依据的应付明细已不存在")
        entry = next(entries, None)


def _parts(line: bytes) -> tuple[bytes, bytes]:
    _, record, payable = line.split(b"|", 2)
    return bytes.fromhex(record.decode()), payable


def _broken(book: Book, entry: list[bytes], message: str) -> Breach:
    _, event, seq, series, period, vno, _ = (field.decode("utf-8", "replace") for field in entry)
    return Breach("INV-12", str(book), f"seq {seq} ({series}-{period}-{vno})", f"{event}凭证{message}")


def _count_waiting(snapshot: Snapshot) -> None:
    rows = snapshot.rows(
        """
        SELECT (SELECT count(*) FROM fund.record r WHERE NOT EXISTS (
                    SELECT 1 FROM fund.payable p WHERE p.region = r.region AND p.setl_id = r.setl_id)),
               (SELECT count(*) FROM fund.payable WHERE recognised_by = '')
        """
    )
    names = ("无应付明细的结算记录", "待入账的应付明细")
    snapshot.waiting.update({name: count for name, count in zip(names, rows[0], strict=True) if count})
