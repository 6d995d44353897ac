-- Corrections of posted vouchers (会计基础工作规范 51(五)); what a hand-written voucher may move, and the bank's paper it rests on.

-- Tables ------------------------------------------------------
-- Which entry corrects which: red reverses it, blue stands in its place, difference adds or takes off what its amount was wrong
-- by. before: reversed by hand when a reversal did not have to be exact.
CREATE TABLE books.correction (
    region        integer NOT NULL,
    fund          smallint NOT NULL,
    corrected_seq bigint NOT NULL CHECK (corrected_seq > 0),
    kind          text NOT NULL CHECK (kind IN ('red', 'blue', 'difference', 'before')),
    seq           bigint NOT NULL CHECK (seq > corrected_seq),
    PRIMARY KEY (region, fund, seq),
    FOREIGN KEY (region, fund) REFERENCES books.book
);

CREATE INDEX correction_of ON books.correction (region, fund, corrected_seq);

CREATE UNIQUE INDEX corrected_once ON books.correction (region, fund, corrected_seq, kind) WHERE kind IN ('red', 'blue');

-- The bank's papers a hand-written voucher rests on; posting it takes them out of suspense.
CREATE TABLE books.voucher_paper (
    region     integer NOT NULL,
    fund       smallint NOT NULL,
    voucher_id text NOT NULL,
    n          smallint NOT NULL CHECK (n > 0),
    account    text NOT NULL,
    kind       text NOT NULL,
    receipt_no text NOT NULL,
    direction  text NOT NULL,
    amount_fen bigint NOT NULL CHECK (amount_fen > 0),
    digest     bytea NOT NULL CHECK (length(digest) = 32),
    PRIMARY KEY (region, fund, voucher_id, n),
    UNIQUE (region, fund, voucher_id, account, kind, receipt_no, direction),
    FOREIGN KEY (region, fund, voucher_id) REFERENCES books.voucher,
    FOREIGN KEY (region, account, kind, receipt_no, direction) REFERENCES payments.evidence
);

CREATE INDEX paper_of_voucher ON books.voucher_paper (region, account, kind, receipt_no, direction);

INSERT INTO fund.policy_key VALUES
    ('hand_accounts', '手工凭证另可使用的科目（只由规则记账的科目与备查账，科目代码前缀，逗号分隔；none不放开）',
     'none|[1-9][0-9]{3,7}(,[1-9][0-9]{3,7})*');

-- Functions ---------------------------------------------------
-- Accounts that only rules move, unless the region's two persons opened them to hand-written vouchers (hand_accounts): the whole
-- memorandum section, and what is tied item by item to records, sheets, advances and refunds (memorandum.md 1).
CREATE OR REPLACE FUNCTION books.rule_only(p_region integer, p_fund smallint, p_account integer, p_on date) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT (p_account::text ~ '^(9|11010[1-5]|20010[34]|5001)' OR p_account IN (45010101, 45010201)
            OR p_fund = 390 AND p_account = 450101)
       AND NOT EXISTS (
           SELECT 1 FROM string_to_table((
               SELECT y.value FROM fund.region_policy y WHERE y.region = p_region AND y.key = 'hand_accounts' AND y.from_day <= p_on
                ORDER BY y.from_day DESC LIMIT 1), ',') AS opened
            WHERE opened <> 'none' AND p_account::text LIKE opened || '%')
$$;

-- Posted, and not reversed.
CREATE OR REPLACE FUNCTION books.voucher_stands(p_region integer, p_fund smallint, p_voucher_id text) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT EXISTS (SELECT 1 FROM books.source s
                    WHERE s.region = p_region AND s.fund = p_fund AND s.source_key = 'MAN:' || p_voucher_id
                      AND NOT EXISTS (SELECT 1 FROM books.correction c WHERE c.region = s.region AND c.fund = s.fund
                                         AND c.corrected_seq = s.seq AND c.kind = 'red'))
$$;

-- Whether the entry of a business key was reversed by a red voucher.
CREATE OR REPLACE FUNCTION books.key_reversed(p_region integer, p_fund smallint, p_key text) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT EXISTS (SELECT 1 FROM books.source s
                     JOIN books.correction c ON c.region = s.region AND c.fund = s.fund AND c.corrected_seq = s.seq AND c.kind = 'red'
                    WHERE s.region = p_region AND s.fund = p_fund AND s.source_key = p_key)
$$;

-- The bank's papers of a number with the kind of own account each is of; for whoever names one in a voucher.
CREATE OR REPLACE FUNCTION books.find_papers(p_region integer, p_fund smallint, p_kind text, p_receipt text)
RETURNS TABLE (account text, deposit integer, direction text) LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT e.account, a.kind::integer, e.direction FROM payments.evidence e
      JOIN payments.book_account a ON a.region = e.region AND a.fund = p_fund AND a.account = e.account
     WHERE e.region = p_region AND e.kind = p_kind AND e.receipt_no = p_receipt
       AND access.has_role(p_region, p_fund, access.user_name(), '{accountant,maker,checker}') ORDER BY 1, 3
$$;

-- The lines `3:7` of the book's own accounts' statements, as books.find_papers tells of papers.
CREATE OR REPLACE FUNCTION books.find_lines(p_region integer, p_fund smallint, p_statement integer, p_n integer)
RETURNS TABLE (account text, deposit integer, direction text) LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT l.account, a.kind::integer, l.direction FROM payments.statement_line l
      JOIN payments.book_account a ON a.region = l.region AND a.fund = p_fund AND a.account = l.account
     WHERE l.region = p_region AND l.statement = p_statement AND l.n = p_n AND l.statement > 0
       AND access.has_role(p_region, p_fund, access.user_name(), '{accountant,maker,checker}') ORDER BY 1, 3
$$;

