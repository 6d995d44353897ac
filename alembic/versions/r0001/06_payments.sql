-- Orders, approval, files, evidence. One table says which event leads from which state to which, and what it posts.

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

-- Our accounts at banks: which books they serve, and how their files travel.
CREATE TABLE payments.bank_account (
    region    integer NOT NULL REFERENCES fund.region,
    account   text NOT NULL CHECK (account ~ '^[0-9A-Za-z-]{5,34}$'),
    kind      text NOT NULL CHECK (kind IN ('1002', '1003', '1004')),
    bank      text NOT NULL,                 -- key of the bank's format and channel in the registry
    name      text NOT NULL,
    bank_name text NOT NULL,
    cnaps     text NOT NULL CHECK (cnaps ~ '^[0-9]{12}$'),
    PRIMARY KEY (region, account)
);
-- How an account's files travel: host, port, host keys, folders; no secret. Proposed by one person, confirmed by another.
CREATE TABLE payments.bank_channel (
    region       integer NOT NULL,
    account      text NOT NULL,
    version      integer NOT NULL,
    channel      jsonb NOT NULL,
    state        text NOT NULL CHECK (state IN ('proposed', 'confirmed', 'replaced')),
    proposed_by  text NOT NULL,
    confirmed_by text NOT NULL DEFAULT '',
    PRIMARY KEY (region, account, version),
    FOREIGN KEY (region, account) REFERENCES payments.bank_account,
    CHECK ((state = 'proposed') = (confirmed_by = ''))
);
CREATE UNIQUE INDEX one_confirmed_channel ON payments.bank_channel (region, account) WHERE state = 'confirmed';
CREATE TABLE payments.book_account (
    region  integer NOT NULL,
    fund    smallint NOT NULL,
    kind    text NOT NULL,
    account text NOT NULL,
    PRIMARY KEY (region, fund, kind),
    FOREIGN KEY (region, account) REFERENCES payments.bank_account,
    FOREIGN KEY (region, fund) REFERENCES books.book
);

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
    PRIMARY KEY (region, order_no),
    -- Deferred: the batch row carries the digest of its orders, so it comes after them.
    FOREIGN KEY (region, batch_id) REFERENCES payments.batch DEFERRABLE INITIALLY DEFERRED,
    FOREIGN KEY (region, account) REFERENCES payments.bank_account
);
CREATE INDEX pay_order_live ON payments.pay_order (region, fund, state) WHERE state NOT IN ('paid', 'cancelled', 'rejected', 'returned');
CREATE INDEX pay_order_batch ON payments.pay_order (region, batch_id);
CREATE INDEX pay_order_file ON payments.pay_order (region, file_id) WHERE file_id <> '';
CREATE INDEX pay_order_reference ON payments.pay_order (region, bank_reference) WHERE bank_reference <> '';
CREATE INDEX pay_order_institution ON payments.pay_order (region, institution);

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
    reason      text NOT NULL,        -- payee_missing, payee_failed, suspended, ended, not_due, negative, over_available
    amount_fen  bigint NOT NULL,
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

-- Outgoing files: the bytes are stored before they are sent and never change; a rebuilt file has another id.
-- sending: somebody set out to deliver it, so that it may be at the bank whatever became of him; it cannot be voided.
CREATE TABLE payments.bank_file (
    region     integer NOT NULL,
    file_id    text NOT NULL,
    batch_id   text NOT NULL,
    account    text NOT NULL,
    name       text NOT NULL,
    created_at timestamptz NOT NULL,         -- as written in the file: encoding again gives the same bytes
    content    bytea NOT NULL,
    sha256     bytea NOT NULL,
    sm3        bytea NOT NULL,
    orders     integer NOT NULL CHECK (orders > 0),
    total_fen  bigint NOT NULL CHECK (total_fen > 0),
    state      text NOT NULL CHECK (state IN ('filed', 'sending', 'sent', 'unknown', 'void')),
    PRIMARY KEY (region, file_id),
    UNIQUE (region, account, name),
    FOREIGN KEY (region, batch_id) REFERENCES payments.batch
);
ALTER TABLE payments.bank_file ALTER COLUMN content SET STORAGE EXTERNAL;

-- Incoming files as they came: one row per bytes and bank account; another content under a known name is another row.
CREATE TABLE payments.inbound_file (
    region   integer NOT NULL,
    account  text NOT NULL,
    sha256   bytea NOT NULL,
    name     text NOT NULL,
    content  bytea NOT NULL,
    kind     text NOT NULL,           -- pain.002, camt.054, bker, or '' where it could not be read
    outcome  text NOT NULL CHECK (outcome IN ('read', 'quarantined')),
    code     text NOT NULL,
    message  text NOT NULL,
    received_on date NOT NULL,
    PRIMARY KEY (region, account, sha256)
);

-- Every name a file came under: what need not be fetched again, and a name that came with other bytes.
CREATE TABLE payments.inbound_name (
    region  integer NOT NULL,
    account text NOT NULL,
    name    text NOT NULL,
    sha256  bytea NOT NULL,
    size    bigint NOT NULL,
    PRIMARY KEY (region, account, name, sha256),
    FOREIGN KEY (region, account, sha256) REFERENCES payments.inbound_file
);

-- Every booked movement a bank told us of, used at most once (INV-13).
CREATE TABLE payments.evidence (
    region         integer NOT NULL,
    account        text NOT NULL,
    kind           text NOT NULL CHECK (kind IN ('bker', 'camt.054')),
    receipt_no     text NOT NULL,
    file_sha256    bytea NOT NULL,
    direction      text NOT NULL CHECK (direction IN ('debit', 'credit')),
    booking_date   date NOT NULL,
    amount_fen     bigint NOT NULL CHECK (amount_fen > 0),
    other_account  text NOT NULL,
    other_name     text NOT NULL,
    order_no       text NOT NULL,
    bank_reference text NOT NULL,
    is_return      boolean NOT NULL,
    reason_code    text NOT NULL,
    reason         text NOT NULL,
    digest         bytea NOT NULL,      -- SHA-256 of the above
    outcome        text NOT NULL CHECK (outcome IN ('posted', 'confirmed', 'waiting', 'suspense')),
    outcome_code   text NOT NULL,       -- why it waits or is in suspense: unknown_order, amount_differs …
    matched_order  text NOT NULL DEFAULT '',   -- the order it was found to speak of
    PRIMARY KEY (region, account, kind, receipt_no)
);
-- The same money movement, told by two papers, posts once.
CREATE UNIQUE INDEX evidence_movement ON payments.evidence (region, account, bank_reference, direction)
    WHERE outcome = 'posted' AND bank_reference <> '';
CREATE INDEX evidence_order ON payments.evidence (region, matched_order) WHERE matched_order <> '';
CREATE INDEX evidence_open ON payments.evidence (region, account, outcome) WHERE outcome IN ('waiting', 'suspense');

-- Entries read from a file that could not be used: kept with their place.
CREATE TABLE payments.inbound_problem (
    region  integer NOT NULL,
    account text NOT NULL,
    sha256  bytea NOT NULL,
    n       integer NOT NULL,
    place   text NOT NULL,
    code    text NOT NULL,
    message text NOT NULL,
    PRIMARY KEY (region, account, sha256, n),
    FOREIGN KEY (region, account, sha256) REFERENCES payments.inbound_file
);
