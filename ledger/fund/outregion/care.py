"""Out of region 异地就医: which records are between two regions, on which side, and what they amount to.

As the place of care (X10) a record becomes an amount owed to our hospital in 95xx, per counterparty region, never a
benefit of this fund. As the insured place nothing is booked until the clearing amount is paid (X6): the record only
waits for the other side's bill. What an agency pays is the bill less cash and the hospital's own share.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from hashlib import sha256
from itertools import groupby
from typing import Final, NamedTuple

from ledger.books.journal import post
from ledger.books.setup import open_period
from ledger.core.dates import period_of
from ledger.core.entries import FUND_NAMES, Book, Dimensions, EntryDraft
from ledger.core.errors import InvalidInput
from ledger.db.locks import Lock, hold
from ledger.db.unit_of_work import Transaction
from ledger.fund.outregion.parties import read_counterparties
from ledger.fund.record.codes import covers, national_codes
from ledger.rules import Item, apply
from ledger.rules.policy import RULES_SIGNER, policy_on

CARE: Final = "care"
INSURED: Final = "insured"
SIDES: Final[Mapping[str, str]] = {CARE: "就医地", INSURED: "参保地"}


class FoundRecord(NamedTuple):
    """A stored record that carries a sign of another region; fen."""

    setl_id: str
    insutype: str
    institution: str
    med_type: str
    day: date
    term: int
    service_year: int
    out_flag: str
    insured_place: str
    care_place: str
    fund_fen: int
    amount_fen: int
    psn_part_fen: int
    acct_pay: int
    cash_fen: int
    mulaid_fen: int
    digest: bytes


@dataclass(frozen=True, slots=True)
class RefusedRecord:
    """A record with a sign of another region that cannot be taken, and why."""

    setl_id: str
    code: str
    message: str


@dataclass(frozen=True, slots=True)
class Recognised:
    """What one run took: records by side, entries posted, and what it refused."""

    care: int
    insured: int
    entries: int
    refused: Sequence[RefusedRecord]


class _Taken(NamedTuple):
    side: str
    counterparty: int
    category: str
    account_fen: int
    found: FoundRecord


def recognise_outregion(tx: Transaction, fund: int, upto: date, voucher_date: date) -> Recognised:
    """Take every record of the book with a sign of another region up to `upto`; book the place-of-care ones (95xx).

    One entry a day, hospital, counterparty region, service year and sign, posted under `voucher_date`. Records that
    cannot be taken are refused one by one (`outregion.own_region`, `.counterparty_unknown`, `.no_place`,
    `.not_equal`, `.category`) and asked again next time. Raises Forbidden `access.role_missing` (maker, system).
    """
    tx.run(
        "SELECT access.require_role(%(region)s, %(fund)s::smallint, '{maker,system}')",
        region=tx.region,
        fund=fund,
    )
    hold(tx, Lock.OUTREGION_RECORDS, f"{tx.region}-{fund}")
    parties = sorted((one.counterparty for one in read_counterparties(tx)), key=_width)
    taken: list[_Taken] = []
    refused: list[RefusedRecord] = []
    for found in _signed(tx, upto):
        if national_codes().insutype.get(found.insutype, 0) != fund:
            continue
        try:
            taken.append(_place(tx.region, found, parties))
        except InvalidInput as error:
            refused.append(RefusedRecord(found.setl_id, error.code, error.message))
    book = Book(tx.region, fund)
    care = [one for one in taken if one.side == CARE]
    keys = _post_care(tx, book, care, voucher_date) if care else {}
    _store(tx, fund, taken, keys)
    return Recognised(len(care), len(taken) - len(care), len(set(keys.values())), refused)


def totals(tx: Transaction, fund: int, term: int = 0) -> list[tuple[str, int, int, int, int]]:
    """(side, counterparty, 期号, records, fen) of what was taken, of one 期号 or all."""
    return [
        (side, counterparty, month, count, fen)
        for side, counterparty, month, count, fen in tx.rows(
            """SELECT side, counterparty, term, count(*), sum(amount_fen)::bigint FROM fund.outregion_record
                WHERE region = %(region)s AND fund = %(fund)s AND %(term)s IN (0, term)
                GROUP BY side, counterparty, term ORDER BY 1, 2, 3""",
            region=tx.region,
            fund=fund,
            term=term,
        )
    ]


def records_digest(rows: Sequence[tuple[str, bytes, int]]) -> bytes:
    """Evidence digest of entries on records: SHA-256 over `setl_id|content digest in hex|fen`, lines joined by newline."""
    lines = (f"{setl_id}|{digest.hex()}|{fen}" for setl_id, digest, fen in sorted(rows))
    return sha256("\n".join(lines).encode()).digest()


def _signed(tx: Transaction, upto: date) -> list[FoundRecord]:
    """Records with a sign of another region (platform-fields.md 6), not yet taken and no payable of ours, oldest first."""
    rows = tx.rows(
        """SELECT r.setl_id, r.insutype, r.fixmedins_code, r.med_type, r.setl_time::date,
                  to_char(r.setl_time, 'YYYYMM')::integer, extract(year FROM coalesce(o.setl_time, r.setl_time))::integer,
                  r.out_flag, r.insu_admdvs, r.fix_blng_admdvs, r.fund_pay_sumamt,
                  r.medfee_sumamt - r.psn_cash_pay - r.hosp_part_amt, r.psn_part_amt, r.acct_pay, r.psn_cash_pay,
                  r.acct_mulaid_pay, r.content_digest
             FROM fund.record r
             LEFT JOIN fund.record o ON o.region = r.region AND o.setl_id = r.init_setl_id AND r.init_setl_id <> ''
            WHERE r.region = %(region)s AND r.setl_time < %(upto)s::date + 1
              AND (r.pay_loc IN ('3', '4') OR r.out_flag IN ('1', '2') OR r.details ~ '(^|;)910100,'
                   OR r.insu_admdvs <> '' AND NOT fund.region_covers(r.region, r.insu_admdvs))
              AND r.medfee_sumamt - r.psn_cash_pay - r.hosp_part_amt <> 0
              AND NOT EXISTS (SELECT 1 FROM fund.outregion_record x WHERE x.region = r.region AND x.setl_id = r.setl_id)
              AND NOT EXISTS (SELECT 1 FROM fund.payable p WHERE p.region = r.region AND p.setl_id = r.setl_id)
            ORDER BY r.setl_time, r.setl_id""",
        region=tx.region,
        upto=upto,
    )
    return [FoundRecord._make((*row[:-1], bytes(row[-1]))) for row in rows]


def _width(counterparty: int) -> int:
    """Narrow regions first: a county that pools for itself goes before the city around it."""
    return 2 if counterparty % 10_000 == 0 else 1 if counterparty % 100 in (0, 99) else 0


def _place(region: int, found: FoundRecord, parties: Sequence[int]) -> _Taken:
    """Side and counterparty of one record; raises InvalidInput `outregion.*`."""
    ours = found.insured_place != "" and covers(str(region), found.insured_place)
    side = INSURED if found.out_flag == "1" else CARE
    where = f"结算{found.setl_id}"
    if side == CARE and ours:
        message = (
            f"{where}标为异地就医，而参保地{found.insured_place}属本统筹区{region}，请核对支付地点与异地标志"
        )
        raise InvalidInput("outregion.own_region", message, setl_id=found.setl_id)
    if side == INSURED and (not ours or covers(str(region), found.care_place)):
        message = f"{where}标为参保地，而参保地{found.insured_place or '（空）'}不属本统筹区，或就医地{found.care_place}就在本统筹区"
        raise InvalidInput("outregion.own_region", message, setl_id=found.setl_id)
    place = found.insured_place if side == CARE else found.care_place
    if not place:
        raise InvalidInput("outregion.no_place", f"{where}没有对方的医保区划", setl_id=found.setl_id)
    party = next((one for one in parties if covers(str(one), place)), 0)
    if not party:
        message = f"{where}的对方医保区划{place}不属任何已登记的统筹区"
        raise InvalidInput("outregion.counterparty_unknown", message, setl_id=found.setl_id, place=place)
    plain = found.acct_pay + found.cash_fen
    if found.psn_part_fen not in (plain, plain + found.mulaid_fen):
        message = f"{where}的个人负担不等于账户与现金之和，金额未核清"
        raise InvalidInput("outregion.not_equal", message, setl_id=found.setl_id)
    kind = national_codes().med_type.get(found.med_type)
    if kind is None or not kind.category:
        message = f"{where}的医疗类别{found.med_type}没有对应的待遇类别"
        raise InvalidInput("outregion.category", message, setl_id=found.setl_id)
    return _Taken(side, party, kind.category, found.amount_fen - found.fund_fen, found)


def _post_care(tx: Transaction, book: Book, care: Sequence[_Taken], voucher_date: date) -> dict[str, str]:
    """Post OUT.rec and OUT.rev entries; source key by record."""

    def key(one: _Taken) -> tuple[date, str, int, int, int, bool]:
        found = one.found
        reversal = found.amount_fen < 0
        return found.day, found.institution, one.counterparty, found.service_year, found.term, reversal

    drafts: list[EntryDraft] = []
    keys: dict[str, str] = {}
    for (day, institution, party, year, term, reversal), group in groupby(sorted(care, key=key), key=key):
        records = [one.found for one in group]
        digest = records_digest([(one.setl_id, one.digest, one.amount_fen) for one in records])
        dims = Dimensions(institution, "", year, term, str(party))
        item = Item(dims, sum(one.amount_fen for one in records))
        ruled = apply(
            "OUT.rev" if reversal else "OUT.rec", policy_on(tx, book.region, day), book.fund, [item]
        )
        source_key = f"OUTREC:{digest.hex()[:32]}"
        keys |= {one.setl_id: source_key for one in records}
        drafts.append(
            EntryDraft(
                event=ruled.event,
                source_key=source_key,
                business_date=day,
                summary=f"{day:%Y%m%d}异地就医{party}{FUND_NAMES[book.fund]}{institution}共{len(records)}笔",
                legs=ruled.legs,
                rule=ruled.rule,
                prepared_by=f"rule:{ruled.rule}",
                reviewed_by=RULES_SIGNER,
                evidence_digest=digest,
                evidence=f"异地结算记录{len(records)}笔",
                attachments=len(records),
            )
        )
    open_period(tx, book, period_of(voucher_date))
    post(tx, book, voucher_date, drafts)
    return keys


def _store(tx: Transaction, fund: int, taken: Sequence[_Taken], keys: Mapping[str, str]) -> None:
    tx.run_many(
        """INSERT INTO fund.outregion_record (region, fund, setl_id, side, counterparty, institution, service_year, term, category,
               amount_fen, account_fen, recognised_by)
           VALUES (%(region)s, %(fund)s, %(setl_id)s, %(side)s, %(party)s, %(institution)s, %(year)s, %(term)s, %(category)s,
               %(fen)s, %(account)s, %(by)s)""",
        [
            {
                "region": tx.region,
                "fund": fund,
                "setl_id": one.found.setl_id,
                "side": one.side,
                "party": one.counterparty,
                "institution": one.found.institution,
                "year": one.found.service_year,
                "term": one.found.term,
                "category": one.category,
                "fen": one.found.amount_fen,
                "account": one.account_fen,
                "by": keys.get(one.found.setl_id, ""),
            }
            for one in taken
        ],
    )
