-- A statement loaded wrongly is taken back by two persons while nothing rests on it: it stays, under a number below nought, and a
-- corrected one takes its place. One that came in several pages is one statement of several files once all of them are there.
CREATE TABLE payments.statement_withdrawal (
    region          integer NOT NULL,
    account         text NOT NULL,
    n               integer NOT NULL CHECK (n > 0),
    file_sha256     bytea NOT NULL,
    first_statement integer NOT NULL CHECK (first_statement > 0),   -- as they were numbered
    last_statement  integer NOT NULL,
    kept_as         integer CHECK (kept_as < 0),                    -- the first one's number since
    reason          text NOT NULL CHECK (reason <> ''),
    state           text NOT NULL DEFAULT 'requested' CHECK (state IN ('requested', 'approved', 'refused')),
    prepared_by     text NOT NULL,
    prepared_on     date NOT NULL,
    approved_by     text NOT NULL DEFAULT '',
    approved_on     date,
    refusal         text NOT NULL DEFAULT '',
    PRIMARY KEY (region, account, n),
    FOREIGN KEY (region, account) REFERENCES payments.bank_account,
    CHECK (first_statement <= last_statement),
    CHECK ((state = 'requested') = (approved_by = '') AND (approved_by = '') = (approved_on IS NULL)),
    CHECK (approved_by <> prepared_by),
    CHECK ((state = 'refused') = (refusal <> '')),
    CHECK ((state = 'approved') = (kept_as IS NOT NULL))
);

CREATE UNIQUE INDEX one_withdrawal ON payments.statement_withdrawal (region, account) WHERE state = 'requested';

-- The files of a statement that came in pages.
CREATE TABLE payments.statement_page (
    region      integer NOT NULL,
    account     text NOT NULL,
    statement   integer NOT NULL,
    page        integer NOT NULL CHECK (page > 0),
    file_sha256 bytea NOT NULL,
    PRIMARY KEY (region, account, statement, page),
    FOREIGN KEY (region, account, statement) REFERENCES payments.bank_statement DEFERRABLE INITIALLY DEFERRED
);

ALTER TABLE payments.statement_file DROP CONSTRAINT statement_file_state_check, DROP CONSTRAINT statement_file_check1;
ALTER TABLE payments.statement_file ADD CONSTRAINT statement_file_state_check CHECK (state IN ('proposed', 'waiting', 'taken', 'refused', 'withdrawn')),
    ADD CONSTRAINT statement_file_check1 CHECK (state IN ('taken', 'withdrawn') OR (state = 'waiting') = (form <> 'hand'));
DROP INDEX payments.statement_file_once;
CREATE UNIQUE INDEX statement_file_once ON payments.statement_file (region, account, sha256) WHERE state NOT IN ('refused', 'withdrawn');

ALTER TABLE payments.bank_statement DROP CONSTRAINT bank_statement_n_check,
    DROP CONSTRAINT bank_statement_region_account_file_sha256_place_key;
ALTER TABLE payments.bank_statement ADD CONSTRAINT bank_statement_n_check CHECK (n <> 0);
CREATE UNIQUE INDEX statement_of_file ON payments.bank_statement (region, account, file_sha256, place) WHERE n > 0;
ALTER TABLE payments.match_line DROP CONSTRAINT match_line_region_account_statement_n_fkey;
ALTER TABLE payments.match_line ADD CONSTRAINT match_line_region_account_statement_n_fkey
    FOREIGN KEY (region, account, statement, n) REFERENCES payments.statement_line DEFERRABLE;
