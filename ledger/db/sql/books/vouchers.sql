-- Vouchers by hand: one person drafts, another decides, and only then it is posted.

-- Tables ------------------------------------------------------
CREATE TABLE books.voucher (
    region        integer NOT NULL,
    fund          smallint NOT NULL,
    voucher_id    text NOT NULL CHECK (voucher_id ~ '^MV-[0-9a-f]{20}$'),   -- the entry's source key is MAN: and this
    version       integer NOT NULL CHECK (version > 0),   -- the same content again after a rejection
    business_date date NOT NULL CHECK (isfinite(business_date)),
    reverses_seq  bigint NOT NULL CHECK (reverses_seq >= 0),
    summary       text NOT NULL CHECK (summary <> '' AND translate(summary, E'|\\\n\r\t', '') = summary),
    evidence      text NOT NULL CHECK (evidence <> '' AND translate(evidence, E'|\\\n\r\t', '') = evidence),
    attachments   integer NOT NULL CHECK (attachments >= 0),
    prepared_by   text NOT NULL,
    prepared_on   date NOT NULL,
    digest        bytea NOT NULL CHECK (length(digest) = 32),   -- the entry's evidence digest
    correction    text NOT NULL DEFAULT '',        -- red reverses reverses_seq; before: drafted when none of this was asked
    corrects_seq  bigint NOT NULL DEFAULT 0,       -- of a blue one or a difference
    template      text,                            -- the version of the region's own template it was filled from
    PRIMARY KEY (region, fund, voucher_id),
    FOREIGN KEY (region, fund) REFERENCES books.book,
    FOREIGN KEY (region, fund, template) REFERENCES books.voucher_template,
    CONSTRAINT voucher_correction CHECK (correction = 'before'
        OR correction IN ('', 'red', 'blue', 'difference') AND (correction = 'red') = (reverses_seq > 0)
           AND (correction IN ('blue', 'difference')) = (corrects_seq > 0) AND corrects_seq >= 0)
);

CREATE INDEX voucher_by_template ON books.voucher (region, fund, template, prepared_on) WHERE template IS NOT NULL;

CREATE TABLE books.voucher_line (
    region       integer NOT NULL,
    fund         smallint NOT NULL,
    voucher_id   text NOT NULL,
    n            smallint NOT NULL,
    side         smallint NOT NULL CHECK (side IN (1, -1)),
    amount_fen   bigint NOT NULL CHECK (amount_fen <> 0 AND abs(amount_fen) <= 9999999999999999),
    account      integer NOT NULL,
    counterparty text NOT NULL,
    subfund      text NOT NULL,
    service_year smallint NOT NULL,
    term         integer NOT NULL,
    category     text NOT NULL,
    PRIMARY KEY (region, fund, voucher_id, n),
    FOREIGN KEY (region, fund, voucher_id) REFERENCES books.voucher,
    FOREIGN KEY (region, fund, account) REFERENCES books.account
);

CREATE TABLE books.voucher_decision (
    region     integer NOT NULL,
    fund       smallint NOT NULL,
    voucher_id text NOT NULL,
    decision   text NOT NULL CHECK (decision IN ('approved', 'rejected', 'withdrawn')),
    digest     bytea NOT NULL CHECK (length(digest) = 32),   -- what the person had before them
    decided_by text NOT NULL,
    decided_on date NOT NULL,
    reason     text NOT NULL,
    attached   bytea NOT NULL DEFAULT '' CHECK (length(attached) IN (0, 32)),   -- what was attached, as it was approved
    PRIMARY KEY (region, fund, voucher_id),
    FOREIGN KEY (region, fund, voucher_id) REFERENCES books.voucher,
    CHECK ((decision = 'approved') = (reason = ''))
);

