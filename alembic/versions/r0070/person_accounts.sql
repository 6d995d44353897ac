-- An account of a person that the bank said is wrong: of which payment, by which order it became known, and the account to which two
-- persons decided that it is paid instead (the same one again where the bank was wrong). Of a payment the row of the highest `n` counts.
CREATE TABLE fund.person_account (
    region       integer NOT NULL,
    fund         smallint NOT NULL CHECK (fund IN (310, 390)),
    account_id   text NOT NULL CHECK (account_id = 'PAC-' || order_no),
    payment_id   text NOT NULL,
    n            integer NOT NULL CHECK (n > 0),
    order_no     text NOT NULL,
    failed_on    date NOT NULL,
    payee_name   text NOT NULL DEFAULT '',
    payee_number text NOT NULL DEFAULT '' CHECK (payee_number ~ '^(|~[0-9a-f]{8}[.][A-Za-z0-9_-]{22,}~)$'),   -- sealed
    payee_bank   text NOT NULL DEFAULT '',
    payee_cnaps  text NOT NULL DEFAULT '' CHECK (payee_cnaps ~ '^(|[0-9]{12})$'),
    document     text NOT NULL DEFAULT '',
    state        text NOT NULL DEFAULT 'failed' CHECK (state IN ('failed', 'requested', 'approved', 'refused')),
    prepared_by  text NOT NULL DEFAULT '',
    prepared_on  date,
    approved_by  text NOT NULL DEFAULT '',
    approved_on  date,
    reason       text NOT NULL DEFAULT '',
    PRIMARY KEY (region, account_id),
    UNIQUE (region, payment_id, n),
    FOREIGN KEY (region, payment_id) REFERENCES fund.person_payment,
    CHECK ((state = 'failed') = (prepared_by = '')),
    CHECK ((state = 'failed') = (payee_name = '' OR payee_number = '' OR payee_bank = '' OR payee_cnaps = '' OR document = '')),
    CHECK ((state IN ('failed', 'requested')) = (approved_by = '')),
    CHECK (approved_by = '' OR approved_by <> prepared_by)
);
