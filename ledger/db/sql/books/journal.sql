-- The journal: books, chart, dimensions, periods, entries and their balances; its guards (INV-02, INV-05).

-- Tables ------------------------------------------------------
CREATE TABLE books.book (
    region     integer NOT NULL CHECK (region BETWEEN 100000 AND 999999),
    fund       smallint NOT NULL CHECK (fund IN (310, 390)),
    name       text NOT NULL,
    opened_on  date NOT NULL,
    PRIMARY KEY (region, fund)
);

-- The posting lock of a book and the end of its chain.
CREATE TABLE books.head (
    region      integer NOT NULL,
    fund        smallint NOT NULL,
    seq         bigint NOT NULL,
    block       bigint NOT NULL,
    recorded_at timestamptz NOT NULL,
    hash        bytea NOT NULL CHECK (length(hash) = 32),
    PRIMARY KEY (region, fund),
    FOREIGN KEY (region, fund) REFERENCES books.book
);

CREATE TABLE books.account (
    region      integer NOT NULL,
    fund        smallint NOT NULL,
    account     integer NOT NULL,                -- the code as an integer
    name        text NOT NULL,                   -- full name, levels joined by —
    section     smallint NOT NULL CHECK (section IN (1, 2)),
    class       text NOT NULL,                   -- 资产 负债 净资产 收入 支出 备查
    normal_side smallint NOT NULL CHECK (normal_side IN (1, -1)),
    leaf        boolean NOT NULL,
    dims        smallint NOT NULL,               -- bits: 1 counterparty 2 subfund 4 service_year 8 term 16 category
    PRIMARY KEY (region, fund, account),
    FOREIGN KEY (region, fund) REFERENCES books.book,
    CHECK (section = CASE WHEN left(account::text, 1) = '9' THEN 2 ELSE 1 END)
);

-- Interned dimensions. `hash` chains them in the order of their numbers, and every block names the last one,
-- so that changing what a number means is found like changing a leg.
CREATE TABLE books.dim (
    region       integer NOT NULL,
    dim          integer NOT NULL,
    counterparty text NOT NULL CHECK (translate(counterparty, E'|\\\n\r', '') = counterparty),
    subfund      text NOT NULL CHECK (subfund IN ('', 'pool', 'acct')),
    service_year smallint NOT NULL,
    term         integer NOT NULL,
    category     text NOT NULL CHECK (translate(category, E'|\\\n\r', '') = category),
    hash         bytea NOT NULL CHECK (length(hash) = 32),
    PRIMARY KEY (region, dim),
    UNIQUE (region, counterparty, subfund, service_year, term, category)
);

CREATE TABLE books.dim_head (
    region integer PRIMARY KEY,
    dim    integer NOT NULL,
    hash   bytea NOT NULL
);

CREATE TABLE books.period (
    region integer NOT NULL,
    fund   smallint NOT NULL,
    period integer NOT NULL CHECK (period % 100 BETWEEN 1 AND 12),
    state  text NOT NULL CHECK (state IN ('open', 'closing', 'closed', 'sealed')),
    PRIMARY KEY (region, fund, period),
    FOREIGN KEY (region, fund) REFERENCES books.book
);

CREATE TABLE books.counter (
    region    integer NOT NULL,
    fund      smallint NOT NULL,
    period    integer NOT NULL,
    series    text NOT NULL CHECK (series IN ('记', '备')),
    last      integer NOT NULL,
    last_date date NOT NULL,
    PRIMARY KEY (region, fund, period, series)
);

CREATE TABLE books.entry (
    region          integer NOT NULL,
    fund            smallint NOT NULL,
    period          integer NOT NULL,
    seq             bigint NOT NULL,
    vno             integer NOT NULL,
    voucher_date    date NOT NULL,
    business_date   date NOT NULL,
    recorded_at     timestamptz NOT NULL,
    reverses_seq    bigint NOT NULL,
    attachments     integer NOT NULL,
    -- The lines, in order: account (negative: on the credit side), dimension, fen (negative: a red letter). Before the texts:
    -- a column behind texts takes twice as long to reach, and every sum reads these.
    accounts        integer[] NOT NULL,
    dims            integer[] NOT NULL,
    amounts         bigint[] NOT NULL,
    series          text NOT NULL,
    event           text NOT NULL,
    rule            text NOT NULL,
    source_key      text NOT NULL,
    summary         text NOT NULL,
    evidence        text NOT NULL,
    evidence_digest bytea NOT NULL,
    prepared_by     text NOT NULL,
    reviewed_by     text NOT NULL,
    PRIMARY KEY (region, fund, period, seq),
    CONSTRAINT lines CHECK (cardinality(accounts) >= 2 AND cardinality(dims) = cardinality(accounts)
        AND cardinality(amounts) = cardinality(accounts)
        AND array_position(amounts, NULL) IS NULL AND NOT 0 = ANY (accounts) AND NOT 0 = ANY (amounts)
        AND 9999999999999999 >= ALL (amounts) AND -9999999999999999 <= ALL (amounts))
) PARTITION BY LIST (period);

-- Opening and closing entries, taken out of every turnover: few among millions. Empty for ordinary entries, so posting pays nothing.
CREATE INDEX entry_set_apart ON books.entry (region, fund, period, seq) WHERE event IN ('OPEN', 'CLOSE-M', 'CLOSE-Y');

-- Recognitions by the day they recognise: a few a day and institution among the payments of a month.
CREATE INDEX entry_recognised ON books.entry (region, business_date, fund, seq) WHERE event IN ('REC', 'REV');

-- Idempotency (INV-05): unpartitioned, because a unique key that holds the period would let a replay through next month.
CREATE TABLE books.source (
    region         integer NOT NULL,
    fund           smallint NOT NULL,
    source_key     text NOT NULL,
    period         integer NOT NULL,
    seq            bigint NOT NULL,
    content_digest bytea NOT NULL,
    PRIMARY KEY (region, fund, source_key)
);

-- Posting lists: one row per (account, dimension, block), with the offsets of its entries in the block.
-- The account's index and, at the same time, the append-only movement table for as-of reads.
CREATE TABLE books.posting (
    region  integer NOT NULL,
    fund    smallint NOT NULL,
    period  integer NOT NULL,
    account integer NOT NULL,
    dim     integer NOT NULL,
    block   bigint NOT NULL,
    debit   bigint NOT NULL,
    credit  bigint NOT NULL,
    offs    integer[] NOT NULL,
    PRIMARY KEY (region, fund, period, account, dim, block)
) PARTITION BY LIST (period);

-- The posting lists of one account in one block added up: a page of the ledger of an account with thousands of parties takes its
-- balance from these instead of all its lists. `longest` is the length of the longest of them: at least so many entries.
CREATE TABLE books.account_block (
    region  integer NOT NULL,
    fund    smallint NOT NULL,
    period  integer NOT NULL,
    account integer NOT NULL,
    block   bigint NOT NULL,
    debit   bigint NOT NULL,
    credit  bigint NOT NULL,
    longest integer NOT NULL,
    PRIMARY KEY (region, fund, account, period, block)
);

CREATE TABLE books.balance (
    region  integer NOT NULL,
    fund    smallint NOT NULL,
    period  integer NOT NULL,
    account integer NOT NULL,
    dim     integer NOT NULL,
    debit   bigint NOT NULL,
    credit  bigint NOT NULL,
    PRIMARY KEY (region, fund, period, account, dim)
) WITH (fillfactor = 70);

-- One block = the entries of one book, one voucher date, one transaction.
CREATE TABLE books.block (
    region       integer NOT NULL,
    fund         smallint NOT NULL,
    block        bigint NOT NULL,
    period       integer NOT NULL,
    voucher_date date NOT NULL,
    first_seq    bigint NOT NULL,
    last_seq     bigint NOT NULL,
    legs         integer NOT NULL,
    recorded_at  timestamptz NOT NULL,
    actor        text NOT NULL,
    dim_last     integer NOT NULL,
    dim_hash     bytea NOT NULL,
    digests      bytea NOT NULL,     -- 32 bytes an entry, in order
    prev         bytea NOT NULL,
    hash         bytea NOT NULL,
    PRIMARY KEY (region, fund, block),
    UNIQUE (region, fund, first_seq)
);

ALTER TABLE books.block ALTER COLUMN digests SET STORAGE EXTERNAL;

-- Blocks by their day, newest last: a voucher found by its date alone.
CREATE INDEX block_day ON books.block (region, fund, voucher_date, first_seq) INCLUDE (period, last_seq);

-- What was anchored, so that anchors that are gone are missed: the file lies outside the database (INV-12) and may be lost, cut or
-- exchanged there without a trace. Who restores into a new home brings the ends of the chains with the backup's manifest.
CREATE TABLE fund.anchored (
    region  integer NOT NULL,
    fund    smallint NOT NULL,
    block   bigint NOT NULL CHECK (block > 0),
    made_by text NOT NULL,
    PRIMARY KEY (region, fund, block),
    FOREIGN KEY (region, fund) REFERENCES books.book
);