-- Functions ---------------------------------------------------
-- The text of a hand-written voucher, hashed: its facts, its version, then its lines
-- n|side|amount|account|counterparty|subfund|service_year|term|category in their order. `p_said`: what it corrects, the papers it
-- rests on and the own template it was filled from (books.said_of); null for none.
CREATE OR REPLACE FUNCTION books.voucher_text_digest(p_region integer, p_fund smallint, p_version integer, p_business_date date, p_reverses bigint,
                                          p_summary text, p_evidence text, p_attachments integer, p_prepared_by text, p_lines text, p_said text DEFAULT NULL)
RETURNS bytea LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp SET datestyle = 'ISO, YMD' AS $$
    SELECT sha256(convert_to(concat_ws('|', p_region, p_fund, p_version, p_business_date, p_reverses, p_summary, p_evidence,
                                       p_attachments, p_prepared_by, p_said) || E'\n' || p_lines, 'UTF8'))
$$;

-- What is written by hand has happened: its business date is not after the day it is drafted or approved, and that day not
-- beyond what books.outer_day bears, whatever day a caller names.
CREATE OR REPLACE FUNCTION books.refuse_future(p_region integer, p_fund smallint, p_business_date date, p_on date) RETURNS void LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF p_business_date > p_on OR p_on > books.outer_day(p_region, p_fund) THEN
        RAISE EXCEPTION USING ERRCODE = 'FL001', MESSAGE = 'voucher.future',
            DETAIL = format('手工凭证的业务日期%s、办理日期%s晚于业务日期当天，未发生的业务不能制单或复核', p_business_date, p_on);
    END IF;
END $$;

-- Whether the region numbers a day's papers at once: hand-written vouchers drafted on a day may then still be dated that day
-- when the series has gone on.
CREATE OR REPLACE FUNCTION books.whole_day(p_region integer, p_on date) RETURNS boolean LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp AS $$
    SELECT coalesce((SELECT y.value = 'whole_day' FROM fund.region_policy y
                      WHERE y.region = p_region AND y.key = 'voucher_numbering' AND y.from_day <= p_on ORDER BY y.from_day DESC LIMIT 1), false)
$$;

-- A voucher of these accounts, drafted on p_prepared_on, can be dated p_on: its series has no later date in that month, or the
-- region numbers a day's papers at once and p_on is the day it was drafted. posting asks the same (books.take_numbers).
CREATE OR REPLACE FUNCTION books.refuse_backwards(p_region integer, p_fund smallint, p_accounts integer[], p_on date, p_prepared_on date)
RETURNS void LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    v_series text := CASE WHEN EXISTS (SELECT 1 FROM unnest(p_accounts) AS a WHERE left(a::text, 1) <> '9') THEN '记' ELSE '备' END;
    v_last   date;
BEGIN
    SELECT c.last_date INTO v_last FROM books.counter c
     WHERE c.region = p_region AND c.fund = p_fund AND c.series = v_series
       AND c.period = extract(year FROM p_on)::integer * 100 + extract(month FROM p_on)::integer;
    IF p_on < v_last AND NOT (p_on IS NOT DISTINCT FROM p_prepared_on AND books.whole_day(p_region, p_on)) THEN
        RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'voucher.date_backwards',
            DETAIL = format('%s字凭证已编到%s，填制日期不能倒退到%s', v_series, v_last, p_on);
    END IF;
END $$;

-- Called by books.post() for what is new in a batch: a hand-written voucher is dated the day it was approved.
CREATE OR REPLACE FUNCTION books.check_hand_days(p_region integer, p_fund smallint, p_voucher_date date, p_offs integer[]) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE bad record;
BEGIN
    SELECT e.source_key, d.decided_on INTO bad
      FROM pg_temp.e_in e
      JOIN books.voucher_decision d ON d.region = p_region AND d.fund = p_fund AND d.voucher_id = substr(e.source_key, 5)
     WHERE e.rule = 'manual' AND p_offs[e.pos + 1] IS NOT NULL AND d.decided_on <> p_voucher_date ORDER BY e.pos LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'voucher.other_day',
            DETAIL = format('手工凭证%s于%s复核，填制日期不能是%s', bad.source_key, bad.decided_on, p_voucher_date);
    END IF;