-- What a hand-written voucher does to own accounts, by account and the bank's direction, and how much of it its papers prove.
CREATE OR REPLACE FUNCTION books.hand_money(p_region integer, p_fund smallint, p_voucher_id text)
RETURNS TABLE (account text, direction text, fen bigint, named_fen bigint)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT m.account, m.direction, m.fen::bigint, coalesce((
               SELECT sum(p.amount_fen) FROM books.voucher_paper p
                WHERE p.region = p_region AND p.fund = p_fund AND p.voucher_id = p_voucher_id
                  AND (p.account, p.direction) = (m.account, m.direction)), 0)::bigint
      FROM (SELECT CASE l.account WHEN 1005 THEN coalesce((SELECT a.account FROM payments.book_account a
                       WHERE a.region = p_region AND a.fund = p_fund AND a.kind = '1005'), '') ELSE l.counterparty END AS account,
                   CASE WHEN l.side * l.amount_fen > 0 THEN 'credit' ELSE 'debit' END AS direction, sum(abs(l.amount_fen)) AS fen
              FROM books.voucher_line l
             WHERE l.region = p_region AND l.fund = p_fund AND l.voucher_id = p_voucher_id AND l.account IN (1002, 1003, 1004, 1005)
             GROUP BY 1, 2) m
$$;

-- Posted vouchers that wait for the bank's paper of this very movement: booked before it came.
CREATE OR REPLACE FUNCTION books.awaiting(p_region integer, p_account text, p_direction text, p_fen bigint)
RETURNS TABLE (fund smallint, voucher_id text) LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT v.fund, v.voucher_id
      FROM books.voucher v
     WHERE v.region = p_region AND v.correction IN ('', 'blue', 'difference')
       AND EXISTS (SELECT 1 FROM books.hand_money(v.region, v.fund, v.voucher_id) m
                    WHERE (m.account, m.direction, m.fen, m.named_fen) = (p_account, p_direction, p_fen, 0::bigint))
       AND books.voucher_stands(v.region, v.fund, v.voucher_id)
       AND NOT EXISTS (SELECT 1 FROM payments.resolution r WHERE r.region = v.region AND r.what = 'voucher' AND r.reference = v.voucher_id
                          AND (r.account, r.direction, r.state) = (p_account, p_direction, 'approved'))
     ORDER BY v.prepared_on, v.voucher_id
$$;

-- Why an entry is not reversed by a red voucher but by its own way back; null where it may be.
CREATE OR REPLACE FUNCTION books.own_way(p_event text, p_key text) RETURNS text LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp AS $$
    SELECT CASE WHEN p_event = 'MAN' OR p_key LIKE 'CASH:%' OR p_key LIKE 'REF:%' THEN NULL
                WHEN p_event IN ('REC', 'REV') THEN '结算记录由平台送来的冲销记录更正'
                WHEN p_event IN ('ORD', 'CAN', 'REJ') THEN '拨付单未发送的在其页上取消，已发送的等银行的回单'
                WHEN p_event IN ('RCV', 'RTN', 'PAY-ADV') THEN '款项已由银行收付，等银行的退汇或冲正回单，经挂账查明'
                WHEN p_event IN ('SET', 'CLR', 'CLRX') THEN '月结、清算的差错由以后的月结单、确认书扣减或补付'
                WHEN p_event LIKE 'CLOSE-%' THEN '结转由重新开启该月冲销'
                WHEN p_event = 'OPEN' THEN '期初数由接转更正，或以当年的更正凭证调整'
                ELSE '它所办理的单据已生效，由该单据反方向的业务更正' END
$$;

-- Why an entry of the book cannot be reversed by a red voucher on a day: of this accounting year, once, and no reversal itself.
CREATE OR REPLACE FUNCTION books.red_refusal(p_region integer, p_fund smallint, p_seq bigint, p_on date)
RETURNS TABLE (refusal text, why text) LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT r.code, format('凭证%s-%s-%s%s', e.series, e.period, e.vno, r.why)
      FROM books.entry e
      CROSS JOIN LATERAL (VALUES
          (1, 'correct.reversal', e.reverses_seq <> 0, '本身是冲销凭证，不能再冲销：请另填一张凭证'),
          (2, 'correct.own_way', books.own_way(e.event, e.source_key) IS NOT NULL,
              '不以红字凭证冲销：' || books.own_way(e.event, e.source_key)),
          (3, 'correct.earlier_year', e.period / 100 <> extract(year FROM p_on), '是以前会计年度的，只能在当年以蓝字凭证更正'),
          (4, 'correct.already', EXISTS (SELECT 1 FROM books.correction c WHERE c.region = e.region AND c.fund = e.fund
              AND c.corrected_seq = e.seq AND c.kind IN ('red', 'before')), '已经冲销，不能再冲销一次'),
          (5, 'correct.difference_stands', EXISTS (SELECT 1 FROM books.correction c WHERE c.region = e.region AND c.fund = e.fund
              AND c.corrected_seq = e.seq AND c.kind = 'difference' AND NOT EXISTS (
                  SELECT 1 FROM books.correction r WHERE r.region = c.region AND r.fund = c.fund
                     AND r.corrected_seq = c.seq AND r.kind = 'red')), '已有差额凭证更正，须先冲销该差额凭证')
      ) AS r (n, code, holds, why)
     WHERE e.region = p_region AND e.fund = p_fund AND e.seq = p_seq AND r.holds ORDER BY r.n LIMIT 1
$$;

