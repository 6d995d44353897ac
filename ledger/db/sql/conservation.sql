-- The equation of a year (INV-08): everything an institution was owed is paid, deducted, or still owed.

-- Views -------------------------------------------------------
-- One line per institution, book, sub-fund and service year, as the books stand now; each figure on its normal side.
CREATE OR REPLACE VIEW fund.conservation WITH (security_invoker = true) AS
SELECT k.*, k.recognised_fen + k.surplus_fen + k.outregion_fen - k.owed_fen - k.paid_fen + k.refunded_fen - k.taken_fen AS difference_fen
  FROM (SELECT b.region, b.fund, d.counterparty AS institution, d.subfund, d.service_year,
               coalesce(sum(-n.fen) FILTER (WHERE b.account = 9001), 0)::bigint  AS recognised_fen,
               coalesce(sum(-n.fen) FILTER (WHERE b.account = 9002), 0)::bigint  AS surplus_fen,
               coalesce(sum(-n.fen) FILTER (WHERE b.account = 9003), 0)::bigint  AS outregion_fen,   -- bills of other regions
               coalesce(sum(n.fen) FILTER (WHERE b.account = 9101), 0)::bigint   AS open_daily_fen,
               coalesce(sum(n.fen) FILTER (WHERE b.account = 9102), 0)::bigint   AS waiting_fen,
               coalesce(sum(n.fen) FILTER (WHERE b.account = 9103), 0)::bigint   AS month_owed_fen,
               coalesce(sum(n.fen) FILTER (WHERE b.account = 9104), 0)::bigint   AS in_flight_fen,
               coalesce(sum(n.fen) FILTER (WHERE b.account = 9105), 0)::bigint   AS retained_fen,
               coalesce(sum(n.fen) FILTER (WHERE b.account = 9106), 0)::bigint   AS clearing_owed_fen,
               coalesce(sum(n.fen) FILTER (WHERE b.account = 9201), 0)::bigint   AS paid_daily_fen,
               coalesce(sum(n.fen) FILTER (WHERE b.account = 9202), 0)::bigint   AS paid_month_fen,
               coalesce(sum(n.fen) FILTER (WHERE b.account = 9203), 0)::bigint   AS paid_clearing_fen,
               coalesce(sum(n.fen) FILTER (WHERE b.account = 920401), 0)::bigint AS offset_prepaid_fen,
               coalesce(sum(n.fen) FILTER (WHERE b.account = 920402), 0)::bigint AS offset_allocated_fen,
               coalesce(sum(n.fen) FILTER (WHERE b.account = 920403), 0)::bigint AS offset_supplier_fen,
               coalesce(sum(-n.fen) FILTER (WHERE b.account = 9209), 0)::bigint  AS refunded_fen,
               coalesce(sum(n.fen) FILTER (WHERE b.account = 9301), 0)::bigint   AS audit_fen,
               coalesce(sum(n.fen) FILTER (WHERE b.account = 9302), 0)::bigint   AS forfeited_fen,
               coalesce(sum(n.fen) FILTER (WHERE b.account = 9303), 0)::bigint   AS other_fen,
               coalesce(sum(n.fen) FILTER (WHERE b.account = 9304), 0)::bigint   AS borne_fen,
               coalesce(sum(n.fen) FILTER (WHERE b.account BETWEEN 9101 AND 9106), 0)::bigint AS owed_fen,
               coalesce(sum(n.fen) FILTER (WHERE b.account BETWEEN 9201 AND 9203
                                              OR b.account BETWEEN 920400 AND 920499), 0)::bigint AS paid_fen,
               coalesce(sum(n.fen) FILTER (WHERE b.account BETWEEN 9301 AND 9304), 0)::bigint AS taken_fen
          FROM books.balance b
          JOIN books.dim d ON d.region = b.region AND d.dim = b.dim
          CROSS JOIN LATERAL (SELECT b.credit - b.debit AS fen) n
         WHERE b.account BETWEEN 9001 AND 9399 OR b.account BETWEEN 900100 AND 939999
         GROUP BY b.region, b.fund, d.counterparty, d.subfund, d.service_year) k;

-- The same identity on every day: what the entries of one voucher date moved out of balance, per key. No row, ever.
-- Entries balance as a whole; that each key balances too is what nothing else proves.
CREATE OR REPLACE VIEW fund.conservation_broken WITH (security_invoker = true) AS
SELECT p.region, p.fund, d.counterparty AS institution, d.subfund, d.service_year, b.voucher_date,
       sum(p.debit - p.credit)::bigint AS difference_fen
  FROM books.posting p
  JOIN books.dim d ON d.region = p.region AND d.dim = p.dim
  JOIN books.block b ON b.region = p.region AND b.fund = p.fund AND b.block = p.block
 WHERE p.account BETWEEN 9001 AND 9399 OR p.account BETWEEN 900100 AND 939999
 GROUP BY p.region, p.fund, d.counterparty, d.subfund, d.service_year, b.voucher_date
HAVING sum(p.debit - p.credit) <> 0;

-- Grants ------------------------------------------------------
GRANT SELECT ON fund.conservation TO fundledger_service, fundledger_auditor;
GRANT SELECT ON fund.conservation_broken TO fundledger_service, fundledger_auditor;