-- A close of a month: begun by an accountant, shown under one digest, confirmed by the chief 会计主管. `n` goes on after a
-- reopening or a withdrawal: every attempt is kept. What was shown is the state of the journal up to `block`.
CREATE TABLE books.closing (
    region      integer NOT NULL,
    fund        smallint NOT NULL CHECK (fund IN (310, 390)),
    period      integer NOT NULL,
    n           integer NOT NULL CHECK (n > 0),
    method      text NOT NULL CHECK (method IN ('monthly', 'yearly', 'before')),   -- 账结, 表结; before closes were recorded
    state       text NOT NULL CHECK (state IN ('closing', 'closed', 'reopened', 'withdrawn')),
    begun_by    text NOT NULL,
    begun_on    date,
    shown_by    text NOT NULL DEFAULT '',
    checks      text NOT NULL DEFAULT '',          -- the check list as shown, JSON
    debit_fen   bigint NOT NULL DEFAULT 0,         -- the month's turnover of 会计账 before closing entries
    credit_fen  bigint NOT NULL DEFAULT 0,
    trial       bytea NOT NULL DEFAULT '',         -- books.trial_digest() of the month up to the block
    block       bigint NOT NULL DEFAULT 0,         -- the head of the chain as shown
    head        bytea NOT NULL DEFAULT '',
    digest      bytea NOT NULL DEFAULT '',         -- books.closing_digest(): what the chief confirms
    closed_by   text NOT NULL DEFAULT '',
    closed_on   date,
    asked_by    text NOT NULL DEFAULT '',          -- who asked for the reopening, and why
    asked_on    date,
    reason      text NOT NULL DEFAULT '',          -- of the reopening or the withdrawal
    reopened_by text NOT NULL DEFAULT '',
    reopened_on date,
    PRIMARY KEY (region, fund, period, n),
    FOREIGN KEY (region, fund) REFERENCES books.book,
    CHECK (method = 'before' OR begun_on IS NOT NULL),
    CHECK (closed_by <> begun_by OR method = 'before'),
    CHECK ((digest = '') = (shown_by = '')),
    CHECK (state NOT IN ('closed', 'reopened') OR method = 'before' OR (closed_by <> '' AND closed_on IS NOT NULL AND digest <> '')),
    CHECK ((state = 'reopened') = (reopened_by <> '') AND (reopened_by = '') = (reopened_on IS NULL)),
    CHECK (reopened_by = '' OR reopened_by <> asked_by AND asked_by <> '' AND reason <> '')
);

CREATE UNIQUE INDEX one_closing ON books.closing (region, fund, period) WHERE state IN ('closing', 'closed');

-- The lines of a close's check list: what failed is named in `items`, a JSON list of ids.
CREATE TABLE books.closing_check (
    region      integer NOT NULL,
    fund        smallint NOT NULL,
    period      integer NOT NULL,
    n           integer NOT NULL,
    code        text NOT NULL CHECK (code IN ('drafts', 'numbers', 'trial_balance', 'subledgers', 'suspense', 'in_flight', 'handback',
                                              'business_finance', 'unsplit', 'quarantine', 'findings', 'bank', 'clearing', 'verify')),
    ok          boolean NOT NULL,
    items       jsonb NOT NULL CHECK (jsonb_typeof(items) = 'array'),
    note        text NOT NULL,
    checked_by  text NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (region, fund, period, n, code),
    FOREIGN KEY (region, fund, period, n) REFERENCES books.closing
);

-- What a close goes on in spite of: asked for by one person with a reason, granted by another; it covers the items it names.
CREATE TABLE books.closing_waiver (
    region     integer NOT NULL,
    fund       smallint NOT NULL,
    period     integer NOT NULL,
    code       text NOT NULL CHECK (code IN ('suspense', 'handback', 'quarantine', 'findings', 'bank')),
    n          integer NOT NULL CHECK (n > 0),
    items      jsonb NOT NULL CHECK (jsonb_typeof(items) = 'array'),
    reason     text NOT NULL CHECK (reason <> '' AND translate(reason, E'|\\\n\r\t', '') = reason),
    asked_by   text NOT NULL,
    asked_on   date NOT NULL,
    granted_by text NOT NULL DEFAULT '',
    granted_on date,
    PRIMARY KEY (region, fund, period, code, n),
    FOREIGN KEY (region, fund) REFERENCES books.book,
    CHECK (granted_by <> asked_by AND (granted_by = '') = (granted_on IS NULL))
);

CREATE UNIQUE INDEX one_waiver_asked ON books.closing_waiver (region, fund, period, code) WHERE granted_by = '';

-- The signed file a closed period was sealed with: which one, by whose word. Exported again, it is kept again.
CREATE TABLE books.period_seal (
    region    integer NOT NULL,
    fund      smallint NOT NULL,
    period    integer NOT NULL,
    n         integer NOT NULL CHECK (n > 0),
    sha256    bytea NOT NULL CHECK (length(sha256) = 32),    -- of the file's manifest, which is what was signed
    key_id    text NOT NULL CHECK (key_id <> ''),
    sealed_by text NOT NULL,
    sealed_on date NOT NULL CHECK (isfinite(sealed_on)),
    PRIMARY KEY (region, fund, period, n),
    FOREIGN KEY (region, fund) REFERENCES books.book
);

-- Views -------------------------------------------------------
-- A line a row, for whoever reads: side +1 debit, -1 credit; section 1 statutory, 2 memorandum (docs/adr/0016).
CREATE OR REPLACE VIEW books.leg WITH (security_invoker = true) AS
SELECT e.region, e.fund, e.period, e.seq, l.n::smallint AS n,
       CASE WHEN left(abs(l.account)::text, 1) = '9' THEN 2 ELSE 1 END::smallint AS section,
       CASE WHEN l.account > 0 THEN 1 ELSE -1 END::smallint AS side, l.amount_fen, abs(l.account) AS account, l.dim
  FROM books.entry e CROSS JOIN LATERAL unnest(e.accounts, e.dims, e.amounts) WITH ORDINALITY AS l (account, dim, amount_fen, n);

