"""The printed voucher: every posted voucher by number and by seq, with sums, capitals and signers."""

from __future__ import annotations

from datetime import date

import pytest

from ledger.core.entries import Dimensions, credit, debit
from ledger.core.errors import InvalidInput, NotFound
from reports.voucher import voucher


def test_every_voucher_is_found_by_its_number_and_by_its_seq(busy_desk):
    with busy_desk.tx() as tx:
        posted = tx.rows("SELECT seq, series, period, vno, summary FROM books.entry ORDER BY seq")
        assert {series for _, series, *_ in posted} == {"记", "备"}
        for seq, series, period, vno, summary in posted:
            by_number = voucher(tx, busy_desk.book, f"{series}-{period}-{vno}")
            assert by_number == voucher(tx, busy_desk.book, str(seq))
            assert (by_number.voucher.seq, by_number.voucher.summary) == (seq, summary)
            assert by_number.voucher.number == f"{series}-{period}-{vno}"
            assert len(by_number.voucher.lines) >= 2
            for debit_sum, credit_sum in by_number.sums.values():
                assert debit_sum == credit_sum != 0


def test_head_lines_sums_and_signers(desk):
    dims = Dimensions("H42010000001", "pool", 2026, 202610, "inpatient")
    answer = desk.post(
        date(2026, 10, 13),
        [
            desk.draft(
                [
                    debit(9104, 10_700_053, dims),
                    credit(9201, 10_700_053, dims),
                    debit(110105, 10_800_053, dims),
                    debit(110105, -100_000, dims),
                    credit(1004, 10_700_053, Dimensions("42001")),
                ],
                "拨付",
                evidence="回单R123",
                attachments=2,
            )
        ],
    )[0]
    with desk.tx() as tx:
        document = voucher(tx, desk.book, answer.voucher).as_json()
    assert document["voucher"] == "记-202610-1"
    assert (document["book_name"], document["attachments"], document["evidence"]) == (
        "武汉职工医保基金",
        2,
        "回单R123",
    )
    assert document["totals"] == {
        "memorandum": {"debit_fen": "10700053", "credit_fen": "10700053", "upper": "壹拾万零柒仟元伍角叁分"},
        "statutory": {"debit_fen": "10700053", "credit_fen": "10700053", "upper": "壹拾万零柒仟元伍角叁分"},
    }
    assert document["signers"] == {
        "prepared": {"user": "rule:TST@1", "name": "机制凭证"},
        "reviewed": {"user": "zhang", "name": "张复核"},
        "posted": {"user": "acc", "name": "钱会计"},
    }
    assert document["lines"][3] == {
        "line": 4,
        "code": "110105",
        "name": "暂付款—日拨付",
        "dimensions": dims._asdict(),
        "section": "statutory",
        "debit_fen": "-100000",
        "credit_fen": "0",
    }
    assert document["lines"][4]["dimensions"] == {"counterparty": "42001"}


def test_unknown_and_malformed_references(busy_desk):
    with busy_desk.tx() as tx:
        for unknown in ("记-202610-999", "记-202501-1", "0", "99999"):
            with pytest.raises(NotFound, match=r"voucher\.unknown"):
                voucher(tx, busy_desk.book, unknown)
        for bad in ("", "记-2026-1", "付-202610-1", "1.5", "-1"):
            with pytest.raises(InvalidInput, match=r"voucher\.format"):
                voucher(tx, busy_desk.book, bad)
