"""One bill, several payers 一单式: each record's shares, which add up to the bill to the fen (issue item 8, 4.6).

Funds come from the record's fund rows by the region's map of that day; without rows, from the record's own columns.
Personal-account money is what the person paid besides cash: 家庭共济 by its own column, 医保钱包 by rows mapped to it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from hashlib import sha256
from typing import Final, NamedTuple

from ledger.core.errors import InvalidInput, LedgerError, NotFound
from ledger.core.money import yuan
from ledger.db.unit_of_work import Transaction
from ledger.fund.classify import national_codes
from ledger.fund.layers_map import PAYERS, LayerMap, MapRow, map_text, read_map

COLUMNS: Final = tuple(PAYERS)
_FUNDS: Final = frozenset(COLUMNS[:8])

_BY_COLUMN: Final[Mapping[str, str]] = {
    "cvlserv_pay": "civil",
    "hifes_pay": "commercial",
    "hifmi_pay": "large",
    "hifob_pay": "large",
    "maf_pay": "assistance",
    "hifdm_pay": "other_fund",
    "oth_pay": "other_fund",
}
"""The payers of a record without fund rows; hifp_pay is the basic fund of its own book."""


class Bill(NamedTuple):
    """What of a record decides who pays; fen."""

    setl_id: str
    day: date
    insutype: str
    medfee_sumamt: int
    hifp_pay: int
    cvlserv_pay: int
    hifes_pay: int
    hifmi_pay: int
    hifob_pay: int
    maf_pay: int
    hifdm_pay: int
    oth_pay: int
    fund_pay_sumamt: int
    hosp_part_amt: int
    psn_part_amt: int
    acct_pay: int
    psn_cash_pay: int
    acct_mulaid_pay: int
    details: str


@dataclass(frozen=True, slots=True)
class Layers:
    """A record's split: fen by payer (every payer of PAYERS), and the rows it was split by."""

    setl_id: str
    day: date
    medfee_fen: int
    shares: Mapping[str, int]
    rows: Sequence[tuple[str, int, MapRow]]
    """(fund_pay_type, fen, the row of the map that decided it)."""

    @property
    def map_digest(self) -> bytes:
        """SHA-256 of `layers_map.map_text` over its rows."""
        return sha256(map_text([(code, row) for code, _, row in self.rows]).encode()).digest()


@dataclass(frozen=True, slots=True)
class Refused:
    """A record that could not be split, and why."""

    setl_id: str
    code: str
    message: str


@dataclass(frozen=True, slots=True)
class LayerRun:
    """What one run stored and refused."""

    stored: int
    refused: Sequence[Refused]


def split(bill: Bill, layer_map: LayerMap) -> Layers:
    """The shares of a record by payer, in fen.

    Raises InvalidInput `layers.unknown_type` for a fund row nobody stands behind on that day, `layers.not_equal` when
    the parts do not add up to the bill, or the fund rows not to the record's fund total.
    """
    rows = [(code, fen, layer_map.of(code, bill.day)) for code, fen in _fund_rows(bill.details)]
    shares: Counter[str] = Counter()
    for _, fen, row in rows:
        shares[row.payer] += fen
    undecided = shares.pop("undecided", 0)
    if not rows:
        shares.update(_by_columns(bill))
    funds = sum(shares[payer] for payer in _FUNDS)
    if undecided and funds + undecided == bill.fund_pay_sumamt:
        shares["other_fund"] += undecided
        funds += undecided
    if funds != bill.fund_pay_sumamt:
        raise _not_equal(bill, "基金分项", funds, "基金支付总额", bill.fund_pay_sumamt)
    shares["hospital"] = bill.hosp_part_amt
    shares["cash"] = bill.psn_cash_pay
    shares["mutual_aid"] = bill.acct_mulaid_pay
    plain = bill.acct_pay + bill.psn_cash_pay
    inside = bill.psn_part_amt == plain
    shares["account"] = bill.acct_pay - shares["wallet"] - (bill.acct_mulaid_pay if inside else 0)
    total = sum(shares.values())
    if total != bill.medfee_sumamt:
        raise _not_equal(bill, "各方承担合计", total, "医疗费总额", bill.medfee_sumamt)
    return Layers(
        bill.setl_id, bill.day, bill.medfee_sumamt, {payer: shares[payer] for payer in COLUMNS}, rows
    )


def split_day(tx: Transaction, day: date) -> LayerRun:
    """Split and store every record of a settlement day that has no split yet; those that cannot be are told why.

    Raises Forbidden `access.role_missing` (system, maker, accountant). Repeating it stores nothing twice.
    """
    tx.run(
        "SELECT access.require_role(%(region)s, 0::smallint, '{system,maker,accountant}')",
        region=tx.region,
    )
    layer_map = read_map(tx, day)
    done: list[Layers] = []
    refused: list[Refused] = []
    for bill in _bills(tx, day):
        try:
            done.append(split(bill, layer_map))
        except LedgerError as error:
            refused.append(Refused(bill.setl_id, error.code, error.message))
    store_layers(tx, done)
    return LayerRun(len(done), refused)


