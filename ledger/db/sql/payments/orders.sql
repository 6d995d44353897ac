-- Payment orders from draft to receipt: batches, approval, states and transitions, the daily run (INV-10, INV-11).

-- Tables ------------------------------------------------------
-- in_flight: its money is in 9104 and no longer available; releases: it can no longer pay, its records are free again.
CREATE TABLE payments.state (
    state text PRIMARY KEY, display_name text NOT NULL, in_flight boolean NOT NULL, releases boolean NOT NULL);

INSERT INTO payments.state VALUES
    ('draft', '草稿', false, false), ('approved', '已审批', true, false), ('filed', '已制盘', true, false),
    ('sent', '已发送', true, false), ('unknown', '状态未知', true, false), ('accepted', '银行已受理', true, false),
    ('paid', '已付妥', false, false), ('rejected', '银行拒绝', false, true), ('returned', '已退汇', false, true),
    ('cancelled', '已取消', false, true);

CREATE TABLE payments.transition (
    from_state text NOT NULL REFERENCES payments.state,
    event      text NOT NULL,
    to_state   text NOT NULL REFERENCES payments.state,
    posts      text NOT NULL,          -- the rule event it books; '' posts nothing
    PRIMARY KEY (from_state, event)
);

INSERT INTO payments.transition VALUES
    ('draft',    'approve',  'approved',  'ORD'),
    ('draft',    'discard',  'cancelled', ''),
    ('approved', 'file',     'filed',     ''),
    ('approved', 'cancel',   'cancelled', 'CAN'),
    ('approved', 'recover',  'unknown',   ''),        -- two persons match it with a debit of before a restore (freeze.sql)
    ('approved', 'take_over', 'unknown',  ''),        -- sent by the old system before the cut-over (fund/cutover.sql)
    ('filed',    'cancel',   'cancelled', 'CAN'),     -- voids the file
    ('filed',    'unfile',   'approved',  ''),        -- the others of a voided file, rebuilt under a new id
    ('filed',    'send',     'sent',      ''),
    ('filed',    'lose',     'unknown',   ''),        -- the line broke: it may have arrived
    ('sent',     'lose',     'unknown',   ''),        -- the bank does not answer in time
    ('unknown',  'send',     'sent',      ''),        -- found in the bank's inbox, or the same bytes delivered again
    ('sent',     'accept',   'accepted',  ''),
    ('unknown',  'accept',   'accepted',  ''),
    ('sent',     'reject',   'rejected',  'REJ'),
    ('unknown',  'reject',   'rejected',  'REJ'),
    ('accepted', 'reject',   'rejected',  'REJ'),
    ('sent',     'pay',      'paid',      'RCV'),
    ('unknown',  'pay',      'paid',      'RCV'),
    ('accepted', 'pay',      'paid',      'RCV'),
    ('paid',     'return',   'returned',  'RTN');

-- A batch is what one person prepares and another approves: the orders of one book and one payout day.
CREATE TABLE payments.batch (
    region     integer NOT NULL,
    fund       smallint NOT NULL,
    batch_id   text NOT NULL,
    kind       text NOT NULL CHECK (kind IN ('daily', 'month', 'clearing', 'advance', 'supplier', 'person', 'outregion')),
    pay_date   date NOT NULL,
    upto       date NOT NULL,                -- last discharge day it takes
    prepared_by text NOT NULL,
    digest     bytea NOT NULL CHECK (length(digest) = 32),
    PRIMARY KEY (region, batch_id),
    FOREIGN KEY (region, fund) REFERENCES books.book
);

-- Approval binds a second person to the digest of what is approved (INV-11).
CREATE TABLE payments.approval (
    region      integer NOT NULL,
    batch_id    text NOT NULL,
    digest      bytea NOT NULL,
    prepared_by text NOT NULL,
    approved_by text NOT NULL,
    approved_on date NOT NULL,
    PRIMARY KEY (region, batch_id),
    FOREIGN KEY (region, batch_id) REFERENCES payments.batch,
    CHECK (prepared_by <> approved_by)
);

CREATE TABLE payments.pay_order (
    region       integer NOT NULL,
    order_no     text NOT NULL CHECK (order_no ~ '^FL[0-9A-Z-]{8,33}$'),   -- the end-to-end id
    fund         smallint NOT NULL,
    batch_id     text NOT NULL,
    institution  text NOT NULL,
    amount_fen   bigint NOT NULL CHECK (amount_fen > 0),
    account      text NOT NULL,               -- ours
    payee_name   text NOT NULL CHECK (translate(payee_name, E'|\\\n\r', '') = payee_name),
    payee_number text NOT NULL,
    payee_bank   text NOT NULL CHECK (translate(payee_bank, E'|\\\n\r', '') = payee_bank),
    payee_cnaps  text NOT NULL,
    purpose      text NOT NULL CHECK (translate(purpose, E'|\\\n\r', '') = purpose),
    replaces     text NOT NULL DEFAULT '',    -- the failed or returned order it re-issues
    state        text NOT NULL REFERENCES payments.state,
    file_id      text NOT NULL DEFAULT '',
    sent_on      date,
    bank_reference text NOT NULL DEFAULT '',  -- the bank's serial as its status file gave it
    first_payment boolean,                    -- no order to that account was paid before; NULL: drafted before this was asked
    payee_token  text NOT NULL DEFAULT '',    -- of an account in clear: what it were if sealed, so that both are counted as one
    PRIMARY KEY (region, order_no),
    -- Deferred: the batch row carries the digest of its orders, so it comes after them.
    FOREIGN KEY (region, batch_id) REFERENCES payments.batch DEFERRABLE INITIALLY DEFERRED,
    FOREIGN KEY (region, account) REFERENCES payments.bank_account
);

CREATE INDEX pay_order_live ON payments.pay_order (region, fund, state) WHERE state NOT IN ('paid', 'cancelled', 'rejected', 'returned');

CREATE INDEX pay_order_batch ON payments.pay_order (region, batch_id);

CREATE INDEX pay_order_file ON payments.pay_order (region, file_id) WHERE file_id <> '';

CREATE INDEX pay_order_reference ON payments.pay_order (region, bank_reference) WHERE bank_reference <> '';

CREATE INDEX pay_order_payee ON payments.pay_order (region, payee_number, payee_cnaps) WHERE state = 'paid';
CREATE INDEX pay_order_token ON payments.pay_order (region, payee_token, payee_cnaps) WHERE state = 'paid' AND payee_token <> '';

