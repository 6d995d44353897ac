-- Taking over a book (cut-over): the checked file set, what is opened of it, and the kept list of parties.

-- Tables ------------------------------------------------------
-- A file set by which a book is taken over at a month's end: proposed by the accountant, confirmed by another person under one
-- digest, whole or not at all. Amounts are on the account's normal side, in fen.
CREATE TABLE fund.cutover (
    region      integer NOT NULL,
    fund        smallint NOT NULL,
    version     integer NOT NULL CHECK (version > 0),
    day         date NOT NULL CHECK (isfinite(day)),
    state       text NOT NULL DEFAULT 'drafting' CHECK (state IN ('drafting', 'proposed', 'confirmed', 'refused')),
    digest      bytea NOT NULL DEFAULT '' CHECK (length(digest) = CASE state WHEN 'drafting' THEN 0 ELSE 32 END),
    proposed_by text NOT NULL,
    proposed_on date NOT NULL,
    decided_by  text NOT NULL DEFAULT '',
    decided_on  date,
    reason      text NOT NULL DEFAULT '',
    PRIMARY KEY (region, fund, version),
    FOREIGN KEY (region, fund) REFERENCES books.book,
    CHECK ((state IN ('drafting', 'proposed')) = (decided_by = '') AND (decided_by = '') = (decided_on IS NULL)),
    CHECK ((state = 'refused') = (reason <> '')),
    CHECK (decided_by <> proposed_by)
);

CREATE UNIQUE INDEX one_cutover ON fund.cutover (region, fund) WHERE state <> 'refused';

-- Balances by leaf and party, open items by key, and 9001, which is what the open items come to. `posted`: a line of the opening
-- entry; 1101-日拨付 and 2001-退汇待付 stand in balances as a total and are posted item by item.
CREATE TABLE fund.cutover_line (
    region        integer NOT NULL,
    fund          smallint NOT NULL,
    version       integer NOT NULL,
    file          text NOT NULL CHECK (file ~ '^(balances|open_items|computed)$'),
    line          integer NOT NULL,
    posted        boolean NOT NULL,
    account       integer NOT NULL,
    counterparty  text NOT NULL,
    subfund       text NOT NULL,
    service_year  smallint NOT NULL,
    term          integer NOT NULL,
    category      text NOT NULL,
    year_open_fen bigint NOT NULL,
    debit_fen     bigint NOT NULL,
    credit_fen    bigint NOT NULL,
    balance_fen   bigint NOT NULL,
    PRIMARY KEY (region, fund, version, file, line),
    FOREIGN KEY (region, fund, version) REFERENCES fund.cutover
);

-- Turnover of earlier months (yyyymm) or years (yyyy): income and expense; paid memorandum accounts by institution.
CREATE TABLE fund.cutover_history (
    region     integer NOT NULL,
    fund       smallint NOT NULL,
    version    integer NOT NULL,
    line       integer NOT NULL,
    period     integer NOT NULL,
    account    integer NOT NULL,
    party      text NOT NULL,
    debit_fen  bigint NOT NULL,
    credit_fen bigint NOT NULL,
    PRIMARY KEY (region, fund, version, line),
    FOREIGN KEY (region, fund, version) REFERENCES fund.cutover
);

-- What of an advance is neither offset nor given back.
CREATE TABLE fund.cutover_advance (
    region      integer NOT NULL,
    fund        smallint NOT NULL,
    version     integer NOT NULL,
    line        integer NOT NULL,
    account     integer NOT NULL,
    institution text NOT NULL,
    year        smallint NOT NULL,
    term        integer NOT NULL,
    recovery    text NOT NULL,
    amount_fen  bigint NOT NULL,
    quota_fen   bigint NOT NULL,
    document    text NOT NULL,
    due_on      date NOT NULL,
    PRIMARY KEY (region, fund, version, line),
    FOREIGN KEY (region, fund, version) REFERENCES fund.cutover
);

-- What is still to be taken of an other deduction.
CREATE TABLE fund.cutover_deduction (
    region      integer NOT NULL,
    fund        smallint NOT NULL,
    version     integer NOT NULL,
    line        integer NOT NULL,
    institution text NOT NULL,
    term        integer NOT NULL,
    reference   text NOT NULL,
    amount_fen  bigint NOT NULL,
    finding     boolean NOT NULL DEFAULT false,     -- found by an audit of the old system
    PRIMARY KEY (region, fund, version, line),
    FOREIGN KEY (region, fund, version) REFERENCES fund.cutover
);

-- Records of open months, already in fund.record: their money is opened, not recognised anew; what was paid stays paid.
CREATE TABLE fund.cutover_record (
    region    integer NOT NULL,
    fund      smallint NOT NULL,
    version   integer NOT NULL,
    line      integer NOT NULL,
    setl_id   text NOT NULL,
    subfund   text NOT NULL,
    fund_fen  bigint NOT NULL,
    daily_fen bigint NOT NULL,
    paid      boolean NOT NULL,
    reference text NOT NULL,          -- of the payment in the old system; not paid and named: on its way in that order
    PRIMARY KEY (region, fund, version, line),
    FOREIGN KEY (region, fund, version) REFERENCES fund.cutover
);

CREATE INDEX cutover_record_by_id ON fund.cutover_record (region, fund, version, setl_id, subfund);

-- The old system's trial balance, at whatever level it was printed: what everything must tie to.
CREATE TABLE fund.cutover_trial (
    region        integer NOT NULL,
    fund          smallint NOT NULL,
    version       integer NOT NULL,
    line          integer NOT NULL,
    account       integer NOT NULL,
    name          text NOT NULL,
    year_open_fen bigint NOT NULL,
    debit_fen     bigint NOT NULL,
    credit_fen    bigint NOT NULL,
    balance_fen   bigint NOT NULL,
    PRIMARY KEY (region, fund, version, line),
    FOREIGN KEY (region, fund, version) REFERENCES fund.cutover
);

-- Payments of the old system on their way at the bank, a row an item: they become orders of ours, and their 9104 is opened. Rows of
-- one payment carry one reference and agree in everything but the key and the amount.
CREATE TABLE fund.cutover_order (
    region         integer NOT NULL,
    fund           smallint NOT NULL,
    version        integer NOT NULL,
    line           integer NOT NULL,
    reference      text NOT NULL,      -- the end-to-end id the old system gave it
    source         integer NOT NULL,   -- where it was owed: 9101, 9103, 9106; what it pays: an advance 1101xx, a person 5001
    institution    text NOT NULL,      -- of a person: the person's number
    subfund        text NOT NULL,
    service_year   smallint NOT NULL,
    term           integer NOT NULL,
    category       text NOT NULL,      -- of an advance: its document, as open_items has it under reference
    amount_fen     bigint NOT NULL,
    account        text NOT NULL,      -- ours
    payee_name     text NOT NULL,
    payee_number   text NOT NULL,
    payee_bank     text NOT NULL,
    payee_cnaps    text NOT NULL,
    sent_on        date NOT NULL,
    bank_reference text NOT NULL,      -- the bank's serial, where it gave one
    PRIMARY KEY (region, fund, version, line),
    FOREIGN KEY (region, fund, version) REFERENCES fund.cutover
);

-- The bank's side of the balances: per own account what the statement of the day closed with (of a shared account this book's
-- share), and the old system's open items, which explain the difference.
CREATE TABLE fund.cutover_bank (
    region     integer NOT NULL,
    fund       smallint NOT NULL,
    version    integer NOT NULL,
    line       integer NOT NULL,
    account    text NOT NULL,
    kind       text NOT NULL CHECK (kind IN ('statement', 'book_in', 'book_out', 'bank_in', 'bank_out')),
    day        date NOT NULL,
    amount_fen bigint NOT NULL,
    reference  text NOT NULL,
    summary    text NOT NULL,
    PRIMARY KEY (region, fund, version, line),
    FOREIGN KEY (region, fund, version) REFERENCES fund.cutover
);

-- Whom the fund deals with beside institutions, regions and its own bank accounts: for 1101, 1201, 2001, 2101.
CREATE TABLE fund.party (
    region       integer NOT NULL,
    party        text NOT NULL CHECK (party ~ '^\S(.{0,58}\S)?$' AND translate(party, E'|\\\n\r\t', '') = party),
    name         text NOT NULL CHECK (name <> '' AND translate(name, E'|\\\n\r\t', '') = name),
    kind         text NOT NULL CHECK (kind IN ('person', 'agency', 'insurer', 'bond', 'lender', 'supplier', 'other')),
    state        text NOT NULL DEFAULT 'proposed' CHECK (state IN ('proposed', 'confirmed', 'taken_over')),
    proposed_by  text NOT NULL,
    confirmed_by text NOT NULL DEFAULT '',
    confirmed_on date,                       -- NULL: before this was kept
    PRIMARY KEY (region, party),
    CHECK ((state = 'confirmed') = (confirmed_by <> '')),
    CHECK (confirmed_by <> proposed_by)
);

-- Functions ---------------------------------------------------
-- Whether a counterparty is on a kept list: an institution, an own bank account, a region we clear with, a confirmed party.
CREATE OR REPLACE FUNCTION fund.known_party(p_region integer, p_party text) RETURNS boolean LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
    SELECT p_party = 'PERSON'
        OR EXISTS (SELECT 1 FROM fund.institution i WHERE i.region = p_region AND i.institution = p_party)
        OR EXISTS (SELECT 1 FROM payments.bank_account k WHERE k.region = p_region AND k.account = p_party)
        OR EXISTS (SELECT 1 FROM fund.outregion_counterparty o WHERE o.region = p_region AND o.counterparty::text = p_party)
        OR EXISTS (SELECT 1 FROM fund.party y WHERE y.region = p_region AND y.party = p_party AND y.state <> 'proposed')
$$;

-- Which kind of batch pays what a taken-over order was for.
CREATE OR REPLACE FUNCTION fund.kind_of_source(p_source integer) RETURNS text LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT CASE p_source WHEN 9101 THEN 'daily' WHEN 9103 THEN 'month' WHEN 9106 THEN 'clearing' WHEN 5001 THEN 'person'
                         WHEN 110104 THEN 'supplier' ELSE 'advance' END
$$;

-- The old system's order that is to pay an advance of a set; '' where the old system had paid it.
CREATE OR REPLACE FUNCTION fund.advance_on_its_way(a fund.cutover_advance) RETURNS text LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp AS $$
    SELECT coalesce((SELECT min(o.reference) FROM fund.cutover_order o WHERE (o.region, o.fund, o.version) = (a.region, a.fund, a.version)
                        AND (o.source, o.institution, o.category) = (a.account, a.institution, a.document)), '')
$$;

-- Begins a set of the acting user: its rows are added in the same transaction, then it is proposed or forgotten. Only a book
-- without any voucher is taken over, once, at the end of a month that is over.
CREATE OR REPLACE FUNCTION fund.begin_cutover(p_region integer, p_fund smallint, p_day date, p_on date) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    v_user    text := access.require_role(p_region, p_fund, '{accountant,checker}');
    v_open    fund.cutover;
    v_seq     bigint;
    v_version integer;