def store_layers(tx: Transaction, splits: Sequence[Layers]) -> None:
    """Store splits; the database refuses one whose parts are not its bill (InvalidInput `db.constraint`), or whose bill
    is not the record's (`layers.not_the_record`).
    """
    tx.run_many(
        """INSERT INTO fund.bill_layer (region, setl_id, day, medfee_sumamt, basic_310, basic_390, large, civil, assistance,
               commercial, other_fund, outside, account, mutual_aid, wallet, cash, hospital, map_digest)
           VALUES (%(region)s, %(setl_id)s, %(day)s, %(medfee)s, %(basic_310)s, %(basic_390)s, %(large)s, %(civil)s,
               %(assistance)s, %(commercial)s, %(other_fund)s, %(outside)s, %(account)s, %(mutual_aid)s, %(wallet)s, %(cash)s,
               %(hospital)s, %(digest)s)""",
        [
            {
                "region": tx.region,
                "setl_id": one.setl_id,
                "day": one.day,
                "medfee": one.medfee_fen,
                "digest": one.map_digest,
                **one.shares,
            }
            for one in splits
        ],
    )


def read_bill(tx: Transaction, setl_id: str) -> Layers:
    """One bill as it was split, with its fund rows; not yet split, as it would be.

    Raises NotFound `layers.unknown_record`; what `split` raises.
    """
    bill = next(_bills(tx, None, setl_id), None)
    if bill is None:
        raise NotFound("layers.unknown_record", f"没有结算{setl_id[:40]}", setl_id=setl_id[:40])
    made = split(bill, read_map(tx, bill.day))
    stored = tx.row(
        """SELECT basic_310, basic_390, large, civil, assistance, commercial, other_fund, outside, account, mutual_aid, wallet,
                  cash, hospital FROM fund.bill_layer WHERE region = %(region)s AND setl_id = %(setl_id)s""",
        region=tx.region,
        setl_id=setl_id,
    )
    if stored is None:
        return made
    return Layers(
        bill.setl_id, bill.day, bill.medfee_sumamt, dict(zip(COLUMNS, stored, strict=True)), made.rows
    )


def totals(tx: Transaction, first: date, last: date) -> list[tuple[date, Mapping[str, int], int]]:
    """Per settlement day from `first` to `last`: fen by payer, and the sum of the bills."""
    rows = tx.rows(
        """SELECT day, sum(basic_310)::bigint, sum(basic_390)::bigint, sum(large)::bigint, sum(civil)::bigint,
                  sum(assistance)::bigint, sum(commercial)::bigint, sum(other_fund)::bigint, sum(outside)::bigint,
                  sum(account)::bigint, sum(mutual_aid)::bigint, sum(wallet)::bigint, sum(cash)::bigint, sum(hospital)::bigint,
                  sum(medfee_sumamt)::bigint
             FROM fund.bill_layer WHERE region = %(region)s AND day BETWEEN %(first)s AND %(last)s GROUP BY day ORDER BY day""",
        region=tx.region,
        first=first,
        last=last,
    )
    return [(row[0], dict(zip(COLUMNS, row[1:-1], strict=True)), row[-1]) for row in rows]


def _bills(tx: Transaction, day: date | None, setl_id: str = "") -> Iterator[Bill]:
    """Records of a day that have no split yet, or the one named."""
    for row in tx.rows(
        """SELECT r.setl_id, r.setl_time::date, r.insutype, r.medfee_sumamt, r.hifp_pay, r.cvlserv_pay, r.hifes_pay, r.hifmi_pay,
                  r.hifob_pay, r.maf_pay, r.hifdm_pay, r.oth_pay, r.fund_pay_sumamt, r.hosp_part_amt, r.psn_part_amt, r.acct_pay,
                  r.psn_cash_pay, r.acct_mulaid_pay, r.details
             FROM fund.record r
            WHERE r.region = %(region)s
              AND (r.setl_id = %(setl_id)s
                   OR r.setl_time >= %(day)s::date AND r.setl_time < %(day)s::date + 1 AND NOT EXISTS (
                      SELECT 1 FROM fund.bill_layer l WHERE l.region = r.region AND l.setl_id = r.setl_id))
            ORDER BY r.setl_id""",
        region=tx.region,
        day=day,
        setl_id=setl_id,
    ):
        yield Bill(*row)


def _fund_rows(details: str) -> Iterator[tuple[str, int]]:
    """(fund_pay_type, paid fen) of the record's canonical fund rows."""
    for row in filter(None, details.split(";")):
        code, _, paid, _, _ = row.split(",")
        yield code, int(paid)


def _by_columns(bill: Bill) -> Counter[str]:
    book = national_codes().insutype.get(bill.insutype, 0)
    shares: Counter[str] = Counter({f"basic_{book}" if book else "other_fund": bill.hifp_pay})
    for column, payer in _BY_COLUMN.items():
        shares[payer] += getattr(bill, column)
    return shares


def _not_equal(bill: Bill, left: str, left_fen: int, right: str, right_fen: int) -> InvalidInput:
    return InvalidInput(
        "layers.not_equal",
        f"结算{bill.setl_id}的{left}{yuan(left_fen)}元与{right}{yuan(right_fen)}元不等，相差{left_fen - right_fen}分",
        setl_id=bill.setl_id,
        left_fen=left_fen,
        right_fen=right_fen,
    )
