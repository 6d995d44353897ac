"""INV-09, one bill (issue item 8): every record others pay for has its split, and the split is what record and map say."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from ledger.control.breach import Breach
from ledger.control.snapshot import Snapshot
from ledger.core.accounts import coded
from ledger.fund.layers.map import national_map

_MISSING: Final = """
    SELECT r.region, r.setl_id FROM fund.record r
     WHERE (r.fund_pay_sumamt <> r.hifp_pay OR r.acct_mulaid_pay <> 0 OR r.psn_part_amt <> r.acct_pay + r.psn_cash_pay
            OR r.insutype NOT IN ('310', '390'))
       AND NOT EXISTS (SELECT 1 FROM fund.bill_layer l WHERE l.region = r.region AND l.setl_id = r.setl_id)
    UNION
    SELECT r.region, r.setl_id FROM fund.layer_map m
      JOIN fund.record r ON r.region = m.region AND r.setl_time >= m.from_day AND r.details ~ ('(^|;)' || m.code)
     WHERE NOT EXISTS (SELECT 1 FROM fund.bill_layer l WHERE l.region = r.region AND l.setl_id = r.setl_id)
     ORDER BY 1, 2
"""
# The fund rows of the split records once more, by the map of their day: codes and days are few, records many.
_OTHER: Final = coded("""
    WITH said AS MATERIALIZED (
        SELECT l.region, l.setl_id, l.day, split_part(x, ',', 1) AS code, split_part(x, ',', 3)::bigint AS fen, n
          FROM fund.bill_layer l JOIN fund.record r ON r.region = l.region AND r.setl_id = l.setl_id
          CROSS JOIN LATERAL string_to_table(nullif(r.details, ''), ';') WITH ORDINALITY AS d (x, n)),
    nation AS (SELECT n.code, ARRAY[n.payer, n.source] AS said FROM unnest(%(codes)s::text[], %(payers)s::text[], %(sources)s::text[]) AS n (code, payer, source)),
    meant AS MATERIALIZED (
        SELECT k.region, k.day, k.code, k.said[1] AS payer, k.code || '>' || array_to_string(k.said, '>') AS text
          FROM (SELECT k.region, k.day, k.code,
               coalesce((SELECT ARRAY[m.payer, m.source] FROM fund.layer_map m WHERE m.region = k.region AND m.code = k.code
                            AND m.from_day <= k.day ORDER BY m.from_day DESC LIMIT 1),
                        (SELECT ARRAY[m.payer, m.source] FROM fund.layer_map m WHERE m.region = k.region AND m.code = left(k.code, 4)
                            AND m.from_day <= k.day ORDER BY m.from_day DESC LIMIT 1),
                        (SELECT n.said FROM nation n WHERE n.code = k.code),
                        (SELECT n.said FROM nation n WHERE n.code = left(k.code, 4)), ARRAY['unknown', '']) AS said
          FROM (SELECT DISTINCT region, day, code FROM said) k) k),
    summed AS (
        SELECT s.region, s.setl_id, sha256(convert_to(string_agg(m.text, ';' ORDER BY s.n), 'UTF8')) AS map_digest, coalesce(sum(s.fen) FILTER (WHERE m.payer = 'basic_310'), 0) AS basic_310,
               coalesce(sum(s.fen) FILTER (WHERE m.payer = 'basic_390'), 0) AS basic_390,
               coalesce(sum(s.fen) FILTER (WHERE m.payer = 'large'), 0) AS large,
               coalesce(sum(s.fen) FILTER (WHERE m.payer = 'civil'), 0) AS civil,
               coalesce(sum(s.fen) FILTER (WHERE m.payer = 'assistance'), 0) AS assistance,
               coalesce(sum(s.fen) FILTER (WHERE m.payer = 'commercial'), 0) AS commercial,
               coalesce(sum(s.fen) FILTER (WHERE m.payer = 'outside'), 0) AS outside,
               coalesce(sum(s.fen) FILTER (WHERE m.payer = 'wallet'), 0) AS wallet,
               coalesce(sum(s.fen) FILTER (WHERE m.payer = 'unknown'), 0) AS unknown
          FROM said s JOIN meant m ON m.region = s.region AND m.day = s.day AND m.code = s.code
         GROUP BY s.region, s.setl_id)
    SELECT l.region, l.setl_id FROM fund.bill_layer l
      LEFT JOIN fund.record r ON r.region = l.region AND r.setl_id = l.setl_id
      LEFT JOIN summed s ON s.region = l.region AND s.setl_id = l.setl_id
     WHERE r.setl_id IS NULL
        OR (l.day, l.medfee_sumamt, l.cash, l.hospital, l.mutual_aid, l.account)
           IS DISTINCT FROM (r.setl_time::date, r.medfee_sumamt, r.psn_cash_pay, r.hosp_part_amt, r.acct_mulaid_pay,
               r.acct_pay - l.wallet - CASE WHEN r.psn_part_amt = r.acct_pay + r.psn_cash_pay THEN r.acct_mulaid_pay ELSE 0 END)
        OR l.basic_310 + l.basic_390 + l.large + l.civil + l.assistance + l.commercial + l.other_fund + l.outside
           <> r.fund_pay_sumamt
        OR (l.basic_310, l.basic_390, l.large, l.civil, l.assistance, l.commercial, l.outside, l.wallet, 0)
           IS DISTINCT FROM (coalesce(s.basic_310, 0), coalesce(s.basic_390, 0), coalesce(s.large, 0), coalesce(s.civil, 0),
               coalesce(s.assistance, 0), coalesce(s.commercial, 0), coalesce(s.outside, 0), coalesce(s.wallet, 0),
               coalesce(s.unknown, 0))
        OR l.map_digest <> coalesce(s.map_digest, sha256(''))
        OR EXISTS (SELECT 1 FROM fund.payable p WHERE p.region = l.region AND p.setl_id = l.setl_id AND p.subfund = 'pool'
                      AND p.fund_fen <> CASE p.fund WHEN {EMPLOYEE_FUND} THEN l.basic_310 ELSE l.basic_390 END)
     ORDER BY 1, 2
""")


def check_layers(snapshot: Snapshot) -> Iterator[Breach]:
    """Splits that are missing, or are not what the record's rows come to by the region's and the nation's map."""
    for region, setl_id in snapshot.rows(_MISSING):
        yield Breach("INV-09", str(region), f"record {setl_id}", "有其他承担方的结算记录没有各方分担")
    nation = [row for rows in national_map() for row in rows.values()]
    for region, setl_id in snapshot.rows(
        _OTHER,
        codes=[row.code for row in nation],
        payers=[row.payer for row in nation],
        sources=[row.source for row in nation],
    ):
        message = "各方分担与结算记录、基金支付类型对照或应付明细不符"
        yield Breach("INV-09", str(region), f"record {setl_id}", message)