BEGIN
    SELECT h.seq INTO v_seq FROM books.head h WHERE h.region = p_region AND h.fund = p_fund FOR UPDATE;
    IF NOT FOUND THEN
        RAISE EXCEPTION USING ERRCODE = 'FL004', MESSAGE = 'book.unknown', DETAIL = format('账套%s-%s不存在', p_region, p_fund);
    END IF;
    SELECT * INTO v_open FROM fund.cutover c WHERE c.region = p_region AND c.fund = p_fund AND c.state <> 'refused';
    IF v_open.state = 'confirmed' THEN
        RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'cutover.done',
            DETAIL = format('账套%s-%s已于%s接转，不能再接转', p_region, p_fund, v_open.day);
    ELSIF v_open.state = 'proposed' THEN
        RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'cutover.pending',
            DETAIL = format('账套%s-%s已有%s提出的接转待复核，请先复核或退回', p_region, p_fund, v_open.proposed_by);
    ELSIF v_seq <> 0 THEN
        RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'cutover.not_first',
            DETAIL = format('账套%s-%s已有%s张凭证，接转须在第一张凭证之前', p_region, p_fund, v_seq);
    END IF;
    IF p_day <> (date_trunc('month', p_day) + interval '1 month - 1 day')::date OR p_day > p_on
       OR p_on > books.outer_day(p_region, p_fund) THEN
        RAISE EXCEPTION USING ERRCODE = 'FL001', MESSAGE = 'cutover.day',
            DETAIL = format('接转日%s须是不晚于办理日%s的月末', p_day, p_on);
    END IF;
    SELECT coalesce(max(c.version), 0) + 1 INTO v_version FROM fund.cutover c WHERE c.region = p_region AND c.fund = p_fund;
    INSERT INTO fund.cutover (region, fund, version, day, proposed_by, proposed_on) VALUES (p_region, p_fund, v_version, p_day, v_user, p_on);
    RETURN v_version;
END $$;

-- Rows belong to a set still being drafted by who adds them.
CREATE OR REPLACE FUNCTION fund.check_cutover_part() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF EXISTS (SELECT 1 FROM (SELECT DISTINCT region, fund, version FROM added) a
                WHERE NOT EXISTS (SELECT 1 FROM fund.cutover c WHERE (c.region, c.fund, c.version) = (a.region, a.fund, a.version)
                                     AND c.state = 'drafting' AND c.proposed_by = access.user_name())) THEN
        RAISE EXCEPTION USING ERRCODE = 'FL002', MESSAGE = 'cutover.closed', DETAIL = '接转资料已提出，不得增减';
    END IF;
    RETURN NULL;
END $$;