-- A red voucher is the exact reverse of one entry, which may be reversed.
CREATE OR REPLACE FUNCTION books.check_red(v books.voucher, p_on date) RETURNS void LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp AS $$
DECLARE o record; bad record;
BEGIN
    SELECT e.*, e.series || '-' || e.period || '-' || e.vno AS number INTO o FROM books.entry e
     WHERE e.region = v.region AND e.fund = v.fund AND e.seq = v.reverses_seq;
    IF NOT FOUND THEN
        RAISE EXCEPTION USING ERRCODE = 'FL004', MESSAGE = 'correct.unknown', DETAIL = format('账套没有链上第%s号凭证，无从冲销', v.reverses_seq);
    END IF;
    SELECT CASE r.refusal WHEN 'correct.reversal' THEN 'correct.reversal' WHEN 'correct.own_way' THEN 'correct.own_way'
                          WHEN 'correct.earlier_year' THEN 'correct.earlier_year' WHEN 'correct.already' THEN 'correct.already'
                          ELSE 'correct.difference_stands' END AS code, r.why
      INTO bad FROM books.red_refusal(v.region, v.fund, v.reverses_seq, p_on) r;
    IF FOUND THEN
        RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = bad.code, DETAIL = bad.why;
    END IF;
    IF EXISTS (SELECT 1 FROM books.voucher_paper p WHERE p.region = v.region AND p.fund = v.fund AND p.voucher_id = v.voucher_id)
       OR EXISTS (
        SELECT count(*) FROM (
            SELECT 1 AS n, abs(l.account) AS account, l.account > 0 AS debit, -l.amount_fen AS fen,
                   d.counterparty, d.subfund, d.service_year, d.term, d.category
              FROM unnest(o.accounts, o.dims, o.amounts) AS l (account, dim, amount_fen)
              JOIN books.dim d ON d.region = v.region AND d.dim = l.dim
            UNION ALL
            SELECT -1, l.account, l.side = 1, l.amount_fen, l.counterparty, l.subfund, l.service_year, l.term, l.category
              FROM books.voucher_line l WHERE l.region = v.region AND l.fund = v.fund AND l.voucher_id = v.voucher_id) both_sides
         GROUP BY account, debit, fen, counterparty, subfund, service_year, term, category HAVING sum(n) <> 0) THEN
        RAISE EXCEPTION USING ERRCODE = 'FL001', MESSAGE = 'correct.not_reverse',
            DETAIL = format('所填分录不是凭证%s的逐行红字：科目、方向、辅助核算须相同，金额须为其相反数，且不另附回单', o.number);
    END IF;
END $$;

-- Blue: in the place of an entry that was reversed, or of one of an earlier year. Difference: only the amount was wrong, on the
-- entry's own lines, plus blue and minus red. `p_posting`: else the red one may still wait for its checker.
CREATE OR REPLACE FUNCTION books.check_replacement(v books.voucher, p_on date, p_posting boolean) RETURNS void LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp AS $$
DECLARE o record; bad record; v_why text; v_reversed boolean; v_earlier boolean;
BEGIN
    SELECT e.*, e.series || '-' || e.period || '-' || e.vno AS number INTO o FROM books.entry e
     WHERE e.region = v.region AND e.fund = v.fund AND e.seq = v.corrects_seq;
    IF NOT FOUND THEN
        RAISE EXCEPTION USING ERRCODE = 'FL004', MESSAGE = 'correct.unknown', DETAIL = format('账套没有链上第%s号凭证，无从更正', v.corrects_seq);
    END IF;
    v_earlier := o.period / 100 < extract(year FROM p_on);
    v_reversed := EXISTS (SELECT 1 FROM books.correction c WHERE c.region = v.region AND c.fund = v.fund
                             AND c.corrected_seq = o.seq AND c.kind IN ('red', 'before'));
    SELECT CASE WHEN o.reverses_seq <> 0 THEN 'correct.reversal'
                WHEN v.correction = 'blue' AND EXISTS (SELECT 1 FROM books.correction c WHERE c.region = v.region AND c.fund = v.fund
                     AND c.corrected_seq = o.seq AND c.kind = 'blue') THEN 'correct.already'
                WHEN v.correction = 'blue' AND NOT v_earlier AND NOT v_reversed AND NOT (NOT p_posting AND EXISTS (
                     SELECT 1 FROM books.voucher r WHERE r.region = v.region AND r.fund = v.fund AND r.reverses_seq = o.seq
                        AND NOT EXISTS (SELECT 1 FROM books.voucher_decision d WHERE d.region = r.region AND d.fund = r.fund
                                           AND d.voucher_id = r.voucher_id))) THEN 'correct.red_first'
                WHEN v.correction = 'blue' AND EXISTS (SELECT 1 FROM books.voucher_line l WHERE l.region = v.region AND l.fund = v.fund
                     AND l.voucher_id = v.voucher_id AND l.amount_fen < 0) THEN 'correct.blue_letters'
                WHEN v.correction = 'difference' AND v_earlier THEN 'correct.earlier_year'
                WHEN v.correction = 'difference' AND (v_reversed OR EXISTS (
                     SELECT 1 FROM books.correction c WHERE c.region = v.region AND c.fund = v.fund AND c.corrected_seq = o.seq
                        AND c.kind = 'difference' AND NOT EXISTS (
                            SELECT 1 FROM books.correction r WHERE r.region = c.region AND r.fund = c.fund
                               AND r.corrected_seq = c.seq AND r.kind = 'red'))) THEN 'correct.already'
                WHEN v.correction = 'difference' AND EXISTS (
                     SELECT 1 FROM books.voucher_line l WHERE l.region = v.region AND l.fund = v.fund AND l.voucher_id = v.voucher_id
                        AND NOT EXISTS (SELECT 1 FROM unnest(o.accounts, o.dims) AS x (account, dim)
                                          JOIN books.dim d ON d.region = v.region AND d.dim = x.dim
                                         WHERE x.account = l.side * l.account
                                           AND (d.counterparty, d.subfund, d.service_year, d.term, d.category)
                                             = (l.counterparty, l.subfund, l.service_year, l.term, l.category))) THEN 'correct.difference_lines' END AS code
      INTO bad;
    v_why := CASE bad.code WHEN 'correct.reversal' THEN '本身是冲销凭证，不能再更正'
                         WHEN 'correct.already' THEN '已经更正，不能再更正一次'
                         WHEN 'correct.red_first' THEN '是本年的，须先以红字凭证冲销，再填蓝字凭证'
                         WHEN 'correct.blue_letters' THEN '的更正凭证须以蓝字填制，不能有红字'
                         WHEN 'correct.earlier_year' THEN '是以前会计年度的，只能在当年以蓝字凭证更正'
                         ELSE '的差额凭证只能用原凭证各行的科目、方向与辅助核算，调增用蓝字、调减用红字' END;
    IF bad.code IS NOT NULL THEN
        RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = bad.code, DETAIL = format('凭证%s%s', o.number, v_why);
    END IF;