END $$;

-- Whether all staged entries are hand-written ones drafted on the day they are dated, in a region that numbers a day's papers at once.
CREATE OR REPLACE FUNCTION books.papers_of_day(p_region integer, p_fund smallint, p_voucher_date date) RETURNS boolean LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp AS $$
    SELECT books.whole_day(p_region, p_voucher_date) AND NOT EXISTS (
        SELECT 1 FROM pg_temp.e_in e
          LEFT JOIN books.voucher v ON v.region = p_region AND v.fund = p_fund AND v.voucher_id = substr(e.source_key, 5)
         WHERE e.rule <> 'manual' OR v.prepared_on IS DISTINCT FROM p_voucher_date)
$$;

-- Drafts a voucher under the acting user's name; returns its id. The same content again is the same draft, until it is
-- rejected or withdrawn. `p_papers`: account, kind, receipt number and direction of each paper it rests on, four by four;
-- `p_template`: the version of an own template it was filled from.
CREATE OR REPLACE FUNCTION books.draft_voucher(p_region integer, p_fund smallint, p_business_date date, p_reverses bigint, p_summary text,
                                    p_evidence text, p_attachments integer, p_on date, p_sides smallint[], p_amounts bigint[],
                                    p_accounts integer[], p_counterparties text[], p_subfunds text[], p_years smallint[],
                                    p_terms integer[], p_categories text[], p_correction text DEFAULT '', p_corrects bigint DEFAULT 0,
                                    p_papers text[] DEFAULT '{}', p_template text DEFAULT NULL)
RETURNS text LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    v_actor   text := access.require_role(p_region, p_fund, '{accountant,maker,system}');
    v_sum     record;
    v_bad     record;
    v_digest  bytea;
    v_id      text;
    v_version integer := 0;
    v_known   integer;
    v_recurs  text;
    v_red     text := CASE WHEN p_reverses > 0 THEN 'red' ELSE p_correction END;
