-- 国库存款 is an own account too.
ALTER TABLE payments.bank_account DROP CONSTRAINT bank_account_kind_check;
ALTER TABLE payments.bank_account ADD CONSTRAINT bank_account_kind_check CHECK (kind IN ('1002', '1003', '1004', '1005'));

-- Statements as the bank gave them, or as a person copied one from paper (hand: believed after a second person).
CREATE TABLE payments.statement_file (
    region      integer NOT NULL,
    account     text NOT NULL,
    sha256      bytea NOT NULL CHECK (sha256 = sha256(content)),
    n           integer NOT NULL CHECK (n > 0),      -- proposed again after a refusal
    name        text NOT NULL CHECK (name <> ''),
    form        text NOT NULL CHECK (form IN ('camt.053', 'bkrs', 'csv', 'hand')),
    content     bytea NOT NULL,
    profile     text NOT NULL,                       -- how a table was read; '' for the other forms
    stated      jsonb NOT NULL,                      -- what the person said of a table: number, days, opening, closing
    digest      bytea NOT NULL CHECK (length(digest) = 32),   -- of content and what was stated
    state       text NOT NULL CHECK (state IN ('proposed', 'taken', 'refused')),
    prepared_by text NOT NULL,
    prepared_on date NOT NULL,
    approved_by text NOT NULL DEFAULT '',
    approved_on date,
    reason      text NOT NULL DEFAULT '',
    PRIMARY KEY (region, account, sha256, n),
    FOREIGN KEY (region, account) REFERENCES payments.bank_account,
    CHECK (state = 'taken' OR form = 'hand'),
    CHECK ((approved_by <> '') = (form = 'hand' AND state <> 'proposed') AND (approved_by = '') = (approved_on IS NULL)),
    CHECK (approved_by <> prepared_by),
    CHECK ((state = 'refused') = (reason <> ''))
);

CREATE UNIQUE INDEX statement_file_once ON payments.statement_file (region, account, sha256) WHERE state <> 'refused';

-- A statement of an account: n counts them, each begins where the one before ended.
CREATE TABLE payments.bank_statement (
    region      integer NOT NULL,
    account     text NOT NULL,
    n           integer NOT NULL CHECK (n > 0),
    file_sha256 bytea NOT NULL,
    place       integer NOT NULL CHECK (place > 0),  -- which statement of the file
    form        text NOT NULL CHECK (form IN ('camt.053', 'bkrs', 'csv', 'hand')),
    number      text NOT NULL,                       -- the bank's own
    sequence    bigint CHECK (sequence >= 0),        -- where the bank counts them
    first_day   date NOT NULL,
    last_day    date NOT NULL,
    opening_fen bigint NOT NULL,
    closing_fen bigint NOT NULL,
    lines       integer NOT NULL CHECK (lines >= 0),
    PRIMARY KEY (region, account, n),
    UNIQUE (region, account, file_sha256, place),
    FOREIGN KEY (region, account) REFERENCES payments.bank_account,
    CHECK (first_day <= last_day)
);

CREATE TABLE payments.statement_line (
    region         integer NOT NULL,
    account        text NOT NULL,
    statement      integer NOT NULL,
    n              integer NOT NULL CHECK (n > 0),
    booked_on      date NOT NULL,
    direction      text NOT NULL CHECK (direction IN ('debit', 'credit')),   -- debit: money went out
    amount_fen     bigint NOT NULL CHECK (amount_fen > 0),
    balance_fen    bigint,                           -- after the line, where the bank prints it
    bank_reference text NOT NULL,
    receipt_no     text NOT NULL,
    order_no       text NOT NULL,
    other_account  text NOT NULL,
    other_name     text NOT NULL,
    summary        text NOT NULL,
    is_reversal    boolean NOT NULL,
    PRIMARY KEY (region, account, statement, n),
    FOREIGN KEY (region, account, statement) REFERENCES payments.bank_statement DEFERRABLE INITIALLY DEFERRED
);

-- A match of statement lines with journal lines of the account that come to the same; n and undo_n count in one row of numbers,
-- so that what stood at any moment can be told again. Why: the paper's number, the bank's serial, the order; reversal: a voucher
-- and its red copy; hand: a person said so, with a reason.
CREATE TABLE payments.statement_match (
    region    integer NOT NULL,
    account   text NOT NULL,
    n         bigint NOT NULL CHECK (n > 0),
    why       text NOT NULL CHECK (why IN ('receipt', 'serial', 'order', 'reversal', 'hand')),
    reason    text NOT NULL CHECK (reason <> ''),    -- the number both sides carry, or the person's words
    made_by   text NOT NULL,
    made_on   date NOT NULL,
    undo_n    bigint CHECK (undo_n > n),
    undone_by text NOT NULL DEFAULT '',
    undone_on date,
    undone_why text NOT NULL DEFAULT '',
    PRIMARY KEY (region, account, n),
    FOREIGN KEY (region, account) REFERENCES payments.bank_account,
    CHECK ((undo_n IS NULL) = (undone_by = '') AND (undo_n IS NULL) = (undone_on IS NULL) AND (undo_n IS NULL) = (undone_why = ''))
);