END $$;

-- A paper is the whole of what the voucher does to its account in its direction, waits in suspense and is nobody else's; without a
-- paper no voucher books what a paper in suspense tells, and no paper is booked again that a posted voucher waits for.
CREATE OR REPLACE FUNCTION books.check_papers(v books.voucher, p_posting boolean) RETURNS void LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp AS $$
DECLARE bad record;
BEGIN
    SELECT p.kind, p.receipt_no,
           CASE WHEN m.fen IS DISTINCT FROM m.named_fen THEN 'voucher.paper_differs'
                WHEN e.digest <> p.digest OR e.outcome <> 'suspense' AND (p_posting OR NOT EXISTS (
                     SELECT 1 FROM books.voucher_paper o JOIN books.source s ON s.region = o.region AND s.fund = o.fund
                                                          AND s.source_key = 'MAN:' || o.voucher_id AND s.seq = v.corrects_seq
                      WHERE (o.region, o.fund, o.account, o.kind, o.receipt_no, o.direction)
                          = (p.region, p.fund, p.account, p.kind, p.receipt_no, p.direction))) THEN 'suspense.not_open'
                WHEN EXISTS (SELECT 1 FROM payments.resolution r WHERE r.region = p.region AND r.state = 'requested'
                                AND (r.account, r.kind, r.receipt_no, r.direction) = (p.account, p.kind, p.receipt_no, p.direction))
                     THEN 'voucher.paper_claimed'
                WHEN EXISTS (SELECT 1 FROM books.awaiting(p.region, p.account, p.direction, p.amount_fen) w
                              WHERE w.voucher_id <> v.voucher_id) THEN 'voucher.awaits_paper'
                WHEN EXISTS (SELECT 1 FROM books.hand_money(v.region, v.fund, v.voucher_id) o
                              WHERE o.direction <> p.direction AND o.account <> p.account AND o.fen = m.fen)
                     AND EXISTS (SELECT 1 FROM payments.open_sides(p.region, p.account, p.direction, p.amount_fen)) THEN 'voucher.own_booked' END AS code
      INTO bad
      FROM books.voucher_paper p
      LEFT JOIN books.hand_money(v.region, v.fund, v.voucher_id) m ON (m.account, m.direction) = (p.account, p.direction)
      LEFT JOIN payments.evidence e ON e.region = p.region
           AND (e.account, e.kind, e.receipt_no, e.direction) = (p.account, p.kind, p.receipt_no, p.direction)
     WHERE p.region = v.region AND p.fund = v.fund AND p.voucher_id = v.voucher_id
     ORDER BY 3 NULLS LAST LIMIT 1;
    IF bad.code IS NOT NULL THEN
        RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = bad.code,
            DETAIL = format(CASE bad.code
                WHEN 'voucher.paper_differs' THEN '回单{paper.kind:%s}%s的账户、借贷方向或金额与凭证的银行科目不符：同一账户同一方向的回单合计须等于该方向的发生额'
                WHEN 'suspense.not_open' THEN '回单{paper.kind:%s}%s不在挂账中，或内容不同'
                WHEN 'voucher.own_booked' THEN '回单{paper.kind:%s}%s的自有账户间划转已由另一账户的回单记账：以挂账处理（other_side）勾到它，不能再记一次'
                WHEN 'voucher.paper_claimed' THEN '回单{paper.kind:%s}%s另有待复核的挂账处理，先退回或办结'
                ELSE '回单{paper.kind:%s}%s的收支已有凭证先行记账、正待回单：以挂账处理（voucher）勾到该凭证，不能再记一次' END, bad.kind, bad.receipt_no);
    END IF;
    PERFORM payments.require_unmatched(p.region, p.account, p.kind, p.receipt_no) FROM books.voucher_paper p
      WHERE p.region = v.region AND p.fund = v.fund AND p.voucher_id = v.voucher_id;
    SELECT e.kind, e.receipt_no, m.account INTO bad
      FROM books.hand_money(v.region, v.fund, v.voucher_id) m
      JOIN payments.evidence e ON e.region = v.region AND (e.account, e.direction, e.amount_fen) = (m.account, m.direction, m.fen)
     WHERE m.named_fen = 0 AND e.outcome = 'suspense' AND NOT EXISTS (
           SELECT 1 FROM payments.resolution r WHERE r.region = e.region AND r.state IN ('requested', 'approved')
              AND (r.account, r.kind, r.receipt_no, r.direction) = (e.account, e.kind, e.receipt_no, e.direction))
     ORDER BY e.booking_date, e.receipt_no LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'voucher.paper_waits',
            DETAIL = format('账户%s有同方向同金额的挂账回单{paper.kind:%s}%s：凭证须注明所依据的回单，同一笔收支不能记两次',
                            bad.account, bad.kind, bad.receipt_no);
    END IF;
END $$;

-- What holds for a hand-written voucher beyond its form, asked when it is drafted and again, under the book's lock, when it posts.
CREATE OR REPLACE FUNCTION books.check_hand(p_region integer, p_fund smallint, p_voucher_id text, p_on date, p_posting boolean) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE v books.voucher; bad record;
BEGIN
    SELECT * INTO STRICT v FROM books.voucher w WHERE w.region = p_region AND w.fund = p_fund AND w.voucher_id = p_voucher_id;
    IF v.reverses_seq > 0 THEN
        PERFORM books.check_red(v, p_on);
        RETURN;
    END IF;
    IF v.corrects_seq > 0 THEN
        PERFORM books.check_replacement(v, p_on, p_posting);
    END IF;
    SELECT l.n, l.account, a.name INTO bad
      FROM books.voucher_line l JOIN books.account a ON a.region = l.region AND a.fund = l.fund AND a.account = l.account
     WHERE l.region = p_region AND l.fund = p_fund AND l.voucher_id = p_voucher_id AND books.rule_only(p_region, p_fund, l.account, p_on)
     ORDER BY l.n LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION USING ERRCODE = 'FL003', MESSAGE = 'voucher.rule_account',
            DETAIL = format('第%s行的科目%s（%s）只由规则记账，手工凭证不得使用；确有需要的，由两人以 policy hand_accounts 放开', bad.n, bad.account, bad.name);
    END IF;
    PERFORM books.check_papers(v, p_posting);
