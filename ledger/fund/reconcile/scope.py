"""What is reconciled together: one institution's records of one book, one 期号 and one 清算类别; and our side of it."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Final, NamedTuple

from ledger.core.dates import next_month
from ledger.core.entries import FUND_NAMES
from ledger.core.errors import InvalidInput, NotFound
from ledger.db.unit_of_work import Transaction
from ledger.fund.record.codes import OUTSIDE_FLAGS, OUTSIDE_PAY_LOCS, national_codes

# Records of other regions' patients are cleared between regions (platform-fields.md 6): they are no part of this book's month.
_COLLECT: Final = """
    CREATE TEMP TABLE ours ON COMMIT DROP AS
    SELECT r.setl_id, r.mdtrt_id, r.psn_no, r.medfee_sumamt AS medfee_fen, r.fund_pay_sumamt AS fund_fen, r.acct_pay AS acct_fen,
           r.psn_cash_pay AS cash_fen, r.hi_agre_sumfee AS agreed_fen, r.insutype, r.med_type, r.clr_optins, r.clr_way, r.setl_time,
           r.init_setl_id <> '' AS reversal, v.setl_id IS NOT NULL AS reversed, r.content_digest
      FROM fund.record r
      LEFT JOIN fund.record v ON v.region = r.region AND v.init_setl_id = r.setl_id AND v.init_setl_id <> ''
     WHERE r.region = %(region)s AND r.fixmedins_code = %(institution)s AND r.clr_type = %(clr_type)s
       AND r.setl_time >= %(begin)s AND r.setl_time < %(end)s AND r.insutype = ANY(%(insutypes)s)
       AND (%(optins)s = '' OR r.clr_optins = %(optins)s)
       AND r.pay_loc <> ALL(%(outside_locs)s) AND r.out_flag <> ALL(%(outside_flags)s)
       AND (r.insu_admdvs = '' OR starts_with(r.insu_admdvs, %(places)s))"""


class ReconcileScope(NamedTuple):
    """The unit of reconciliation and of declaration."""

    fund: int
    institution: str
    term: int
    """期号 yyyymm."""
    clr_type: str

    @property
    def first_day(self) -> date:
        """The first day of the 期号."""
        return date(self.term // 100, self.term % 100, 1)

    @property
    def last_day(self) -> date:
        """The last day of the 期号."""
        return next_month(self.first_day) - timedelta(days=1)


def check_scope(tx: Transaction, scope: ReconcileScope) -> None:
    """Raises InvalidInput `scope.fund`, `scope.term`, `scope.clr_type`; NotFound `institution.unknown`."""
    if scope.fund not in FUND_NAMES:
        raise InvalidInput("scope.fund", f"没有账套{scope.fund}", fund=scope.fund)
    if not (2000 <= scope.term // 100 <= 9998 and 1 <= scope.term % 100 <= 12):
        raise InvalidInput("scope.term", f"期号“{scope.term}”不合规：应为YYYYMM", term=scope.term)
    if scope.clr_type not in national_codes().values["clr_type"]:
        raise InvalidInput("scope.clr_type", f"清算类别“{scope.clr_type[:20]}”不在字典内")
    if not tx.value(
        "SELECT 1 FROM fund.institution WHERE region = %(region)s AND institution = %(institution)s",
        region=tx.region,
        institution=scope.institution,
    ):
        raise NotFound("institution.unknown", f"没有定点医药机构{scope.institution}")


def insutypes_of(fund: int) -> list[str]:
    """The 险种 whose money is this book's (310 with 510 maternity; 390)."""
    return [code for code, book in national_codes().insutype.items() if book == fund]


def collect_ours(
    tx: Transaction,
    scope: ReconcileScope,
    period: tuple[date, date] | None = None,
    insutype: str = "",
    setl_optins: str = "",
) -> bytes:
    """Fill the transaction's temporary table `ours` with our records of `scope`; returns the digest over them.

    `period` narrows to days, both ends in; `insutype` and `setl_optins` narrow to one code. The digest is
    SHA-256 of setl_id and content digest of every record, by the bytes of setl_id.
    """
    first, last = period or (scope.first_day, scope.last_day)
    tx.run("DROP TABLE IF EXISTS ours")
    tx.run(
        _COLLECT,
        region=tx.region,
        institution=scope.institution,
        clr_type=scope.clr_type,
        begin=first,
        end=last + timedelta(days=1),
        insutypes=[insutype] if insutype else insutypes_of(scope.fund),
        optins=setl_optins,
        outside_locs=list(OUTSIDE_PAY_LOCS),
        outside_flags=list(OUTSIDE_FLAGS),
        places=_places(tx.region),
    )
    tx.run("ANALYZE ours")
    digest: bytes = tx.value(
        """SELECT sha256(coalesce(string_agg(convert_to(setl_id, 'UTF8') || content_digest, ''::bytea
                                             ORDER BY setl_id COLLATE "C"), ''::bytea)) FROM ours"""
    )
    return bytes(digest)


def _places(region: int) -> str:
    """What the codes of insured places within the pooling region begin with (`ledger.fund.record.codes.covers`)."""
    code = str(region)
    if code.endswith("0000"):
        return code[:2]
    return code[:4] if code[4:] in {"00", "99"} else code