BEGIN
    IF access.has_role(p_region, p_fund, v_actor, '{cashier}') THEN
        RAISE EXCEPTION USING ERRCODE = 'FL003', MESSAGE = 'access.cashier_posts', DETAIL = format('出纳%s不得填制凭证', v_actor);
    END IF;
    IF NOT access.has_role(p_region, p_fund, v_actor, '{accountant,maker}') THEN
        v_recurs := books.recurring_of(p_region, p_fund, v_actor, p_business_date, p_summary, p_evidence, p_amounts);
    END IF;
    PERFORM books.refuse_future(p_region, p_fund, p_business_date, p_on);
    -- the month in which a book begins is its first; a correction keeps the day of what it corrects
    IF p_corrects = 0 AND p_business_date < (SELECT date_trunc('month', k.opened_on)::date FROM books.book k WHERE k.region = p_region AND k.fund = p_fund) THEN
        RAISE EXCEPTION USING ERRCODE = 'FL001', MESSAGE = 'voucher.before_opening',
            DETAIL = format('业务日期%s早于账套%s-%s的建账月份，建账以前的业务不在此账套制单', p_business_date, p_region, p_fund);
    END IF;
    SELECT string_agg(concat_ws('|', l.n, l.side, l.fen, l.account, l.party, l.subfund, l.year, l.term, l.category), E'\n' ORDER BY l.n) AS text,
           count(*) AS legs,
           coalesce(bool_or(num_nulls(l.side, l.fen, l.account, l.party, l.subfund, l.year, l.term, l.category) > 0), false) AS holes,
           coalesce(sum(l.side * l.fen) FILTER (WHERE left(l.account::text, 1) <> '9'), 0) AS statutory,
           coalesce(sum(l.side * l.fen) FILTER (WHERE left(l.account::text, 1) = '9'), 0) AS memorandum
      INTO v_sum
      FROM unnest(p_sides, p_amounts, p_accounts, p_counterparties, p_subfunds, p_years, p_terms, p_categories)
           WITH ORDINALITY AS l (side, fen, account, party, subfund, year, term, category, n);
    -- in the order in which a person puts it right: lines there, accounts that are, then what they add up to
    IF v_sum.legs < 2 OR v_sum.holes THEN
        RAISE EXCEPTION USING ERRCODE = 'FL001', MESSAGE = 'entry.too_few_lines',
            DETAIL = format('凭证有%s行；会计账借贷差%s元，备查账借贷差%s元', v_sum.legs, fund.yuan(v_sum.statutory), fund.yuan(v_sum.memorandum));
    END IF;
    SELECT l.n, l.account, a.name, CASE WHEN a.account IS NULL THEN 'account.unknown' WHEN NOT a.leaf THEN 'account.not_leaf'
                                        ELSE 'dimension.mismatch' END AS code
      INTO v_bad
      FROM unnest(p_accounts, p_counterparties, p_subfunds, p_years, p_terms, p_categories)
           WITH ORDINALITY AS l (account, party, subfund, year, term, category, n)
      LEFT JOIN books.account a ON a.region = p_region AND a.fund = p_fund AND a.account = l.account
     WHERE a.account IS NULL OR NOT a.leaf
        OR a.dims <> (l.party <> '')::int + 2 * (l.subfund <> '')::int + 4 * (l.year <> 0)::int + 8 * (l.term <> 0)::int
                     + 16 * (l.category <> '')::int
     ORDER BY l.n LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION USING ERRCODE = 'FL001', MESSAGE = v_bad.code,
            DETAIL = format('第%s行的科目%s%s', v_bad.n, v_bad.account, CASE v_bad.code WHEN 'account.unknown' THEN '不存在'
                WHEN 'account.not_leaf' THEN format('（%s）不是末级', v_bad.name) ELSE format('（%s）的辅助核算与科目要求不符', v_bad.name) END);
    END IF;
    IF v_sum.statutory <> 0 OR v_sum.memorandum <> 0 THEN
        RAISE EXCEPTION USING ERRCODE = 'FL001', MESSAGE = 'entry.unbalanced',
            DETAIL = format('凭证有%s行；会计账借贷差%s元，备查账借贷差%s元', v_sum.legs, fund.yuan(v_sum.statutory), fund.yuan(v_sum.memorandum));
    END IF;
    SELECT l.n, l.party INTO v_bad FROM unnest(p_counterparties) WITH ORDINALITY AS l (party, n)
     WHERE l.party <> '' AND NOT fund.known_party(p_region, l.party) ORDER BY l.n LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION USING ERRCODE = 'FL004', MESSAGE = 'party.unknown',
            DETAIL = format('第%s行的往来单位“%s”不在册：机构、自有账户、统筹区、往来单位须先登记并由另一人确认', v_bad.n, left(v_bad.party, 60));
    END IF;
    SELECT count(*) INTO v_known FROM payments.evidence e JOIN generate_series(1, cardinality(p_papers), 4) AS i
        ON (e.account, e.kind, e.receipt_no, e.direction) = (p_papers[i], p_papers[i + 1], p_papers[i + 2], p_papers[i + 3])
     WHERE e.region = p_region;
    IF v_known * 4 <> cardinality(p_papers) THEN
        RAISE EXCEPTION USING ERRCODE = 'FL004', MESSAGE = 'suspense.unknown', DETAIL = '凭证注明的回单不存在，或写了两遍';
    END IF;
    PERFORM 1 FROM books.head h WHERE h.region = p_region AND h.fund = p_fund FOR UPDATE;   -- two drafts of the same content
    PERFORM books.refuse_backwards(p_region, p_fund, p_accounts, p_on, p_on);
    LOOP
        v_version := v_version + 1;
        v_digest := books.voucher_text_digest(p_region, p_fund, v_version, p_business_date, p_reverses, p_summary, p_evidence,
                                              p_attachments, v_actor, v_sum.text, books.said_of(v_red, p_corrects, p_papers, p_template));
        v_id := 'MV-' || left(encode(v_digest, 'hex'), 20);
        IF NOT EXISTS (SELECT 1 FROM books.voucher v WHERE v.region = p_region AND v.fund = p_fund AND v.voucher_id = v_id) THEN
            EXIT;
        END IF;
        IF NOT EXISTS (SELECT 1 FROM books.voucher_decision d WHERE d.region = p_region AND d.fund = p_fund AND d.voucher_id = v_id
                          AND d.decision <> 'approved') THEN
            RETURN v_id;
        END IF;
    END LOOP;
    INSERT INTO books.voucher VALUES (p_region, p_fund, v_id, v_version, p_business_date, p_reverses, p_summary, p_evidence,
                                      p_attachments, v_actor, p_on, v_digest, v_red, p_corrects, p_template);
    INSERT INTO books.voucher_line
    SELECT p_region, p_fund, v_id, l.n, l.side, l.fen, l.account, l.party, l.subfund, l.year, l.term, l.category
      FROM unnest(p_sides, p_amounts, p_accounts, p_counterparties, p_subfunds, p_years, p_terms, p_categories)
           WITH ORDINALITY AS l (side, fen, account, party, subfund, year, term, category, n);
    INSERT INTO books.voucher_paper
    SELECT p_region, p_fund, v_id, (i + 3) / 4, e.account, e.kind, e.receipt_no, e.direction, e.amount_fen, e.digest
      FROM generate_series(1, cardinality(p_papers), 4) AS i
      JOIN payments.evidence e ON e.region = p_region
       AND (e.account, e.kind, e.receipt_no, e.direction) = (p_papers[i], p_papers[i + 1], p_papers[i + 2], p_papers[i + 3]);
    PERFORM books.check_template_use(p_region, p_fund, ARRAY[v_id], p_on);
    PERFORM books.check_hand(p_region, p_fund, v_id, p_on, false);
    IF v_recurs IS NOT NULL THEN
        PERFORM books.note_due(p_region, p_fund, v_recurs, p_business_date, v_id);
    END IF;
    RETURN v_id;