END $$;

-- What a draft about to be stored says beside its facts: what it corrects, the papers it rests on, the own template it was filled from.
CREATE OR REPLACE FUNCTION books.said_of(p_correction text, p_corrects bigint, p_papers text[], p_template text) RETURNS text LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp AS $$
    SELECT nullif(concat_ws('|', nullif(nullif(p_correction, 'before'), ''), nullif(p_corrects, 0), nullif(array_to_string(p_papers, '|'), ''), p_template), '')
$$;

-- Orders are approved and hand-written money is moved one after the other, whichever of the two began (T7); taken before the head.
CREATE OR REPLACE FUNCTION books.hold_accounts(p_region integer, p_fund smallint) RETURNS void LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    UPDATE payments.book_account SET account = account WHERE region = p_region AND fund = p_fund;
END $$;

-- No hand-written voucher, and no movement two persons sign, takes more out of an own account than lies in it; a hand-written one
-- leaves what approved orders will take. Receipts of the bank are facts and are booked whatever they leave: verify names it.
CREATE OR REPLACE FUNCTION books.check_overdrawn(p_region integer, p_fund smallint, p_offs integer[]) RETURNS void LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp AS $$
DECLARE bad record;
BEGIN
    SELECT w.account, d.counterparty, b.fen, f.fen AS in_flight INTO bad
      FROM (SELECT abs(l.account) AS account, l.dim, bool_or(e.rule = 'manual') AS by_hand
              FROM pg_temp.e_in e CROSS JOIN LATERAL unnest(e.accounts, e.dims, e.amounts) AS l (account, dim, fen)
             WHERE (e.rule = 'manual' OR e.source_key LIKE 'CASH:%') AND p_offs[e.pos + 1] IS NOT NULL
               AND abs(l.account) IN (1002, 1003, 1004, 1005)
             GROUP BY 1, 2 HAVING sum(sign(l.account)::bigint * l.fen) < 0) w
      JOIN books.dim d ON d.region = p_region AND d.dim = w.dim
      CROSS JOIN LATERAL (SELECT sum(x.debit - x.credit) AS fen FROM books.balance x
                           WHERE x.region = p_region AND x.fund = p_fund AND x.account = w.account AND x.dim = w.dim) b
      CROSS JOIN LATERAL (SELECT coalesce(sum(o.amount_fen), 0) AS fen FROM payments.pay_order o
                            JOIN payments.state s ON s.state = o.state AND s.in_flight
                           WHERE w.by_hand AND o.region = p_region AND o.fund = p_fund AND o.account = d.counterparty) f
     WHERE b.fen < f.fen ORDER BY 1, 2 LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'voucher.overdrawn',
            DETAIL = format('记账后科目%s（%s）余额为%s元，其中在途拨付%s元：银行存款不得透支', bad.account, bad.counterparty, fund.yuan(bad.fen), fund.yuan(bad.in_flight));
    END IF;
END $$;

