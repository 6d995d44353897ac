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

ALTER TABLE books.period DROP CONSTRAINT period_state_check;
ALTER TABLE books.period ADD CONSTRAINT period_state_check CHECK (state IN ('open', 'closing', 'closed', 'sealed'));

-- Closed before closes were recorded: by one person, without a check list. Kept as what it is.
INSERT INTO books.closing (region, fund, period, n, method, state, begun_by)
SELECT region, fund, period, 1, 'before', 'closed', '' FROM books.period WHERE state = 'closed';

INSERT INTO access.role VALUES ('chief', '会计主管', true);
INSERT INTO access.incompatible VALUES
    ('cashier',  'chief', '出纳不得兼任会计主管'),
    ('reviewer', 'chief', '内控稽核不得经办业务'),
    ('admin',    'chief', '用户管理员不得经办业务'),
    ('chief', 'maker',  '会计主管不得经办业务'),
    ('chief', 'intake', '会计主管不得经办业务'),
    ('chief', 'system', '会计主管不得经办业务');

INSERT INTO fund.policy_key VALUES
    ('closing_method', '期末结转：monthly账结、yearly表结（年末一次结转）', 'monthly|yearly');