CREATE TABLE payments.match_line (
    region    integer NOT NULL,
    account   text NOT NULL,
    match     bigint NOT NULL,
    statement integer NOT NULL,
    n         integer NOT NULL,
    live      boolean NOT NULL DEFAULT true,         -- false once the match is undone
    PRIMARY KEY (region, account, match, statement, n),
    FOREIGN KEY (region, account, match) REFERENCES payments.statement_match DEFERRABLE INITIALLY DEFERRED,
    FOREIGN KEY (region, account, statement, n) REFERENCES payments.statement_line
);

CREATE UNIQUE INDEX line_matched_once ON payments.match_line (region, account, statement, n) WHERE live;

CREATE TABLE payments.match_leg (
    region     integer NOT NULL,
    account    text NOT NULL,
    match      bigint NOT NULL,
    fund       smallint NOT NULL,
    period     integer NOT NULL,
    seq        bigint NOT NULL,
    leg        smallint NOT NULL,
    effect_fen bigint NOT NULL CHECK (effect_fen <> 0),   -- positive: money came in
    live       boolean NOT NULL DEFAULT true,
    PRIMARY KEY (region, account, match, fund, seq, leg),
    FOREIGN KEY (region, account, match) REFERENCES payments.statement_match DEFERRABLE INITIALLY DEFERRED
);

CREATE UNIQUE INDEX leg_matched_once ON payments.match_leg (region, fund, seq, leg) WHERE live;

-- 银行存款余额调节表 of an account and month, as known at the cuts: statements, matches and blocks up to there.
CREATE TABLE payments.reconciliation (
    region        integer NOT NULL,
    account       text NOT NULL,
    period        integer NOT NULL CHECK (period % 100 BETWEEN 1 AND 12),
    version       integer NOT NULL CHECK (version > 0),
    bank_fen      bigint NOT NULL,
    book_fen      bigint NOT NULL,
    adjusted_fen  bigint NOT NULL,
    items         integer NOT NULL CHECK (items >= 0),
    statement_cut integer NOT NULL,
    match_cut     bigint NOT NULL,
    blocks        jsonb NOT NULL,                    -- fund → last block
    digest        bytea NOT NULL CHECK (length(digest) = 32),
    state         text NOT NULL CHECK (state IN ('made', 'reviewed', 'refused')),
    made_by       text NOT NULL,
    made_on       date NOT NULL,
    reviewed_by   text NOT NULL DEFAULT '',
    reviewed_on   date,
    reviewed_digest bytea,                           -- what the reviewer had before them
    reason        text NOT NULL DEFAULT '',
    PRIMARY KEY (region, account, period, version),
    FOREIGN KEY (region, account) REFERENCES payments.bank_account,
    CHECK ((state = 'made') = (reviewed_by = '') AND (reviewed_by = '') = (reviewed_on IS NULL)),
    CHECK (reviewed_by <> made_by),
    CHECK ((state = 'refused') = (reason <> '')),
    CHECK (state <> 'reviewed' OR reviewed_digest IS NOT DISTINCT FROM digest)
);

CREATE UNIQUE INDEX one_reconciliation_made ON payments.reconciliation (region, account, period) WHERE state = 'made';

-- Open items: book_in, book_out are ours that the bank has not; bank_in, bank_out the bank's that our books have not.
CREATE TABLE payments.reconciliation_item (
    region     integer NOT NULL,
    account    text NOT NULL,
    period     integer NOT NULL,
    version    integer NOT NULL,
    n          integer NOT NULL CHECK (n > 0),
    part       text NOT NULL CHECK (part IN ('book_in', 'book_out', 'bank_in', 'bank_out')),
    day        date NOT NULL,
    amount_fen bigint NOT NULL CHECK (amount_fen > 0),
    reference  text NOT NULL CHECK (reference <> ''),    -- fund:seq:line of the journal, statement:line of the bank
    paper      text NOT NULL,
    summary    text NOT NULL,
    age_days   integer NOT NULL CHECK (age_days >= 0),
    PRIMARY KEY (region, account, period, version, n),
    UNIQUE (region, account, period, version, reference),
    FOREIGN KEY (region, account, period, version) REFERENCES payments.reconciliation DEFERRABLE INITIALLY DEFERRED
);