-- Of these drafts those that name no paper and move an own account by as much, in the direction, as a paper in suspense tells.
CREATE OR REPLACE FUNCTION books.beside_papers(p_region integer, p_fund smallint, p_ids text[]) RETURNS TABLE (voucher_id text, receipt text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    WITH money AS MATERIALIZED (
        SELECT l.voucher_id, CASE l.account WHEN 1005 THEN coalesce((SELECT a.account FROM payments.book_account a
                   WHERE a.region = p_region AND a.fund = p_fund AND a.kind = '1005'), '') ELSE l.counterparty END AS account,
               CASE WHEN l.side * l.amount_fen > 0 THEN 'credit' ELSE 'debit' END AS direction, sum(abs(l.amount_fen))::bigint AS fen
          FROM unnest(p_ids) AS i (id)
         CROSS JOIN LATERAL (SELECT x.* FROM books.voucher_line x    -- likewise
                              WHERE x.region = p_region AND x.fund = p_fund AND x.voucher_id = i.id OFFSET 0) l
         WHERE l.account IN (1002, 1003, 1004, 1005) GROUP BY 1, 2, 3)
    SELECT m.voucher_id, min(e.kind || ':' || e.receipt_no)
      FROM money m
      JOIN payments.evidence e ON e.region = p_region AND e.outcome = 'suspense'
       AND (e.account, e.direction, e.amount_fen) = (m.account, m.direction, m.fen)
     WHERE NOT EXISTS (SELECT 1 FROM books.voucher_paper p WHERE p.region = p_region AND p.fund = p_fund AND p.voucher_id = m.voucher_id)
     GROUP BY m.voucher_id
$$;

-- Of the staged hand-written vouchers those that need a look of their own: corrections, those that name papers or stand beside one
-- in suspense, and those on accounts that only rules move. All others have nothing books.check_hand() could refuse.
CREATE OR REPLACE FUNCTION books.hand_staged(p_region integer, p_fund smallint, p_day date, p_tip bigint, p_offs integer[])
RETURNS TABLE (voucher_id text, reverses_seq bigint, correction text, corrects_seq bigint, seq bigint) LANGUAGE sql VOLATILE
SET search_path = pg_catalog, pg_temp AS $$
    -- by the key of each staged voucher (OFFSET and LIMIT keep it so): of tables that are being filled a planner has no statistics,
    -- and it read every voucher of the book and all their lines for one batch
    WITH man AS MATERIALIZED (
        SELECT e.pos, w.voucher_id, w.reverses_seq, w.correction, w.corrects_seq, p_tip + 1 + p_offs[e.pos + 1] AS seq
          FROM pg_temp.e_in e
         CROSS JOIN LATERAL (SELECT x.* FROM books.voucher x
                              WHERE x.region = p_region AND x.fund = p_fund AND x.voucher_id = substr(e.source_key, 5) LIMIT 1) w
         WHERE e.rule = 'manual' AND p_offs[e.pos + 1] IS NOT NULL),
    lines AS MATERIALIZED (
        SELECT m.voucher_id, l.account FROM man m
         CROSS JOIN LATERAL (SELECT x.account FROM books.voucher_line x
                              WHERE x.region = p_region AND x.fund = p_fund AND x.voucher_id = m.voucher_id OFFSET 0) l),
    closed AS MATERIALIZED (
        SELECT d.account FROM (SELECT DISTINCT l.account FROM lines l) d WHERE books.rule_only(p_region, p_fund, d.account, p_day))
    SELECT m.voucher_id, m.reverses_seq, m.correction, m.corrects_seq, m.seq FROM man m
     WHERE m.reverses_seq > 0 OR m.corrects_seq > 0
        OR EXISTS (SELECT 1 FROM books.voucher_paper p WHERE p.region = p_region AND p.fund = p_fund AND p.voucher_id = m.voucher_id)
        OR m.voucher_id IN (SELECT l.voucher_id FROM lines l JOIN closed c ON c.account = l.account)
        OR m.voucher_id IN (SELECT b.voucher_id FROM books.beside_papers(p_region, p_fund, (SELECT array_agg(x.voucher_id) FROM man x)) b)
     ORDER BY m.pos
$$;

-- Called by books.post() after the entries stand, under the book's lock: what a hand-written voucher is held to, what it
-- corrects, the papers it takes out of suspense, and the money it leaves. One look at the headers where every entry is a rule's.
CREATE OR REPLACE FUNCTION books.book_hand(p_region integer, p_fund smallint, p_day date, p_tip bigint, p_offs integer[]) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    v     record;
    v_ids text[] := '{}';
BEGIN
    IF NOT EXISTS (SELECT 1 FROM pg_temp.e_in e WHERE e.rule = 'manual' OR e.source_key LIKE 'CASH:%') THEN
        RETURN;
    END IF;
    FOR v IN SELECT * FROM books.hand_staged(p_region, p_fund, p_day, p_tip, p_offs)
    LOOP
        PERFORM books.check_hand(p_region, p_fund, v.voucher_id, p_day, true);
        IF v.reverses_seq > 0 THEN
            INSERT INTO books.correction VALUES (p_region, p_fund, v.reverses_seq, 'red', v.seq);
            PERFORM fund.open_again(p_region, p_fund, v.reverses_seq);
            PERFORM payments.release_lines(p_region, p_fund, v.reverses_seq, p_day);
        ELSIF v.corrects_seq > 0 THEN
            INSERT INTO books.correction VALUES (p_region, p_fund, v.corrects_seq, v.correction, v.seq);
        END IF;
        PERFORM payments.take_papers(p_region, p_fund, v.voucher_id);
        v_ids := v_ids || v.voucher_id;
    END LOOP;
    PERFORM payments.match_stated(p_region, p.account, p.receipts, p_day)
       FROM (SELECT w.account, array_agg(w.receipt_no) AS receipts FROM books.voucher_paper w
              WHERE w.region = p_region AND w.fund = p_fund AND w.voucher_id = ANY (v_ids) AND w.kind = 'statement'
              GROUP BY 1 ORDER BY 1) p;
    PERFORM books.check_overdrawn(p_region, p_fund, p_offs);
END $$;

-- Out of suspense with the voucher that books them, once; the movement's other paper with it (INV-13).
CREATE OR REPLACE FUNCTION payments.take_papers(p_region integer, p_fund smallint, p_voucher_id text) RETURNS void LANGUAGE plpgsql
SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE p books.voucher_paper;
BEGIN
    FOR p IN SELECT * FROM books.voucher_paper w WHERE w.region = p_region AND w.fund = p_fund AND w.voucher_id = p_voucher_id ORDER BY w.n LOOP
        UPDATE payments.evidence e SET outcome = 'confirmed', outcome_code = 'booked_by_voucher', matched_order = ''
         WHERE e.region = p_region AND (e.account, e.kind, e.receipt_no, e.direction) = (p.account, p.kind, p.receipt_no, p.direction)
           AND e.outcome = 'suspense' AND e.digest = p.digest;
        IF NOT FOUND THEN
            RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'suspense.not_open',
                DETAIL = format('回单{paper.kind:%s}%s已不在挂账中', p.kind, p.receipt_no);
        END IF;
        UPDATE payments.evidence t SET outcome = 'confirmed', outcome_code = 'same_movement', matched_order = ''
          FROM payments.evidence e
         WHERE e.region = p_region AND (e.account, e.kind, e.receipt_no, e.direction) = (p.account, p.kind, p.receipt_no, p.direction)
           AND e.bank_reference <> '' AND t.region = e.region AND t.account = e.account AND t.outcome = 'suspense'
           AND (t.kind, t.receipt_no) <> (e.kind, e.receipt_no)
           AND (t.direction, t.bank_reference, t.amount_fen, t.booking_date) = (e.direction, e.bank_reference, e.amount_fen, e.booking_date);
    END LOOP;
END $$;

-- All papers of the movement a paper tells of: itself, and the others with the bank's serial.
CREATE OR REPLACE FUNCTION payments.of_movement(v payments.evidence) RETURNS SETOF payments.evidence LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
    SELECT o.* FROM payments.evidence o
     WHERE o.region = v.region AND o.account = v.account AND (o.kind, o.receipt_no, o.direction) = (v.kind, v.receipt_no, v.direction)
    UNION
    SELECT o.* FROM payments.evidence o
     WHERE o.region = v.region AND o.account = v.account AND o.bank_reference = v.bank_reference AND o.bank_reference <> ''
       AND (o.direction, o.amount_fen, o.booking_date) = (v.direction, v.amount_fen, v.booking_date)
$$;

-- Whether a paper's explanation was reversed and no other stands: it goes back into suspense.
CREATE OR REPLACE FUNCTION payments.unexplained_again(v payments.evidence) RETURNS boolean LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
    SELECT coalesce(bool_or(w.reversed), false) AND NOT coalesce(bool_or(w.stands), false)
      FROM payments.of_movement(v) o
      CROSS JOIN LATERAL (
          SELECT NOT books.voucher_stands(p.region, p.fund, p.voucher_id) AND books.key_reversed(p.region, p.fund, 'MAN:' || p.voucher_id) AS reversed,
                 books.voucher_stands(p.region, p.fund, p.voucher_id) AS stands
            FROM books.voucher_paper p WHERE p.region = o.region
             AND (p.account, p.kind, p.receipt_no, p.direction) = (o.account, o.kind, o.receipt_no, o.direction)
          UNION ALL
          SELECT m.state = 'reversed', m.state = 'approved' FROM fund.cash_move m
           WHERE m.region = o.region AND m.account = o.account AND m.receipt_no = o.receipt_no AND m.amount_fen = o.amount_fen
             AND m.booked_on = o.booking_date AND (m.kind IN ('interest_out', 'fee')) = (o.direction = 'debit') AND m.kind <> 'interest_split'
          UNION ALL
          SELECT r.state = 'reversed', r.state = 'approved' AND r.what <> 'to_return' FROM payments.resolution r
           WHERE r.region = o.region AND (r.account, r.kind, r.receipt_no, r.direction) = (o.account, o.kind, o.receipt_no, o.direction)) w
$$;

-- A paper keeps what it was used for, unless what it proved was reversed.
CREATE OR REPLACE FUNCTION payments.check_used() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF (OLD.outcome, NEW.outcome, NEW.outcome_code, OLD.matched_order, NEW.matched_order) = ('confirmed', 'suspense', 'reversed', '', '')
       AND payments.unexplained_again(OLD) THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION USING ERRCODE = 'FL002', MESSAGE = 'business.frozen',
        DETAIL = format('回单{paper.kind:%s}%s已用于记账，不能改作他用', OLD.kind, OLD.receipt_no);
END $$;

-- Called when an entry is reversed: what it settled is open again, or the reversal is refused because it has gone on.
CREATE OR REPLACE FUNCTION fund.open_again(p_region integer, p_fund smallint, p_seq bigint) RETURNS void LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    v_key text;
    m     fund.cash_move;
    f     fund.refund;
    v     payments.evidence;
    bad   record;
BEGIN
    SELECT s.source_key INTO STRICT v_key FROM books.source s WHERE s.region = p_region AND s.fund = p_fund AND s.seq = p_seq;
    IF v_key LIKE 'CASH:%' THEN
        UPDATE fund.cash_move SET state = 'reversed' WHERE region = p_region AND move_id = substr(v_key, 6) AND state = 'approved' RETURNING * INTO m;
        -- Interest handed on or split, a fee given back: what follows is reversed first.
        SELECT b.account, sum(b.debit - b.credit) AS fen INTO bad FROM books.balance b
         WHERE b.region = p_region AND b.fund = p_fund AND b.account IN (4602, 110109)
           AND EXISTS (SELECT 1 FROM books.leg l WHERE l.region = p_region AND l.fund = p_fund AND l.seq = p_seq AND (l.account, l.dim) = (b.account, b.dim))
         GROUP BY b.account, b.dim HAVING sum(b.debit - b.credit) * CASE b.account WHEN 4602 THEN -1 ELSE 1 END < 0 LIMIT 1;
        IF FOUND OR m.kind = 'interest' AND EXISTS (
            SELECT 1 FROM fund.cash_move o WHERE o.region = p_region AND o.fund = p_fund AND o.account = m.account AND o.state = 'approved'
             HAVING coalesce(sum(o.amount_fen) FILTER (WHERE o.kind = 'interest_out'), 0) > coalesce(sum(o.amount_fen) FILTER (WHERE o.kind = 'interest'), 0)) THEN
            RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'correct.gone_on',
                DETAIL = '所记利息已缴出或已分清，或手续费已退回、归垫：请先冲销其后的凭证';
        END IF;
    END IF;
    IF v_key LIKE 'REF:%' THEN
        UPDATE fund.refund SET state = 'reversed' WHERE region = p_region AND refund_id = substr(v_key, 5) AND state = 'approved' RETURNING * INTO f;
        -- What was settled since took the refund for given: its carry, its deductions, row 8 of a letter.
        IF EXISTS (SELECT 1 FROM fund.sheet h JOIN books.source s ON s.region = h.region AND s.fund = h.fund AND s.source_key = 'SET:' || h.sheet_id
                    WHERE h.region = p_region AND h.fund = p_fund AND h.institution = f.institution AND s.seq > p_seq)
           OR EXISTS (SELECT 1 FROM fund.letter h JOIN books.source s ON s.region = h.region AND s.fund = h.fund AND s.source_key = 'CLR:' || h.letter_id
                       WHERE h.region = p_region AND h.fund = p_fund AND h.institution = f.institution AND s.seq > p_seq) THEN
            RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'correct.gone_on',
                DETAIL = format('机构%s在退款之后已月结或清算，退款已计入其中：由以后的月结单、确认书调整', f.institution);
        ELSIF f.advance_id <> '' THEN
            PERFORM fund.reduce_advance(p_region, f.advance_id, 0, -f.amount_fen);
        END IF;
    END IF;
    UPDATE payments.resolution r SET state = 'reversed'
     WHERE r.region = p_region AND r.state = 'approved'
       AND (r.what = 'voucher' AND 'MAN:' || r.reference = v_key OR r.what IN ('interest', 'fee', 'fee_back', 'other_side') AND 'CASH:' || r.reference = v_key);
    FOR v IN
        WITH named AS MATERIALIZED (   -- the papers the reversed entry rested on, each found by its key
            SELECT p.account, p.kind, p.receipt_no, p.direction FROM books.voucher_paper p
             WHERE p.region = p_region AND p.fund = p_fund AND v_key LIKE 'MAN:%' AND p.voucher_id = substr(v_key, 5)
            UNION
            SELECT r.account, r.kind, r.receipt_no, r.direction FROM payments.resolution r
             WHERE r.region = p_region AND r.state = 'reversed' AND (v_key LIKE 'MAN:%' AND r.reference = substr(v_key, 5)
                OR r.what = 'other_side' AND 'CASH:' || r.reference = v_key)
            UNION
            SELECT m.account, k.kind, m.receipt_no, CASE WHEN m.kind IN ('interest_out', 'fee') THEN 'debit' ELSE 'credit' END
              FROM unnest('{bker,camt.054,statement}'::text[]) AS k (kind) WHERE m.kind <> 'interest_split'
        ), paper AS MATERIALIZED (
            SELECT o AS told FROM named n JOIN payments.evidence o ON o.region = p_region
                   AND (o.account, o.kind, o.receipt_no, o.direction) = (n.account, n.kind, n.receipt_no, n.direction)
             WHERE o.outcome = 'confirmed' AND o.matched_order = ''
               AND (m.move_id IS NULL OR o.account = m.fiscal_account OR (o.amount_fen, o.booking_date) = (m.amount_fen, m.booked_on))
        )
        SELECT DISTINCT t.* FROM paper p CROSS JOIN LATERAL payments.of_movement(p.told) t WHERE t.outcome = 'confirmed'
    LOOP
        IF payments.unexplained_again(v) THEN
            UPDATE payments.evidence e SET outcome = 'suspense', outcome_code = 'reversed'
             WHERE e.region = v.region AND (e.account, e.kind, e.receipt_no, e.direction) = (v.account, v.kind, v.receipt_no, v.direction)
               AND e.outcome = 'confirmed';
        END IF;
    END LOOP;
END $$;

-- Guards ------------------------------------------------------
CREATE OR REPLACE TRIGGER frozen BEFORE DELETE OR UPDATE OR TRUNCATE ON books.correction
    FOR EACH STATEMENT EXECUTE FUNCTION books.refuse_change();
CREATE OR REPLACE TRIGGER one_door BEFORE INSERT ON books.correction
    FOR EACH STATEMENT WHEN ((CURRENT_USER <> 'fundledger_poster'::name)) EXECUTE FUNCTION books.refuse_write();
CREATE OR REPLACE TRIGGER frozen BEFORE DELETE OR UPDATE OR TRUNCATE ON books.voucher_paper
    FOR EACH STATEMENT EXECUTE FUNCTION books.refuse_change();
CREATE OR REPLACE TRIGGER one_door BEFORE INSERT ON books.voucher_paper
    FOR EACH STATEMENT WHEN ((CURRENT_USER <> 'fundledger_poster'::name)) EXECUTE FUNCTION books.refuse_write();

-- Grants ------------------------------------------------------
GRANT SELECT, INSERT ON books.correction TO fundledger_poster;
GRANT SELECT ON books.correction TO fundledger_service, fundledger_auditor;
GRANT SELECT, INSERT ON books.voucher_paper TO fundledger_poster;
GRANT SELECT ON books.voucher_paper TO fundledger_service, fundledger_auditor;
GRANT SELECT ON payments.evidence, payments.resolution TO fundledger_poster;
ALTER FUNCTION books.book_hand(integer,smallint,date,bigint,integer[]) OWNER TO fundledger_poster;
ALTER FUNCTION books.check_hand(integer,smallint,text,date,boolean) OWNER TO fundledger_poster;
ALTER FUNCTION books.check_overdrawn(integer,smallint,integer[]) OWNER TO fundledger_poster;
ALTER FUNCTION books.check_papers(books.voucher,boolean) OWNER TO fundledger_poster;
ALTER FUNCTION books.check_red(books.voucher,date) OWNER TO fundledger_poster;
ALTER FUNCTION books.check_replacement(books.voucher,date,boolean) OWNER TO fundledger_poster;
ALTER FUNCTION books.hand_staged(integer,smallint,date,bigint,integer[]) OWNER TO fundledger_poster;
ALTER FUNCTION books.hold_accounts(integer,smallint) OWNER TO fundledger_poster;
ALTER FUNCTION books.said_of(text,bigint,text[],text) OWNER TO fundledger_poster;
GRANT EXECUTE ON FUNCTION books.awaiting(integer,text,text,bigint) TO fundledger_service, fundledger_poster;
GRANT EXECUTE ON FUNCTION books.beside_papers(integer,smallint,text[]) TO fundledger_service, fundledger_poster;
GRANT EXECUTE ON FUNCTION books.find_lines(integer,smallint,integer,integer) TO fundledger_service;
GRANT EXECUTE ON FUNCTION books.find_papers(integer,smallint,text,text) TO fundledger_service;
GRANT EXECUTE ON FUNCTION books.hand_money(integer,smallint,text) TO fundledger_service, fundledger_auditor, fundledger_poster;
GRANT EXECUTE ON FUNCTION books.key_reversed(integer,smallint,text) TO fundledger_service, fundledger_auditor, fundledger_poster;
GRANT EXECUTE ON FUNCTION books.own_way(text,text) TO fundledger_service, fundledger_poster;
GRANT EXECUTE ON FUNCTION books.red_refusal(integer,smallint,bigint,date) TO fundledger_service, fundledger_poster;
GRANT EXECUTE ON FUNCTION books.rule_only(integer,smallint,integer,date) TO fundledger_service, fundledger_auditor, fundledger_poster;
GRANT EXECUTE ON FUNCTION books.voucher_stands(integer,smallint,text) TO fundledger_service, fundledger_auditor, fundledger_poster;
GRANT EXECUTE ON FUNCTION fund.open_again(integer,smallint,bigint) TO fundledger_poster;
GRANT EXECUTE ON FUNCTION payments.of_movement(payments.evidence) TO fundledger_service, fundledger_poster;
GRANT EXECUTE ON FUNCTION payments.take_papers(integer,smallint,text) TO fundledger_poster;
GRANT EXECUTE ON FUNCTION payments.unexplained_again(payments.evidence) TO fundledger_service, fundledger_poster;