END $$;

-- Approves, rejects or withdraws a draft, once, naming the digest the person had before them. Approval and rejection are
-- another person's, a checker's; withdrawal is the drafter's own. The same decision again changes nothing.
CREATE OR REPLACE FUNCTION books.decide_voucher(p_region integer, p_fund smallint, p_voucher_id text, p_decision text, p_digest bytea,
                                     p_on date, p_reason text)
RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    v_actor text;
    v       books.voucher;
    v_taken books.voucher_decision;
    v_attached bytea;
BEGIN
    v_actor := access.require_role(p_region, p_fund, CASE p_decision WHEN 'withdrawn' THEN '{accountant,maker}'::text[] ELSE '{checker}' END);
    IF p_decision = 'approved' AND EXISTS (SELECT 1 FROM books.hand_money(p_region, p_fund, p_voucher_id)) THEN
        PERFORM books.hold_accounts(p_region, p_fund);
    END IF;
    PERFORM 1 FROM books.head h WHERE h.region = p_region AND h.fund = p_fund FOR UPDATE;
    SELECT * INTO v FROM books.voucher w WHERE w.region = p_region AND w.fund = p_fund AND w.voucher_id = p_voucher_id;
    IF NOT FOUND THEN
        RAISE EXCEPTION USING ERRCODE = 'FL004', MESSAGE = 'voucher.draft_unknown', DETAIL = format('没有手工凭证草稿%s', left(p_voucher_id, 40));
    END IF;
    SELECT * INTO v_taken FROM books.voucher_decision d WHERE d.region = p_region AND d.fund = p_fund AND d.voucher_id = p_voucher_id;
    IF FOUND THEN
        IF (v_taken.decision, v_taken.decided_by) = (p_decision, v_actor) THEN
            RETURN;
        END IF;
        RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'voucher.decided',
            DETAIL = format('手工凭证%s已由%s办理（%s）', p_voucher_id, v_taken.decided_by, v_taken.decision);
    END IF;
    IF p_decision = 'withdrawn' AND access.person(v_actor) IS DISTINCT FROM access.person(v.prepared_by) THEN
        RAISE EXCEPTION USING ERRCODE = 'FL003', MESSAGE = 'voucher.not_drafter', DETAIL = format('手工凭证%s只能由制单人%s撤回', p_voucher_id, v.prepared_by);
    ELSIF p_decision <> 'withdrawn' AND access.person(v_actor) IS NOT DISTINCT FROM access.person(v.prepared_by) THEN
        RAISE EXCEPTION USING ERRCODE = 'FL003', MESSAGE = 'voucher.same_person',
            DETAIL = format('手工凭证%s由%s制单，须由另一人以本人名义复核', p_voucher_id, v.prepared_by);
    END IF;
    v_attached := books.attachments_digest(p_region, p_fund, p_voucher_id);
    IF p_digest IS DISTINCT FROM books.shown_digest(v.digest, v_attached) THEN
        RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'voucher.changed', DETAIL = format('手工凭证%s的内容与所复核的摘要不符', p_voucher_id);
    END IF;
    IF p_decision = 'approved' THEN
        PERFORM access.require_signature(p_region, 'voucher.approve', p_voucher_id, encode(p_digest, 'hex'));
        PERFORM books.refuse_future(p_region, p_fund, v.business_date, p_on);
        PERFORM books.refuse_backwards(p_region, p_fund, (SELECT array_agg(l.account) FROM books.voucher_line l
                                                           WHERE l.region = p_region AND l.fund = p_fund AND l.voucher_id = p_voucher_id),
                                       p_on, v.prepared_on);
    END IF;
    INSERT INTO books.voucher_decision (region, fund, voucher_id, decision, digest, decided_by, decided_on, reason, attached)
    VALUES (p_region, p_fund, p_voucher_id, p_decision, v.digest, v_actor, p_on, p_reason, v_attached);
