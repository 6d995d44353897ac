CREATE TABLE books.account_change (
    region      integer NOT NULL,
    fund        smallint NOT NULL CHECK (fund IN (310, 390)),
    account     integer NOT NULL,
    n           smallint NOT NULL CHECK (n > 0),
    act         text NOT NULL CHECK (act IN ('add', 'close')),
    name        text NOT NULL,
    dims        smallint NOT NULL,
    state       text NOT NULL CHECK (state IN ('proposed', 'confirmed', 'refused')),
    proposed_by text NOT NULL,
    proposed_on date NOT NULL,
    digest      bytea NOT NULL CHECK (length(digest) = 32),
    decided_by  text NOT NULL DEFAULT '',
    decided_on  date,
    reason      text NOT NULL DEFAULT '',
    PRIMARY KEY (region, fund, account, n),
    FOREIGN KEY (region, fund) REFERENCES books.book,
    CHECK ((state = 'proposed') = (decided_by = '') AND (state = 'proposed') = (decided_on IS NULL)),
    CHECK (decided_by <> proposed_by),
    CHECK (decided_on >= proposed_on),
    CHECK ((state = 'refused') = (reason <> ''))
);

CREATE UNIQUE INDEX one_account_change ON books.account_change (region, fund, account) WHERE state = 'proposed';