CREATE INDEX pay_order_institution ON payments.pay_order (region, institution);

-- What was paid again: few orders, found by the one they replace.
CREATE INDEX pay_order_replaces ON payments.pay_order (region, replaces) WHERE replaces <> '';

-- What an order is made of, per key of the memorandum accounts; T3 adds these up.
CREATE TABLE payments.order_item (
    region       integer NOT NULL,
    order_no     text NOT NULL,
    n            smallint NOT NULL,
    -- owed in the memorandum (9502: for other regions' patients, `category` is their region), or booked at the receipt
    -- only: an advance 1101xx, a person's benefit 5001, a region's prepayment given back 200103
    source       integer NOT NULL CHECK (source IN (9101, 9103, 9106, 9502, 110101, 110102, 110103, 110104, 200103, 5001)),
    subfund      text NOT NULL,
    service_year smallint NOT NULL,
    term         integer NOT NULL,
    category     text NOT NULL,
    amount_fen   bigint NOT NULL CHECK (amount_fen <> 0),
    PRIMARY KEY (region, order_no, n),
    FOREIGN KEY (region, order_no) REFERENCES payments.pay_order
);

-- The records an order pays: stays when the payables are released again.
CREATE TABLE payments.order_payable (
    region    integer NOT NULL,
    order_no  text NOT NULL,
    fund      smallint NOT NULL,
    setl_id   text NOT NULL,
    subfund   text NOT NULL,
    daily_fen bigint NOT NULL,
    PRIMARY KEY (region, order_no, setl_id, subfund),
    FOREIGN KEY (region, order_no) REFERENCES payments.pay_order,
    FOREIGN KEY (region, fund, setl_id, subfund) REFERENCES fund.payable
);

CREATE INDEX order_payable_record ON payments.order_payable (region, setl_id);

-- The records of other regions' patients an order to a hospital pays: stays when they are released again.
CREATE TABLE payments.order_outregion (
    region     integer NOT NULL,
    order_no   text NOT NULL,
    fund       smallint NOT NULL,
    setl_id    text NOT NULL,
    amount_fen bigint NOT NULL,
    PRIMARY KEY (region, order_no, setl_id),
    FOREIGN KEY (region, order_no) REFERENCES payments.pay_order
);

CREATE INDEX order_outregion_record ON payments.order_outregion (region, setl_id);

-- The number under which the bank knows an order that the old system sent: its papers and statuses carry that one.
CREATE TABLE payments.taken_order (
    region    integer NOT NULL,
    reference text NOT NULL CHECK (reference <> ''),
    order_no  text NOT NULL,
    PRIMARY KEY (region, reference),
    UNIQUE (region, order_no),
    FOREIGN KEY (region, order_no) REFERENCES payments.pay_order
);

-- Each daily run of a book, and what it could not order and why: as many rows as the run says, coming to what it says. A later
-- run of the same day has its own list beside it (guards: 21_loads_and_runs.sql).
CREATE TABLE payments.daily_run (
    region      integer NOT NULL,
    fund        smallint NOT NULL,
    pay_date    date NOT NULL,
    run         smallint NOT NULL CHECK (run > 0),
    made_by     text NOT NULL,
    blocked     integer NOT NULL CHECK (blocked >= 0),
    blocked_fen bigint NOT NULL,
    PRIMARY KEY (region, fund, pay_date, run),
    FOREIGN KEY (region, fund) REFERENCES books.book
);

CREATE TABLE payments.blocked (
    region      integer NOT NULL,
    fund        smallint NOT NULL,
    pay_date    date NOT NULL,
    run         smallint NOT NULL,
    institution text NOT NULL,
    reason      text NOT NULL,        -- payee_missing, payee_failed, suspended, ended, not_due, negative, reversed, over_available, unbearable …
    amount_fen  bigint NOT NULL,
    detail      text NOT NULL DEFAULT '',   -- which field of the payee, which character
    PRIMARY KEY (region, fund, pay_date, run, institution),
    FOREIGN KEY (region, fund, pay_date, run) REFERENCES payments.daily_run
);

CREATE TABLE payments.order_event (
    region      integer NOT NULL,
    order_no    text NOT NULL,
    n           integer NOT NULL,
    event       text NOT NULL,
    from_state  text NOT NULL,
    to_state    text NOT NULL,
    user_name   text NOT NULL,
    business_date date NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    reason      text NOT NULL,
    evidence    text NOT NULL,        -- inbound file or receipt it rests on
    PRIMARY KEY (region, order_no, n),
    FOREIGN KEY (region, order_no) REFERENCES payments.pay_order
);

CREATE INDEX order_event_recorded ON payments.order_event USING brin (recorded_at);    -- events told outside

ALTER TABLE payments.order_outregion ADD FOREIGN KEY (region, fund, setl_id) REFERENCES fund.outregion_record;

-- Functions ---------------------------------------------------
-- A batch is signed by who drafts it: the maker, or the system for a scheduled run (INV-11 compares it at approval).
CREATE OR REPLACE FUNCTION payments.check_batch() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF access.require_role(NEW.region, NEW.fund, '{maker,system}') <> NEW.prepared_by THEN
        RAISE EXCEPTION USING ERRCODE = 'FL003', MESSAGE = 'batch.prepared_by',
            DETAIL = format('批次%s只能以当前用户的名义制单', NEW.batch_id);
    END IF;
    RETURN NEW;
END $$;

-- Orders begin as drafts and move only along payments.transition; approval needs its approval row.
CREATE OR REPLACE FUNCTION payments.check_order() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp AS $$
DECLARE filed text;
BEGIN
    IF TG_OP = 'INSERT' THEN
        IF NEW.state <> 'draft' THEN
            RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'order.state', DETAIL = '拨付单只能以草稿建立';
        END IF;
        IF EXISTS (SELECT 1 FROM payments.approval a WHERE a.region = NEW.region AND a.batch_id = NEW.batch_id) THEN
            RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'batch.already_approved',
                DETAIL = format('批次%s已经审批，不能再加拨付单', NEW.batch_id);
        END IF;
        RETURN NEW;
    END IF;
    IF OLD.state = NEW.state THEN   -- the file changes with the state or not at all
        RAISE EXCEPTION USING ERRCODE = 'FL002', MESSAGE = 'business.frozen',
            DETAIL = format('拨付单%s的付款文件不得更改', OLD.order_no);
    END IF;
    IF NOT EXISTS (SELECT 1 FROM payments.transition t WHERE t.from_state = OLD.state AND t.to_state = NEW.state) THEN
        RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'order.state',
            DETAIL = format('拨付单%s不能由{order.state:%s}转为{order.state:%s}', OLD.order_no, OLD.state, NEW.state);
    END IF;
    IF OLD.file_id <> NEW.file_id AND 'filed' NOT IN (OLD.state, NEW.state) THEN
        RAISE EXCEPTION USING ERRCODE = 'FL002', MESSAGE = 'business.frozen',
            DETAIL = format('拨付单%s的付款文件不得更改', OLD.order_no);
    END IF;
    IF OLD.state = 'draft' AND NEW.state = 'approved' AND (current_user <> 'fundledger_poster' AND NEW.batch_id NOT LIKE 'OPEN-%' OR NOT EXISTS (
        SELECT 1 FROM payments.approval a WHERE a.region = NEW.region AND a.batch_id = NEW.batch_id)) THEN
        RAISE EXCEPTION USING ERRCODE = 'FL003', MESSAGE = 'order.not_approved',
            DETAIL = format('拨付单%s没有复核审批', OLD.order_no);
    END IF;
    -- An order is filed in a file not yet sent, leaves it backwards only when that file is void, forwards only when it
    -- may have arrived: so no order is ever in two files that a bank could pay (INV-10).
    IF 'filed' IN (OLD.state, NEW.state) THEN
        SELECT f.state INTO filed FROM payments.bank_file f
         WHERE f.region = NEW.region AND f.file_id = CASE OLD.state WHEN 'filed' THEN OLD.file_id ELSE NEW.file_id END;
        IF filed IS NULL OR NOT filed = ANY (CASE WHEN NEW.state = 'filed' THEN '{filed}'::text[]
                WHEN NEW.state IN ('approved', 'cancelled') THEN '{void}' ELSE '{sending,sent,unknown}' END) THEN
            RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'order.file_state',
                DETAIL = format('拨付单%s不能由{order.state:%s}转为{order.state:%s}：其付款文件的状态为{file.state:%s}', OLD.order_no, OLD.state, NEW.state, coalesce(filed, '无'));
        END IF;
    END IF;
    -- The bank said that it debited this order: no later refusal frees its records (INV-10). A person asks the bank.
    IF NEW.state = 'rejected' AND OLD.state <> 'rejected' THEN
        IF EXISTS (SELECT 1 FROM payments.bank_word w
                    WHERE w.region = NEW.region AND w.order_no = NEW.order_no AND w.state = 'settled') THEN
            RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'order.settled_said',
                DETAIL = format('银行曾报拨付单%s扣款成功，不能凭其后的拒绝退回重付，须向银行查询', NEW.order_no);
        END IF;
    END IF;
    -- Accepted and rejected rest on a word of the bank about this order in this file (INV-10): nobody says it for the bank.
    IF NEW.state IN ('accepted', 'rejected') THEN
        IF NOT EXISTS (SELECT 1 FROM payments.bank_word w
                    WHERE w.region = NEW.region AND w.order_no = NEW.order_no AND w.message_id = OLD.file_id
                      AND w.effect = CASE NEW.state WHEN 'accepted' THEN 'accept' ELSE 'reject' END) THEN
            RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'order.no_word',
                DETAIL = format('拨付单%s没有据以转为{order.state:%s}的银行回报', OLD.order_no, NEW.state);
        END IF;
    END IF;
    -- INV-13: paid and returned name their evidence. (Nested, so that the poster's approvals never plan this query.)
    IF NEW.state IN ('paid', 'returned') THEN
        IF NOT EXISTS (
            SELECT 1 FROM payments.evidence e
             WHERE e.region = NEW.region AND e.matched_order = NEW.order_no AND e.outcome = 'posted'
               AND e.direction = CASE NEW.state WHEN 'paid' THEN 'debit' ELSE 'credit' END) THEN
            RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'order.no_evidence',
                DETAIL = format('拨付单%s没有据以转为{order.state:%s}的回单', OLD.order_no, NEW.state);
        END IF;
    END IF;
    RETURN NEW;
END $$;

-- An event is the next step of its order along payments.transition, written when the order stands where it leads; what the
-- bank brought about names what the bank said: the status file or the receipt (INV-10, INV-13).
CREATE OR REPLACE FUNCTION payments.check_event() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp AS $$
DECLARE last payments.order_event; ordered payments.pay_order;
BEGIN
    SELECT * INTO last FROM payments.order_event e
     WHERE e.region = NEW.region AND e.order_no = NEW.order_no ORDER BY e.n DESC LIMIT 1;
    SELECT * INTO ordered FROM payments.pay_order o WHERE o.region = NEW.region AND o.order_no = NEW.order_no;
    IF NEW.n <> coalesce(last.n, 0) + 1 OR NEW.from_state <> coalesce(last.to_state, '')
       OR NEW.to_state IS DISTINCT FROM ordered.state AND access.working_login()      -- a cut-over writes all steps at once
       OR NOT (NEW.n = 1 AND NEW.event = 'draft' AND NEW.to_state = 'draft' OR EXISTS (SELECT 1 FROM payments.transition t
            WHERE t.from_state = NEW.from_state AND t.event = NEW.event AND t.to_state = NEW.to_state)) THEN
        RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'order.event',
            DETAIL = format('拨付单%s的事件{order.event:%s}与其经过或状态不符', NEW.order_no, NEW.event);
    END IF;
    IF NEW.event IN ('accept', 'reject') THEN
        IF NOT EXISTS (SELECT 1 FROM payments.bank_word w WHERE w.region = NEW.region AND w.order_no = NEW.order_no
                          AND w.effect = NEW.event AND NEW.evidence = 'file:' || encode(w.file_sha256, 'hex')) THEN
            RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'order.no_word',
                DETAIL = format('拨付单%s的事件{order.event:%s}没有写明所依据的银行回报文件', NEW.order_no, NEW.event);
        END IF;
    ELSIF NEW.event IN ('pay', 'return') THEN
        IF NOT EXISTS (SELECT 1 FROM payments.evidence e WHERE e.region = NEW.region AND e.matched_order = NEW.order_no
                          AND e.outcome = 'posted' AND NEW.evidence = e.kind || ':' || e.receipt_no
                          AND e.direction = CASE NEW.event WHEN 'pay' THEN 'debit' ELSE 'credit' END) THEN
            RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'order.no_evidence',
                DETAIL = format('拨付单%s的事件{order.event:%s}没有写明所依据的回单', NEW.order_no, NEW.event);
        END IF;
    END IF;
    RETURN NEW;
END $$;

-- No state without its event: at the end of the transaction the order stands where its last event led (INV-10).
CREATE OR REPLACE FUNCTION payments.check_logged() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp AS $$
DECLARE now_in text; logged text;
BEGIN
    SELECT o.state INTO now_in FROM payments.pay_order o WHERE o.region = NEW.region AND o.order_no = NEW.order_no;
    SELECT e.to_state INTO logged FROM payments.order_event e
     WHERE e.region = NEW.region AND e.order_no = NEW.order_no ORDER BY e.n DESC LIMIT 1;
    IF logged IS DISTINCT FROM now_in THEN
        RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'order.event',
            DETAIL = format('拨付单%s转为{order.state:%s}而没有记下事件', NEW.order_no, now_in);
    END IF;
    RETURN NULL;
END $$;

-- What an order is made of is fixed with its draft: nothing joins it once its batch is approved.
CREATE OR REPLACE FUNCTION payments.check_parts() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp AS $$
DECLARE late text;
BEGIN
    SELECT o.order_no INTO late
      FROM (SELECT DISTINCT region, order_no FROM added) n
      JOIN payments.pay_order o ON o.region = n.region AND o.order_no = n.order_no
     WHERE o.state <> 'draft' OR EXISTS (SELECT 1 FROM payments.approval a WHERE a.region = o.region AND a.batch_id = o.batch_id)
     LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'order.fixed', DETAIL = format('拨付单%s已不是草稿，构成不得增加', late);
    END IF;
    RETURN NULL;
END $$;

-- The digest of one order: what it pays, to whom, from where, made of what.
CREATE OR REPLACE FUNCTION payments.order_digest(p_region integer, p_order_no text) RETURNS bytea LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp AS $$
    SELECT sha256(convert_to(concat_ws('|', o.order_no, o.fund, o.batch_id, o.institution, o.amount_fen, o.account, o.payee_name,
                                       o.payee_number, o.payee_bank, o.payee_cnaps, o.purpose, o.replaces,
                                       CASE WHEN o.first_payment THEN 'first' END) || E'\n' || coalesce(i.text, '')
                             || E'\n' || coalesce(p.text, ''), 'UTF8'))
      FROM payments.pay_order o
      JOIN LATERAL (SELECT string_agg(concat_ws('|', n, source, subfund, service_year, term, category, amount_fen), E'\n' ORDER BY n) AS text
                      FROM payments.order_item WHERE region = p_region AND order_no = p_order_no) i ON true
      JOIN LATERAL (SELECT string_agg(concat_ws('|', fund, setl_id, subfund, fen), E'\n' ORDER BY setl_id COLLATE "C", subfund) AS text
                      FROM (SELECT fund, setl_id, subfund, daily_fen AS fen FROM payments.order_payable
                             WHERE region = p_region AND order_no = p_order_no
                            UNION ALL
                            SELECT fund, setl_id, 'outregion', amount_fen FROM payments.order_outregion
                             WHERE region = p_region AND order_no = p_order_no) r) p ON true
     WHERE o.region = p_region AND o.order_no = p_order_no
$$;

CREATE OR REPLACE FUNCTION payments.batch_digest(p_region integer, p_batch_id text) RETURNS bytea LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp AS $$
    SELECT sha256(convert_to(p_batch_id, 'UTF8')
                  || coalesce(string_agg(payments.order_digest(p_region, order_no), ''::bytea ORDER BY order_no COLLATE "C"), ''::bytea))
      FROM payments.pay_order WHERE region = p_region AND batch_id = p_batch_id
$$;

-- Other regions' money with us, by region (2001-异地就医资金), less what is on its way out of it: to hospitals for their
-- patients, back to them, or in the named draft. Below zero: paid for them beyond what they gave.
CREATE OR REPLACE FUNCTION payments.held_for(p_region integer, p_fund smallint, p_batch text DEFAULT '') RETURNS TABLE (party text, fen bigint)
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT sides.party, sum(sides.fen)::bigint FROM (
        SELECT d.counterparty AS party, b.credit - b.debit AS fen FROM books.balance b
          JOIN books.dim d ON d.region = b.region AND d.dim = b.dim
         WHERE b.region = p_region AND b.fund = p_fund AND b.account = 200103
        UNION ALL
        SELECT CASE i.source WHEN 9502 THEN i.category ELSE o.institution END, -i.amount_fen
          FROM payments.batch k
          JOIN payments.pay_order o ON o.region = k.region AND o.batch_id = k.batch_id
          JOIN payments.state s ON s.state = o.state
          JOIN payments.order_item i ON i.region = o.region AND i.order_no = o.order_no
         WHERE k.region = p_region AND k.fund = p_fund AND k.kind = 'outregion' AND i.source IN (9502, 200103)
           AND (s.in_flight OR k.batch_id = p_batch AND o.state = 'draft')) sides
     GROUP BY sides.party
$$;

-- Money available to order from an own account of the book (T7): its balance less what is approved or in flight, less
-- what of other regions' money lies in it. That is in the 财政专户 (1003), where it comes in, and what no longer fits
-- there is in the 支出户 (1004). For a drafted batch that pays out of it, its own part of it is available.
CREATE OR REPLACE FUNCTION payments.available(p_region integer, p_fund smallint, p_account text, p_batch text DEFAULT '') RETURNS bigint
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    WITH kept AS (
        SELECT a.account, a.kind FROM payments.book_account a
         WHERE a.region = p_region AND a.fund = p_fund AND (a.account = p_account OR a.kind = '1003')),
    free AS (
        SELECT k.account, k.kind,
               (SELECT coalesce(sum(b.debit - b.credit), 0) FROM books.balance b
                  JOIN books.dim d ON d.region = b.region AND d.dim = b.dim
                 WHERE b.region = p_region AND b.fund = p_fund AND b.account = k.kind::integer AND d.counterparty = k.account)
             - (SELECT coalesce(sum(o.amount_fen), 0) FROM payments.pay_order o JOIN payments.state s ON s.state = o.state
                 WHERE o.region = p_region AND o.fund = p_fund AND o.account = k.account AND s.in_flight) AS fen
          FROM kept k),
    others AS (   -- what one region has overdrawn takes nothing from what is another's
        SELECT coalesce(sum(h.fen) FILTER (WHERE h.fen > 0), 0) AS fen FROM payments.held_for(p_region, p_fund, p_batch) h)
    SELECT coalesce((SELECT f.fen - CASE f.kind WHEN '1003' THEN others.fen
                            ELSE greatest(0, others.fen - greatest(0, (SELECT coalesce(sum(c.fen), 0) FROM free c WHERE c.kind = '1003'))) END
                       FROM free f, others WHERE f.account = p_account), 0)::bigint
$$;

-- What institutions are still owed in no order yet, in fen: `daily_fen` of records (booked or just taken in, reversals of any
-- day, nothing that an audit holds); `all_fen` of every kind owed in the memorandum and what is not booked yet (art. 12).
CREATE OR REPLACE FUNCTION payments.still_owed(p_region integer, p_fund smallint, p_institutions text[])
RETURNS TABLE (institution text, daily_fen bigint, all_fen bigint)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    WITH held AS (
        SELECT h.setl_id FROM fund.held h WHERE h.region = p_region AND h.fund = p_fund AND h.released_by = ''
        UNION SELECT r.setl_id FROM fund.held h
          JOIN fund.record r ON r.region = h.region AND r.init_setl_id = h.setl_id AND r.init_setl_id <> ''
         WHERE h.region = p_region AND h.fund = p_fund AND h.released_by = ''),
    open AS (
        SELECT p.institution,
               coalesce(sum(p.daily_fen) FILTER (WHERE p.order_no = '' AND p.settled_by = ''
                   AND p.setl_id NOT IN (SELECT h.setl_id FROM held h)), 0)::bigint AS daily_fen,
               coalesce(sum(p.fund_fen) FILTER (WHERE p.recognised_by = ''), 0)::bigint AS new_fen
          FROM fund.payable p
         WHERE p.region = p_region AND p.fund = p_fund AND p.institution = ANY (p_institutions) AND p.subfund = 'pool'
           AND (p.recognised_by = '' OR p.order_no = '' AND p.settled_by = '')
         GROUP BY p.institution),
    booked AS (     -- of all at once: asked for each, the balances were read as often as there are institutions
        SELECT d.counterparty AS institution, sum(b.credit - b.debit)::bigint AS fen
          FROM books.balance b JOIN books.dim d ON d.region = b.region AND d.dim = b.dim
         WHERE b.region = p_region AND b.fund = p_fund AND b.account IN (9101, 9102, 9103, 9106) AND d.counterparty = ANY (p_institutions)
         GROUP BY d.counterparty)
    SELECT i, coalesce(o.daily_fen, 0), coalesce(o.new_fen, 0) + coalesce(b.fen, 0)
      FROM unnest(p_institutions) AS i LEFT JOIN open o ON o.institution = i LEFT JOIN booked b ON b.institution = i
$$;

-- Raises where a batch would pay a daily amount beside reversals that no order has taken off, or pay again (re-issue) what
-- was reversed since it came back: what is paid is what is owed then, over the institution and fund (art. 12).
CREATE OR REPLACE FUNCTION payments.check_netted(p_region integer, p_fund smallint, p_batch_id text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE v record;
BEGIN
    SELECT w.institution, w.daily, w.again, s.daily_fen, s.all_fen INTO v
      FROM (SELECT o.institution, coalesce(sum(i.amount_fen) FILTER (WHERE i.source = 9101), 0)::bigint AS daily,
                   coalesce(sum(i.amount_fen) FILTER (WHERE i.source IN (9103, 9106) AND o.replaces <> ''), 0)::bigint AS again
              FROM payments.pay_order o JOIN payments.order_item i ON i.region = o.region AND i.order_no = o.order_no
             WHERE o.region = p_region AND o.batch_id = p_batch_id AND o.state = 'draft' AND i.source IN (9101, 9103, 9106)
             GROUP BY o.institution) w
      JOIN payments.still_owed(p_region, p_fund, (SELECT array_agg(DISTINCT o.institution) FROM payments.pay_order o
                                                   WHERE o.region = p_region AND o.batch_id = p_batch_id)) s USING (institution)
     WHERE w.daily > 0 AND s.daily_fen < 0 OR w.again > 0 AND w.again > s.all_fen LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'batch.not_netted',
            DETAIL = format('机构%s另有冲销尚未抵减（日拨付差%s元，应付合计%s元），批次%s会多付，请作废后重新制单',
                            v.institution, fund.yuan(least(v.daily_fen, 0)), fund.yuan(v.all_fen), p_batch_id);
    END IF;
END $$;

-- A second person approves exactly what was drafted: role, person, digest and money are checked here, under lock.
CREATE OR REPLACE FUNCTION payments.approve(p_region integer, p_batch_id text, p_digest bytea, p_on date) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    v_batch  payments.batch;
    v_actor  text;
    v_first  record;
    v_short  record;
    v_owed   record;
    v_orders integer;
BEGIN
    SELECT * INTO v_batch FROM payments.batch b WHERE b.region = p_region AND b.batch_id = p_batch_id;
    IF NOT FOUND THEN
        RAISE EXCEPTION USING ERRCODE = 'FL004', MESSAGE = 'batch.unknown', DETAIL = format('没有拨付批次%s', p_batch_id);
    END IF;
    v_actor := access.require_role(p_region, v_batch.fund, '{checker}');
    IF payments.limited(p_region, p_on) THEN    -- a day's limits count the approvals of every book
        UPDATE payments.book_account SET account = account WHERE region = p_region;
    END IF;
    -- An UPDATE, not a lock: a snapshot older than it cannot count the money a second time.
    UPDATE payments.book_account SET account = account WHERE region = p_region AND fund = v_batch.fund;
    IF NOT FOUND THEN
        RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'book.no_account', DETAIL = format('账套%s-%s没有自有账户', p_region, v_batch.fund);
    END IF;
    IF access.person(v_actor) IS NOT DISTINCT FROM access.person(v_batch.prepared_by) THEN
        RAISE EXCEPTION USING ERRCODE = 'FL003', MESSAGE = 'batch.same_person',
            DETAIL = format('批次%s由%s制单，须由另一人审批', p_batch_id, v_batch.prepared_by);
    END IF;
    PERFORM payments.check_approval_day(p_region, v_batch.fund, p_batch_id, p_on);
    IF EXISTS (SELECT 1 FROM payments.approval a WHERE a.region = p_region AND a.batch_id = p_batch_id) THEN
        RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'batch.already_approved', DETAIL = format('批次%s已经审批', p_batch_id);
    END IF;
    IF NOT EXISTS (SELECT 1 FROM payments.pay_order o
                    WHERE o.region = p_region AND o.batch_id = p_batch_id AND o.state = 'draft') THEN
        RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'batch.discarded', DETAIL = format('批次%s已作废', p_batch_id);
    END IF;
    IF p_digest <> v_batch.digest OR v_batch.digest <> payments.batch_digest(p_region, p_batch_id) THEN
        RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'batch.changed',
            DETAIL = format('批次%s的内容与所审批的摘要不符，请重新核对', p_batch_id);
    END IF;
    SELECT o.order_no INTO v_owed FROM payments.pay_order o
     WHERE o.region = p_region AND o.batch_id = p_batch_id
       AND o.amount_fen IS DISTINCT FROM (SELECT sum(i.amount_fen) FROM payments.order_item i
                                           WHERE i.region = o.region AND i.order_no = o.order_no) LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'order.sum', DETAIL = format('拨付单%s的金额不等于其构成之和', v_owed.order_no);
    END IF;
    -- Kinds that go first are left their money, whether it lies in a draft of theirs or in none yet (procedure.md 5).
    SELECT coalesce(sum(r.amount_fen), 0)::bigint AS fen,
           string_agg(format('%s%s元', fund.kind_name(r.kind), fund.yuan(r.amount_fen)), '、') AS words INTO v_first
      FROM fund.reserved_before(p_region, v_batch.fund, v_batch.kind, p_on, true) r;
    FOR v_short IN
        SELECT o.account, sum(o.amount_fen)::bigint AS wanted, payments.available(p_region, v_batch.fund, o.account, p_batch_id) AS there
          FROM payments.pay_order o WHERE o.region = p_region AND o.batch_id = p_batch_id AND o.state = 'draft' GROUP BY o.account
    LOOP
        IF v_short.wanted > v_short.there THEN
            RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'batch.over_available',
                DETAIL = format('账户%s可用%s元，批次%s需%s元', v_short.account, fund.yuan(v_short.there), p_batch_id, fund.yuan(v_short.wanted));
        END IF;
        -- What goes first is paid from the 支出户, out of our own money: a transfer out of the 财政专户 waits for none of it, nor
        -- does what another region's money pays.
        IF v_short.wanted > v_short.there - least(v_first.fen, greatest(0, payments.available(p_region, v_batch.fund, v_short.account))) AND EXISTS (
            SELECT 1 FROM payments.book_account a
             WHERE a.region = p_region AND a.fund = v_batch.fund AND a.account = v_short.account AND a.kind = '1004') THEN
            RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'batch.kinds_first',
                DETAIL = format('%s批次%s需%s元：账户%s可用%s元，须先留给%s', fund.kind_name(v_batch.kind), p_batch_id,
                                fund.yuan(v_short.wanted), v_short.account, fund.yuan(v_short.there), v_first.words);
        END IF;
    END LOOP;
    -- Nothing is ordered that is not owed: a record settled since the draft, or 9103, 9106 and 9502 by institution (V1).
    SELECT p.setl_id, p.settled_by INTO v_owed
      FROM payments.pay_order o
      JOIN payments.order_payable d ON d.region = o.region AND d.order_no = o.order_no
      JOIN fund.payable p ON p.region = d.region AND p.fund = d.fund AND p.setl_id = d.setl_id AND p.subfund = d.subfund
     WHERE o.region = p_region AND o.batch_id = p_batch_id
       AND (p.settled_by <> '' OR p.order_no <> o.order_no
            OR EXISTS (SELECT 1 FROM fund.settled_term t WHERE t.region = p.region AND t.fund = p.fund
                          AND t.institution = p.institution AND t.term = p.term))
     LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'batch.settled',
            DETAIL = format('批次%s中的结算%s已不可日拨付（月结%s），请作废后重新制单', p_batch_id, v_owed.setl_id, v_owed.settled_by);
    END IF;
    SELECT w.institution, w.source, w.wanted, coalesce(b.owed, 0) AS owed INTO v_owed
      FROM (SELECT o.institution, i.source, sum(i.amount_fen)::bigint AS wanted
              FROM payments.pay_order o
              JOIN payments.order_item i ON i.region = o.region AND i.order_no = o.order_no
             WHERE o.region = p_region AND o.batch_id = p_batch_id AND i.source IN (9103, 9106, 9502)
             GROUP BY o.institution, i.source) w
      LEFT JOIN LATERAL (SELECT sum(b.credit - b.debit)::bigint AS owed FROM books.balance b
                           JOIN books.dim d ON d.region = b.region AND d.dim = b.dim
                          WHERE b.region = p_region AND b.fund = v_batch.fund AND b.account = w.source
                            AND d.counterparty = w.institution) b ON true
     WHERE w.wanted > coalesce(b.owed, 0) LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'batch.not_owed',
            DETAIL = format('机构%s在%s上应付%s元，批次%s要拨付%s元', v_owed.institution, v_owed.source, fund.yuan(v_owed.owed), p_batch_id, fund.yuan(v_owed.wanted));
    END IF;
    PERFORM payments.check_netted(p_region, v_batch.fund, p_batch_id);
    PERFORM fund.check_outregion_batch(p_region, p_batch_id);
    PERFORM payments.check_limits(p_region, p_batch_id, v_actor, p_on);
    PERFORM access.require_signature(p_region, 'payments.approve', p_batch_id, encode(p_digest, 'hex'), p_on);
    INSERT INTO payments.approval VALUES (p_region, p_batch_id, p_digest, v_batch.prepared_by, v_actor, p_on);
    UPDATE payments.pay_order SET state = 'approved' WHERE region = p_region AND batch_id = p_batch_id AND state = 'draft';
    GET DIAGNOSTICS v_orders = ROW_COUNT;
    RETURN v_orders;
END $$;

-- What an order is for is linked to it while it is a draft, and is what it pays: an advance or a person of that amount.
CREATE OR REPLACE FUNCTION fund.check_order_behind() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NOT EXISTS (SELECT 1 FROM payments.pay_order o JOIN payments.batch b ON b.region = o.region AND b.batch_id = o.batch_id
                    WHERE o.region = NEW.region AND o.order_no = NEW.order_no AND o.state = 'draft' AND o.fund = NEW.fund
                      AND o.amount_fen = NEW.amount_fen AND b.kind = ANY (TG_ARGV)) THEN
        RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'request.other_order',
            DETAIL = format('拨付单%s不是为这一申请制的草稿', NEW.order_no);
    END IF;
    RETURN NEW;
END $$;

CREATE OR REPLACE FUNCTION payments.check_blocked() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE v_day date;
BEGIN
    SELECT r.pay_date INTO v_day FROM payments.daily_run r
      JOIN payments.blocked b ON (b.region, b.fund, b.pay_date, b.run) = (r.region, r.fund, r.pay_date, r.run)
     WHERE (r.region, r.fund, r.pay_date, r.run) IN (SELECT region, fund, pay_date, run FROM added)
     GROUP BY r.region, r.fund, r.pay_date, r.run
    HAVING (count(*), sum(b.amount_fen)) <> (r.blocked, r.blocked_fen);
    IF FOUND THEN
        RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'daily.blocked_list',
            DETAIL = format('%s日拨付的未拨付清单与该次运行所记的家数或金额不符', v_day);
    END IF;
    RETURN NULL;
END $$;

-- What the bank said of an order and the day it was sent are written once: its serial by who takes in the bank's files, of
-- an order that was sent; the day with the step that sends it, by nobody later.
CREATE OR REPLACE FUNCTION payments.check_said() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    -- an order taken over was sent by the system before: fund.open_orders brings day and reference at once
    IF OLD.batch_id LIKE 'OPEN-%' AND (OLD.state, NEW.state) = ('approved', 'unknown') AND OLD.sent_on IS NULL
       AND NOT access.working_login() THEN
        RETURN NEW;
    END IF;
    IF OLD.bank_reference <> NEW.bank_reference THEN
        IF OLD.bank_reference <> '' OR OLD.file_id = '' OR OLD.sent_on IS NULL OR OLD.state <> NEW.state THEN
            RAISE EXCEPTION USING ERRCODE = 'FL002', MESSAGE = 'business.frozen',
                DETAIL = format('拨付单%s的银行流水号只随银行回报写入一次', OLD.order_no);
        END IF;
        PERFORM access.require_role(NEW.region, NEW.fund, '{accountant,checker,system}');
    END IF;
    IF OLD.sent_on IS DISTINCT FROM NEW.sent_on AND (OLD.sent_on IS NOT NULL OR OLD.state = NEW.state OR NEW.state NOT IN ('sent', 'unknown')) THEN
        RAISE EXCEPTION USING ERRCODE = 'FL002', MESSAGE = 'business.frozen',
            DETAIL = format('拨付单%s的发送日期只随发送写入一次', OLD.order_no);
    END IF;
    RETURN NEW;
END $$;

-- Guards ------------------------------------------------------
CREATE OR REPLACE TRIGGER check_said BEFORE UPDATE ON payments.pay_order FOR EACH ROW
    WHEN (OLD.bank_reference <> NEW.bank_reference OR OLD.sent_on IS DISTINCT FROM NEW.sent_on) EXECUTE FUNCTION payments.check_said();
CREATE OR REPLACE TRIGGER frozen BEFORE UPDATE OF region, order_no, fund, batch_id, institution, amount_fen, account, payee_name,
    payee_number, payee_bank, payee_cnaps, purpose, replaces ON payments.pay_order
    FOR EACH STATEMENT EXECUTE FUNCTION fund.refuse_change();
CREATE OR REPLACE TRIGGER check_batch BEFORE INSERT ON payments.batch FOR EACH ROW
    WHEN (NEW.batch_id NOT LIKE 'OPEN-%') EXECUTE FUNCTION payments.check_batch();
CREATE OR REPLACE TRIGGER check_order_new BEFORE INSERT ON payments.pay_order FOR EACH ROW EXECUTE FUNCTION payments.check_order();
CREATE OR REPLACE TRIGGER check_order BEFORE UPDATE ON payments.pay_order FOR EACH ROW
    WHEN (OLD.state IS DISTINCT FROM NEW.state OR OLD.file_id IS DISTINCT FROM NEW.file_id)
    EXECUTE FUNCTION payments.check_order();
CREATE OR REPLACE TRIGGER check_parts AFTER INSERT ON payments.order_item REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION payments.check_parts();
CREATE OR REPLACE TRIGGER check_parts AFTER INSERT ON payments.order_payable REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION payments.check_parts();
CREATE OR REPLACE TRIGGER check_parts AFTER INSERT ON payments.order_outregion REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION payments.check_parts();
CREATE OR REPLACE TRIGGER refuse_held_payable AFTER INSERT ON payments.order_payable REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION fund.refuse_held_payable();
CREATE OR REPLACE TRIGGER refuse_held_order BEFORE UPDATE ON payments.pay_order FOR EACH ROW
    WHEN (OLD.state = 'draft' AND NEW.state = 'approved') EXECUTE FUNCTION fund.refuse_held_order();
CREATE OR REPLACE TRIGGER follow_month_payment AFTER UPDATE OF state ON payments.pay_order FOR EACH ROW
    WHEN (OLD.state <> NEW.state AND NEW.state IN ('paid', 'returned')) EXECUTE FUNCTION fund.follow_month_payment();
CREATE OR REPLACE TRIGGER advance_returned BEFORE UPDATE OF state ON payments.pay_order FOR EACH ROW
    WHEN (NEW.state = 'returned' AND OLD.state <> 'returned')
    EXECUTE FUNCTION fund.check_advance_returned();
CREATE OR REPLACE TRIGGER check_request_behind BEFORE UPDATE ON payments.pay_order FOR EACH ROW
    WHEN (OLD.state = 'draft' AND NEW.state = 'approved') EXECUTE FUNCTION fund.check_request_behind();
CREATE OR REPLACE TRIGGER check_clearing_order BEFORE UPDATE ON payments.pay_order FOR EACH ROW
    WHEN (OLD.state = 'draft' AND NEW.state = 'approved') EXECUTE FUNCTION fund.check_clearing_order();
-- A run and its list are written once, by who drafts, together: as many rows as the run says, and not one later.
CREATE OR REPLACE TRIGGER frozen BEFORE UPDATE OR DELETE OR TRUNCATE ON payments.daily_run
    FOR EACH STATEMENT EXECUTE FUNCTION fund.refuse_change();
CREATE OR REPLACE TRIGGER frozen BEFORE UPDATE OR DELETE OR TRUNCATE ON payments.blocked
    FOR EACH STATEMENT EXECUTE FUNCTION fund.refuse_change();
CREATE OR REPLACE TRIGGER writer BEFORE INSERT ON payments.daily_run FOR EACH ROW
    WHEN (access.working_login() AND (NEW.made_by IS DISTINCT FROM access.user_name()
          OR NOT access.has_role(NEW.region, NEW.fund, access.user_name(), '{maker,system}')))
    EXECUTE FUNCTION fund.refuse_writer();
CREATE OR REPLACE TRIGGER check_blocked AFTER INSERT ON payments.blocked REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION payments.check_blocked();
CREATE OR REPLACE TRIGGER frozen BEFORE DELETE OR UPDATE OR TRUNCATE ON payments.approval
    FOR EACH STATEMENT EXECUTE FUNCTION fund.refuse_change();
CREATE OR REPLACE TRIGGER frozen BEFORE DELETE OR UPDATE OR TRUNCATE ON payments.batch
    FOR EACH STATEMENT EXECUTE FUNCTION fund.refuse_change();
CREATE CONSTRAINT TRIGGER logged AFTER UPDATE ON payments.pay_order DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
    WHEN (OLD.state <> NEW.state) EXECUTE FUNCTION payments.check_logged();
CREATE OR REPLACE TRIGGER written_step BEFORE INSERT ON payments.order_event FOR EACH ROW EXECUTE FUNCTION payments.check_event();
CREATE OR REPLACE TRIGGER frozen BEFORE DELETE OR UPDATE OR TRUNCATE ON payments.order_event
    FOR EACH STATEMENT EXECUTE FUNCTION fund.refuse_change();
CREATE OR REPLACE TRIGGER writer BEFORE INSERT ON payments.order_event
    FOR EACH ROW WHEN ((access.working_login() AND ((new.user_name IS DISTINCT FROM access.user_name()) OR (NOT access.has_role(new.region, (0)::smallint, access.user_name(), '{maker,checker,accountant,system,cashier}'::text[]))))) EXECUTE FUNCTION fund.refuse_writer();
CREATE OR REPLACE TRIGGER frozen BEFORE DELETE OR UPDATE OR TRUNCATE ON payments.order_item
    FOR EACH STATEMENT EXECUTE FUNCTION fund.refuse_change();
CREATE OR REPLACE TRIGGER frozen BEFORE DELETE OR UPDATE OR TRUNCATE ON payments.order_outregion
    FOR EACH STATEMENT EXECUTE FUNCTION fund.refuse_change();
CREATE OR REPLACE TRIGGER frozen BEFORE DELETE OR UPDATE OR TRUNCATE ON payments.order_payable
    FOR EACH STATEMENT EXECUTE FUNCTION fund.refuse_change();
CREATE OR REPLACE TRIGGER frozen BEFORE DELETE OR UPDATE OR TRUNCATE ON payments.taken_order
    FOR EACH STATEMENT EXECUTE FUNCTION fund.refuse_change();
CREATE OR REPLACE TRIGGER kept BEFORE DELETE OR TRUNCATE ON payments.pay_order
    FOR EACH STATEMENT EXECUTE FUNCTION fund.refuse_change();
CREATE OR REPLACE TRIGGER frozen BEFORE DELETE OR UPDATE OR TRUNCATE ON payments.state
    FOR EACH STATEMENT EXECUTE FUNCTION fund.refuse_change();
CREATE OR REPLACE TRIGGER frozen BEFORE DELETE OR UPDATE OR TRUNCATE ON payments.transition
    FOR EACH STATEMENT EXECUTE FUNCTION fund.refuse_change();

-- Grants ------------------------------------------------------
GRANT SELECT, INSERT ON payments.approval TO fundledger_poster;
GRANT SELECT ON payments.approval TO fundledger_service, fundledger_auditor;
GRANT SELECT ON payments.batch TO fundledger_auditor, fundledger_poster;
GRANT SELECT, INSERT ON payments.batch TO fundledger_service;
GRANT SELECT, INSERT ON payments.blocked TO fundledger_service;
GRANT SELECT ON payments.blocked TO fundledger_auditor;
GRANT SELECT, INSERT ON payments.daily_run TO fundledger_service;
GRANT SELECT ON payments.daily_run TO fundledger_auditor;
GRANT SELECT ON payments.order_event TO fundledger_service;
GRANT INSERT (region, order_no, n, event, from_state, to_state, user_name,
    business_date, reason, evidence) ON payments.order_event TO fundledger_service;
GRANT SELECT ON payments.order_event TO fundledger_auditor, fundledger_poster;
GRANT SELECT ON payments.order_item TO fundledger_auditor, fundledger_poster;
GRANT SELECT, INSERT ON payments.order_item TO fundledger_service;
GRANT SELECT ON payments.order_outregion TO fundledger_auditor, fundledger_poster;
GRANT SELECT, INSERT ON payments.order_outregion TO fundledger_service;
GRANT SELECT ON payments.order_payable TO fundledger_auditor, fundledger_poster;
GRANT SELECT, INSERT ON payments.order_payable TO fundledger_service;
GRANT SELECT ON payments.pay_order TO fundledger_auditor, fundledger_poster;
GRANT SELECT, INSERT ON payments.pay_order TO fundledger_service;
GRANT UPDATE (state) ON payments.pay_order TO fundledger_poster;
GRANT UPDATE (state, file_id, sent_on, bank_reference) ON payments.pay_order TO fundledger_service;
GRANT SELECT ON payments.state TO fundledger_service, fundledger_auditor, fundledger_poster;
GRANT SELECT ON payments.taken_order TO fundledger_service, fundledger_auditor;
GRANT SELECT ON payments.transition TO fundledger_service, fundledger_auditor, fundledger_poster;
ALTER FUNCTION payments.approve(integer,text,bytea,date) OWNER TO fundledger_poster;
GRANT EXECUTE ON FUNCTION payments.approve(integer,text,bytea,date) TO fundledger_service;
GRANT EXECUTE ON FUNCTION payments.available(integer,smallint,text,text) TO fundledger_service, fundledger_poster;
GRANT EXECUTE ON FUNCTION payments.still_owed(integer,smallint,text[]) TO fundledger_service;
GRANT EXECUTE ON FUNCTION payments.check_netted(integer,smallint,text) TO fundledger_poster;
GRANT EXECUTE ON FUNCTION payments.batch_digest(integer,text) TO fundledger_service, fundledger_poster;
GRANT EXECUTE ON FUNCTION payments.check_order() TO fundledger_poster;
GRANT EXECUTE ON FUNCTION payments.held_for(integer,smallint,text) TO fundledger_service, fundledger_poster;
GRANT EXECUTE ON FUNCTION payments.order_digest(integer,text) TO fundledger_service, fundledger_poster;
