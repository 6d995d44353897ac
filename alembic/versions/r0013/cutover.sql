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
    reference text NOT NULL,          -- of the payment in the old system
    PRIMARY KEY (region, fund, version, line),
    FOREIGN KEY (region, fund, version) REFERENCES fund.cutover
);

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

-- Whom the fund deals with beside institutions, regions and its own bank accounts: for 1101, 1201, 2001, 2101.
CREATE TABLE fund.party (
    region       integer NOT NULL,
    party        text NOT NULL CHECK (party ~ '^\S(.{0,58}\S)?$' AND translate(party, E'|\\\n\r\t', '') = party),
    name         text NOT NULL CHECK (name <> '' AND translate(name, E'|\\\n\r\t', '') = name),
    kind         text NOT NULL CHECK (kind IN ('person', 'agency', 'insurer', 'bond', 'lender', 'supplier', 'other')),
    state        text NOT NULL DEFAULT 'proposed' CHECK (state IN ('proposed', 'confirmed', 'taken_over')),
    proposed_by  text NOT NULL,
    confirmed_by text NOT NULL DEFAULT '',
    PRIMARY KEY (region, party),
    CHECK ((state = 'confirmed') = (confirmed_by <> '')),
    CHECK (confirmed_by <> proposed_by)
);

-- Parties in use are taken over: whoever drafted with them drafts on.
INSERT INTO fund.party (region, party, name, kind, state, proposed_by)
SELECT DISTINCT d.region, d.counterparty, d.counterparty, 'other', 'taken_over', 'migration'
  FROM books.dim d
 WHERE d.counterparty ~ '^\S(.{0,58}\S)?$' AND translate(d.counterparty, E'\t', '') = d.counterparty
   AND EXISTS (SELECT 1 FROM books.balance b JOIN books.account a ON a.region = b.region AND a.fund = b.fund AND a.account = b.account
                WHERE b.region = d.region AND b.dim = d.dim AND a.section = 1)
   AND d.counterparty <> 'PERSON'
   AND NOT EXISTS (SELECT 1 FROM fund.institution i WHERE i.region = d.region AND i.institution = d.counterparty)
   AND NOT EXISTS (SELECT 1 FROM payments.bank_account k WHERE k.region = d.region AND k.account = d.counterparty)
   AND NOT EXISTS (SELECT 1 FROM fund.outregion_counterparty o WHERE o.region = d.region AND o.counterparty::text = d.counterparty);
