-- The independent recomputation, in DuckDB, by the formulas of the regulation (湖北规程 arts. 9, 10, 12, 18–25, 附件2, 附件3;
-- 财会〔2017〕28号; memorandum.md 1): nothing here is taken from our code.
--
-- What the world knows: bill (records as the platform made them), payee, decided (what persons decided), bank (the bank's
-- own books). What only our papers say: link (which order and paper a record went into), taken_by (which sheet took how much
-- of what), sheet, letter. Our claim: journal, the two books as `fundledger export --format hledger` writes them.
-- `different` has a line for every figure that is not the same on both sides; money is whole fen.

CREATE MACRO half_up(fen, ratio) AS CAST(sign(fen) * ((abs(CAST(fen AS HUGEINT)) * ratio + 5000) // 10000) AS BIGINT);
CREATE MACRO net(debited, back_on) AS CASE WHEN back_on IS NULL THEN debited ELSE 0 END;

-- Our books: one line a posting, debit positive, with the day and the words of its voucher. What closes a month (kind closing)
-- carries income and expense to 3001 and moves no money: the world knows nothing of it.
CREATE TABLE journal AS
WITH lines AS (SELECT fund, n, line, regexp_extract(line, '^(\d{4}-\d\d-\d\d) \* \(', 1) AS head FROM export_line),
     dated AS (SELECT *, last_value(nullif(head, '') IGNORE NULLS) OVER w AS day,
                      last_value(CASE WHEN head <> '' THEN line END IGNORE NULLS) OVER w AS words,
                      last_value(nullif(regexp_extract(line, '^    ; kind: (\w+)', 1), '') IGNORE NULLS) OVER w AS kind
                 FROM lines WINDOW w AS (PARTITION BY fund ORDER BY n)),
     posted AS (SELECT *, regexp_extract(line, '^    (\S+)  -?\d', 1) AS name FROM dated
                 WHERE line LIKE '    %  %' AND head = '' AND kind <> 'closing')
SELECT fund, CAST(day AS DATE) AS day, words,
       CAST(regexp_extract(name, '^(?:[A-Z][a-z]+:)+(\d{4,8})', 1) AS INTEGER) AS account,
       regexp_extract(name, ':Party-([^:]*)', 1) AS party, regexp_extract(name, ':Sub-([^:]*)', 1) AS subfund,
       CAST('0' || regexp_extract(name, ':Year-([^:]*)', 1) AS INTEGER) AS year,
       CAST('0' || regexp_extract(name, ':Term-([^:]*)', 1) AS INTEGER) AS term,
       replace(regexp_extract(name, ':Cat-([^:]*)', 1), '-5F-', '_') AS category,
       CAST(CAST(regexp_extract(line, '  (-?[0-9]+[.][0-9]{2}) CNY', 1) AS DECIMAL(18, 2)) * 100 AS BIGINT) AS fen
  FROM posted;
CREATE TABLE book AS
SELECT fund, account, party, subfund, year, term, category, CAST(sum(fen) AS BIGINT) AS fen FROM journal GROUP BY ALL;

-- Arts. 9, 10, 附件2: what each record puts to which fund money, and its daily part, half up a record.
CREATE TABLE rec AS
WITH known AS (
    SELECT b.*, year(coalesce(o.day, b.day)) AS year, year(b.day) * 100 + month(b.day) AS term,
           CAST(CAST(b.ratio AS DECIMAL(6, 4)) * 10000 AS BIGINT) AS units,
           CASE b.med_type WHEN '21' THEN 'inpatient' WHEN '52' THEN 'maternity' WHEN '11' THEN 'outpatient'
                           WHEN '14' THEN 'chronic' WHEN '41' THEN 'pharmacy' END AS category,
           CASE WHEN b.med_type IN ('21', '52') THEN '21' WHEN b.med_type IN ('11', '14') THEN '11' ELSE b.med_type END AS clr_type
      FROM bill b LEFT JOIN bill o ON b.init_setl_id <> '' AND o.setl_id = b.init_setl_id WHERE b.guest = 0)
SELECT setl_id, fund, institution, 'pool' AS subfund, year, term, category, clr_type, pooled AS fen,
       CASE WHEN daily = 1 AND med_type IN ('21', '52') THEN half_up(pooled, units) ELSE 0 END AS daily FROM known WHERE pooled <> 0
UNION ALL
SELECT setl_id, fund, institution, 'acct', year, term, category, clr_type, account, 0 FROM known WHERE account <> 0;

-- What the bank debited for which order, and whether it came back.
CREATE TABLE paid AS
SELECT d.order_no, CAST(regexp_extract(d.order_no, '^FL\d{6}-(\d{3})-', 1) AS INTEGER) AS fund, p.counterparty AS party,
       d.amount_fen AS fen, d.day, r.day AS back_on,
       CASE WHEN d.purpose LIKE '%异地就医%' THEN 'guest' WHEN d.purpose LIKE '%异地清算%' THEN 'abroad' WHEN d.purpose LIKE '%预付金%' THEN 'prepayment' WHEN d.purpose LIKE '%按月预拨%' THEN 'preallocation'
            WHEN d.purpose LIKE '%集采%' THEN 'supplier' WHEN p.counterparty = 'PERSON' THEN 'person'
            WHEN d.purpose LIKE '%月结%' THEN 'month' WHEN d.purpose LIKE '%清算%' THEN 'clearing' ELSE 'daily' END AS kind
  FROM bank d JOIN payee p ON p.account = d.other_account LEFT JOIN bank r ON r.gives_back = d.serial
 WHERE d.direction = 'debit' AND d.order_no <> '';

-- Each record with the paper that closed it and the daily order that paid it.
CREATE TABLE fate AS
SELECT r.*, l.paper, l.order_no, coalesce(p.back_on IS NULL AND p.order_no IS NOT NULL, false) AS is_paid, p.back_on,
       p.order_no IS NOT NULL AS debited
  FROM rec r LEFT JOIN link l USING (setl_id, fund, subfund) LEFT JOIN paid p ON p.order_no = l.order_no AND p.kind = 'daily';

-- Art. 19: the month pays 95 % of the pooled money, half up a sheet and 清算类别; the rest is the deposit. Where a group has
-- several keys each is rounded alone and the biggest bears the difference.
CREATE TABLE retained AS
WITH line AS (SELECT paper, fund, institution, clr_type, year, term, category, CAST(sum(fen) AS BIGINT) AS fen FROM fate
               WHERE subfund = 'pool' AND paper <> '' AND paper NOT LIKE 'CL%' GROUP BY ALL),
     cut AS (SELECT *, fen - half_up(fen, 9500) AS alone, row_number() OVER biggest AS n,
                    sum(fen) OVER grp - half_up(sum(fen) OVER grp, 9500) - sum(fen - half_up(fen, 9500)) OVER grp AS difference
               FROM line WINDOW grp AS (PARTITION BY paper, clr_type),
                    biggest AS (PARTITION BY paper, clr_type ORDER BY abs(fen) DESC, year, term, category))
SELECT c.paper, c.fund, c.institution, c.year, c.term, c.category, s.approved_on, alone + CASE WHEN n = 1 THEN difference ELSE 0 END AS fen
  FROM cut c JOIN sheet s USING (paper);

-- What a letter speaks of: papers up to its day; keys of later 期号 (reversals) that were not settled by then wait.
CREATE TABLE told AS
SELECT l.paper AS letter, s.paper FROM letter l JOIN sheet s USING (fund, institution) WHERE s.approved_on <= l.confirmed_on
UNION ALL SELECT paper, paper FROM letter;
CREATE TABLE waits AS
SELECT DISTINCT l.paper, f.subfund, f.year, f.term, f.category FROM fate f JOIN letter l USING (fund, institution)
 WHERE f.year <= l.year AND f.term > l.year * 100 + 12 AND NOT EXISTS (SELECT 1 FROM told t WHERE t.letter = l.paper AND t.paper = f.paper);

-- Art. 22: an institution's standard = its weights or points at the class's exact rate, less what its insured bear (DIP);
-- what flooring leaves goes to the biggest fractions; special cases on top.
CREATE TABLE standard AS
WITH volume AS (SELECT fund, year, institution, CAST(reference AS HUGEINT) AS units, CAST(fen AS HUGEINT) AS personal
                  FROM decided WHERE what = 'volume'),
     budget AS (SELECT fund, year, CAST(fen AS HUGEINT) AS fen FROM decided WHERE what = 'budget'),
     exact AS (SELECT v.*, b.fen AS budget, (b.fen + sum(personal) OVER y) * units AS num, sum(units) OVER y AS total
                 FROM volume v JOIN budget b USING (fund, year) WINDOW y AS (PARTITION BY fund, year)),
     floored AS (SELECT *, num // total - personal AS low,
                        row_number() OVER (PARTITION BY fund, year ORDER BY num % total DESC, institution) AS n FROM exact),
     shared AS (SELECT *, low + CASE WHEN n <= budget - sum(low) OVER (PARTITION BY fund, year) THEN 1 ELSE 0 END AS share FROM floored)
SELECT fund, year, institution, CAST(share AS BIGINT) + coalesce((SELECT sum(d.fen) FROM decided d
           WHERE d.what = 'special' AND (d.fund, d.year, d.institution) = (s.fund, s.year, s.institution)), 0) AS fen
  FROM shared s;

-- Art. 22 and the region's bands (simulated: kept 60 % of the first tenth below, 30 % of the next; borne 50 % of the first tenth
-- above, all of what is over it): by band of actual ÷ standard, half up once.
CREATE MACRO part(low, high, standard, from_ratio, to_ratio, share) AS
    greatest(0, least(high * 10000, standard * to_ratio) - greatest(low * 10000, standard * from_ratio)) * share;
CREATE TABLE shared AS
WITH actual AS (
    SELECT s.fund, s.year, s.institution, CAST(s.fen AS HUGEINT) AS std,
           CAST(coalesce((SELECT sum(f.fen) FROM fate f WHERE (f.fund, f.year, f.institution) = (s.fund, s.year, s.institution)
               AND f.subfund = 'pool' AND f.category = 'inpatient' AND f.paper <> l.paper AND f.paper IN (SELECT t.paper FROM told t WHERE t.letter = l.paper)
               AND NOT EXISTS (SELECT 1 FROM waits w WHERE (w.paper, w.subfund, w.year, w.term, w.category) = (l.paper, f.subfund, f.year, f.term, f.category))), 0)
         - coalesce((SELECT sum(t.fen) FROM taken_by t WHERE (t.fund, t.year, t.institution) = (s.fund, s.year, s.institution)
               AND t.what = 'audit' AND t.subfund = 'pool' AND t.category = 'inpatient'
               AND t.paper IN (SELECT o.paper FROM told o WHERE o.letter = l.paper)), 0) AS HUGEINT) AS cost
      FROM standard s JOIN letter l USING (fund, year, institution))
SELECT fund, year, institution,
       CASE WHEN cost < std THEN (part(cost, std, std, 9000, 10000, 6000) + part(cost, std, std, 8000, 9000, 3000) + 50000000) // 100000000
            ELSE 0 END AS surplus,
       CASE WHEN cost > std THEN (part(std, cost, std, 10000, 11000, 5000) + part(std, cost, std, 11000, 2000000000, 10000) + 50000000) // 100000000
            ELSE 0 END AS borne
  FROM actual;

-- 附件3 row 4: the grade's part of the year's deposits.
CREATE TABLE forfeited AS
SELECT l.fund, l.year, l.institution,
       least(half_up(sum(r.fen), any_value(g.fen)), sum(greatest(r.fen, 0))) AS fen
  FROM letter l JOIN decided g ON g.what = 'grade' AND (g.fund, g.year, g.institution) = (l.fund, l.year, l.institution)
  JOIN (SELECT t.letter, year, term, category, sum(fen) AS fen FROM retained JOIN told t USING (paper) GROUP BY ALL) r
    ON (r.letter, r.year) = (l.paper, l.year) GROUP BY ALL;

CREATE VIEW kept AS
SELECT r.* FROM retained r WHERE NOT EXISTS (SELECT 1 FROM told t JOIN letter l ON l.paper = t.letter WHERE t.paper = r.paper AND r.year <= l.year);
CREATE VIEW refund AS SELECT * FROM decided WHERE what IN ('refund_same_year', 'refund_earlier_year', 'refund_daily_advance');

-- 7E: everything that is still owed to an institution, month and clearing together.
CREATE TABLE owed AS
SELECT fund, institution, sum(fen) AS fen FROM (
    SELECT fund, institution, fen FROM rec
    UNION ALL SELECT fund, institution, -(fen - daily) FROM fate WHERE paper = ''
    UNION ALL SELECT fund, institution, -daily FROM fate WHERE paper = '' AND NOT is_paid
    UNION ALL SELECT fund, institution, -fen FROM fate WHERE paper LIKE 'CL%'
    UNION ALL SELECT fund, institution, -fen FROM kept
    UNION ALL SELECT fund, institution, -fen FROM taken_by
    UNION ALL SELECT fund, institution, -fen FROM forfeited
    UNION ALL SELECT fund, institution, surplus - borne FROM shared
    UNION ALL SELECT fund, party, -net(fen, back_on) FROM paid WHERE kind IN ('daily', 'month', 'clearing', 'abroad')
    UNION ALL SELECT fund, institution, fen FROM decided WHERE what = 'bill_in'
    UNION ALL SELECT fund, institution, fen FROM refund) GROUP BY ALL;

CREATE VIEW side AS
-- Ours on the account's normal side; `should` from the world and the papers.
SELECT '9001 待遇确认' AS what, fund, institution AS party, subfund, year, term, category, sum(fen) AS should, 0 AS booked FROM rec GROUP BY ALL
UNION ALL SELECT '9102 待月结', fund, institution, subfund, year, term, category, sum(fen - daily), 0 FROM fate WHERE paper = '' GROUP BY ALL
UNION ALL SELECT '9101 应付日拨付', fund, institution, subfund, year, term, category, sum(daily), 0 FROM fate
           WHERE paper = '' AND NOT is_paid GROUP BY ALL
UNION ALL SELECT '9201 已付日拨付', fund, institution, subfund, year, term, category, sum(daily), 0 FROM fate WHERE is_paid GROUP BY ALL
UNION ALL SELECT '9105 保证金', fund, institution, 'pool', year, term, category, sum(fen), 0 FROM kept GROUP BY ALL
UNION ALL SELECT '9301 审核扣款', fund, institution, subfund, year, term, category, sum(fen), 0 FROM taken_by WHERE what = 'audit' GROUP BY ALL
UNION ALL SELECT CASE account WHEN 9001 THEN '9001 待遇确认' WHEN 9102 THEN '9102 待月结' WHEN 9101 THEN '9101 应付日拨付'
                 WHEN 9201 THEN '9201 已付日拨付' WHEN 9105 THEN '9105 保证金' ELSE '9301 审核扣款' END,
                 fund, party, subfund, year, term, category, 0, CASE account WHEN 9001 THEN fen ELSE -fen END
            FROM book WHERE account IN (9001, 9102, 9101, 9201, 9105, 9301)
-- By institution: what the bank or a letter knows only as one figure.
UNION ALL SELECT '9104 在途', fund, party, '', 0, 0, '', 0, -sum(fen) FROM book WHERE account = 9104 GROUP BY ALL
UNION ALL SELECT CASE kind WHEN 'clearing' THEN '9203 已付清算' ELSE '9202 已付月结' END, fund, party, '', 0, 0, '', sum(net(fen, back_on)), 0
            FROM paid WHERE kind IN ('month', 'clearing', 'abroad') GROUP BY ALL
UNION ALL SELECT CASE account WHEN 9202 THEN '9202 已付月结' ELSE '9203 已付清算' END, fund, party, '', 0, 0, '', 0, -sum(fen)
            FROM book WHERE account IN (9202, 9203) GROUP BY ALL
UNION ALL SELECT '9204 抵扣', fund, institution, category, 0, 0, '', sum(fen), 0 FROM taken_by WHERE what = 'offset' GROUP BY ALL
UNION ALL SELECT '9204 抵扣', fund, party, CASE account WHEN 920401 THEN 'prepayment' WHEN 920402 THEN 'preallocation' ELSE 'supplier' END,
                 0, 0, '', 0, -sum(fen) FROM book WHERE account BETWEEN 920401 AND 920403 GROUP BY ALL
UNION ALL SELECT '9209 机构已退回', fund, institution, subfund, year, term, '', sum(fen), 0 FROM refund GROUP BY ALL
UNION ALL SELECT '9209 机构已退回', fund, party, subfund, year, term, '', 0, sum(fen) FROM book WHERE account = 9209 GROUP BY ALL
UNION ALL SELECT '9302 保证金扣减', fund, institution, '', year, 0, '', sum(fen), 0 FROM forfeited GROUP BY ALL
UNION ALL SELECT '9302 保证金扣减', fund, party, '', year, 0, '', 0, -sum(fen) FROM book WHERE account = 9302 GROUP BY ALL
UNION ALL SELECT '9303 其他扣款', fund, institution, '', 0, 0, '', sum(fen), 0 FROM taken_by WHERE what = 'other' GROUP BY ALL
UNION ALL SELECT '9303 其他扣款', fund, party, '', 0, 0, '', 0, -sum(fen) FROM book WHERE account = 9303 GROUP BY ALL
UNION ALL SELECT '9002 结余留用', fund, institution, '', year, 0, '', sum(surplus), 0 FROM shared GROUP BY ALL
UNION ALL SELECT '9002 结余留用', fund, party, '', year, 0, '', 0, sum(fen) FROM book WHERE account = 9002 GROUP BY ALL
UNION ALL SELECT '9304 机构自担', fund, institution, '', year, 0, '', sum(borne), 0 FROM shared GROUP BY ALL
UNION ALL SELECT '9304 机构自担', fund, institution, '', year, 0, '', sum(fen), 0 FROM fate WHERE paper LIKE 'CL%' GROUP BY ALL
UNION ALL SELECT '9304 机构自担', fund, party, '', year, 0, '', 0, -sum(fen) FROM book WHERE account = 9304 GROUP BY ALL
UNION ALL SELECT '9103、9106 应付', fund, institution, '', 0, 0, '', fen, 0 FROM owed
UNION ALL SELECT '9103、9106 应付', fund, party, '', 0, 0, '', 0, -sum(fen) FROM book WHERE account IN (9103, 9106) GROUP BY ALL
-- Advances lie in 1101 until they are offset or given back.
UNION ALL SELECT '1101 预付款项', fund, party, '', 0, 0, '', sum(net(fen, back_on)), 0 FROM paid
           WHERE kind IN ('prepayment', 'preallocation', 'supplier') GROUP BY ALL
UNION ALL SELECT '1101 预付款项', fund, institution, '', 0, 0, '', -sum(fen), 0 FROM taken_by WHERE what = 'offset' GROUP BY ALL
UNION ALL SELECT '1101 预付款项', fund, institution, '', 0, 0, '', -sum(fen), 0 FROM decided WHERE what = 'refund_prepaid' GROUP BY ALL
UNION ALL SELECT '1101 预付款项', fund, party, '', 0, 0, '', 0, sum(fen) FROM book WHERE account BETWEEN 110102 AND 110104 GROUP BY ALL
-- T5: what an institution or person got net is expense, still a daily advance, less income of an earlier year and what waits to be paid again.
UNION ALL SELECT '支出净额', fund, party, '', 0, 0, '', sum(net(fen, back_on)), 0 FROM paid
           WHERE kind IN ('daily', 'month', 'clearing', 'person', 'abroad') GROUP BY ALL
UNION ALL SELECT '支出净额', fund, institution, '', 0, 0, '', sum(fen), 0 FROM taken_by WHERE what = 'offset' GROUP BY ALL
UNION ALL SELECT '支出净额', fund, institution, '', 0, 0, '', -sum(fen), 0 FROM refund GROUP BY ALL
UNION ALL SELECT '支出净额', fund, party, '', 0, 0, '', 0, sum(fen) FROM book
           WHERE party <> '' AND (CAST(account AS VARCHAR) LIKE '5001%' OR CAST(account AS VARCHAR) LIKE '4501%' OR account IN (110105, 200104)) GROUP BY ALL
-- The fund's own accounts, against what the bank and the fiscal office did.
UNION ALL SELECT '1004 支出户', fund, '', '', 0, 0, '', sum(CASE WHEN what IN ('grant', 'interest', 'fee_back') THEN fen ELSE -fen END), 0
            FROM decided WHERE what IN ('grant', 'interest', 'interest_out', 'fee', 'fee_back') GROUP BY ALL
UNION ALL SELECT '1004 支出户', fund, '', '', 0, 0, '', -sum(net(fen, back_on)), 0 FROM paid GROUP BY ALL
UNION ALL SELECT '1004 支出户', fund, '', '', 0, 0, '', 0, sum(fen) FROM book WHERE account = 1004 GROUP BY ALL
UNION ALL SELECT '银行余额', 0, account, '', 0, 0, '', sum(CASE direction WHEN 'credit' THEN amount_fen ELSE -amount_fen END), 0 FROM bank GROUP BY ALL
UNION ALL SELECT '银行余额', 0, party, '', 0, 0, '', 0, sum(fen) FROM book WHERE account IN (1003, 1004) GROUP BY ALL
UNION ALL SELECT '1003 财政专户', fund, '', '', 0, 0, '', sum(CASE what WHEN 'grant' THEN -fen ELSE fen END), 0 FROM decided
           WHERE what IN ('subsidy', 'grant', 'interest_out', 'fee_repaid', 'received') OR what LIKE 'refund_%' GROUP BY ALL
UNION ALL SELECT '1003 财政专户', fund, '', '', 0, 0, '', 0, sum(fen) FROM book WHERE account = 1003 GROUP BY ALL
UNION ALL SELECT '110109 手续费', fund, '', '', 0, 0, '', sum(CASE what WHEN 'fee' THEN fen ELSE -fen END), 0 FROM decided
           WHERE what IN ('fee', 'fee_back', 'fee_repaid') GROUP BY ALL
UNION ALL SELECT '110109 手续费', fund, '', '', 0, 0, '', 0, sum(fen) FROM book WHERE account = 110109 GROUP BY ALL
-- Out of region: guests owed and paid out of their region's money, our people by the other region's bills.
UNION ALL SELECT '9501 异地就医', fund, institution, '', 0, year(day) * 100 + month(day), '', sum(guest), 0
            FROM bill WHERE guest <> 0 GROUP BY ALL
UNION ALL SELECT '9501 异地就医', fund, party, '', 0, term, '', 0, sum(fen) FROM book WHERE account = 9501 GROUP BY ALL
UNION ALL SELECT '9504 已付异地就医', fund, party, '', 0, 0, '', sum(net(fen, back_on)), 0 FROM paid WHERE kind = 'guest' GROUP BY ALL
UNION ALL SELECT '9504 已付异地就医', fund, party, '', 0, 0, '', 0, -sum(fen) FROM book WHERE account = 9504 GROUP BY ALL
UNION ALL SELECT '200103 异地就医资金', fund, '', '', 0, 0, '', sum(fen), 0 FROM decided WHERE what = 'received' GROUP BY ALL
UNION ALL SELECT '200103 异地就医资金', fund, '', '', 0, 0, '', -sum(net(fen, back_on)), 0 FROM paid WHERE kind = 'guest' GROUP BY ALL
UNION ALL SELECT '200103 异地就医资金', fund, '', '', 0, 0, '', 0, -sum(fen) FROM book WHERE account = 200103 GROUP BY ALL
UNION ALL SELECT '9003 异地参保', fund, institution, subfund, year, term, words, sum(fen), 0 FROM decided WHERE what = 'bill_in' GROUP BY ALL
UNION ALL SELECT '9003 异地参保', fund, party, subfund, year, term, category, 0, sum(fen) FROM book WHERE account = 9003 GROUP BY ALL
-- Art. 19, sheet by sheet: N without the carry = Σ 95 % − deductions − offsets − daily money paid by then.
UNION ALL SELECT '月结结果 ' || s.paper, s.fund, s.institution, m.subfund, 0, s.term, '', sum(m.fen), 0 FROM (
        SELECT f.paper, f.subfund, f.fen - CASE WHEN f.debited AND (f.back_on IS NULL OR f.back_on > s.approved_on) THEN f.daily ELSE 0 END AS fen
          FROM fate f JOIN sheet s USING (paper)
        UNION ALL SELECT paper, 'pool', -fen FROM retained
        UNION ALL SELECT paper, subfund, -fen FROM taken_by) m JOIN sheet s USING (paper) GROUP BY ALL
UNION ALL SELECT '月结结果 ' || s.paper, s.fund, s.institution, j.subfund, 0, s.term, '', 0, -sum(j.fen)
            FROM journal j JOIN sheet s ON j.fund = s.fund AND j.words LIKE '% ' || s.term || '月结%' || s.institution || '审批%'
           WHERE j.account = 9103 GROUP BY ALL
-- 附件3 row 9, letter by letter: 1 − 2 − 4 − 5 − 7 + 8.
UNION ALL SELECT '清算第9行 ' || l.paper, l.fund, l.institution, '', l.year, 0, '', sum(m.fen), 0 FROM letter l JOIN (
        SELECT l.paper, f.subfund, f.year, f.term, f.category, f.fen FROM fate f JOIN told t USING (paper) JOIN letter l ON l.paper = t.letter
         WHERE f.year <= l.year AND f.paper <> l.paper
        UNION ALL SELECT l.paper, d.subfund, d.year, d.term, d.category, -d.fen FROM taken_by d JOIN told t USING (paper)
            JOIN letter l ON l.paper = t.letter WHERE d.what = 'audit' AND d.year <= l.year
        UNION ALL SELECT l.paper, '', 0, 0, '', -t.fen FROM forfeited t JOIN letter l USING (fund, institution, year)
        UNION ALL SELECT l.paper, '', 0, 0, '', t.surplus - t.borne FROM shared t JOIN letter l USING (fund, institution, year)
        -- Which year a payment, an offset or another deduction belongs to only the books say; their sums are proved above.
        UNION ALL SELECT l.paper, j.subfund, j.year, j.term, j.category, j.fen FROM journal j JOIN letter l ON (j.fund, j.party) = (l.fund, l.institution)
                   WHERE j.year <= l.year AND j.day <= l.confirmed_on
                     AND (j.account IN (9201, 9202, 9203, 9209, 9303) OR j.account BETWEEN 920401 AND 920403)) m USING (paper)
            ANTI JOIN waits w ON (w.paper, w.subfund, w.year, w.term, w.category) = (m.paper, m.subfund, m.year, m.term, m.category) GROUP BY ALL
UNION ALL SELECT '清算第9行 ' || paper, fund, institution, '', year, 0, '', 0, row9 FROM letter
UNION ALL SELECT '清算分录 ' || l.paper, l.fund, l.institution, '', l.year, 0, '', l.row9, 0 FROM letter l
UNION ALL SELECT '清算分录 ' || l.paper, l.fund, l.institution, '', l.year, 0, '', 0, -sum(j.fen)
            FROM journal j JOIN letter l ON j.fund = l.fund AND j.day = l.confirmed_on
                                        AND j.words LIKE '%) ' || l.year || '年度清算%' || l.institution
           WHERE j.account = 9106 GROUP BY ALL
-- Art. 11, order by order: what the bank debited is the daily money of the records the order names.
UNION ALL SELECT '日拨付单 ' || order_no, fund, party, '', 0, 0, '', fen, 0 FROM paid WHERE kind = 'daily' AND back_on IS NULL
UNION ALL SELECT '日拨付单 ' || order_no, fund, institution, '', 0, 0, '', 0, sum(daily) FROM fate WHERE is_paid GROUP BY ALL
-- Every record is in our books, and nothing is taken of a finding or deduction beyond what persons decided.
UNION ALL SELECT '记录', fund, institution, subfund, 0, 0, '', count(*), count(paper) FROM fate GROUP BY ALL
UNION ALL SELECT '超扣 ' || t.reference, t.fund, t.institution, '', 0, 0, '', 0, greatest(0, sum(t.fen) - coalesce(any_value(d.fen), 0))
            FROM taken_by t LEFT JOIN decided d ON d.reference = t.reference AND d.what IN ('finding', 'deduction')
           WHERE t.what IN ('audit', 'other') GROUP BY ALL;

CREATE TABLE different AS
SELECT what, fund, party, subfund, year, term, category, CAST(sum(should) AS BIGINT) AS should, CAST(sum(booked) AS BIGINT) AS booked
  FROM side GROUP BY ALL HAVING sum(should) <> sum(booked) ORDER BY ALL;