END $$;

-- Called by books.post(): what no rule prepared posts only if it was approved, with this very content and by these persons:
-- as a hand-written voucher, or as one of the papers two persons sign (refund, move of an own account, grant, out of region).
-- One look at the headers where every entry is a rule's.
CREATE OR REPLACE FUNCTION books.check_manual(p_region integer, p_fund smallint) RETURNS void LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp SET datestyle = 'ISO, YMD' AS $$
DECLARE bad record;
BEGIN
    IF NOT EXISTS (SELECT 1 FROM pg_temp.e_in WHERE prepared_by NOT LIKE 'rule:%' OR rule = 'manual') THEN
        RETURN;
    END IF;
    SELECT e.source_key, e.prepared_by, e.reviewed_by INTO bad
      FROM pg_temp.e_in e
      LEFT JOIN (SELECT l.pos, string_agg(concat_ws('|', l.n, l.side, l.amount_fen, l.account, d.counterparty, d.subfund, d.service_year,
                                                    d.term, d.category), E'\n' ORDER BY l.n) AS text
                   FROM (SELECT m.pos, u.n, CASE WHEN u.account > 0 THEN 1 ELSE -1 END AS side, u.amount_fen, abs(u.account) AS account, u.dim
                           FROM pg_temp.e_in m
                          CROSS JOIN LATERAL unnest(m.accounts, m.dims, m.amounts) WITH ORDINALITY AS u (account, dim, amount_fen, n)
                          WHERE m.rule = 'manual') l
                   JOIN books.dim d ON d.region = p_region AND d.dim = l.dim GROUP BY l.pos) t ON t.pos = e.pos
     WHERE (e.prepared_by NOT LIKE 'rule:%' OR e.rule = 'manual')
       AND NOT CASE
           WHEN e.rule = 'manual' THEN e.event = 'MAN' AND EXISTS (
                SELECT 1 FROM books.voucher v
                  JOIN books.voucher_decision s ON s.region = v.region AND s.fund = v.fund AND s.voucher_id = v.voucher_id
                 WHERE v.region = p_region AND v.fund = p_fund AND v.voucher_id = substr(e.source_key, 5) AND e.source_key LIKE 'MAN:%'
                   AND s.decision = 'approved' AND (s.decided_by, v.prepared_by) = (e.reviewed_by, e.prepared_by)
                   AND s.digest = e.evidence_digest
                   AND s.digest = books.voucher_text_digest(p_region, p_fund, v.version, e.business_date, e.reverses_seq, e.summary,
                                                            e.evidence, e.attachments - books.attachments_of(p_region, p_fund, v.voucher_id), e.prepared_by, t.text,
                                                            books.said_of(v.correction, v.corrects_seq, ARRAY(
                                                                SELECT x.part FROM books.voucher_paper p CROSS JOIN LATERAL unnest(
                                                                    ARRAY[p.account, p.kind, p.receipt_no, p.direction]) WITH ORDINALITY AS x (part, k)
                                                                 WHERE p.region = v.region AND p.fund = v.fund AND p.voucher_id = v.voucher_id
                                                                 ORDER BY p.n, x.k), v.template)))
           WHEN e.event = 'OPEN' THEN true                      -- fund.check_opening
           WHEN e.source_key LIKE 'REF:%' THEN EXISTS (
                SELECT 1 FROM fund.refund r WHERE r.region = p_region AND r.fund = p_fund AND r.refund_id = substr(e.source_key, 5)
                   AND r.state = 'approved' AND (r.prepared_by, r.approved_by) = (e.prepared_by, e.reviewed_by))
           WHEN e.source_key LIKE 'CASH:%' THEN EXISTS (
                SELECT 1 FROM fund.cash_move m WHERE m.region = p_region AND m.fund = p_fund AND m.move_id = substr(e.source_key, 6)
                   AND m.state = 'approved' AND (m.prepared_by, m.approved_by) = (e.prepared_by, e.reviewed_by))
           WHEN e.source_key LIKE 'OWN:%' THEN EXISTS (         -- a receipt two persons explained: by its rule, its day, its amount
                SELECT 1 FROM payments.resolution r
                  JOIN payments.receipt_kind k ON k.what = r.what
                  JOIN payments.bank_account b ON b.region = r.region AND b.account = r.account
                  JOIN payments.evidence v ON v.region = r.region AND v.account = r.account AND v.kind = r.kind AND v.receipt_no = r.receipt_no
                       AND v.direction = r.direction AND v.digest = r.digest
                 WHERE r.region = p_region AND r.fund = p_fund AND r.resolution_id = substr(e.source_key, 5) AND r.state = 'approved'
                   AND (r.prepared_by, r.approved_by) = (e.prepared_by, e.reviewed_by)
                   AND split_part(e.rule, '@', 1) = 'OWN.' || r.what AND e.event = 'OWN' AND e.business_date = v.booking_date
                   AND (SELECT sum(sign(u.account)::bigint * u.fen) FROM unnest(e.accounts, e.amounts) AS u (account, fen)
                         WHERE abs(u.account) = b.kind::integer) = CASE v.direction WHEN 'credit' THEN v.amount_fen ELSE -v.amount_fen END)
           WHEN e.source_key LIKE 'ALLOT:%' THEN EXISTS (
                SELECT 1 FROM fund.fund_request q WHERE q.region = p_region AND q.fund = p_fund AND q.request_id = substr(e.source_key, 7)
                   AND q.state = 'granted' AND (q.prepared_by, q.approved_by) = (e.prepared_by, e.reviewed_by))
           WHEN e.source_key LIKE 'OUT:%' THEN EXISTS (
                SELECT 1 FROM fund.outregion_move m WHERE m.region = p_region AND m.fund = p_fund AND m.move_id = substr(e.source_key, 5)
                   AND m.state = 'done' AND (m.prepared_by, m.approved_by) = (e.prepared_by, e.reviewed_by))
           ELSE false END
     ORDER BY e.pos LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION USING ERRCODE = 'FL003', MESSAGE = 'entry.not_approved',
            DETAIL = format('凭证%s（制单%s，复核%s）没有内容相同、由复核人本人批准的草稿或单据', bad.source_key, bad.prepared_by, bad.reviewed_by);
    END IF;
