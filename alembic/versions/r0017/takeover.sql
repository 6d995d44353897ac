-- Payments of the old system on their way at the bank, a row an item: they become orders of ours, and their 9104 is opened. Rows of
-- one payment carry one reference and agree in everything but the key and the amount.
CREATE TABLE fund.cutover_order (
    region         integer NOT NULL,
    fund           smallint NOT NULL,
    version        integer NOT NULL,
    line           integer NOT NULL,
    reference      text NOT NULL,      -- the end-to-end id the old system gave it
    source         integer NOT NULL,   -- where it was owed: 9101, 9103, 9106
    institution    text NOT NULL,
    subfund        text NOT NULL,
    service_year   smallint NOT NULL,
    term           integer NOT NULL,
    category       text NOT NULL,
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

-- The number under which the bank knows an order that the old system sent: its papers and statuses carry that one.
CREATE TABLE payments.taken_order (
    region    integer NOT NULL,
    reference text NOT NULL CHECK (reference <> ''),
    order_no  text NOT NULL,
    PRIMARY KEY (region, reference),
    UNIQUE (region, order_no),
    FOREIGN KEY (region, order_no) REFERENCES payments.pay_order
);

-- Lines of an opening entry that stand for open items of the old books: what each was, for the sheet and for matching.
CREATE TABLE payments.opened_leg (
    region    integer NOT NULL,
    account   text NOT NULL,
    fund      smallint NOT NULL,
    seq       bigint NOT NULL,
    leg       smallint NOT NULL,
    day       date NOT NULL,
    reference text NOT NULL,
    summary   text NOT NULL,
    PRIMARY KEY (region, fund, seq, leg),
    FOREIGN KEY (region, account) REFERENCES payments.bank_account
);

-- A finding of the old system still to be taken: carried like another deduction, and called what it is.
ALTER TABLE fund.cutover_deduction ADD COLUMN finding boolean NOT NULL DEFAULT false;

-- Each opened record is looked for among the set's.
CREATE INDEX cutover_record_by_id ON fund.cutover_record (region, fund, version, setl_id, subfund);

-- A cut-over sends what the old system sent: it is at the bank, nobody knows yet what became of it.
INSERT INTO payments.transition VALUES ('approved', 'take_over', 'unknown', '');

-- The opening statement of an account, made from the confirmed set, and the match that takes the opening entry as reconciled.
ALTER TABLE payments.statement_file DROP CONSTRAINT statement_file_form_check;
ALTER TABLE payments.statement_file ADD CHECK (form IN ('camt.053', 'bkrs', 'csv', 'hand', 'cutover'));
ALTER TABLE payments.bank_statement DROP CONSTRAINT bank_statement_form_check;
ALTER TABLE payments.bank_statement ADD CHECK (form IN ('camt.053', 'bkrs', 'csv', 'hand', 'cutover'));
ALTER TABLE payments.statement_match DROP CONSTRAINT statement_match_why_check;
ALTER TABLE payments.statement_match ADD CHECK (why IN ('receipt', 'serial', 'order', 'reversal', 'hand', 'opening'));
