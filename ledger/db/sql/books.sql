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
    state  text NOT NULL CHECK (state IN ('open', 'closing', 'closed')),
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
-- ahead of the machine (a demonstration or a simulated year), a month after its opening or its latest voucher.
CREATE OR REPLACE FUNCTION books.outer_day(p_region integer, p_fund smallint) RETURNS date LANGUAGE sql VOLATILE
SET search_path = pg_catalog, pg_temp AS $$
    SELECT greatest((clock_timestamp() AT TIME ZONE 'Asia/Shanghai')::date + 1,
                    (SELECT k.opened_on + 31 FROM books.book k WHERE k.region = p_region AND k.fund = p_fund),
                    (SELECT b.voucher_date + 31 FROM books.block b WHERE b.region = p_region AND b.fund = p_fund
                      ORDER BY b.block DESC LIMIT 1))
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
    PERFORM access.require_role(p_region, p_fund, '{accountant,maker,checker,system}');
    SELECT state INTO v_state FROM books.period c WHERE c.region = p_region AND c.fund = p_fund AND c.period = p_period;
    IF p_on IS NOT NULL AND v_state = 'closed' THEN
        RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'period.closed',
            DETAIL = format('会计期间%s已结账，不能再开启；更正请在未结账的期间用红字', p_period);
    END IF;
    IF v_state IS NULL THEN
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

-- Raises unless a period may be closed on a day: it is over, no order of it is in flight, no hand-written draft of it undecided.
-- What was taken in and not yet recognised does not hinder: it is booked under the day of its run.
CREATE OR REPLACE FUNCTION books.require_closable(p_region integer, p_fund smallint, p_period integer, p_on date) RETURNS void
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    v_last date := (make_date(p_period / 100, p_period % 100, 1) + interval '1 month - 1 day')::date;
    v      record;
BEGIN
    PERFORM access.require_role(p_region, p_fund, '{accountant}');
    IF p_on IS NULL OR v_last >= p_on THEN
        RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'period.not_over',
            DETAIL = format('会计期间%s到%s为止，业务日期%s还不能结账', p_period, v_last, p_on);
    END IF;
    SELECT min(o.order_no) AS first, count(*) AS found INTO v
      FROM payments.pay_order o
      JOIN payments.state s ON s.state = o.state AND s.in_flight
      JOIN payments.batch b ON b.region = o.region AND b.batch_id = o.batch_id
     WHERE o.region = p_region AND o.fund = p_fund AND b.pay_date <= v_last;
    IF v.found > 0 THEN
        RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'period.in_flight',
            DETAIL = format('会计期间%s有在途拨付单%s（共%s单），有结果之后再结账', p_period, v.first, v.found);
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
END $$;

-- Closes a period on a business date; posting holds its row FOR SHARE, so a close waits for the posts under way and none slips
-- in behind.
CREATE OR REPLACE FUNCTION books.close_period(p_region integer, p_fund smallint, p_period integer, p_on date) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE was text;
BEGIN
    PERFORM access.require_role(p_region, p_fund, '{accountant}');
    SELECT state INTO was FROM books.period
     WHERE region = p_region AND fund = p_fund AND period = p_period FOR UPDATE;
    IF was IS DISTINCT FROM 'open' THEN
        RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'period.not_open',
            DETAIL = format('会计期间%s%s', p_period, CASE WHEN was IS NULL THEN '尚未开启' ELSE '已经结账' END);
    END IF;
    IF EXISTS (SELECT 1 FROM books.period c WHERE c.region = p_region AND c.fund = p_fund AND c.period < p_period AND c.state <> 'closed') THEN
        RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'period.earlier_open',
            DETAIL = format('%s之前还有未结账的会计期间，请按顺序结账', p_period);
    END IF;
    PERFORM books.require_closable(p_region, p_fund, p_period, least(p_on, books.outer_day(p_region, p_fund)));
    UPDATE books.period SET state = 'closed' WHERE region = p_region AND fund = p_fund AND period = p_period;
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
    WHEN (current_user = 'fundledger_service' AND NEW.made_by IS DISTINCT FROM access.user_name())
    EXECUTE FUNCTION fund.refuse_writer();
CREATE OR REPLACE TRIGGER check_anchored BEFORE INSERT ON fund.anchored FOR EACH ROW EXECUTE FUNCTION fund.check_anchored();
CREATE OR REPLACE TRIGGER frozen BEFORE DELETE OR UPDATE OR TRUNCATE ON books.account
    FOR EACH STATEMENT EXECUTE FUNCTION books.refuse_change();
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
GRANT SELECT, INSERT ON books.posting TO fundledger_poster;
GRANT SELECT ON books.posting TO fundledger_service, fundledger_auditor;
GRANT SELECT, INSERT ON books.source TO fundledger_poster;
GRANT SELECT ON books.source TO fundledger_service, fundledger_auditor;
GRANT SELECT, INSERT ON fund.anchored TO fundledger_service;
GRANT SELECT ON fund.anchored TO fundledger_auditor;
GRANT EXECUTE ON FUNCTION books.entry_kind(text) TO fundledger_service, fundledger_auditor, fundledger_poster;
ALTER FUNCTION books.close_period(integer,smallint,integer,date) OWNER TO fundledger_poster;
GRANT EXECUTE ON FUNCTION books.close_period(integer,smallint,integer,date) TO fundledger_service;
GRANT EXECUTE ON FUNCTION books.require_closable(integer,smallint,integer,date) TO fundledger_poster;
GRANT EXECUTE ON FUNCTION books.make_partitions(integer) TO fundledger_poster;
ALTER FUNCTION books.outer_day(integer,smallint) OWNER TO fundledger_poster;
ALTER FUNCTION books.open_book(integer,smallint,text,date,integer[],text[],text[],smallint[],boolean[],smallint[]) OWNER TO fundledger_poster;
GRANT EXECUTE ON FUNCTION books.open_book(integer,smallint,text,date,integer[],text[],text[],smallint[],boolean[],smallint[]) TO fundledger_service;
ALTER FUNCTION books.open_period(integer,smallint,integer,date) OWNER TO fundledger_poster;
GRANT EXECUTE ON FUNCTION books.open_period(integer,smallint,integer,date) TO fundledger_service;