END $$;

-- Guards ------------------------------------------------------
CREATE OR REPLACE TRIGGER frozen BEFORE DELETE OR UPDATE OR TRUNCATE ON books.voucher
    FOR EACH STATEMENT EXECUTE FUNCTION books.refuse_change();
CREATE OR REPLACE TRIGGER one_door BEFORE INSERT ON books.voucher
    FOR EACH STATEMENT WHEN ((CURRENT_USER <> 'fundledger_poster'::name)) EXECUTE FUNCTION books.refuse_write();
CREATE OR REPLACE TRIGGER frozen BEFORE DELETE OR UPDATE OR TRUNCATE ON books.voucher_decision
    FOR EACH STATEMENT EXECUTE FUNCTION books.refuse_change();
CREATE OR REPLACE TRIGGER one_door BEFORE INSERT ON books.voucher_decision
    FOR EACH STATEMENT WHEN ((CURRENT_USER <> 'fundledger_poster'::name)) EXECUTE FUNCTION books.refuse_write();
CREATE OR REPLACE TRIGGER frozen BEFORE DELETE OR UPDATE OR TRUNCATE ON books.voucher_line
    FOR EACH STATEMENT EXECUTE FUNCTION books.refuse_change();
CREATE OR REPLACE TRIGGER one_door BEFORE INSERT ON books.voucher_line
    FOR EACH STATEMENT WHEN ((CURRENT_USER <> 'fundledger_poster'::name)) EXECUTE FUNCTION books.refuse_write();