-- Everything that does not tie, by file and line; no row where the set can be opened as it is.
CREATE OR REPLACE FUNCTION fund.cutover_differences(p_region integer, p_fund smallint, p_version integer)
RETURNS TABLE (file text, line integer, field text, code text, message text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET enable_nestloop = off AS $$
    WITH head AS (SELECT c.day, extract(year FROM c.day)::integer AS year, to_char(c.day, 'YYYYMM')::integer AS month FROM fund.cutover c
                   WHERE c.region = p_region AND c.fund = p_fund AND c.version = p_version),
    lines AS MATERIALIZED (
        SELECT l.*, a.name, a.class, a.normal_side, a.leaf, a.dims FROM fund.cutover_line l
          LEFT JOIN books.account a ON a.region = l.region AND a.fund = l.fund AND a.account = l.account
         WHERE l.region = p_region AND l.fund = p_fund AND l.version = p_version),
    balances AS (SELECT * FROM lines l WHERE l.file = 'balances'),
    items AS (SELECT * FROM lines l WHERE l.file = 'open_items'),
    known AS MATERIALIZED (
        SELECT p.party, fund.known_party(p_region, p.party) AS known FROM (
            SELECT DISTINCT l.counterparty AS party FROM lines l
            UNION SELECT a.institution FROM fund.cutover_advance a WHERE (a.region, a.fund, a.version) = (p_region, p_fund, p_version)
            UNION SELECT d.institution FROM fund.cutover_deduction d WHERE (d.region, d.fund, d.version) = (p_region, p_fund, p_version)
            UNION SELECT o.institution FROM fund.cutover_order o
                   WHERE (o.region, o.fund, o.version) = (p_region, p_fund, p_version) AND o.source <> 5001
            UNION SELECT h.party FROM fund.cutover_history h WHERE (h.region, h.fund, h.version) = (p_region, p_fund, p_version) AND h.party <> '') p),
    inst AS MATERIALIZED (SELECT i.institution FROM fund.institution i WHERE i.region = p_region),
    advances AS (
        SELECT a.*, fund.advance_on_its_way(a) AS reference FROM fund.cutover_advance a
         WHERE (a.region, a.fund, a.version) = (p_region, p_fund, p_version)),
    history AS (
        SELECT h.*, a.class, a.leaf, a.dims, a.section FROM fund.cutover_history h
          LEFT JOIN books.account a ON a.region = h.region AND a.fund = h.fund AND a.account = h.account
         WHERE (h.region, h.fund, h.version) = (p_region, p_fund, p_version)),
    records AS MATERIALIZED (
        SELECT r.*, p.institution, p.service_year, p.term, p.category, p.day, p.fund_fen AS ours_fen, p.daily_fen AS ours_daily,
               p.recognised_by || p.order_no || p.settled_by AS taken, p.setl_id IS NOT NULL AS known
          FROM fund.cutover_record r
          LEFT JOIN fund.payable p ON p.region = r.region AND p.fund = r.fund AND p.setl_id = r.setl_id AND p.subfund = r.subfund
         WHERE (r.region, r.fund, r.version) = (p_region, p_fund, p_version)),
    orders AS MATERIALIZED (
        SELECT o.*, min(o.line) OVER own AS head, sum(o.amount_fen) OVER own AS total,
               min(o.line) OVER (PARTITION BY o.reference, CASE WHEN o.source IN (9101, 9103, 9106) THEN
                       concat_ws('|', o.subfund, o.service_year, o.term, o.category) END) AS first,
               min(o.line) OVER (PARTITION BY nullif(o.bank_reference, ''), CASE o.bank_reference WHEN '' THEN o.line END) AS serial
          FROM fund.cutover_order o WHERE (o.region, o.fund, o.version) = (p_region, p_fund, p_version) WINDOW own AS (PARTITION BY o.reference)),
    flying AS (     -- 9104 by key, and the daily items of each order against the records it pays
        SELECT reference, counterparty, subfund, service_year, term, category, sum(listed)::bigint AS listed, sum(found)::bigint AS found,
               min(line) FILTER (WHERE line > 0) AS line
          FROM (SELECT '' AS reference, o.institution AS counterparty, o.subfund, o.service_year, o.term, o.category, o.amount_fen AS listed, 0 AS found, o.line
                  FROM orders o WHERE o.source IN (9101, 9103, 9106)
                UNION ALL
                SELECT '', l.counterparty, l.subfund, l.service_year, l.term, l.category, 0, l.balance_fen, 0 FROM lines l WHERE l.account = 9104
                UNION ALL
                SELECT o.reference, o.institution, o.subfund, o.service_year, o.term, o.category, o.amount_fen, 0, o.line FROM orders o WHERE o.source = 9101
                UNION ALL
                SELECT r.reference, r.institution, r.subfund, r.service_year, r.term, r.category, 0, r.ours_daily, 0
                  FROM records r WHERE r.known AND NOT r.paid AND r.reference <> '') s
         GROUP BY 1, 2, 3, 4, 5, 6),
    banks AS (SELECT * FROM fund.cutover_bank b WHERE (b.region, b.fund, b.version) = (p_region, p_fund, p_version)),
    own AS (SELECT k.account, k.kind, k.kind::integer AS code,
                   EXISTS (SELECT 1 FROM payments.bank_statement s WHERE s.region = p_region AND s.account = k.account AND s.form <> 'cutover') AS stated
              FROM payments.book_account k WHERE k.region = p_region AND k.fund = p_fund),
    bank_sums AS (
        SELECT o.account, o.stated, coalesce((SELECT sum(l.balance_fen) FROM balances l
                    WHERE l.account = o.code AND (o.kind = '1005' OR l.counterparty = o.account)), 0) AS books,
               min(b.line) AS line, count(*) FILTER (WHERE b.kind = 'statement') AS statements, count(b.line) AS rows,
               coalesce(sum(b.amount_fen) FILTER (WHERE b.kind = 'statement'), 0) AS bank,
               coalesce(sum(CASE b.kind WHEN 'book_in' THEN b.amount_fen WHEN 'book_out' THEN -b.amount_fen END), 0) AS book_items,
               coalesce(sum(CASE b.kind WHEN 'bank_in' THEN b.amount_fen WHEN 'bank_out' THEN -b.amount_fen END), 0) AS bank_items
          FROM own o LEFT JOIN banks b ON b.account = o.account GROUP BY o.account, o.stated, o.code, o.kind),
    trial AS (
        SELECT t.*, a.account IS NOT NULL AS known FROM fund.cutover_trial t
          LEFT JOIN books.account a ON a.region = t.region AND a.fund = t.fund AND a.account = t.account AND a.section = 1
         WHERE (t.region, t.fund, t.version) = (p_region, p_fund, p_version)),
    -- What the records say of 9101 and 9102, and what of the paid daily money waits to be deducted.
    owed AS (
        SELECT account, counterparty, subfund, service_year, term, category, sum(listed)::bigint AS listed, sum(found)::bigint AS found,
               min(line) FILTER (WHERE line > 0) AS line
          FROM (SELECT l.account, l.counterparty, l.subfund, l.service_year, l.term, l.category, l.balance_fen AS listed, 0 AS found, l.line
                  FROM items l WHERE l.account IN (9101, 9102)
                UNION ALL
                SELECT 9101, r.institution, r.subfund, r.service_year, r.term, r.category, 0,
                       CASE WHEN r.paid OR r.reference <> '' THEN 0 ELSE r.ours_daily END, 0
                  FROM records r WHERE r.known
                UNION ALL
                SELECT 9102, r.institution, r.subfund, r.service_year, r.term, r.category, 0, r.ours_fen - r.ours_daily, 0
                  FROM records r WHERE r.known) s
         GROUP BY 1, 2, 3, 4, 5, 6),
    paid AS (
        SELECT counterparty, subfund, service_year, term, category, sum(paid)::bigint AS paid, sum(listed)::bigint AS listed,
               sum(advanced)::bigint AS advanced, min(line) FILTER (WHERE line > 0) AS line
          FROM (SELECT r.institution AS counterparty, r.subfund, r.service_year, r.term, r.category,
                       CASE WHEN r.paid THEN r.ours_daily ELSE 0 END AS paid, 0 AS listed, 0 AS advanced, 0 AS line FROM records r WHERE r.known
                UNION ALL
                SELECT l.counterparty, l.subfund, l.service_year, l.term, l.category, 0, CASE l.account WHEN 9201 THEN l.balance_fen ELSE 0 END,
                       CASE l.account WHEN 110105 THEN l.balance_fen ELSE 0 END, CASE l.file WHEN 'open_items' THEN l.line ELSE 0 END
                  FROM lines l
                 WHERE l.file <> 'balances' AND l.account IN (9201, 110105)) s
         GROUP BY 1, 2, 3, 4, 5),
    totals AS (     -- accounts whose balance is proved item by item
        SELECT account, party, sum(total)::bigint AS total, sum(items)::bigint AS items, min(line) FILTER (WHERE line > 0) AS line
          FROM (SELECT l.account, '' AS party, l.balance_fen AS total, 0 AS items, l.line FROM balances l WHERE NOT l.posted
                UNION ALL
                SELECT l.account, '', 0, l.balance_fen, 0 FROM items l WHERE left(l.account::text, 1) <> '9'
                UNION ALL
                SELECT l.account, l.counterparty, l.balance_fen, 0, l.line FROM balances l WHERE l.account IN (110102, 110103, 110104)
                UNION ALL
                SELECT a.account, a.institution, 0, a.amount_fen, 0 FROM advances a WHERE a.reference = '') s
         GROUP BY 1, 2),
    summed AS (
        SELECT t.line, t.account, t.year_open_fen, t.debit_fen, t.credit_fen, t.balance_fen,
               coalesce(sum(b.year_open_fen * b.normal_side * a.normal_side), 0) AS open, coalesce(sum(b.debit_fen), 0) AS debit,
               coalesce(sum(b.credit_fen), 0) AS credit, coalesce(sum(b.balance_fen * b.normal_side * a.normal_side), 0) AS balance
          FROM trial t JOIN books.account a ON a.region = p_region AND a.fund = p_fund AND a.account = t.account
          LEFT JOIN balances b ON left(b.account::text, length(t.account::text)) = t.account::text
         WHERE t.known GROUP BY 1, 2, 3, 4, 5, 6)
    SELECT * FROM (
        -- accounts
        SELECT l.file, l.line, 'account', 'cutover.account_unknown', format('科目表没有科目%s', l.account) FROM lines l WHERE l.name IS NULL
        UNION ALL
        SELECT l.file, l.line, 'account', 'cutover.account_not_leaf', format('科目%s（%s）不是末级，余额列在%s', l.account, l.name, coalesce(
                   (SELECT string_agg(a.account::text, '、' ORDER BY a.account) FROM books.account a
                     WHERE a.region = p_region AND a.fund = p_fund AND a.leaf AND a.account::text LIKE l.account || '_%'), '其他科目'))
          FROM lines l WHERE NOT l.leaf
        UNION ALL
        SELECT l.file, l.line, 'account', 'cutover.not_carried',
               CASE WHEN left(l.account::text, 2) = '95' THEN format('%s异地就医不列入：尚未付给医院的结算，接转后由outregion recognise按记录确认；'
                         '原系统已付的不接入记录；已发出而未到账的，待回单入原系统的账后接转', l.account)
                    WHEN l.file = 'balances' THEN format('科目%s属备查账，应列入open_items', l.account)
                    ELSE format('%s的未了事项不在可接转之列', l.account) END
          FROM lines l WHERE l.file <> 'computed' AND l.name IS NOT NULL AND CASE l.file WHEN 'balances' THEN left(l.account::text, 1) = '9'
               ELSE l.account NOT IN (9002, 9101, 9102, 9103, 9105, 9106, 9201, 9202, 9203, 920401, 920402, 920403, 9209, 9301, 9302, 9303, 9304,
                                      110105, 200104) END
        -- parties and keys
        UNION ALL
        SELECT l.file, l.line, 'party', CASE WHEN l.counterparty = '' THEN 'cutover.party_missing' ELSE 'cutover.party_unasked' END,
               CASE WHEN l.counterparty = '' THEN format('科目%s须按往来单位列明', l.account) ELSE format('科目%s不按往来单位核算', l.account) END
          FROM balances l WHERE l.dims IN (0, 1) AND (l.dims = 1) <> (l.counterparty <> '')
        UNION ALL
        SELECT l.file, l.line, CASE l.file WHEN 'balances' THEN 'party' ELSE 'institution' END, 'cutover.party_unknown',
               format('“%s”不在往来单位、机构或自有账户之列', l.counterparty)
          FROM lines l JOIN known k ON k.party = l.counterparty
         WHERE l.file <> 'computed' AND l.counterparty NOT IN ('', '期初') AND CASE WHEN l.file = 'balances' AND l.account NOT IN (110102, 110103, 110104)
               THEN NOT k.known ELSE NOT EXISTS (SELECT 1 FROM inst i WHERE i.institution = l.counterparty) END
        UNION ALL
        SELECT l.file, l.line, 'account', 'cutover.twice', format('科目%s、%s与第%s行重复', l.account, l.counterparty, l.first)
          FROM (SELECT l.*, min(l.line) OVER (PARTITION BY l.file, l.account, l.counterparty, l.subfund, l.service_year, l.term, l.category) AS first
                  FROM lines l) l WHERE l.line > l.first
        UNION ALL
        SELECT l.file, l.line, 'service_year', 'cutover.key', '账目应为pool或acct，服务年度与期号不晚于接转日，类别须填写'
          FROM items l CROSS JOIN head h
         WHERE l.subfund NOT IN ('pool', 'acct') OR l.service_year NOT BETWEEN 2000 AND h.year OR l.term NOT BETWEEN 200001 AND h.month
            OR l.term % 100 NOT BETWEEN 1 AND 12 OR l.category = '' OR l.subfund = 'acct' AND l.account IN (9101, 9105, 110105, 9201)
        -- sums
        UNION ALL
        SELECT l.file, l.line, 'balance', 'cutover.line_tie',
               format('科目%s：年初%s元、借方%s元、贷方%s元，余额应为%s元而为%s元', l.account, fund.yuan(l.year_open_fen), fund.yuan(l.debit_fen), fund.yuan(l.credit_fen),
                      fund.yuan(l.year_open_fen + l.normal_side * (l.debit_fen - l.credit_fen)), fund.yuan(l.balance_fen))
          FROM balances l WHERE l.year_open_fen + l.normal_side * (l.debit_fen - l.credit_fen) <> l.balance_fen
        UNION ALL
        SELECT l.file, l.line, 'year_open', 'cutover.year_open_flow', format('收支科目%s年初不应有余额', l.account)
          FROM balances l WHERE l.class IN ('收入', '支出') AND l.year_open_fen <> 0 AND l.account NOT IN (4601, 4602)
        -- Closed before: this year's turnover stands in history, by the year, and 3001 moved by what was closed.
        UNION ALL
        SELECT 'balances', coalesce(c.line, 0), 'credit', 'cutover.closed_differs',
               format('一般基金结余本年净增%s元，收支科目已结转%s元：原系统已结转收支的，须在history按年%s列出不含结转的本年累计发生额', fund.yuan(c.moved), fund.yuan(c.closed), c.year)
          FROM (SELECT h.year, sum(l.credit_fen - l.debit_fen) FILTER (WHERE left(l.account::text, 4) = '3001') AS moved,
                       min(l.line) FILTER (WHERE left(l.account::text, 4) = '3001') AS line,
                       coalesce((SELECT sum(x.credit_fen - x.debit_fen) FROM history x WHERE x.period = h.year AND x.section = 1), 0)
                       - coalesce(sum(l.credit_fen - l.debit_fen) FILTER (WHERE EXISTS (
                             SELECT 1 FROM history x WHERE x.period = h.year AND x.account = l.account)), 0) AS closed
                  FROM balances l CROSS JOIN head h GROUP BY h.year) c
         WHERE coalesce(c.moved, 0) <> c.closed
        UNION ALL
        SELECT 'balances', 0, s.field, 'cutover.unbalanced', format('全部科目%s借贷差%s元', s.title, fund.yuan(s.fen))
          FROM (SELECT 'year_open' AS field, '年初余额' AS title, sum(l.normal_side * l.year_open_fen) AS fen FROM balances l
                UNION ALL SELECT 'debit', '本年发生额', sum(l.debit_fen - l.credit_fen) FROM balances l
                UNION ALL SELECT 'balance', '余额', sum(l.normal_side * l.balance_fen) FROM balances l) s WHERE s.fen <> 0
        UNION ALL
        SELECT 'balances', coalesce(t.line, 0), 'balance', 'cutover.items_differ',
               format('科目%s%s：余额%s元，open_items合计%s元', t.account, t.party, fund.yuan(t.total), fund.yuan(t.items)) FROM totals t WHERE t.total <> t.items
        UNION ALL
        SELECT 'open_items', coalesce(o.line, 0), 'amount', 'cutover.records_differ',
               format('%s %s/%s/%s/%s/%s：列%s元，records合计%s元', o.account, o.counterparty, o.subfund, o.service_year, o.term, o.category,
                      fund.yuan(o.listed), fund.yuan(o.found)) FROM owed o WHERE o.listed <> o.found
        UNION ALL
        SELECT 'open_items', coalesce(p.line, 0), 'amount', 'cutover.paid_differs',
               format('%s/%s/%s/%s/%s：records中已付日拨付%s元，9201列%s元，110105列%s元', p.counterparty, p.subfund, p.service_year, p.term,
                      p.category, fund.yuan(p.paid), fund.yuan(p.listed), fund.yuan(p.advanced))
          FROM paid p CROSS JOIN head h
         WHERE p.paid > p.listed OR p.advanced > p.listed
            OR p.paid > p.advanced AND coalesce((SELECT y.value FROM fund.region_policy y WHERE y.region = p_region
                   AND y.key = 'daily_accounting' AND y.from_day <= h.day ORDER BY y.from_day DESC LIMIT 1), 'P1') = 'P1'
        -- advances, deductions
        UNION ALL
        SELECT 'open_items', a.line, 'institution', 'cutover.party_unknown', format('机构“%s”不存在', a.institution)
          FROM (SELECT a.line, a.institution FROM advances a UNION ALL SELECT d.line, d.institution FROM fund.cutover_deduction d
                 WHERE (d.region, d.fund, d.version) = (p_region, p_fund, p_version)) a
         WHERE NOT EXISTS (SELECT 1 FROM inst i WHERE i.institution = a.institution)
        UNION ALL
        SELECT 'open_items', a.line, 'amount', 'cutover.advance', '预付余额应大于零、不超过额度；须写明年度、起扣期号、文号、cash或offset'
          FROM advances a WHERE a.amount_fen <= 0 OR a.amount_fen > a.quota_fen OR a.document = '' OR a.recovery NOT IN ('cash', 'offset')
             OR a.year NOT BETWEEN 2000 AND 2099 OR a.term % 100 NOT BETWEEN 1 AND 12 OR a.term NOT BETWEEN 200001 AND 209912
        UNION ALL
        SELECT 'open_items', a.line, 'reference', 'cutover.twice', format('与第%s行重复', a.first)
          FROM (SELECT a.line, least(min(a.line) OVER (PARTITION BY a.account, a.institution, a.document), CASE a.account
                    WHEN 110102 THEN min(a.line) OVER (PARTITION BY a.account, a.institution, a.year)
                    WHEN 110103 THEN min(a.line) OVER (PARTITION BY a.account, a.institution, a.term) END) AS first FROM advances a
                UNION ALL
                SELECT d.line, min(d.line) OVER (PARTITION BY d.institution, d.reference) FROM fund.cutover_deduction d
                 WHERE (d.region, d.fund, d.version) = (p_region, p_fund, p_version)) a WHERE a.line > a.first
        UNION ALL
        SELECT 'open_items', d.line, 'amount', 'cutover.deduction', '尚待扣款应大于零，须写明期号与文号'
          FROM fund.cutover_deduction d WHERE (d.region, d.fund, d.version) = (p_region, p_fund, p_version)
           AND (d.amount_fen <= 0 OR d.reference !~ '^[0-9A-Za-z-]{1,20}$' OR d.term % 100 NOT BETWEEN 1 AND 12)
        -- records
        UNION ALL
        SELECT 'records', r.line, 'setl_id', 'cutover.record_unknown', format('结算记录%s（%s）未接入', r.setl_id, r.subfund)
          FROM records r WHERE NOT r.known
        UNION ALL
        SELECT 'records', r.line, 'setl_id', 'cutover.twice', format('与第%s行重复', r.first)
          FROM (SELECT r.line, min(r.line) OVER (PARTITION BY r.setl_id, r.subfund) AS first FROM records r) r WHERE r.line > r.first
        UNION ALL
        SELECT 'records', r.line, 'setl_id', 'cutover.record_booked', format('结算记录%s已由%s占用', r.setl_id, r.taken)
          FROM records r WHERE r.taken <> ''
        UNION ALL
        SELECT 'records', r.line, 'setl_id', 'cutover.record_late', format('结算记录%s的日期%s晚于接转日', r.setl_id, r.day)
          FROM records r CROSS JOIN head h WHERE r.day > h.day
        UNION ALL
        SELECT 'records', r.line, 'fund_amount', 'cutover.record_amount',
               format('结算记录%s：列基金%s元、日拨付%s元，记录为%s元、%s元', r.setl_id, fund.yuan(r.fund_fen), fund.yuan(r.daily_fen), fund.yuan(r.ours_fen), fund.yuan(r.ours_daily))
          FROM records r WHERE (r.fund_fen, r.daily_fen) <> (r.ours_fen, r.ours_daily)
        UNION ALL
        SELECT 'records', r.line, 'reference', 'cutover.record_paid', '已付的须写明原付款凭据，在途的须写明orders中该机构的在途单号，未付的不写；没有日拨付额的不能列为已付、在途'
          FROM records r WHERE r.paid AND r.reference = '' OR r.reference <> '' AND r.daily_fen = 0
            OR NOT r.paid AND r.reference <> '' AND NOT EXISTS (
               SELECT 1 FROM orders o WHERE o.source = 9101 AND o.reference = r.reference AND o.institution = r.institution)
        -- payments on their way
        UNION ALL
        SELECT 'orders', o.line, 'institution', 'cutover.party_unknown', format('机构“%s”不存在', o.institution)
          FROM orders o WHERE o.source <> 5001 AND NOT EXISTS (SELECT 1 FROM inst i WHERE i.institution = o.institution)
        UNION ALL
        SELECT 'orders', o.line, 'order', 'cutover.order',
               '在途单应写明单号（字母、数字、._-，至多35位）、来源9101、9103、9106、5001或1101xx、账目、年度、期号、类别、收款户名与账号、不晚于接转日的发出日；金额不为零，合计大于零'
          FROM orders o CROSS JOIN head h
         WHERE o.reference !~ '^[0-9A-Za-z._-]{1,35}$' OR o.source NOT IN (9101, 9103, 9106, 5001, 110102, 110103, 110104)
            OR o.amount_fen = 0 OR o.total <= 0 OR o.payee_name = '' OR o.payee_number = '' OR o.sent_on > h.day OR o.category = '' OR o.line > 99999
            OR o.source IN (9101, 9103, 9106, 5001) AND (o.subfund NOT IN ('pool', 'acct') OR o.subfund = 'acct' AND o.source = 9101
               OR o.service_year NOT BETWEEN 2000 AND h.year OR o.term NOT BETWEEN 200001 AND h.month OR o.term % 100 NOT BETWEEN 1 AND 12)
        UNION ALL
        SELECT 'orders', o.line, 'order', 'cutover.order_paper',
               CASE o.source WHEN 5001 THEN '个人付款一单一行：人员编号、收款开户行、12位行号齐全，类别须是本基金待遇支出的明细'
                    WHEN 9502 THEN '在途的异地就医拨付不能接入：待回单入原系统的账后接转'
                    ELSE format('预付款一单一行：open_items须有机构%s、文号%s、%s元的同一科目预付，账目、年度、期号留空', o.institution, o.category, fund.yuan(o.amount_fen)) END
          FROM orders o
         WHERE o.source = 9502 OR o.source IN (5001, 110102, 110103, 110104) AND (o.line > o.head OR o.first < o.line)
            OR o.source = 5001 AND (o.institution !~ '^[0-9A-Za-z]{1,30}$' OR o.payee_bank = '' OR o.payee_cnaps !~ '^[0-9]{12}$'
               OR o.payee_number !~ '^([0-9A-Za-z-]{5,34}|~[0-9a-f]{8}[.][A-Za-z0-9_-]{22,}~)$')   -- sealed
            OR o.source IN (110102, 110103, 110104) AND (o.subfund <> '' OR o.service_year <> 0 OR o.term <> 0 OR NOT EXISTS (
               SELECT 1 FROM advances a WHERE (a.account, a.institution, a.document, a.amount_fen, a.reference)
                                            = (o.source, o.institution, o.category, o.amount_fen, o.reference))
               OR o.source = 110104 AND (o.payee_bank = '' OR o.payee_cnaps !~ '^([0-9]{12})?$'))
        UNION ALL
        SELECT 'orders', o.line, 'order', 'cutover.order_head', format('与第%s行同一单号%s，而来源、机构、账户、收款人、日期或银行流水号不同', o.head, o.reference)
          FROM orders o JOIN orders f ON f.line = o.head
         WHERE (o.source, o.institution, o.account, o.payee_name, o.payee_number, o.payee_bank, o.payee_cnaps, o.sent_on, o.bank_reference)
               <> (f.source, f.institution, f.account, f.payee_name, f.payee_number, f.payee_bank, f.payee_cnaps, f.sent_on, f.bank_reference)
        UNION ALL
        SELECT 'orders', o.line, 'order', 'cutover.twice', format('与第%s行重复', o.first) FROM orders o WHERE o.line > o.first
        UNION ALL
        SELECT 'orders', o.line, 'bank_reference', 'cutover.twice', format('银行流水号与第%s行的另一单相同', o.serial)
          FROM orders o JOIN orders f ON f.line = o.serial AND f.reference <> o.reference
        UNION ALL
        SELECT 'orders', o.line, 'account', 'cutover.order_account', format('“%s”不是本账套的支出户', o.account)
          FROM orders o WHERE NOT EXISTS (SELECT 1 FROM own k WHERE k.account = o.account AND k.kind = '1004')
        UNION ALL
        SELECT 'orders', o.line, 'order', 'cutover.order_known', format('单号%s已在本系统', o.reference)
          FROM orders o WHERE EXISTS (SELECT 1 FROM payments.pay_order p WHERE p.region = p_region AND p.order_no = o.reference)
            OR EXISTS (SELECT 1 FROM payments.taken_order t WHERE t.region = p_region AND t.reference = o.reference)
        UNION ALL
        SELECT 'orders', coalesce(f.line, 0), 'amount', 'cutover.orders_differ',
               format('%s %s/%s/%s/%s/%s：在途单列%s元，%s%s元', f.reference, f.counterparty, f.subfund, f.service_year, f.term, f.category, fund.yuan(f.listed),
                      CASE f.reference WHEN '' THEN '9104' ELSE 'records合计' END, fund.yuan(f.found)) FROM flying f WHERE f.listed <> f.found
        UNION ALL
        SELECT 'orders', o.line, 'amount', 'cutover.orders_over', format('账户%s账面%s元，不足在途拨付%s元', o.account, fund.yuan(s.books), fund.yuan(o.fen))
          FROM (SELECT x.account, min(x.line) AS line, sum(x.amount_fen)::bigint AS fen FROM orders x GROUP BY x.account) o
          JOIN bank_sums s ON s.account = o.account WHERE o.fen > s.books
        -- the bank's side
        UNION ALL
        SELECT 'bank', b.line, 'account', 'cutover.bank_account', format('“%s”不是本账套的自有账户', b.account)
          FROM banks b WHERE NOT EXISTS (SELECT 1 FROM own k WHERE k.account = b.account)
        UNION ALL
        SELECT 'bank', b.line, 'amount', 'cutover.bank_item', '未达账项应大于零，写明不晚于接转日的日期与单据；statement一行的日期为接转日'
          FROM banks b CROSS JOIN head h
         WHERE CASE b.kind WHEN 'statement' THEN b.day <> h.day
                    ELSE b.amount_fen <= 0 OR b.day > h.day OR b.reference = '' END
        UNION ALL
        SELECT 'bank', coalesce(s.line, 0), 'account', 'cutover.bank_missing',
               format('账户%s账面%s元，须有且只有一行statement：接转日对账单余额', s.account, fund.yuan(s.books))
          FROM bank_sums s WHERE NOT s.stated AND s.statements <> 1 AND (s.books <> 0 OR s.rows > 0)
        UNION ALL
        SELECT 'bank', s.line, 'account', 'cutover.bank_late', format('账户%s已收对账单，期初不能再由接转给出', s.account)
          FROM bank_sums s WHERE s.stated AND s.rows > 0
        UNION ALL
        SELECT 'bank', s.line, 'amount', 'cutover.bank_differs',
               format('账户%s：对账单%s元加减账已记而银行未记%s元，账面%s元加减银行已记而账未记%s元，两边不等', s.account, fund.yuan(s.bank), fund.yuan(s.book_items), fund.yuan(s.books), fund.yuan(s.bank_items))
          FROM bank_sums s WHERE s.statements = 1 AND s.bank + s.book_items <> s.books + s.bank_items
        -- history
        UNION ALL
        SELECT 'history', x.line, 'period', 'cutover.history', '应为接转日以前两个年度起的年yyyy或月yyyymm；收支科目末级，或已付备查科目并写明机构（备查科目的年须已结束）'
          FROM history x CROSS JOIN head h
         WHERE x.class IS NULL OR NOT (x.leaf OR x.account = 4101 AND x.period / CASE WHEN x.period > 9999 THEN 100 ELSE 1 END < h.year) OR NOT CASE WHEN x.section = 1 THEN x.class IN ('收入', '支出') AND x.party = ''
                   ELSE x.account IN (9201, 9202, 9203, 920401, 920402, 920403)
                        AND EXISTS (SELECT 1 FROM inst i WHERE i.institution = x.party) END
            OR NOT CASE WHEN x.period > 9999 THEN x.period % 100 BETWEEN 1 AND 12 AND x.period BETWEEN (h.year - 2) * 100 + 1 AND h.month
                   ELSE x.period BETWEEN h.year - 2 AND h.year - CASE x.section WHEN 1 THEN 0 ELSE 1 END END
        UNION ALL
        SELECT 'history', x.line, 'period', 'cutover.twice', format('与第%s行重复', x.first)
          FROM (SELECT x.line, min(x.line) OVER (PARTITION BY x.period, x.account, x.party) AS first FROM history x) x WHERE x.line > x.first
        UNION ALL
        SELECT 'history', x.line, 'period', 'cutover.history_both', format('%s年同一科目既按年又按月列示', x.period)
          FROM history x CROSS JOIN head h WHERE x.period < h.year AND EXISTS (SELECT 1 FROM history m WHERE m.period / 100 = x.period AND m.account = x.account
                   AND m.party = x.party)
        -- the old trial balance
        UNION ALL
        SELECT 'trial_balance', t.line, 'account', 'cutover.account_unknown', format('科目表没有会计科目%s', t.account) FROM trial t WHERE NOT t.known
        UNION ALL
        SELECT 'trial_balance', t.line, 'account', 'cutover.twice', format('科目%s与第%s行重复', t.account, t.first)
          FROM (SELECT t.line, t.account, min(t.line) OVER (PARTITION BY t.account) AS first FROM trial t) t WHERE t.line > t.first
        UNION ALL
        SELECT 'trial_balance', s.line, f.field, 'cutover.trial_differs', format('科目%s%s：余额表%s元，balances合计%s元', s.account, f.title, fund.yuan(f.said), fund.yuan(f.found))
          FROM summed s CROSS JOIN LATERAL (VALUES ('year_open', '年初余额', s.year_open_fen, s.open), ('debit', '借方发生额', s.debit_fen, s.debit),
                   ('credit', '贷方发生额', s.credit_fen, s.credit), ('balance', '余额', s.balance_fen, s.balance)) AS f (field, title, said, found)
         WHERE f.said <> f.found
        UNION ALL
        SELECT 'balances', l.line, 'account', 'cutover.trial_missing', format('余额表没有科目%s或其上级', l.account)
          FROM balances l WHERE l.name IS NOT NULL AND (l.year_open_fen, l.debit_fen, l.credit_fen, l.balance_fen) <> (0, 0, 0, 0)
           AND NOT EXISTS (SELECT 1 FROM trial t WHERE left(l.account::text, length(t.account::text)) = t.account::text)
        UNION ALL
        SELECT 'balances', 0, '', 'cutover.empty', '没有任何余额' WHERE NOT EXISTS (SELECT 1 FROM balances l WHERE l.balance_fen <> 0)
    ) d (file, line, field, code, message) ORDER BY 1, 2, 3, 4, 5
$$;

-- The set as it was staged, hashed over every row in the order of its file.
CREATE OR REPLACE FUNCTION fund.cutover_digest(p_region integer, p_fund smallint, p_version integer) RETURNS bytea LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET datestyle = 'ISO, YMD' AS $$
    SELECT sha256(convert_to(concat_ws(E'\n', concat_ws('|', c.region, c.fund, c.day),
        (SELECT string_agg(concat_ws('|', 'L', file, line, posted, account, counterparty, subfund, service_year, term, category, year_open_fen,
                                     debit_fen, credit_fen, balance_fen), E'\n' ORDER BY file COLLATE "C", line) FROM fund.cutover_line
          WHERE (region, fund, version) = (c.region, c.fund, c.version)),
        (SELECT string_agg(concat_ws('|', 'H', line, period, account, party, debit_fen, credit_fen), E'\n' ORDER BY line) FROM fund.cutover_history
          WHERE (region, fund, version) = (c.region, c.fund, c.version)),
        (SELECT string_agg(concat_ws('|', 'A', line, account, institution, year, term, recovery, amount_fen, quota_fen, document, due_on), E'\n'
                           ORDER BY line) FROM fund.cutover_advance WHERE (region, fund, version) = (c.region, c.fund, c.version)),
        (SELECT string_agg(concat_ws('|', CASE WHEN finding THEN 'F' ELSE 'D' END, line, institution, term, reference, amount_fen), E'\n' ORDER BY line) FROM fund.cutover_deduction
          WHERE (region, fund, version) = (c.region, c.fund, c.version)),
        (SELECT string_agg(concat_ws('|', 'R', line, setl_id, subfund, fund_fen, daily_fen, paid, reference), E'\n' ORDER BY line)
           FROM fund.cutover_record WHERE (region, fund, version) = (c.region, c.fund, c.version)),
        (SELECT string_agg(concat_ws('|', 'T', line, account, name, year_open_fen, debit_fen, credit_fen, balance_fen), E'\n' ORDER BY line)
           FROM fund.cutover_trial WHERE (region, fund, version) = (c.region, c.fund, c.version)),
        (SELECT string_agg(concat_ws('|', 'O', line, reference, source, institution, subfund, service_year, term, category, amount_fen, account,
                                     payee_name, payee_number, payee_bank, payee_cnaps, sent_on, bank_reference), E'\n' ORDER BY line)
           FROM fund.cutover_order WHERE (region, fund, version) = (c.region, c.fund, c.version)),
        (SELECT string_agg(concat_ws('|', 'B', line, account, kind, day, amount_fen, reference, summary), E'\n' ORDER BY line)
           FROM fund.cutover_bank WHERE (region, fund, version) = (c.region, c.fund, c.version))), 'UTF8'))
      FROM fund.cutover c WHERE c.region = p_region AND c.fund = p_fund AND c.version = p_version
$$;

CREATE OR REPLACE FUNCTION fund.refuse_differences(p_region integer, p_fund smallint, p_version integer) RETURNS void LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
DECLARE v_bad record;
BEGIN
    SELECT d.file, d.line, d.code, d.message, count(*) OVER () AS n INTO v_bad FROM fund.cutover_differences(p_region, p_fund, p_version) d LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'cutover.differs',
            DETAIL = format('接转资料有%s处不符，第一处：%s第%s行（%s）%s', v_bad.n, v_bad.file, v_bad.line, v_bad.code, v_bad.message);
    END IF;
END $$;

-- The accountant proposes what was staged, once it ties.
CREATE OR REPLACE FUNCTION fund.propose_cutover(p_region integer, p_fund smallint, p_version integer) RETURNS bytea
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    v_user   text := access.require_role(p_region, p_fund, '{accountant}');
    v_digest bytea;
BEGIN
    -- Rows of this very transaction have no statistics: without them each opened record is looked for through the whole set.
    ANALYZE fund.cutover_line, fund.cutover_record, fund.cutover_order, fund.cutover_history, fund.cutover_trial, fund.cutover_bank;
    PERFORM fund.refuse_differences(p_region, p_fund, p_version);
    v_digest := fund.cutover_digest(p_region, p_fund, p_version);
    UPDATE fund.cutover SET state = 'proposed', digest = v_digest
     WHERE region = p_region AND fund = p_fund AND version = p_version AND state = 'drafting' AND proposed_by = v_user;
    IF NOT FOUND THEN
        RAISE EXCEPTION USING ERRCODE = 'FL002', MESSAGE = 'cutover.closed', DETAIL = '接转资料已提出，不得增减';
    END IF;
    RETURN v_digest;
END $$;

-- The payments on their way become orders of ours, approved by the set's two persons and at the bank, their outcome unknown: a
-- receipt pays them, a status refuses them, a return opens them again, as it does any order's. Beside them the advances of the set,
-- paid before or on their way, and the payments to persons that are.
CREATE OR REPLACE FUNCTION fund.open_orders(p fund.cutover, p_checker text, p_on date) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    CREATE TEMP TABLE opening_order ON COMMIT DROP AS
    SELECT o.*, format('FL%s-%s-%s-%s', p.region, p.fund, to_char(p.day, 'YYYYMMDD'), lpad(o.first::text, 5, '0')) AS order_no, format('OPEN-%s-%s-%s', p.region, p.fund, o.kind) AS batch_id
      FROM (SELECT DISTINCT ON (x.reference) x.reference, x.institution, x.account, x.payee_name, x.payee_number, x.payee_bank, x.payee_cnaps, x.sent_on,
                   x.bank_reference, fund.kind_of_source(x.source) AS kind, x.source,
                   sum(x.amount_fen) OVER (PARTITION BY x.reference)::bigint AS fen,
                   min(x.line) OVER (PARTITION BY x.reference) AS first
              FROM fund.cutover_order x WHERE (x.region, x.fund, x.version) = (p.region, p.fund, p.version) ORDER BY x.reference, x.line) o;
    INSERT INTO payments.pay_order (region, order_no, fund, batch_id, institution, amount_fen, account, payee_name, payee_number, payee_bank,
           payee_cnaps, purpose, state)
    SELECT p.region, o.order_no, p.fund, o.batch_id, CASE o.source WHEN 5001 THEN 'PERSON' ELSE o.institution END, o.fen, o.account, o.payee_name, o.payee_number, o.payee_bank, o.payee_cnaps,
           '接转在途 ' || o.reference, 'draft' FROM pg_temp.opening_order o;
    INSERT INTO payments.taken_order (region, reference, order_no) SELECT p.region, x.reference, x.order_no FROM pg_temp.opening_order x;
    INSERT INTO fund.person_payment (region, fund, payment_id, kind, psn_no, subfund, service_year, term, category, amount_fen, document,
           payee_name, payee_number, payee_bank, payee_cnaps, due_on, state, prepared_by, prepared_on, approved_by, approved_on, order_no)
    SELECT x.region, x.fund, format('OPEN-%s-%s-%s', x.region, x.fund, x.line), CASE x.category WHEN 'maternity_allowance' THEN x.category ELSE 'reimbursement' END,
           x.institution, x.subfund, x.service_year, x.term, x.category, x.amount_fen, '接转 ' || x.reference, x.payee_name, x.payee_number, x.payee_bank,
           x.payee_cnaps, x.sent_on, 'approved', p.proposed_by, p.proposed_on, p_checker, p_on, t.order_no
      FROM fund.cutover_order x JOIN payments.taken_order t ON t.region = x.region AND t.reference = x.reference
     WHERE (x.region, x.fund, x.version) = (p.region, p.fund, p.version) AND x.source = 5001;
    INSERT INTO fund.advance (region, fund, advance_id, institution, kind, year, term, recovery, amount_fen, quota_fen, conditions, document,
           payee_name, payee_number, payee_bank, payee_cnaps, due_on, state, prepared_by, prepared_on, approved_by, approved_on, order_no)
    SELECT a.region, a.fund, x.id, a.institution, CASE a.account WHEN 110102 THEN 'prepayment' WHEN 110103 THEN 'preallocation' ELSE 'supplier' END,
           a.year, a.term, a.recovery, a.amount_fen, a.quota_fen, CASE WHEN o.order_no IS NULL THEN '接转：原系统已付' ELSE '接转：在途' END, a.document,
           CASE a.account WHEN 110104 THEN coalesce(o.payee_name, '原系统已付') ELSE '' END,
           CASE a.account WHEN 110104 THEN coalesce(o.payee_number, 'OPEN') ELSE '' END,
           CASE a.account WHEN 110104 THEN coalesce(o.payee_bank, '原系统已付') ELSE '' END,
           CASE a.account WHEN 110104 THEN coalesce(o.payee_cnaps, '') ELSE '' END,
           a.due_on, 'approved', p.proposed_by, p.proposed_on, p_checker, p_on, coalesce(o.order_no, 'OPEN:' || x.id)
      FROM fund.cutover_advance a CROSS JOIN LATERAL (SELECT format('OPEN-%s-%s-%s', a.region, a.fund, a.line) AS id) x
      LEFT JOIN (payments.taken_order t JOIN payments.pay_order o ON o.region = t.region AND o.order_no = t.order_no)
        ON t.region = a.region AND t.reference = fund.advance_on_its_way(a)
     WHERE (a.region, a.fund, a.version) = (p.region, p.fund, p.version);
    INSERT INTO payments.order_item (region, order_no, n, source, subfund, service_year, term, category, amount_fen)
    SELECT p.region, o.order_no, row_number() OVER (PARTITION BY x.reference ORDER BY x.line), x.source, x.subfund, x.service_year, x.term,
           CASE WHEN x.source IN (110102, 110103, 110104) THEN '' ELSE x.category END, x.amount_fen
      FROM fund.cutover_order x JOIN pg_temp.opening_order o USING (reference) WHERE (x.region, x.fund, x.version) = (p.region, p.fund, p.version);
    INSERT INTO payments.order_payable (region, order_no, fund, setl_id, subfund, daily_fen)
    SELECT p.region, o.order_no, p.fund, r.setl_id, r.subfund, r.daily_fen
      FROM fund.cutover_record r JOIN pg_temp.opening_order o USING (reference)
     WHERE (r.region, r.fund, r.version) = (p.region, p.fund, p.version) AND NOT r.paid;
    INSERT INTO payments.batch (region, fund, batch_id, kind, pay_date, upto, prepared_by, digest)
    SELECT p.region, p.fund, o.batch_id, o.kind, p.day, p.day, p.proposed_by, payments.batch_digest(p.region, o.batch_id)
      FROM (SELECT DISTINCT batch_id, kind FROM pg_temp.opening_order) o;
    INSERT INTO payments.approval (region, batch_id, digest, prepared_by, approved_by, approved_on)
    SELECT b.region, b.batch_id, b.digest, b.prepared_by, p_checker, p_on FROM payments.batch b
     WHERE b.region = p.region AND b.batch_id IN (SELECT batch_id FROM pg_temp.opening_order);
    UPDATE payments.pay_order o SET state = 'approved' FROM pg_temp.opening_order x WHERE o.region = p.region AND o.order_no = x.order_no;
    UPDATE payments.pay_order o SET state = 'unknown', sent_on = x.sent_on, bank_reference = x.bank_reference
      FROM pg_temp.opening_order x WHERE o.region = p.region AND o.order_no = x.order_no;
    INSERT INTO payments.order_event (region, order_no, n, event, from_state, to_state, user_name, business_date, reason, evidence)
    SELECT p.region, x.order_no, e.n, e.event, e.was, e.is_now, e.who, p.day, '', x.reference FROM pg_temp.opening_order x
     CROSS JOIN LATERAL (VALUES (1, 'draft', '', 'draft', p.proposed_by), (2, 'approve', 'draft', 'approved', p_checker),
                                (3, 'take_over', 'approved', 'unknown', p_checker)) AS e (n, event, was, is_now, who);
    DROP TABLE pg_temp.opening_order;
END $$;

-- After the opening entry: the bank's side of it. The statement of the day gives what the bank had (of a shared account, this
-- book's part of it), its open items among its lines, and the rest beside the entry's own line as one match; the books' open items
-- are the entry's further lines. So the next statement must begin with what the set says, and nothing but the named items is open.
CREATE OR REPLACE FUNCTION fund.open_banks(p_region integer, p_fund smallint) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    v       fund.cutover;
    v_own   record;
    v_text  bytea;
    v_first date;
    v_n     integer;
    v_rest  bigint;
    v_match bigint;
    v_done  integer := 0;
BEGIN
    SELECT * INTO v FROM fund.cutover c WHERE c.region = p_region AND c.fund = p_fund AND c.state = 'confirmed';
    IF v.decided_by IS DISTINCT FROM access.require_role(p_region, p_fund, '{checker}') THEN
        RAISE EXCEPTION USING ERRCODE = 'FL002', MESSAGE = 'cutover.not_opened', DETAIL = '期初的应付、预付与扣款只由已复核的接转开立';
    END IF;
    FOR v_own IN
        SELECT b.account, b.amount_fen, k.kind, b.summary FROM fund.cutover_bank b
          JOIN payments.bank_account k ON k.region = b.region AND k.account = b.account
         WHERE (b.region, b.fund, b.version, b.kind) = (v.region, v.fund, v.version, 'statement') ORDER BY b.line
    LOOP
        v_text := convert_to(format('cutover|%s|%s|%s|%s|%s', v.region, v.fund, v.day, v_own.account, encode(v.digest, 'hex')), 'UTF8');
        SELECT coalesce(max(s.n), 0) + 1 INTO v_n FROM payments.bank_statement s WHERE s.region = v.region AND s.account = v_own.account;
        SELECT least(v.day, min(b.day)), v_own.amount_fen - coalesce(sum(CASE b.kind WHEN 'bank_in' THEN b.amount_fen WHEN 'bank_out' THEN -b.amount_fen END), 0)
          INTO v_first, v_rest FROM fund.cutover_bank b
         WHERE (b.region, b.fund, b.version, b.account) = (v.region, v.fund, v.version, v_own.account) AND b.kind <> 'statement';
        v_match := payments.next_match(v.region, v_own.account);
        INSERT INTO payments.statement_line (region, account, statement, n, booked_on, direction, amount_fen, bank_reference, receipt_no, order_no,
               other_account, other_name, summary, is_reversal)
        SELECT v.region, v_own.account, v_n, row_number() OVER (ORDER BY i.line), i.day, CASE WHEN i.fen > 0 THEN 'credit' ELSE 'debit' END, abs(i.fen), '',
               i.reference, '', '', '', i.summary, false
          FROM (SELECT 0 AS line, v_first AS day, v_rest AS fen, '' AS reference, '期初余额（接转）' AS summary WHERE v_rest <> 0
                UNION ALL
                SELECT b.line, b.day, CASE b.kind WHEN 'bank_in' THEN b.amount_fen ELSE -b.amount_fen END, b.reference, b.summary
                  FROM fund.cutover_bank b WHERE (b.region, b.fund, b.version, b.account) = (v.region, v.fund, v.version, v_own.account)
                   AND b.kind IN ('bank_in', 'bank_out')) i;
        INSERT INTO payments.statement_file (region, account, sha256, n, name, form, content, profile, stated, digest, state, prepared_by, prepared_on)
        VALUES (v.region, v_own.account, sha256(v_text), 1, format('接转%s-%s-%s', v.region, v.fund, v.day), 'cutover', v_text, '', '{}', sha256(v_text),
                'taken', v.proposed_by, v.proposed_on);
        INSERT INTO payments.bank_statement (region, account, n, file_sha256, place, form, number, first_day, last_day, opening_fen, closing_fen, lines)
        SELECT v.region, v_own.account, v_n, sha256(v_text), 1, 'cutover', '', v_first, v.day, o.fen, o.fen + v_own.amount_fen,
               (SELECT count(*) FROM payments.statement_line l WHERE l.region = v.region AND l.account = v_own.account AND l.statement = v_n)
          FROM (SELECT coalesce((SELECT s.closing_fen FROM payments.bank_statement s WHERE s.region = v.region AND s.account = v_own.account
                                  ORDER BY s.n DESC LIMIT 1), 0) AS fen) o;
        CREATE TEMP TABLE opening_leg ON COMMIT DROP AS
        SELECT e.period, e.seq, l.leg::smallint AS leg, (sign(l.code) * l.fen)::bigint AS effect, row_number() OVER (ORDER BY l.leg) AS place
          FROM books.source s
          JOIN books.entry e ON e.region = s.region AND e.fund = s.fund AND e.seq = s.seq AND e.event = 'OPEN'
         CROSS JOIN LATERAL unnest(e.accounts, e.amounts, e.dims) WITH ORDINALITY AS l (code, fen, dim, leg)
          JOIN books.dim d ON d.region = e.region AND d.dim = l.dim
         WHERE s.region = v.region AND s.fund = v.fund AND s.source_key = 'OPEN:1' AND abs(l.code) = v_own.kind::integer
           AND (v_own.kind = '1005' OR d.counterparty = v_own.account);
        IF v_rest <> 0 THEN
            WITH line AS (
                INSERT INTO payments.match_line (region, account, match, statement, n) VALUES (v.region, v_own.account, v_match, v_n, 1)),
            leg AS (
                INSERT INTO payments.match_leg (region, account, match, fund, period, seq, leg, effect_fen)
                SELECT v.region, v_own.account, v_match, v.fund, g.period, g.seq, g.leg, g.effect FROM pg_temp.opening_leg g WHERE g.place = 1)
            INSERT INTO payments.statement_match (region, account, n, why, reason, made_by, made_on)
            VALUES (v.region, v_own.account, v_match, 'opening', format('接转%s', v.day), v.decided_by, v.decided_on);
        END IF;
        INSERT INTO payments.opened_leg (region, account, fund, seq, leg, day, reference, summary)
        SELECT v.region, v_own.account, v.fund, g.seq, g.leg, b.day, b.reference, b.summary
          FROM (SELECT x.*, row_number() OVER (ORDER BY x.line) + (v_rest <> 0)::integer AS place FROM fund.cutover_bank x
                 WHERE (x.region, x.fund, x.version, x.account) = (v.region, v.fund, v.version, v_own.account) AND x.kind IN ('book_in', 'book_out')) b
          JOIN pg_temp.opening_leg g ON g.place = b.place AND g.effect = CASE b.kind WHEN 'book_in' THEN b.amount_fen ELSE -b.amount_fen END;
        IF (SELECT count(*) FROM pg_temp.opening_leg) <> (v_rest <> 0)::integer + (SELECT count(*) FROM fund.cutover_bank x
                WHERE (x.region, x.fund, x.version, x.account) = (v.region, v.fund, v.version, v_own.account) AND x.kind IN ('book_in', 'book_out'))
           OR (SELECT count(*) FROM payments.opened_leg x WHERE x.region = v.region AND x.account = v_own.account AND x.fund = v.fund)
              <> (SELECT count(*) FROM pg_temp.opening_leg) - (v_rest <> 0)::integer THEN
            RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'cutover.not_posted', DETAIL = format('账户%s的期初凭证与其未达账项不符', v_own.account);
        END IF;
        DROP TABLE pg_temp.opening_leg;
        v_done := v_done + 1;
    END LOOP;
    RETURN v_done;
END $$;

-- A checker, another person, opens the book with exactly what they have before them, or refuses it with a reason. The opening
-- entry follows in the same transaction (cutover_posted); the sub-ledgers are opened here.
CREATE OR REPLACE FUNCTION fund.decide_cutover(p_region integer, p_fund smallint, p_digest bytea, p_reason text, p_on date) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    v_user text := access.require_role(p_region, p_fund, '{checker}');
    v      fund.cutover;
    v_seq  bigint;
BEGIN
    SELECT h.seq INTO v_seq FROM books.head h WHERE h.region = p_region AND h.fund = p_fund FOR UPDATE;
    SELECT * INTO v FROM fund.cutover c WHERE c.region = p_region AND c.fund = p_fund AND c.state IN ('proposed', 'confirmed') FOR UPDATE;
    IF v.state = 'confirmed' THEN
        RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'cutover.done',
            DETAIL = format('账套%s-%s已于%s接转，不能再接转', p_region, p_fund, v.day);
    ELSIF v.state IS NULL THEN
        RAISE EXCEPTION USING ERRCODE = 'FL004', MESSAGE = 'cutover.no_proposal', DETAIL = format('账套%s-%s没有待复核的接转', p_region, p_fund);
    ELSIF access.person(v_user) IS NOT DISTINCT FROM access.person(v.proposed_by) THEN
        RAISE EXCEPTION USING ERRCODE = 'FL003', MESSAGE = 'request.same_person', DETAIL = format('由%s提出，须由另一人以本人名义复核', v.proposed_by);
    ELSIF v.digest IS DISTINCT FROM p_digest OR v.digest <> fund.cutover_digest(p_region, p_fund, v.version) THEN
        RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'cutover.changed', DETAIL = '待复核的接转资料不是所核对的那一份';
    END IF;
    IF p_reason = '' THEN
        IF v_seq <> 0 THEN
            RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'cutover.not_first',
                DETAIL = format('账套%s-%s已有%s张凭证，接转须在第一张凭证之前', p_region, p_fund, v_seq);
        END IF;
        PERFORM fund.refuse_differences(p_region, p_fund, v.version);
    END IF;
    UPDATE fund.cutover SET state = CASE p_reason WHEN '' THEN 'confirmed' ELSE 'refused' END, decided_by = v_user, decided_on = p_on, reason = p_reason
     WHERE region = p_region AND fund = p_fund AND version = v.version;
    IF p_reason <> '' THEN
        RETURN v.version;
    END IF;
    PERFORM fund.open_orders(v, v_user, p_on);
    UPDATE fund.payable p
       SET recognised_by = 'OPEN:2',
           order_no = CASE WHEN r.paid THEN 'OPEN' ELSE coalesce(t.order_no, '') END
      FROM fund.cutover_record r LEFT JOIN payments.taken_order t ON t.region = r.region AND t.reference = r.reference AND NOT r.paid
     WHERE r.region = p_region AND r.fund = p_fund AND r.version = v.version
       AND p.region = r.region AND p.fund = r.fund AND p.setl_id = r.setl_id AND p.subfund = r.subfund;
    INSERT INTO fund.other_deduction (region, fund, deduction_id, institution, term, reason, amount_fen, prepared_by, approved_by, approved_on)
    SELECT d.region, d.fund, format('OPEN-%s-%s', d.fund, d.line), d.institution, d.term, CASE WHEN d.finding THEN '接转审核扣款：' ELSE '接转：' END || d.reference, d.amount_fen, v.proposed_by, v_user, p_on
      FROM fund.cutover_deduction d WHERE d.region = p_region AND d.fund = p_fund AND d.version = v.version;
    RETURN v.version;
END $$;

-- What is opened comes from a confirmed set, row by row, and by no other way.
CREATE OR REPLACE FUNCTION fund.check_opened() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    v_new   jsonb := to_jsonb(NEW);
    v_found boolean;
BEGIN
    IF TG_TABLE_NAME = 'payable' THEN
        v_found := EXISTS (SELECT 1 FROM fund.cutover c JOIN fund.cutover_record r ON (r.region, r.fund, r.version) = (c.region, c.fund, c.version)
            WHERE c.region = NEW.region AND c.fund = NEW.fund AND c.state = 'confirmed' AND r.setl_id = v_new ->> 'setl_id'
              AND r.subfund = v_new ->> 'subfund' AND (v_new ->> 'order_no' = 'OPEN') = r.paid AND v_new ->> 'recognised_by' = 'OPEN:2'
              AND (r.paid OR v_new ->> 'order_no' = coalesce((
                  SELECT t.order_no FROM payments.taken_order t WHERE t.region = r.region AND t.reference = r.reference), '')));
    ELSIF TG_TABLE_NAME = 'batch' THEN
        v_found := EXISTS (SELECT 1 FROM fund.cutover c JOIN fund.cutover_order o ON (o.region, o.fund, o.version) = (c.region, c.fund, c.version)
            WHERE c.region = NEW.region AND c.fund = NEW.fund AND c.state = 'confirmed' AND c.proposed_by = v_new ->> 'prepared_by'
              AND c.day = (v_new ->> 'pay_date')::date
              AND v_new ->> 'batch_id' = format('OPEN-%s-%s-%s', c.region, c.fund, fund.kind_of_source(o.source)));
    ELSIF TG_TABLE_NAME = 'person_payment' THEN
        v_found := EXISTS (SELECT 1 FROM fund.cutover c JOIN fund.cutover_order o ON (o.region, o.fund, o.version) = (c.region, c.fund, c.version)
              JOIN payments.taken_order t ON t.region = o.region AND t.reference = o.reference
            WHERE c.region = NEW.region AND c.fund = NEW.fund AND c.state = 'confirmed' AND o.source = 5001
              AND v_new ->> 'payment_id' = format('OPEN-%s-%s-%s', o.region, o.fund, o.line) AND v_new ->> 'order_no' = t.order_no
              AND o.institution = v_new ->> 'psn_no' AND o.amount_fen = (v_new ->> 'amount_fen')::bigint
              AND (c.proposed_by, c.decided_by) = (v_new ->> 'prepared_by', v_new ->> 'approved_by'));
    ELSIF TG_TABLE_NAME = 'advance' THEN
        v_found := EXISTS (SELECT 1 FROM fund.cutover c JOIN fund.cutover_advance a ON (a.region, a.fund, a.version) = (c.region, c.fund, c.version)
            WHERE c.region = NEW.region AND c.fund = NEW.fund AND c.state = 'confirmed'
              AND v_new ->> 'advance_id' = format('OPEN-%s-%s-%s', a.region, a.fund, a.line)
              AND v_new ->> 'order_no' = coalesce((SELECT t.order_no FROM payments.taken_order t
                    WHERE t.region = a.region AND t.reference = fund.advance_on_its_way(a)), 'OPEN:' || (v_new ->> 'advance_id'))
              AND a.institution = v_new ->> 'institution' AND a.amount_fen = (v_new ->> 'amount_fen')::bigint
              AND (c.proposed_by, c.decided_by) = (v_new ->> 'prepared_by', v_new ->> 'approved_by'));
    ELSE
        v_found := EXISTS (SELECT 1 FROM fund.cutover c JOIN fund.cutover_deduction d ON (d.region, d.fund, d.version) = (c.region, c.fund, c.version)
            WHERE c.region = NEW.region AND c.fund = NEW.fund AND c.state = 'confirmed'
              AND v_new ->> 'deduction_id' = format('OPEN-%s-%s', d.fund, d.line) AND d.institution = v_new ->> 'institution'
              AND d.amount_fen = (v_new ->> 'amount_fen')::bigint
              AND (c.proposed_by, c.decided_by) = (v_new ->> 'prepared_by', v_new ->> 'approved_by'));
    END IF;
    IF NOT v_found THEN
        RAISE EXCEPTION USING ERRCODE = 'FL002', MESSAGE = 'cutover.not_opened', DETAIL = '期初的应付、预付与扣款，以及一经产生即已入账、制单或结清的应付，只由已复核的接转开立';
    END IF;
    RETURN NEW;
END $$;

-- Called by books.prepare(): an entry that opens a book is the confirmed set, line by line, signed by its two persons.
CREATE OR REPLACE FUNCTION fund.check_opening(p_region integer, p_fund smallint) RETURNS void LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp SET enable_nestloop = off AS $$
DECLARE v fund.cutover;
BEGIN
    IF NOT EXISTS (SELECT 1 FROM pg_temp.e_in WHERE event = 'OPEN' OR source_key LIKE 'OPEN:%' OR rule LIKE 'OPEN@%') THEN
        RETURN;
    END IF;
    SELECT * INTO v FROM fund.cutover c WHERE c.region = p_region AND c.fund = p_fund AND c.state = 'confirmed';
    IF NOT FOUND OR EXISTS (SELECT 1 FROM pg_temp.e_in e
            WHERE e.event <> 'OPEN' OR e.source_key NOT IN ('OPEN:1', 'OPEN:2') OR e.rule NOT LIKE 'OPEN@%' OR e.business_date <> v.day
               OR e.evidence_digest <> v.digest OR (e.prepared_by, e.reviewed_by) IS DISTINCT FROM (v.proposed_by, v.decided_by))
       OR EXISTS (SELECT 1 FROM (
            SELECT l.account, d.counterparty, d.subfund, d.service_year, d.term, d.category, sum(sign(l.side)::bigint * l.fen) AS fen
              FROM (SELECT abs(u.account) AS account, u.account AS side, u.dim, u.fen FROM pg_temp.e_in e
                     CROSS JOIN LATERAL unnest(e.accounts, e.dims, e.amounts) AS u (account, dim, fen)) l
              JOIN books.dim d ON d.region = p_region AND d.dim = l.dim GROUP BY 1, 2, 3, 4, 5, 6) s
            FULL JOIN (
            SELECT l.account, l.counterparty, l.subfund, l.service_year, l.term, l.category, sum(a.normal_side * l.balance_fen) AS fen
              FROM fund.cutover_line l JOIN books.account a ON a.region = l.region AND a.fund = l.fund AND a.account = l.account
             WHERE l.region = p_region AND l.fund = p_fund AND l.version = v.version AND l.posted AND l.balance_fen <> 0
             GROUP BY 1, 2, 3, 4, 5, 6) w USING (account, counterparty, subfund, service_year, term, category)
            WHERE s.fen IS DISTINCT FROM w.fen) THEN
        RAISE EXCEPTION USING ERRCODE = 'FL003', MESSAGE = 'cutover.not_opened', DETAIL = '期初凭证须与已复核的接转资料逐行相同，由其提出人与复核人签署';
    END IF;
END $$;

-- A confirmed set has its opening entries by the end of its transaction.
CREATE OR REPLACE FUNCTION fund.cutover_posted() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF EXISTS (SELECT DISTINCT CASE WHEN left(l.account::text, 1) = '9' THEN 'OPEN:2' ELSE 'OPEN:1' END FROM fund.cutover_line l
                WHERE (l.region, l.fund, l.version) = (NEW.region, NEW.fund, NEW.version) AND l.posted AND l.balance_fen <> 0
               EXCEPT SELECT s.source_key FROM books.source s WHERE s.region = NEW.region AND s.fund = NEW.fund)
       OR EXISTS (SELECT 1 FROM fund.cutover_bank b WHERE (b.region, b.fund, b.version, b.kind) = (NEW.region, NEW.fund, NEW.version, 'statement')
                     AND NOT EXISTS (SELECT 1 FROM payments.statement_file f WHERE f.region = b.region AND f.account = b.account AND f.form = 'cutover'
                                        AND f.name = format('接转%s-%s-%s', NEW.region, NEW.fund, NEW.day))) THEN
        RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'cutover.not_posted', DETAIL = '接转已复核而期初凭证未入账';
    END IF;
    RETURN NULL;
END $$;

CREATE OR REPLACE FUNCTION fund.check_party() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        IF NEW.state <> 'proposed' OR NEW.proposed_by IS DISTINCT FROM access.require_role(NEW.region, 0::smallint, '{maker,accountant}') THEN
            RAISE EXCEPTION USING ERRCODE = 'FL003', MESSAGE = 'proposal.by_other', DETAIL = '只能以本人名义提出，待另一人确认';
        END IF;
    ELSIF OLD.state <> 'proposed' OR NEW.state <> 'confirmed' THEN
        RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'party.known', DETAIL = format('往来单位%s已在用', OLD.party);
    ELSE
        PERFORM access.require_second(NEW.region, 0::smallint, OLD.proposed_by, NEW.confirmed_by);
    END IF;
    RETURN NEW;
END $$;

-- Guards ------------------------------------------------------
CREATE OR REPLACE TRIGGER frozen BEFORE UPDATE OF region, fund, version, day, proposed_by, proposed_on ON fund.cutover
    FOR EACH STATEMENT EXECUTE FUNCTION fund.refuse_change();
CREATE OR REPLACE TRIGGER kept BEFORE DELETE OR TRUNCATE ON fund.cutover FOR EACH STATEMENT EXECUTE FUNCTION fund.refuse_change();
CREATE CONSTRAINT TRIGGER posted AFTER UPDATE ON fund.cutover DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
    WHEN (NEW.state = 'confirmed') EXECUTE FUNCTION fund.cutover_posted();
CREATE OR REPLACE TRIGGER part AFTER INSERT ON fund.cutover_line REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION fund.check_cutover_part();
CREATE OR REPLACE TRIGGER frozen BEFORE UPDATE OR DELETE OR TRUNCATE ON fund.cutover_line
    FOR EACH STATEMENT EXECUTE FUNCTION fund.refuse_change();
CREATE OR REPLACE TRIGGER part AFTER INSERT ON fund.cutover_history REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION fund.check_cutover_part();
CREATE OR REPLACE TRIGGER frozen BEFORE UPDATE OR DELETE OR TRUNCATE ON fund.cutover_history
    FOR EACH STATEMENT EXECUTE FUNCTION fund.refuse_change();
CREATE OR REPLACE TRIGGER part AFTER INSERT ON fund.cutover_advance REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION fund.check_cutover_part();
CREATE OR REPLACE TRIGGER frozen BEFORE UPDATE OR DELETE OR TRUNCATE ON fund.cutover_advance
    FOR EACH STATEMENT EXECUTE FUNCTION fund.refuse_change();
CREATE OR REPLACE TRIGGER part AFTER INSERT ON fund.cutover_deduction REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION fund.check_cutover_part();
CREATE OR REPLACE TRIGGER frozen BEFORE UPDATE OR DELETE OR TRUNCATE ON fund.cutover_deduction
    FOR EACH STATEMENT EXECUTE FUNCTION fund.refuse_change();
CREATE OR REPLACE TRIGGER part AFTER INSERT ON fund.cutover_record REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION fund.check_cutover_part();
CREATE OR REPLACE TRIGGER frozen BEFORE UPDATE OR DELETE OR TRUNCATE ON fund.cutover_record
    FOR EACH STATEMENT EXECUTE FUNCTION fund.refuse_change();
CREATE OR REPLACE TRIGGER part AFTER INSERT ON fund.cutover_trial REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION fund.check_cutover_part();
CREATE OR REPLACE TRIGGER frozen BEFORE UPDATE OR DELETE OR TRUNCATE ON fund.cutover_trial
    FOR EACH STATEMENT EXECUTE FUNCTION fund.refuse_change();
CREATE OR REPLACE TRIGGER part AFTER INSERT ON fund.cutover_order REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION fund.check_cutover_part();
CREATE OR REPLACE TRIGGER frozen BEFORE UPDATE OR DELETE OR TRUNCATE ON fund.cutover_order
    FOR EACH STATEMENT EXECUTE FUNCTION fund.refuse_change();
CREATE OR REPLACE TRIGGER part AFTER INSERT ON fund.cutover_bank REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION fund.check_cutover_part();
CREATE OR REPLACE TRIGGER frozen BEFORE UPDATE OR DELETE OR TRUNCATE ON fund.cutover_bank
    FOR EACH STATEMENT EXECUTE FUNCTION fund.refuse_change();
CREATE OR REPLACE TRIGGER opened BEFORE INSERT ON payments.batch FOR EACH ROW
    WHEN (NEW.batch_id LIKE 'OPEN-%') EXECUTE FUNCTION fund.check_opened();
CREATE OR REPLACE TRIGGER opened BEFORE UPDATE ON fund.payable FOR EACH ROW
    WHEN (NEW.recognised_by LIKE 'OPEN%' AND OLD.recognised_by <> NEW.recognised_by OR NEW.order_no LIKE 'OPEN%' AND OLD.order_no <> NEW.order_no)
    EXECUTE FUNCTION fund.check_opened();
CREATE OR REPLACE TRIGGER opened_new BEFORE INSERT ON fund.payable FOR EACH ROW     -- what is new is not booked, ordered or settled yet
    WHEN (NEW.recognised_by <> '' OR NEW.order_no <> '' OR NEW.settled_by <> '') EXECUTE FUNCTION fund.check_opened();
CREATE OR REPLACE TRIGGER opened BEFORE UPDATE OF order_no ON fund.advance FOR EACH ROW
    WHEN (NEW.order_no LIKE 'OPEN%') EXECUTE FUNCTION fund.check_opened();
CREATE OR REPLACE TRIGGER opened_new BEFORE INSERT ON fund.advance FOR EACH ROW
    WHEN (NEW.order_no LIKE 'OPEN%' OR NEW.advance_id LIKE 'OPEN-%') EXECUTE FUNCTION fund.check_opened();
CREATE OR REPLACE TRIGGER opened_new BEFORE INSERT ON fund.person_payment FOR EACH ROW
    WHEN (NEW.payment_id LIKE 'OPEN-%') EXECUTE FUNCTION fund.check_opened();
CREATE OR REPLACE TRIGGER opened BEFORE INSERT ON fund.other_deduction FOR EACH ROW
    WHEN (NEW.deduction_id LIKE 'OPEN-%') EXECUTE FUNCTION fund.check_opened();
CREATE OR REPLACE TRIGGER frozen BEFORE UPDATE OF region, party, name, kind, proposed_by ON fund.party
    FOR EACH STATEMENT EXECUTE FUNCTION fund.refuse_change();
CREATE OR REPLACE TRIGGER kept BEFORE DELETE OR TRUNCATE ON fund.party FOR EACH STATEMENT EXECUTE FUNCTION fund.refuse_change();
CREATE OR REPLACE TRIGGER two_persons BEFORE INSERT OR UPDATE ON fund.party FOR EACH ROW EXECUTE FUNCTION fund.check_party();

-- Grants ------------------------------------------------------
GRANT SELECT ON fund.cutover TO fundledger_service, fundledger_auditor, fundledger_poster;
GRANT SELECT ON fund.cutover_line TO fundledger_poster;
GRANT SELECT, INSERT ON fund.cutover_line TO fundledger_service;
GRANT SELECT ON fund.cutover_line TO fundledger_auditor;
GRANT SELECT, INSERT ON fund.cutover_history TO fundledger_service;
GRANT SELECT ON fund.cutover_history TO fundledger_auditor;
GRANT SELECT, INSERT ON fund.cutover_advance TO fundledger_service;
GRANT SELECT ON fund.cutover_advance TO fundledger_auditor;
GRANT SELECT, INSERT ON fund.cutover_deduction TO fundledger_service;
GRANT SELECT ON fund.cutover_deduction TO fundledger_auditor;
GRANT SELECT, INSERT ON fund.cutover_record TO fundledger_service;
GRANT SELECT ON fund.cutover_record TO fundledger_auditor;
GRANT SELECT, INSERT ON fund.cutover_trial TO fundledger_service;
GRANT SELECT ON fund.cutover_trial TO fundledger_auditor;
GRANT SELECT, INSERT ON fund.cutover_order TO fundledger_service;
GRANT SELECT ON fund.cutover_order TO fundledger_auditor;
GRANT SELECT, INSERT ON fund.cutover_bank TO fundledger_service;
GRANT SELECT ON fund.cutover_bank TO fundledger_auditor;
GRANT SELECT, INSERT ON fund.party TO fundledger_service;
GRANT UPDATE (state, confirmed_by, confirmed_on) ON fund.party TO fundledger_service;
GRANT SELECT ON fund.party TO fundledger_auditor;
GRANT EXECUTE ON FUNCTION fund.known_party(integer,text) TO fundledger_service, fundledger_poster;
GRANT EXECUTE ON FUNCTION fund.begin_cutover(integer,smallint,date,date) TO fundledger_service;
GRANT EXECUTE ON FUNCTION fund.cutover_differences(integer,smallint,integer) TO fundledger_service;
GRANT EXECUTE ON FUNCTION fund.cutover_digest(integer,smallint,integer) TO fundledger_service;
GRANT EXECUTE ON FUNCTION fund.propose_cutover(integer,smallint,integer) TO fundledger_service;
GRANT EXECUTE ON FUNCTION fund.decide_cutover(integer,smallint,bytea,text,date) TO fundledger_service;
GRANT EXECUTE ON FUNCTION fund.open_banks(integer,smallint) TO fundledger_service;
GRANT EXECUTE ON FUNCTION fund.check_opening(integer,smallint) TO fundledger_poster;