-- Functions ---------------------------------------------------
-- What kind of entry an event makes: 'entry', 'opening' or 'closing' (ledger.core.entry_kinds says the same; a test holds both).
CREATE OR REPLACE FUNCTION books.entry_kind(p_event text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp AS $$
    SELECT CASE p_event WHEN 'OPEN' THEN 'opening' WHEN 'CLOSE-M' THEN 'closing' WHEN 'CLOSE-Y' THEN 'closing' ELSE 'entry' END
$$;

CREATE OR REPLACE FUNCTION books.refuse_write() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION USING ERRCODE = 'FL002', MESSAGE = 'journal.one_door',
        DETAIL = format('%s.%s只能由books.post()写入', TG_TABLE_SCHEMA, TG_TABLE_NAME);
END $$;

CREATE OR REPLACE FUNCTION books.refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION USING ERRCODE = 'FL002', MESSAGE = 'journal.frozen',
        DETAIL = format('%s.%s已记账的内容不得修改或删除，更正请用红字冲销', TG_TABLE_SCHEMA, TG_TABLE_NAME);
END $$;

-- Puts both guards on a table or partition; statement triggers of a parent do not fire for a partition written by name.
CREATE OR REPLACE FUNCTION books.guard(p_table regclass, p_frozen boolean) RETURNS void LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    EXECUTE format('CREATE TRIGGER one_door BEFORE INSERT ON %s FOR EACH STATEMENT
                    WHEN (current_user <> ''fundledger_poster'') EXECUTE FUNCTION books.refuse_write()', p_table);
    IF p_frozen THEN
        EXECUTE format('CREATE TRIGGER frozen BEFORE UPDATE OR DELETE OR TRUNCATE ON %s
                        FOR EACH STATEMENT EXECUTE FUNCTION books.refuse_change()', p_table);
    ELSE
        EXECUTE format('CREATE TRIGGER frozen BEFORE UPDATE OR DELETE OR TRUNCATE ON %s FOR EACH STATEMENT
                        WHEN (current_user <> ''fundledger_poster'') EXECUTE FUNCTION books.refuse_change()', p_table);
    END IF;
END $$;

-- The day beyond which nobody may date anything by hand, whatever business date a caller names: business dates are passed in
-- (no rule asks the machine), so this is an outer bound only. It is tomorrow in Asia/Shanghai by the machine; where a book runs
-- ahead of the machine (a demonstration or a simulated year), a month after its opening or its latest voucher. A region that
-- chose how far its acts may be from the machine's day (act_days) runs by the machine, and has today.
CREATE OR REPLACE FUNCTION books.outer_day(p_region integer, p_fund smallint) RETURNS date LANGUAGE sql VOLATILE
SET search_path = pg_catalog, pg_temp AS $$
    SELECT CASE WHEN access.act_days(p_region) IS NOT NULL THEN access.latest_day() ELSE
           greatest((clock_timestamp() AT TIME ZONE 'Asia/Shanghai')::date + 1,
                    (SELECT k.opened_on + 31 FROM books.book k WHERE k.region = p_region AND k.fund = p_fund),
                    (SELECT b.voucher_date + 31 FROM books.block b WHERE b.region = p_region AND b.fund = p_fund
                      ORDER BY b.block DESC LIMIT 1)) END
$$;

-- Opens a period of a book: its row, and the partitions of that month if no book has had it yet. What posts opens its own
-- month that way, and an open or closed one stays as it is. Asked for by a person on p_on, a closed one is refused, and one
-- after the next month; what posts goes no further than the end of the year after next.
CREATE OR REPLACE FUNCTION books.open_period(p_region integer, p_fund smallint, p_period integer, p_on date DEFAULT NULL) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    v_state text;
    v_last  integer;
BEGIN
    PERFORM access.require_role(p_region, p_fund, '{accountant,chief,maker,checker,system}');
    SELECT state INTO v_state FROM books.period c WHERE c.region = p_region AND c.fund = p_fund AND c.period = p_period;
    IF p_on IS NOT NULL AND v_state <> 'open' THEN
        RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'period.closed',
            DETAIL = format('会计期间%s%s，不能再开启；更正请在未结账的期间用红字', p_period,
                            CASE v_state WHEN 'closing' THEN '正在结账' WHEN 'sealed' THEN '已封存' ELSE '已结账' END);
    END IF;
    IF v_state IS NULL THEN
        -- A book begins with its opening; what was before came as a cut-over's entry of its one day.
        IF p_period < (SELECT to_char(k.opened_on, 'YYYYMM')::integer FROM books.book k WHERE k.region = p_region AND k.fund = p_fund)
           AND NOT EXISTS (SELECT 1 FROM fund.cutover c WHERE c.region = p_region AND c.fund = p_fund AND c.state = 'confirmed'
                              AND to_char(c.day, 'YYYYMM')::integer = p_period) THEN
            RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'period.before_opening',
                DETAIL = format('会计期间%s早于账套的开账月份，不能开启；开账前的余额以接转带入', p_period);
        END IF;
        -- What was closed has its openings printed: no month before it comes into being any more.
        IF EXISTS (SELECT 1 FROM books.period c WHERE c.region = p_region AND c.fund = p_fund AND c.period > p_period AND c.state <> 'open') THEN
            RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'period.before_closed',
                DETAIL = format('其后的会计期间已结账，不能再开启%s', p_period);
        END IF;
        v_last := to_char(least(date_trunc('month', p_on) + interval '1 month',
                                date_trunc('year', books.outer_day(p_region, p_fund)) + interval '35 months'), 'YYYYMM')::integer;
        IF p_period % 100 BETWEEN 1 AND 12 AND p_period > v_last THEN
            RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'period.far_ahead',
                DETAIL = format('会计期间%s尚早，至多可开启至%s', p_period, v_last);
        END IF;
    END IF;
    PERFORM books.make_partitions(p_period);
    INSERT INTO books.period VALUES (p_region, p_fund, p_period, 'open') ON CONFLICT DO NOTHING;
END $$;

-- Says why nothing can be booked in a period: it is being closed, closed or sealed, has not begun, or was never opened.
CREATE OR REPLACE FUNCTION books.refuse_period(p_region integer, p_fund smallint, p_period integer, p_state text) RETURNS void
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF p_state IN ('closing', 'closed', 'sealed') THEN
        RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = CASE p_state WHEN 'closing' THEN 'period.closing' WHEN 'closed' THEN 'period.closed' ELSE 'period.sealed' END,
            DETAIL = format('会计期间%s%s，不能记账；更正请在未结账的期间用红字', p_period,
                            CASE p_state WHEN 'closing' THEN '正在结账' WHEN 'closed' THEN '已结账' ELSE '已封存' END);
    ELSIF p_state = 'future' OR p_period > to_char(books.outer_day(p_region, p_fund), 'YYYYMM')::integer THEN
        RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'period.future',
            DETAIL = format('会计期间%s尚未到来，不能记账', p_period);
    END IF;
    RAISE EXCEPTION USING ERRCODE = 'FL004', MESSAGE = 'period.unknown',
        DETAIL = format('账套%s-%s没有开启过会计期间%s', p_region, p_fund, p_period);
END $$;

-- Raises unless a period may be closed on a day: it is over, and no hand-written draft of it is undecided. Orders in flight do
-- not hinder, they are named (books.closing_check); what was taken in and not yet recognised is booked under the day of its run.
CREATE OR REPLACE FUNCTION books.require_closable(p_region integer, p_fund smallint, p_period integer, p_on date) RETURNS void
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    v_last date := (make_date(p_period / 100, p_period % 100, 1) + interval '1 month - 1 day')::date;
    v      record;
BEGIN
    IF p_on IS NULL OR v_last >= p_on THEN
        RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'period.not_over',
            DETAIL = format('会计期间%s到%s为止，业务日期%s还不能结账', p_period, v_last, p_on);
    END IF;
    SELECT min(w.voucher_id) AS first, count(*) AS found INTO v
      FROM books.voucher w
     WHERE w.region = p_region AND w.fund = p_fund AND w.business_date <= v_last
       AND NOT EXISTS (SELECT 1 FROM books.voucher_decision d
                        WHERE d.region = w.region AND d.fund = w.fund AND d.voucher_id = w.voucher_id);
    IF v.found > 0 THEN
        RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'period.drafts',
            DETAIL = format('会计期间%s有待复核的手工凭证%s（共%s份），复核、退回或撤回之后再结账', p_period, v.first, v.found);
    END IF;
    -- 4601 and 4602 are split before the year ends (财会〔2017〕28号4601二（三）、4602二（三）); in months they may have a balance.
    SELECT count(*) AS found, min(b.account) AS first INTO v
      FROM (SELECT b.account FROM books.balance b
             WHERE b.region = p_region AND b.fund = p_fund AND b.period <= p_period AND left(b.account::text, 4) IN ('4601', '4602')
             GROUP BY b.account HAVING sum(b.debit - b.credit) <> 0) b;
    IF p_period % 100 = 12 AND v.found > 0 THEN
        RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'period.unsplit',
            DETAIL = format('科目%s年末还有余额，先按规定分清统筹与个人账户再结账', v.first);
    END IF;
END $$;

-- The trial balance of a month up to a block of the chain, hashed: account, dimension, both sides, in order.
CREATE OR REPLACE FUNCTION books.trial_digest(p_region integer, p_fund smallint, p_period integer, p_block bigint) RETURNS bytea
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT sha256(convert_to(coalesce(string_agg(concat_ws('|', t.account, t.dim, t.debit, t.credit), E'\n' ORDER BY t.account, t.dim), ''), 'UTF8'))
      FROM (SELECT p.account, p.dim, sum(p.debit) AS debit, sum(p.credit) AS credit FROM books.posting p
             WHERE p.region = p_region AND p.fund = p_fund AND p.period = p_period AND p.block <= p_block
             GROUP BY p.account, p.dim) t
$$;

-- What a chief confirms, hashed: which close, by which method, the turnover, the trial balance, the head of the chain, the list.
CREATE OR REPLACE FUNCTION books.closing_text(c books.closing) RETURNS text LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp AS $$
    SELECT concat_ws('|', 'closing', c.region, c.fund, c.period, c.n, c.method, c.debit_fen, c.credit_fen,
                     encode(c.trial, 'hex'), c.block, encode(c.head, 'hex')) || E'\n' || c.checks
$$;

CREATE OR REPLACE FUNCTION books.closing_digest(c books.closing) RETURNS bytea LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp AS $$
    SELECT sha256(convert_to(books.closing_text(c), 'UTF8'))
$$;

-- 账结 or 表结: the region's choice in force on the month's last day; 账结 where it chose nothing.
CREATE OR REPLACE FUNCTION books.closing_method(p_region integer, p_period integer) RETURNS text
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT coalesce((SELECT y.value FROM fund.region_policy y WHERE y.region = p_region AND y.key = 'closing_method'
                        AND y.from_day <= (make_date(p_period / 100, p_period % 100, 1) + interval '1 month - 1 day')::date
                      ORDER BY y.from_day DESC LIMIT 1), 'monthly')
$$;

-- Begins the close of a month on a business date, or answers the number of the one begun. Posting holds the period's row FOR
-- SHARE, so this waits for the posts under way and none slips in behind. The next month opens with it.
CREATE OR REPLACE FUNCTION books.begin_close(p_region integer, p_fund smallint, p_period integer, p_method text, p_on date) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    v_actor text := access.require_role(p_region, p_fund, '{accountant}');
    v_state text;
    v_n     integer;
BEGIN
    SELECT state INTO v_state FROM books.period
     WHERE region = p_region AND fund = p_fund AND period = p_period FOR UPDATE;
    IF v_state = 'closing' THEN
        SELECT n INTO STRICT v_n FROM books.closing c
         WHERE c.region = p_region AND c.fund = p_fund AND c.period = p_period AND c.state = 'closing';
        RETURN v_n;
    END IF;
    IF v_state IS DISTINCT FROM 'open' THEN
        RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'period.not_open',
            DETAIL = format('会计期间%s%s', p_period, CASE v_state WHEN 'closed' THEN '已经结账' WHEN 'sealed' THEN '已经封存' ELSE '尚未开启' END);
    END IF;
    IF EXISTS (SELECT 1 FROM books.period c WHERE c.region = p_region AND c.fund = p_fund AND c.period < p_period
                                              AND c.state NOT IN ('closed', 'sealed')) THEN
        RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'period.earlier_open',
            DETAIL = format('%s之前还有未结账的会计期间，请按顺序结账', p_period);
    END IF;
    IF p_method IS DISTINCT FROM books.closing_method(p_region, p_period) THEN
        RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'period.method',
            DETAIL = format('会计期间%s的结账办法是{closing.method:%s}，不是{closing.method:%s}', p_period,
                            books.closing_method(p_region, p_period), p_method);
    END IF;
    PERFORM books.require_closable(p_region, p_fund, p_period, least(p_on, books.outer_day(p_region, p_fund)));
    PERFORM books.open_period(p_region, p_fund,
                              CASE p_period % 100 WHEN 12 THEN p_period + 89 ELSE p_period + 1 END);
    SELECT coalesce(max(n), 0) + 1 INTO v_n FROM books.closing c
     WHERE c.region = p_region AND c.fund = p_fund AND c.period = p_period;
    INSERT INTO books.closing (region, fund, period, n, method, state, begun_by, begun_on)
    VALUES (p_region, p_fund, p_period, v_n, p_method, 'closing', v_actor, p_on);
    UPDATE books.period SET state = 'closing' WHERE region = p_region AND fund = p_fund AND period = p_period;
    RETURN v_n;
END $$;

-- The close under way, locked. Raises where there is none.
CREATE OR REPLACE FUNCTION books.closing_under_way(p_region integer, p_fund smallint, p_period integer) RETURNS books.closing
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE v books.closing;
BEGIN
    SELECT * INTO v FROM books.closing c
     WHERE c.region = p_region AND c.fund = p_fund AND c.period = p_period AND c.state = 'closing' FOR UPDATE;
    IF NOT FOUND THEN
        RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'period.not_closing',
            DETAIL = format('会计期间%s不在结账中', p_period);
    END IF;
    RETURN v;
END $$;

-- One line of the check list, as an accountant's program computed it; a step of the close, kept as it is done.
CREATE OR REPLACE FUNCTION books.record_check(p_region integer, p_fund smallint, p_period integer, p_code text, p_ok boolean,
                                              p_items jsonb, p_note text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    v_actor text := access.require_role(p_region, p_fund, '{accountant}');
    v       books.closing := books.closing_under_way(p_region, p_fund, p_period);
BEGIN
    INSERT INTO books.closing_check (region, fund, period, n, code, ok, items, note, checked_by)
    VALUES (p_region, p_fund, p_period, v.n, p_code, p_ok, p_items, p_note, v_actor)
    ON CONFLICT (region, fund, period, n, code) DO UPDATE
       SET ok = excluded.ok, items = excluded.items, note = excluded.note, checked_by = excluded.checked_by,
           recorded_at = clock_timestamp();
END $$;

-- Whether two persons waived what a line of the check list names.
CREATE OR REPLACE FUNCTION books.waived(p_region integer, p_fund smallint, p_period integer, p_code text, p_items jsonb) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT EXISTS (SELECT 1 FROM books.closing_waiver w
                    WHERE w.region = p_region AND w.fund = p_fund AND w.period = p_period AND w.code = p_code
                      AND w.granted_by <> '' AND p_items <@ w.items)
$$;

-- What the database itself sees of a line of the check list: whether something of the month still fails it, whatever was recorded.
-- The lines of `verify` it cannot ask; lines set aside by intake name no month and may come at any time: those are counted as shown.
CREATE OR REPLACE FUNCTION books.line_fails(p_region integer, p_fund smallint, p_period integer, p_code text) RETURNS boolean
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE v_last date := (make_date(p_period / 100, p_period % 100, 1) + interval '1 month - 1 day')::date;
BEGIN
    RETURN CASE p_code
        WHEN 'numbers' THEN EXISTS (
            SELECT 1 FROM books.entry e
              LEFT JOIN books.counter c ON c.region = e.region AND c.fund = e.fund AND c.period = e.period AND c.series = e.series
             WHERE e.region = p_region AND e.fund = p_fund AND e.period = p_period
             GROUP BY e.series, c.last HAVING (count(*), 1, count(*)) IS DISTINCT FROM (max(e.vno)::bigint, min(e.vno), c.last::bigint))
        WHEN 'trial_balance' THEN EXISTS (
            SELECT 1 FROM books.balance b WHERE b.region = p_region AND b.fund = p_fund AND b.period = p_period
             GROUP BY left(b.account::text, 1) = '9' HAVING sum(b.debit - b.credit) <> 0)
        WHEN 'suspense' THEN EXISTS (
            SELECT 1 FROM payments.evidence v WHERE v.region = p_region AND v.outcome IN ('waiting', 'suspense') AND v.booking_date <= v_last
               AND EXISTS (SELECT 1 FROM payments.book_account a WHERE a.region = v.region AND a.account = v.account AND a.fund = p_fund))
        WHEN 'handback' THEN EXISTS (
            SELECT 1 FROM books.balance b WHERE b.region = p_region AND b.fund = p_fund AND b.period = p_period AND b.account = 9201)
            AND NOT EXISTS (SELECT 1 FROM fund.handback h WHERE h.region = p_region AND h.fund = p_fund AND h.month = p_period)
        WHEN 'findings' THEN EXISTS (
            SELECT 1 FROM fund.finding f WHERE f.region = p_region AND f.fund = p_fund AND f.found_on <= v_last
               AND f.state NOT IN ('final', 'cancelled'))
        WHEN 'bank' THEN EXISTS (SELECT 1 FROM payments.bank_statement s WHERE s.region = p_region AND s.n > 0)
            AND payments.unreconciled(p_region, p_fund, p_period) <> ''
        ELSE false END;
END $$;

-- Puts what was found before the chief: refused while a line fails that nobody waived or that was not computed. Returns the digest.
CREATE OR REPLACE FUNCTION books.show_close(p_region integer, p_fund smallint, p_period integer, p_on date) RETURNS bytea
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    v_actor text := access.require_role(p_region, p_fund, '{accountant}');
    v       books.closing := books.closing_under_way(p_region, p_fund, p_period);
    v_bad   text;
    v_lines integer;
BEGIN
    PERFORM books.require_closable(p_region, p_fund, p_period, least(p_on, books.outer_day(p_region, p_fund)));
    SELECT string_agg(k.code, '、' ORDER BY k.code) FILTER (WHERE NOT k.ok AND NOT k.waived), count(*),
           coalesce(jsonb_agg(jsonb_build_object('code', k.code, 'ok', k.ok, 'waived', k.waived, 'items', k.items, 'note', k.note)
                              ORDER BY k.code)::text, '')
      INTO v_bad, v_lines, v.checks
      FROM (SELECT c.code, c.ok, NOT c.ok AND books.waived(c.region, c.fund, c.period, c.code, c.items) AS waived, c.items, c.note
              FROM books.closing_check c
             WHERE c.region = p_region AND c.fund = p_fund AND c.period = p_period AND c.n = v.n) k;
    -- who records a line says how it stands; the database looks again
    v_bad := coalesce(v_bad, (SELECT string_agg(c.code, '、' ORDER BY c.code) FROM books.closing_check c
                               WHERE c.region = p_region AND c.fund = p_fund AND c.period = p_period AND c.n = v.n AND c.ok
                                 AND books.line_fails(c.region, c.fund, c.period, c.code)));
    IF v_bad IS NOT NULL OR v_lines <> 14 THEN
        RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'period.checks_failed',
            DETAIL = format('会计期间%s的结账检查未通过：%s', p_period, coalesce(v_bad, '有的尚未检查'));
    END IF;
    SELECT h.block, h.hash INTO STRICT v.block, v.head FROM books.head h WHERE h.region = p_region AND h.fund = p_fund;
    SELECT coalesce(sum(b.debit), 0), coalesce(sum(b.credit), 0) INTO v.debit_fen, v.credit_fen
      FROM books.balance b
     WHERE b.region = p_region AND b.fund = p_fund AND b.period = p_period AND left(b.account::text, 1) <> '9';
    v.trial := books.trial_digest(p_region, p_fund, p_period, v.block);
    v.shown_by := v_actor;
    v.digest := books.closing_digest(v);
    UPDATE books.closing c
       SET checks = v.checks, block = v.block, head = v.head, debit_fen = v.debit_fen, credit_fen = v.credit_fen,
           trial = v.trial, shown_by = v_actor, digest = v.digest
     WHERE c.region = p_region AND c.fund = p_fund AND c.period = p_period AND c.n = v.n;
    RETURN v.digest;
END $$;

-- The close a chief may confirm under a digest, locked: shown by other persons, nothing changed since. Returns its number.
CREATE OR REPLACE FUNCTION books.require_confirmable(p_region integer, p_fund smallint, p_period integer, p_digest bytea) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    v_actor text := access.require_role(p_region, p_fund, '{chief}');
    v       books.closing;
BEGIN
    PERFORM 1 FROM books.period WHERE region = p_region AND fund = p_fund AND period = p_period FOR UPDATE;
    v := books.closing_under_way(p_region, p_fund, p_period);
    IF access.person(v_actor) IN (access.person(v.begun_by), access.person(v.shown_by)) THEN
        RAISE EXCEPTION USING ERRCODE = 'FL003', MESSAGE = 'period.same_person',
            DETAIL = format('会计期间%s由%s结账，须由另一人以会计主管的名义确认', p_period, v.begun_by);
    END IF;
    IF v.digest = '' OR v.digest IS DISTINCT FROM p_digest OR v.digest <> books.closing_digest(v)
       OR EXISTS (SELECT 1 FROM jsonb_to_recordset(v.checks::jsonb) AS k (code text, waived boolean, items jsonb)
                   WHERE k.waived AND NOT books.waived(p_region, p_fund, p_period, k.code, k.items))
       OR EXISTS (SELECT 1 FROM jsonb_to_recordset(v.checks::jsonb) AS k (code text, ok boolean)
                   WHERE k.ok AND books.line_fails(p_region, p_fund, p_period, k.code))
       OR v.trial <> books.trial_digest(p_region, p_fund, p_period,
                                        (SELECT h.block FROM books.head h WHERE h.region = p_region AND h.fund = p_fund)) THEN
        RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'period.changed',
            DETAIL = format('会计期间%s没有以此摘要提交确认的结账：请看 period status，以其中的摘要确认', p_period);
    END IF;
    RETURN v.n;
END $$;

-- Income and expense that a month leaves open although its method closes them: 4601 and 4602 are only ever split.
CREATE OR REPLACE FUNCTION books.not_carried(p_region integer, p_fund smallint, p_period integer) RETURNS SETOF integer
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT b.account FROM books.balance b
     WHERE b.region = p_region AND b.fund = p_fund AND b.period <= p_period AND left(b.account::text, 1) IN ('4', '5')
       AND left(b.account::text, 4) NOT IN ('4601', '4602')
     GROUP BY b.account, b.dim HAVING sum(b.debit - b.credit) <> 0 ORDER BY 1
$$;

-- Closes the month, in the transaction that posted its closing entries.
CREATE OR REPLACE FUNCTION books.confirm_close(p_region integer, p_fund smallint, p_period integer, p_n integer, p_on date) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    v_actor   text := access.require_role(p_region, p_fund, '{chief}');
    v         books.closing;
    v_account integer;
BEGIN
    v := books.closing_under_way(p_region, p_fund, p_period);
    IF v.n <> p_n OR v.digest = '' OR access.person(v_actor) IN (access.person(v.begun_by), access.person(v.shown_by)) THEN
        RAISE EXCEPTION USING ERRCODE = 'FL003', MESSAGE = 'period.same_person',
            DETAIL = format('会计期间%s由%s结账，须由另一人以会计主管的名义确认', p_period, v.begun_by);
    END IF;
    IF EXISTS (SELECT 1 FROM books.block b
                 JOIN books.entry e ON e.region = b.region AND e.fund = b.fund AND e.period = b.period AND e.seq BETWEEN b.first_seq AND b.last_seq
                WHERE b.region = p_region AND b.fund = p_fund AND b.period = p_period AND b.block > v.block
                  AND e.event NOT IN ('CLOSE-M', 'CLOSE-Y')) THEN
        RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'period.changed',
            DETAIL = format('会计期间%s提交确认之后又记了账', p_period);
    END IF;
    IF v.method = 'monthly' OR p_period % 100 = 12 THEN
        SELECT a INTO v_account FROM books.not_carried(p_region, p_fund, p_period) AS a LIMIT 1;
        IF FOUND THEN
            RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'period.not_carried',
                DETAIL = format('科目%s结转后还有余额', v_account);
        END IF;
    END IF;
    PERFORM access.require_signature(p_region, 'period.confirm', format('%s-%s %s', p_region, p_fund, p_period), encode(v.digest, 'hex'));
    UPDATE books.closing c SET state = 'closed', closed_by = v_actor, closed_on = p_on
     WHERE c.region = p_region AND c.fund = p_fund AND c.period = p_period AND c.n = v.n;
    UPDATE books.period SET state = 'closed' WHERE region = p_region AND fund = p_fund AND period = p_period;
END $$;

-- A close that is not confirmed is given up, with a reason: nothing of it was posted.
CREATE OR REPLACE FUNCTION books.withdraw_close(p_region integer, p_fund smallint, p_period integer, p_reason text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE v books.closing;
BEGIN
    PERFORM access.require_role(p_region, p_fund, '{accountant,chief}');
    PERFORM 1 FROM books.period WHERE region = p_region AND fund = p_fund AND period = p_period FOR UPDATE;
    v := books.closing_under_way(p_region, p_fund, p_period);
    UPDATE books.closing c SET state = 'withdrawn', reason = p_reason
     WHERE c.region = p_region AND c.fund = p_fund AND c.period = p_period AND c.n = v.n;
    UPDATE books.period SET state = 'open' WHERE region = p_region AND fund = p_fund AND period = p_period;
END $$;

-- A line of the check list is waived: asked for by an accountant with a reason, granted by the chief; the person who asked
-- may put another reason and other items in its place until then.
CREATE OR REPLACE FUNCTION books.ask_waiver(p_region integer, p_fund smallint, p_period integer, p_code text, p_items jsonb,
                                            p_reason text, p_on date) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE v_actor text := access.require_role(p_region, p_fund, '{accountant}'); v_state text;
BEGIN
    SELECT state INTO v_state FROM books.period WHERE region = p_region AND fund = p_fund AND period = p_period FOR SHARE;
    IF v_state IS NULL OR v_state NOT IN ('open', 'closing') THEN
        RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'period.not_open',
            DETAIL = format('会计期间%s%s', p_period, CASE WHEN v_state IS NULL THEN '尚未开启' ELSE '已经结账' END);
    END IF;
    IF EXISTS (SELECT 1 FROM books.closing_waiver w WHERE w.region = p_region AND w.fund = p_fund AND w.period = p_period
                                                      AND w.code = p_code AND w.granted_by = '') THEN
        RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'period.waiver_asked',
            DETAIL = format('会计期间%s的{closing.check:%s}已提出放行，待会计主管同意', p_period, p_code);
    END IF;
    INSERT INTO books.closing_waiver (region, fund, period, code, n, items, reason, asked_by, asked_on)
    SELECT p_region, p_fund, p_period, p_code, coalesce(max(w.n), 0) + 1, p_items, p_reason, v_actor, p_on
      FROM books.closing_waiver w WHERE w.region = p_region AND w.fund = p_fund AND w.period = p_period AND w.code = p_code;
END $$;

CREATE OR REPLACE FUNCTION books.grant_waiver(p_region integer, p_fund smallint, p_period integer, p_code text, p_on date) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE v_actor text := access.require_role(p_region, p_fund, '{chief}'); v books.closing_waiver;
BEGIN
    SELECT * INTO v FROM books.closing_waiver w
     WHERE w.region = p_region AND w.fund = p_fund AND w.period = p_period AND w.code = p_code AND w.granted_by = '' FOR UPDATE;
    IF NOT FOUND THEN
        RAISE EXCEPTION USING ERRCODE = 'FL004', MESSAGE = 'period.waiver_unknown',
            DETAIL = format('会计期间%s没有待同意的放行：{closing.check:%s}', p_period, p_code);
    END IF;
    IF access.person(v_actor) = access.person(v.asked_by) THEN
        RAISE EXCEPTION USING ERRCODE = 'FL003', MESSAGE = 'period.same_person',
            DETAIL = format('由%s提出，须由另一人以会计主管的名义同意', v.asked_by);
    END IF;
    UPDATE books.closing_waiver w SET granted_by = v_actor, granted_on = p_on
     WHERE w.region = p_region AND w.fund = p_fund AND w.period = p_period AND w.code = p_code AND w.n = v.n;
END $$;

-- The last closed month of a book, which alone may be reopened. Raises for any other, and for one that is sealed.
CREATE OR REPLACE FUNCTION books.require_reopenable(p_region integer, p_fund smallint, p_period integer) RETURNS books.closing
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE v_state text; v books.closing;
BEGIN
    SELECT state INTO v_state FROM books.period
     WHERE region = p_region AND fund = p_fund AND period = p_period FOR UPDATE;
    IF v_state = 'sealed' THEN
        RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'period.sealed',
            DETAIL = format('会计期间%s已封存，不能重新开启；更正请在未结账的期间用红字', p_period);
    END IF;
    IF v_state IS DISTINCT FROM 'closed' THEN
        RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'period.not_closed',
            DETAIL = format('会计期间%s没有结账，谈不上重新开启', p_period);
    END IF;
    IF EXISTS (SELECT 1 FROM books.period c WHERE c.region = p_region AND c.fund = p_fund AND c.period > p_period AND c.state <> 'open') THEN
        RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'period.not_last',
            DETAIL = format('会计期间%s之后还有已结或正在结账的期间，只能重新开启最后结账的一个', p_period);
    END IF;
    SELECT * INTO v FROM books.closing c
     WHERE c.region = p_region AND c.fund = p_fund AND c.period = p_period AND c.state = 'closed' FOR UPDATE;
    RETURN v;
END $$;

CREATE OR REPLACE FUNCTION books.ask_reopen(p_region integer, p_fund smallint, p_period integer, p_reason text, p_on date) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    v_actor text := access.require_role(p_region, p_fund, '{accountant}');
    v       books.closing := books.require_reopenable(p_region, p_fund, p_period);
BEGIN
    IF v.asked_by <> '' THEN
        RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'period.reopen_asked',
            DETAIL = format('%s已由%s提出重新开启，待会计主管同意', p_period, v.asked_by);
    END IF;
    UPDATE books.closing c SET asked_by = v_actor, asked_on = p_on, reason = p_reason
     WHERE c.region = p_region AND c.fund = p_fund AND c.period = p_period AND c.n = v.n;
END $$;

-- Reopens the month, in the transaction that reverses its closing entries. Returns the number of the close.
CREATE OR REPLACE FUNCTION books.reopen_period(p_region integer, p_fund smallint, p_period integer, p_on date) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    v_actor text := access.require_role(p_region, p_fund, '{chief}');
    v       books.closing := books.require_reopenable(p_region, p_fund, p_period);
BEGIN
    IF v.asked_by = '' THEN
        RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'period.reopen_unasked',
            DETAIL = format('会计期间%s没有人提出重新开启：由会计提出并写明理由，再由会计主管同意', p_period);
    END IF;
    IF access.person(v_actor) = access.person(v.asked_by) THEN
        RAISE EXCEPTION USING ERRCODE = 'FL003', MESSAGE = 'period.same_person',
            DETAIL = format('由%s提出，须由另一人以会计主管的名义同意', v.asked_by);
    END IF;
    UPDATE books.closing c SET state = 'reopened', reopened_by = v_actor, reopened_on = p_on
     WHERE c.region = p_region AND c.fund = p_fund AND c.period = p_period AND c.n = v.n;
    UPDATE books.period SET state = 'open' WHERE region = p_region AND fund = p_fund AND period = p_period;
    RETURN v.n;
END $$;

-- Seals a closed month with the signed file of it, by the chief: from here on it is never reopened. Sealed again with another
-- file of the same month, that is kept too.
CREATE OR REPLACE FUNCTION books.seal_period(p_region integer, p_fund smallint, p_period integer, p_sha256 bytea, p_key text, p_on date)
RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    v_actor text := access.require_role(p_region, p_fund, '{chief}');
    v_state text;
BEGIN
    SELECT state INTO v_state FROM books.period
     WHERE region = p_region AND fund = p_fund AND period = p_period FOR UPDATE;
    IF v_state IS NULL OR v_state NOT IN ('closed', 'sealed') THEN
        RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'seal.not_closed',
            DETAIL = format('账套%s-%s会计期间%s尚未结账，不能封存', p_region, p_fund, p_period);
    END IF;
    INSERT INTO books.period_seal (region, fund, period, n, sha256, key_id, sealed_by, sealed_on)
    SELECT p_region, p_fund, p_period, coalesce(max(s.n), 0) + 1, p_sha256, p_key, v_actor, p_on
      FROM books.period_seal s WHERE s.region = p_region AND s.fund = p_fund AND s.period = p_period;
    UPDATE books.period SET state = 'sealed' WHERE region = p_region AND fund = p_fund AND period = p_period;
END $$;

-- At the end of the transaction that reopened a month its closing entries are reversed, each account to nought.
CREATE OR REPLACE FUNCTION books.check_reopened() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF EXISTS (SELECT 1 FROM books.leg l JOIN books.entry e ON e.region = l.region AND e.fund = l.fund AND e.period = l.period AND e.seq = l.seq
                WHERE e.region = NEW.region AND e.fund = NEW.fund AND e.period = NEW.period AND e.event IN ('CLOSE-M', 'CLOSE-Y')
                GROUP BY l.account, l.dim, l.side HAVING sum(l.amount_fen) <> 0) THEN
        RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'period.not_reversed',
            DETAIL = format('会计期间%s的结转凭证没有全部红字冲销，不能重新开启', NEW.period);
    END IF;
    RETURN NULL;
END $$;

-- Closing entries are posted by the chief alone: into a month that is being closed, on its last day, between income, expense
-- and the balance; or reversing such an entry of a month that he reopened. Raises for the first staged entry that is neither.
CREATE OR REPLACE FUNCTION books.check_closing_posts(p_region integer, p_fund smallint, p_voucher_date date, p_state text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE v_period integer := to_char(p_voucher_date, 'YYYYMM')::integer; v_bad text;
BEGIN
    SELECT e.source_key INTO v_bad FROM pg_temp.e_in e
     WHERE NOT coalesce(e.event IN ('CLOSE-M', 'CLOSE-Y') AND e.rule LIKE e.event || '@%' AND e.prepared_by = 'rule:' || e.rule
               AND e.reviewed_by = access.user_name()
               AND p_voucher_date = (date_trunc('month', p_voucher_date) + interval '1 month - 1 day')::date
               AND NOT EXISTS (SELECT 1 FROM unnest(e.accounts) a WHERE abs(a)::text !~ '^([45]|3001)' OR abs(a)::text ~ '^460[12]')
               AND access.has_role(p_region, p_fund, access.user_name(), '{chief}')
               AND CASE p_state
                   WHEN 'closing' THEN e.reverses_seq = 0
                   WHEN 'open' THEN EXISTS (
                        SELECT 1 FROM books.entry o JOIN books.closing c ON c.region = o.region AND c.fund = o.fund AND c.period = o.period
                         WHERE o.region = p_region AND o.fund = p_fund AND o.period = v_period AND o.seq = e.reverses_seq AND o.event = e.event
                           AND o.reverses_seq = 0 AND (o.accounts, o.dims) = (e.accounts, e.dims)
                           AND o.amounts = ARRAY(SELECT -m.fen FROM unnest(e.amounts) WITH ORDINALITY AS m (fen, k) ORDER BY m.k)
                           AND c.state = 'reopened' AND c.reopened_by = access.user_name()
                           AND split_part(o.source_key, ':', 3) = c.n::text)
                   ELSE false END, false)
     ORDER BY e.pos LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION USING ERRCODE = 'FL003', MESSAGE = 'period.closing_entry',
            DETAIL = format('凭证%s不是会计主管结账或重新开启时的结转凭证', v_bad);
    END IF;
END $$;

-- A book with its chart, its head and its dimension head. Chart rows come as arrays from the data file.
CREATE OR REPLACE FUNCTION books.open_book(p_region integer, p_fund smallint, p_name text, p_opened_on date, p_accounts integer[],
                                p_names text[], p_classes text[], p_sides smallint[], p_leaves boolean[], p_dims smallint[])
RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM access.require_role(p_region, p_fund, '{accountant,system}');
    INSERT INTO books.book VALUES (p_region, p_fund, p_name, p_opened_on);
    INSERT INTO books.account
    SELECT p_region, p_fund, a, n, CASE WHEN left(a::text, 1) = '9' THEN 2 ELSE 1 END, c, s, l, d
      FROM unnest(p_accounts, p_names, p_classes, p_sides, p_leaves, p_dims) AS chart (a, n, c, s, l, d);
    INSERT INTO books.dim_head VALUES (p_region, 0, sha256(convert_to('fundledger dimensions ' || p_region, 'UTF8')))
        ON CONFLICT DO NOTHING;
    INSERT INTO books.head VALUES (p_region, p_fund, 0, 0, to_timestamp(0),
                                   sha256(convert_to(format('fundledger book %s-%s', p_region, p_fund), 'UTF8')));
END $$;

-- The month's partitions with their guards; made by the owner of the tables.
CREATE OR REPLACE FUNCTION books.make_partitions(p_period integer) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE parent text;
BEGIN
    IF to_regclass(format('books.posting_%s', p_period)) IS NOT NULL THEN RETURN; END IF;
    IF p_period % 100 NOT BETWEEN 1 AND 12 OR p_period NOT BETWEEN 200001 AND 209912 THEN
        RAISE EXCEPTION USING ERRCODE = 'FL001', MESSAGE = 'period.format', DETAIL = format('会计期间%s不合规', p_period);
    END IF;
    LOCK TABLE books.period IN SHARE ROW EXCLUSIVE MODE;   -- two books opening the same month at once
    FOREACH parent IN ARRAY ARRAY['entry', 'posting'] LOOP
        IF to_regclass(format('books.%s_%s', parent, p_period)) IS NULL THEN
            EXECUTE format('CREATE TABLE books.%1$s_%2$s PARTITION OF books.%1$s FOR VALUES IN (%2$s)', parent, p_period);
            PERFORM books.guard(format('books.%s_%s', parent, p_period)::regclass, true);
        END IF;
    END LOOP;
    EXECUTE format('ALTER TABLE books.posting_%s ALTER COLUMN offs SET STORAGE EXTERNAL', p_period);
END $$;

-- No foreign key to the block: a database whose chain was cut must still be restored to be looked into.
CREATE OR REPLACE FUNCTION fund.check_anchored() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NOT EXISTS (SELECT 1 FROM books.head h WHERE h.region = NEW.region AND h.fund = NEW.fund AND h.block >= NEW.block) THEN
        RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'anchor.no_block',
            DETAIL = format('账套%s-%s没有区块%s，不能登记其锚定', NEW.region, NEW.fund, NEW.block);
    END IF;
    RETURN NEW;
END $$;

-- Guards ------------------------------------------------------
CREATE OR REPLACE TRIGGER frozen BEFORE UPDATE OR DELETE OR TRUNCATE ON fund.anchored
    FOR EACH STATEMENT EXECUTE FUNCTION fund.refuse_change();
CREATE OR REPLACE TRIGGER writer BEFORE INSERT ON fund.anchored FOR EACH ROW
    WHEN (access.working_login() AND NEW.made_by IS DISTINCT FROM access.user_name())
    EXECUTE FUNCTION fund.refuse_writer();
CREATE OR REPLACE TRIGGER check_anchored BEFORE INSERT ON fund.anchored FOR EACH ROW EXECUTE FUNCTION fund.check_anchored();
CREATE OR REPLACE TRIGGER frozen BEFORE DELETE OR UPDATE OR TRUNCATE ON books.account
    FOR EACH STATEMENT WHEN ((CURRENT_USER <> 'fundledger_poster'::name)) EXECUTE FUNCTION books.refuse_change();
CREATE OR REPLACE TRIGGER one_door BEFORE INSERT ON books.account
    FOR EACH STATEMENT WHEN ((CURRENT_USER <> 'fundledger_poster'::name)) EXECUTE FUNCTION books.refuse_write();
CREATE OR REPLACE TRIGGER frozen BEFORE DELETE OR UPDATE OR TRUNCATE ON books.balance
    FOR EACH STATEMENT WHEN ((CURRENT_USER <> 'fundledger_poster'::name)) EXECUTE FUNCTION books.refuse_change();
CREATE OR REPLACE TRIGGER one_door BEFORE INSERT ON books.balance
    FOR EACH STATEMENT WHEN ((CURRENT_USER <> 'fundledger_poster'::name)) EXECUTE FUNCTION books.refuse_write();
CREATE OR REPLACE TRIGGER frozen BEFORE DELETE OR UPDATE OR TRUNCATE ON books.block
    FOR EACH STATEMENT EXECUTE FUNCTION books.refuse_change();
CREATE OR REPLACE TRIGGER one_door BEFORE INSERT ON books.block
    FOR EACH STATEMENT WHEN ((CURRENT_USER <> 'fundledger_poster'::name)) EXECUTE FUNCTION books.refuse_write();
CREATE OR REPLACE TRIGGER frozen BEFORE DELETE OR UPDATE OR TRUNCATE ON books.book
    FOR EACH STATEMENT EXECUTE FUNCTION books.refuse_change();
CREATE OR REPLACE TRIGGER one_door BEFORE INSERT ON books.book
    FOR EACH STATEMENT WHEN ((CURRENT_USER <> 'fundledger_poster'::name)) EXECUTE FUNCTION books.refuse_write();
CREATE OR REPLACE TRIGGER frozen BEFORE DELETE OR UPDATE OR TRUNCATE ON books.closing
    FOR EACH STATEMENT WHEN ((CURRENT_USER <> 'fundledger_poster'::name)) EXECUTE FUNCTION books.refuse_change();
CREATE OR REPLACE TRIGGER one_door BEFORE INSERT ON books.closing
    FOR EACH STATEMENT WHEN ((CURRENT_USER <> 'fundledger_poster'::name)) EXECUTE FUNCTION books.refuse_write();
CREATE OR REPLACE TRIGGER frozen BEFORE DELETE OR UPDATE OR TRUNCATE ON books.closing_check
    FOR EACH STATEMENT WHEN ((CURRENT_USER <> 'fundledger_poster'::name)) EXECUTE FUNCTION books.refuse_change();
CREATE OR REPLACE TRIGGER one_door BEFORE INSERT ON books.closing_check
    FOR EACH STATEMENT WHEN ((CURRENT_USER <> 'fundledger_poster'::name)) EXECUTE FUNCTION books.refuse_write();
CREATE OR REPLACE TRIGGER frozen BEFORE DELETE OR UPDATE OR TRUNCATE ON books.closing_waiver
    FOR EACH STATEMENT WHEN ((CURRENT_USER <> 'fundledger_poster'::name)) EXECUTE FUNCTION books.refuse_change();
CREATE OR REPLACE TRIGGER one_door BEFORE INSERT ON books.closing_waiver
    FOR EACH STATEMENT WHEN ((CURRENT_USER <> 'fundledger_poster'::name)) EXECUTE FUNCTION books.refuse_write();
CREATE CONSTRAINT TRIGGER check_reopened AFTER UPDATE ON books.closing DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW WHEN ((NEW.state = 'reopened' AND OLD.state <> 'reopened')) EXECUTE FUNCTION books.check_reopened();
CREATE OR REPLACE TRIGGER frozen BEFORE DELETE OR UPDATE OR TRUNCATE ON books.counter
    FOR EACH STATEMENT WHEN ((CURRENT_USER <> 'fundledger_poster'::name)) EXECUTE FUNCTION books.refuse_change();
CREATE OR REPLACE TRIGGER one_door BEFORE INSERT ON books.counter
    FOR EACH STATEMENT WHEN ((CURRENT_USER <> 'fundledger_poster'::name)) EXECUTE FUNCTION books.refuse_write();
CREATE OR REPLACE TRIGGER frozen BEFORE DELETE OR UPDATE OR TRUNCATE ON books.dim
    FOR EACH STATEMENT EXECUTE FUNCTION books.refuse_change();
CREATE OR REPLACE TRIGGER one_door BEFORE INSERT ON books.dim
    FOR EACH STATEMENT WHEN ((CURRENT_USER <> 'fundledger_poster'::name)) EXECUTE FUNCTION books.refuse_write();
CREATE OR REPLACE TRIGGER frozen BEFORE DELETE OR UPDATE OR TRUNCATE ON books.dim_head
    FOR EACH STATEMENT WHEN ((CURRENT_USER <> 'fundledger_poster'::name)) EXECUTE FUNCTION books.refuse_change();
CREATE OR REPLACE TRIGGER one_door BEFORE INSERT ON books.dim_head
    FOR EACH STATEMENT WHEN ((CURRENT_USER <> 'fundledger_poster'::name)) EXECUTE FUNCTION books.refuse_write();
CREATE OR REPLACE TRIGGER frozen BEFORE DELETE OR UPDATE OR TRUNCATE ON books.entry
    FOR EACH STATEMENT EXECUTE FUNCTION books.refuse_change();
CREATE OR REPLACE TRIGGER one_door BEFORE INSERT ON books.entry
    FOR EACH STATEMENT WHEN ((CURRENT_USER <> 'fundledger_poster'::name)) EXECUTE FUNCTION books.refuse_write();
CREATE OR REPLACE TRIGGER frozen BEFORE DELETE OR UPDATE OR TRUNCATE ON books.head
    FOR EACH STATEMENT WHEN ((CURRENT_USER <> 'fundledger_poster'::name)) EXECUTE FUNCTION books.refuse_change();
CREATE OR REPLACE TRIGGER one_door BEFORE INSERT ON books.head
    FOR EACH STATEMENT WHEN ((CURRENT_USER <> 'fundledger_poster'::name)) EXECUTE FUNCTION books.refuse_write();
CREATE OR REPLACE TRIGGER frozen BEFORE DELETE OR UPDATE OR TRUNCATE ON books.period
    FOR EACH STATEMENT WHEN ((CURRENT_USER <> 'fundledger_poster'::name)) EXECUTE FUNCTION books.refuse_change();
CREATE OR REPLACE TRIGGER one_door BEFORE INSERT ON books.period
    FOR EACH STATEMENT WHEN ((CURRENT_USER <> 'fundledger_poster'::name)) EXECUTE FUNCTION books.refuse_write();
CREATE OR REPLACE TRIGGER frozen BEFORE DELETE OR UPDATE OR TRUNCATE ON books.period_seal
    FOR EACH STATEMENT EXECUTE FUNCTION books.refuse_change();
CREATE OR REPLACE TRIGGER one_door BEFORE INSERT ON books.period_seal
    FOR EACH STATEMENT WHEN ((CURRENT_USER <> 'fundledger_poster'::name)) EXECUTE FUNCTION books.refuse_write();
CREATE OR REPLACE TRIGGER frozen BEFORE DELETE OR UPDATE OR TRUNCATE ON books.account_block
    FOR EACH STATEMENT EXECUTE FUNCTION books.refuse_change();
CREATE OR REPLACE TRIGGER one_door BEFORE INSERT ON books.account_block
    FOR EACH STATEMENT WHEN ((CURRENT_USER <> 'fundledger_poster'::name)) EXECUTE FUNCTION books.refuse_write();
CREATE OR REPLACE TRIGGER frozen BEFORE DELETE OR UPDATE OR TRUNCATE ON books.posting
    FOR EACH STATEMENT EXECUTE FUNCTION books.refuse_change();
CREATE OR REPLACE TRIGGER one_door BEFORE INSERT ON books.posting
    FOR EACH STATEMENT WHEN ((CURRENT_USER <> 'fundledger_poster'::name)) EXECUTE FUNCTION books.refuse_write();
CREATE OR REPLACE TRIGGER frozen BEFORE DELETE OR UPDATE OR TRUNCATE ON books.source
    FOR EACH STATEMENT EXECUTE FUNCTION books.refuse_change();
CREATE OR REPLACE TRIGGER one_door BEFORE INSERT ON books.source
    FOR EACH STATEMENT WHEN ((CURRENT_USER <> 'fundledger_poster'::name)) EXECUTE FUNCTION books.refuse_write();

-- Grants ------------------------------------------------------
GRANT SELECT, INSERT ON books.account TO fundledger_poster;
GRANT SELECT ON books.account TO fundledger_service, fundledger_auditor;
GRANT SELECT, INSERT, UPDATE, DELETE ON books.balance TO fundledger_poster;
GRANT SELECT ON books.balance TO fundledger_service, fundledger_auditor;
GRANT SELECT, INSERT ON books.block TO fundledger_poster;
GRANT SELECT ON books.block TO fundledger_service, fundledger_auditor;
GRANT SELECT, INSERT ON books.book TO fundledger_poster;
GRANT SELECT ON books.book TO fundledger_service, fundledger_auditor;
GRANT SELECT, INSERT, UPDATE ON books.closing TO fundledger_poster;
GRANT SELECT ON books.closing TO fundledger_service, fundledger_auditor;
GRANT SELECT, INSERT, UPDATE ON books.closing_check TO fundledger_poster;
GRANT SELECT ON books.closing_check TO fundledger_service, fundledger_auditor;
GRANT SELECT, INSERT, UPDATE ON books.closing_waiver TO fundledger_poster;
GRANT SELECT ON books.closing_waiver TO fundledger_service, fundledger_auditor;
GRANT SELECT, INSERT ON books.period_seal TO fundledger_poster;
GRANT SELECT ON books.period_seal TO fundledger_service, fundledger_auditor;
GRANT SELECT, INSERT, UPDATE ON books.counter TO fundledger_poster;
GRANT SELECT ON books.counter TO fundledger_service, fundledger_auditor;
GRANT SELECT, INSERT ON books.dim TO fundledger_poster;
GRANT SELECT ON books.dim TO fundledger_service, fundledger_auditor;
GRANT SELECT, INSERT, UPDATE ON books.dim_head TO fundledger_poster;
GRANT SELECT ON books.dim_head TO fundledger_service, fundledger_auditor;
GRANT SELECT, INSERT ON books.entry TO fundledger_poster;
GRANT SELECT ON books.entry TO fundledger_service, fundledger_auditor;
GRANT SELECT, INSERT, UPDATE ON books.head TO fundledger_poster;
GRANT SELECT ON books.head TO fundledger_service, fundledger_auditor;
GRANT SELECT, INSERT ON books.leg TO fundledger_poster;
GRANT SELECT ON books.leg TO fundledger_service, fundledger_auditor;
GRANT SELECT, INSERT, UPDATE ON books.period TO fundledger_poster;
GRANT SELECT ON books.period TO fundledger_service, fundledger_auditor;
GRANT SELECT, INSERT ON books.account_block TO fundledger_poster;
GRANT SELECT ON books.account_block TO fundledger_service, fundledger_auditor;
GRANT SELECT, INSERT ON books.posting TO fundledger_poster;
GRANT SELECT ON books.posting TO fundledger_service, fundledger_auditor;
GRANT SELECT, INSERT ON books.source TO fundledger_poster;
GRANT SELECT ON books.source TO fundledger_service, fundledger_auditor;
GRANT SELECT, INSERT ON fund.anchored TO fundledger_service;
GRANT SELECT ON fund.anchored TO fundledger_auditor;
GRANT EXECUTE ON FUNCTION books.outer_day(integer,smallint) TO fundledger_service;
GRANT EXECUTE ON FUNCTION books.entry_kind(text) TO fundledger_service, fundledger_auditor, fundledger_poster;
ALTER FUNCTION books.ask_reopen(integer,smallint,integer,text,date) OWNER TO fundledger_poster;
GRANT EXECUTE ON FUNCTION books.ask_reopen(integer,smallint,integer,text,date) TO fundledger_service;
ALTER FUNCTION books.ask_waiver(integer,smallint,integer,text,jsonb,text,date) OWNER TO fundledger_poster;
GRANT EXECUTE ON FUNCTION books.ask_waiver(integer,smallint,integer,text,jsonb,text,date) TO fundledger_service;
ALTER FUNCTION books.begin_close(integer,smallint,integer,text,date) OWNER TO fundledger_poster;
GRANT EXECUTE ON FUNCTION books.begin_close(integer,smallint,integer,text,date) TO fundledger_service;
ALTER FUNCTION books.check_closing_posts(integer,smallint,date,text) OWNER TO fundledger_poster;
ALTER FUNCTION books.check_reopened() OWNER TO fundledger_poster;
ALTER FUNCTION books.closing_digest(books.closing) OWNER TO fundledger_poster;
ALTER FUNCTION books.closing_text(books.closing) OWNER TO fundledger_poster;
GRANT EXECUTE ON FUNCTION books.closing_text(books.closing) TO fundledger_service;
ALTER FUNCTION books.closing_under_way(integer,smallint,integer) OWNER TO fundledger_poster;
ALTER FUNCTION books.confirm_close(integer,smallint,integer,integer,date) OWNER TO fundledger_poster;
GRANT EXECUTE ON FUNCTION books.confirm_close(integer,smallint,integer,integer,date) TO fundledger_service;
ALTER FUNCTION books.grant_waiver(integer,smallint,integer,text,date) OWNER TO fundledger_poster;
GRANT EXECUTE ON FUNCTION books.grant_waiver(integer,smallint,integer,text,date) TO fundledger_service;
ALTER FUNCTION books.not_carried(integer,smallint,integer) OWNER TO fundledger_poster;
ALTER FUNCTION books.record_check(integer,smallint,integer,text,boolean,jsonb,text) OWNER TO fundledger_poster;
GRANT EXECUTE ON FUNCTION books.record_check(integer,smallint,integer,text,boolean,jsonb,text) TO fundledger_service;
ALTER FUNCTION books.refuse_period(integer,smallint,integer,text) OWNER TO fundledger_poster;
ALTER FUNCTION books.seal_period(integer,smallint,integer,bytea,text,date) OWNER TO fundledger_poster;
GRANT EXECUTE ON FUNCTION books.seal_period(integer,smallint,integer,bytea,text,date) TO fundledger_service;
ALTER FUNCTION books.reopen_period(integer,smallint,integer,date) OWNER TO fundledger_poster;
GRANT EXECUTE ON FUNCTION books.reopen_period(integer,smallint,integer,date) TO fundledger_service;
ALTER FUNCTION books.require_confirmable(integer,smallint,integer,bytea) OWNER TO fundledger_poster;
GRANT EXECUTE ON FUNCTION books.require_confirmable(integer,smallint,integer,bytea) TO fundledger_service;
ALTER FUNCTION books.require_reopenable(integer,smallint,integer) OWNER TO fundledger_poster;
ALTER FUNCTION books.show_close(integer,smallint,integer,date) OWNER TO fundledger_poster;
GRANT EXECUTE ON FUNCTION books.show_close(integer,smallint,integer,date) TO fundledger_service;
ALTER FUNCTION books.trial_digest(integer,smallint,integer,bigint) OWNER TO fundledger_poster;
ALTER FUNCTION books.waived(integer,smallint,integer,text,jsonb) OWNER TO fundledger_poster;
ALTER FUNCTION books.withdraw_close(integer,smallint,integer,text) OWNER TO fundledger_poster;
GRANT EXECUTE ON FUNCTION books.withdraw_close(integer,smallint,integer,text) TO fundledger_service;
GRANT EXECUTE ON FUNCTION books.waived(integer,smallint,integer,text,jsonb) TO fundledger_service;
GRANT EXECUTE ON FUNCTION books.require_closable(integer,smallint,integer,date) TO fundledger_poster;
GRANT EXECUTE ON FUNCTION books.closing_method(integer,integer) TO fundledger_poster, fundledger_auditor;
GRANT EXECUTE ON FUNCTION books.line_fails(integer,smallint,integer,text) TO fundledger_poster;
GRANT EXECUTE ON FUNCTION books.make_partitions(integer) TO fundledger_poster;
ALTER FUNCTION books.outer_day(integer,smallint) OWNER TO fundledger_poster;
ALTER FUNCTION books.open_book(integer,smallint,text,date,integer[],text[],text[],smallint[],boolean[],smallint[]) OWNER TO fundledger_poster;
GRANT EXECUTE ON FUNCTION books.open_book(integer,smallint,text,date,integer[],text[],text[],smallint[],boolean[],smallint[]) TO fundledger_service;
ALTER FUNCTION books.open_period(integer,smallint,integer,date) OWNER TO fundledger_poster;
GRANT EXECUTE ON FUNCTION books.open_period(integer,smallint,integer,date) TO fundledger_service;