-- Grants ------------------------------------------------------
GRANT SELECT, INSERT ON books.voucher TO fundledger_poster;
GRANT SELECT ON books.voucher TO fundledger_service, fundledger_auditor;
GRANT SELECT, INSERT ON books.voucher_decision TO fundledger_poster;
GRANT SELECT ON books.voucher_decision TO fundledger_service, fundledger_auditor;
GRANT SELECT, INSERT ON books.voucher_line TO fundledger_poster;
GRANT SELECT ON books.voucher_line TO fundledger_service, fundledger_auditor;
ALTER FUNCTION books.check_manual(integer,smallint) OWNER TO fundledger_poster;
ALTER FUNCTION books.decide_voucher(integer,smallint,text,text,bytea,date,text) OWNER TO fundledger_poster;
GRANT EXECUTE ON FUNCTION books.decide_voucher(integer,smallint,text,text,bytea,date,text) TO fundledger_service;
ALTER FUNCTION books.draft_voucher(integer,smallint,date,bigint,text,text,integer,date,smallint[],bigint[],integer[],text[],text[],smallint[],integer[],text[],text,bigint,text[],text) OWNER TO fundledger_poster;
GRANT EXECUTE ON FUNCTION books.draft_voucher(integer,smallint,date,bigint,text,text,integer,date,smallint[],bigint[],integer[],text[],text[],smallint[],integer[],text[],text,bigint,text[],text) TO fundledger_service;
ALTER FUNCTION books.refuse_future(integer,smallint,date,date) OWNER TO fundledger_poster;
ALTER FUNCTION books.voucher_text_digest(integer,smallint,integer,date,bigint,text,text,integer,text,text,text) OWNER TO fundledger_poster;
ALTER FUNCTION books.check_hand_days(integer,smallint,date,integer[]) OWNER TO fundledger_poster;
ALTER FUNCTION books.papers_of_day(integer,smallint,date) OWNER TO fundledger_poster;
ALTER FUNCTION books.refuse_backwards(integer,smallint,integer[],date,date) OWNER TO fundledger_poster;
ALTER FUNCTION books.whole_day(integer,date) OWNER TO fundledger_poster;
