"""Records, payables and refusals into their tables, once only, with an outcome for every line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from hashlib import sha256
from typing import Final

from ledger.db.unit_of_work import Transaction
from ledger.fund.layers import Layers
from ledger.fund.layers_store import layer_rows
from ledger.fund.outcome import ACCEPTED, DUPLICATE, Good, Load, Outcome, Tally
from ledger.fund.record import Refusal
from ledger.fund.shape import LINE_BYTES_MAX
from ledger.fund.store_few import FEW, insert_few

_RECORD_COLUMNS: Final = (
    "region, setl_id, mdtrt_id, psn_no, fixmedins_code, insutype, med_type, clr_type, setl_time, poolarea_no, clr_optins,"
    " clr_way, pay_loc, out_flag, insu_admdvs, fix_blng_admdvs, setl_type, hosp_lv, year, begndate, enddate,"
    " medins_setl_id, init_setl_id, medfee_sumamt, fulamt_ownpay_amt, overlmt_selfpay, preselfpay_amt, inscp_scp_amt,"
    " act_pay_dedc, hifp_pay, cvlserv_pay, hifes_pay, hifmi_pay, hifob_pay, maf_pay, hifdm_pay, oth_pay,"
    " fund_pay_sumamt, hosp_part_amt, psn_part_amt, acct_pay, psn_cash_pay, balc, acct_mulaid_pay, hi_agre_sumfee,"
    " details, content_digest, load_id, line"
)


def store(
    tx: Transaction,
    load: Load,
    goods: Sequence[Good],
    splits: Mapping[int, Layers],
    refused: list[Refusal],
    *,
    each: bool,
) -> Tally:
    """Insert what is new with its payables and splits, tell duplicates from other content.

    `splits` by line, of those records that have one; `each`: the tally has every line's outcome.
    """
    tally = Tally()
    if not goods:
        return tally
    insert = insert_few if len(goods) <= FEW else _insert_many
    kept = insert(tx, load, goods, {good.line: splits[good.line] for good in goods if good.line in splits})
    accepted: Sequence[Good] = goods
    duplicates: Sequence[Good] = ()
    if len(kept) < len(goods):
        accepted, duplicates = _told_apart(tx, load, goods, kept, refused)
    tally.accepted, tally.duplicate = len(accepted), len(duplicates)
    tally.accepted_fen = sum([good.record.medfee_fen for good in accepted])
    tally.payable_fen = sum([good.daily_fen for good in accepted])
    if each:
        tally.outcomes += [
            Outcome(
                good.line, good.record.setl_id, ACCEPTED, "", "", "", good.record.medfee_fen, good.daily_fen
            )
            for good in accepted
        ]
        tally.outcomes += [Outcome(good.line, good.record.setl_id, DUPLICATE) for good in duplicates]
    return tally


def _told_apart(
    tx: Transaction, load: Load, goods: Sequence[Good], kept: Set[int], refused: list[Refusal]
) -> tuple[list[Good], list[Good]]:
    """The accepted (new, or this very line before a crash) and the duplicates; everything else is refused."""
    stored = _already_stored(tx, [good.record.setl_id for good in goods if good.line not in kept])
    accepted, duplicates = [], []
    for good in goods:
        record = good.record
        if good.line in kept:
            accepted.append(good)
        elif record.setl_id not in stored:
            message = f"第{good.line}行 init_setl_id：原结算{record.init_setl_id}已被冲销"
            refused.append(Refusal(good.line, record.setl_id, "init_setl_id", "reversal.already", message))
        elif stored[record.setl_id] == (record.content_digest, load.load_id, good.line):
            accepted.append(good)
        elif stored[record.setl_id][0] == record.content_digest:
            duplicates.append(good)
        else:
            message = f"第{good.line}行 setl_id：结算{record.setl_id}已收到过，内容不同"
            refused.append(Refusal(good.line, record.setl_id, "setl_id", "record.other_content", message))
    return accepted, duplicates


def _insert_many(
    tx: Transaction, load: Load, goods: Sequence[Good], splits: Mapping[int, Layers]
) -> set[int]:
    """The lines that were new, by way of staging tables and COPY."""
    tx.run("CREATE TEMP TABLE IF NOT EXISTS r_in (LIKE fund.record) ON COMMIT DELETE ROWS")
    tx.run("CREATE TEMP TABLE IF NOT EXISTS p_in OF fund.owed_line ON COMMIT DELETE ROWS")
    tx.run("TRUNCATE r_in, p_in")
    tx.copy_text(f"r_in ({_RECORD_COLUMNS})", _record_rows(tx.region, load.load_id, goods))
    tx.copy_text("p_in", "".join([good.owed for good in goods]).encode("ascii"))
    return {
        line
        for (line,) in tx.rows(
            """WITH kept AS (INSERT INTO fund.record SELECT * FROM r_in ORDER BY setl_id, line
                             ON CONFLICT DO NOTHING RETURNING line),
                    owed AS (INSERT INTO fund.payable (region, fund, setl_id, subfund, institution, service_year, term,
                                                       category, day, fund_fen, daily_fen, ratio)
                             SELECT p.region, p.fund, p.setl_id, p.subfund, p.institution, p.service_year, p.term,
                                    p.category, p.day, p.fund_fen, p.daily_fen, p.ratio
                               FROM p_in p JOIN kept ON kept.line = p.line),
                    layers AS (INSERT INTO fund.bill_layer SELECT (s.split).* FROM (
                                      SELECT unnest(%(layers)s::fund.bill_layer[]) AS split, unnest(%(lines)s::bigint[]) AS line) s
                                 JOIN kept ON kept.line = s.line)
               SELECT line FROM kept""",
            layers=layer_rows(tx.region, splits.values()),
            lines=list(splits),
        )
    }


def _already_stored(tx: Transaction, setl_ids: list[str]) -> dict[str, tuple[bytes, int, int]]:
    if not setl_ids:
        return {}
    return {
        setl_id: (bytes(digest), load_id, line)
        for setl_id, digest, load_id, line in tx.rows(
            """SELECT setl_id, content_digest, load_id, line FROM fund.record
                WHERE region = %(region)s AND setl_id = ANY(%(ids)s)""",
            region=tx.region,
            ids=setl_ids,
        )
    }


def _record_rows(region: int, load_id: int, goods: Sequence[Good]) -> bytes:
    """COPY text of fund.record: the canonical text has its columns in order and needs no escaping."""
    return "".join(
        [
            f"{region}\t{good.record.canonical.replace('|', chr(9))}\t\\\\x{good.record.content_digest.hex()}\t{load_id}\t{good.line}\n"
            for good in goods
        ]
    ).encode("ascii")


def quarantine(
    tx: Transaction, region: int, load: Load, refusals: Sequence[Refusal], raws: Mapping[int, bytes]
) -> None:
    """Keep refused lines with their reason: the same line of the same file once, a document refused again once."""
    if not refusals:
        return
    tx.run_many(
        """INSERT INTO fund.quarantine (region, file_sha256, line, setl_id, field, code, message, load_id, raw)
           SELECT %(region)s, %(sha256)s, %(line)s, %(setl_id)s, %(field)s, %(code)s, %(message)s, %(load_id)s, %(raw)s
            WHERE %(of_file)s OR NOT EXISTS (
                  SELECT 1 FROM fund.quarantine q
                   WHERE q.region = %(region)s AND q.file_sha256 = %(sha256)s AND q.code = %(code)s)
           ON CONFLICT DO NOTHING""",
        [
            {
                "region": region,
                "sha256": load.sha256 or sha256(raws[refusal.line]).digest(),
                "of_file": load.sha256 != b"",
                "line": refusal.line,
                "setl_id": refusal.setl_id,
                "field": refusal.field,
                "code": refusal.code,
                "message": refusal.message,
                "load_id": load.load_id,
                "raw": raws[refusal.line][:LINE_BYTES_MAX],
            }
            for refusal in refusals
        ],
    )
