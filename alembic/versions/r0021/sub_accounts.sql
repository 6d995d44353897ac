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

-- 4101二: sub-accounts for central, province and city, premium and benefit subsidies. Where 4101 was posted to itself, or a voucher
-- that names it waits, it stays a leaf: nothing posted moves, and the accounts are added in a later year by two persons.
ALTER TABLE books.account DISABLE TRIGGER USER;
WITH split AS (
    SELECT k.region, k.fund FROM books.book k
     WHERE NOT EXISTS (SELECT 1 FROM books.posting p WHERE p.region = k.region AND p.fund = k.fund AND p.account = 4101)
       AND NOT EXISTS (SELECT 1 FROM books.voucher_line l
                        WHERE l.region = k.region AND l.fund = k.fund AND l.account = 4101 AND NOT EXISTS (
                              SELECT 1 FROM books.voucher_decision d
                               WHERE d.region = l.region AND d.fund = l.fund AND d.voucher_id = l.voucher_id))
), turned AS (
    UPDATE books.account a SET leaf = false FROM split s WHERE a.region = s.region AND a.fund = s.fund AND a.account = 4101
)
INSERT INTO books.account
SELECT s.region, s.fund, c.account, '财政补贴收入—' || c.name, 1, '收入', -1, c.account > 999999, 0
  FROM split s CROSS JOIN (VALUES
    (410101, '中央财政补贴'), (41010101, '中央财政补贴—缴费补贴'), (41010102, '中央财政补贴—待遇补贴'),
    (410102, '省级财政补贴'), (41010201, '省级财政补贴—缴费补贴'), (41010202, '省级财政补贴—待遇补贴'),
    (410103, '市级财政补贴'), (41010301, '市级财政补贴—缴费补贴'), (41010302, '市级财政补贴—待遇补贴')) AS c (account, name);
ALTER TABLE books.account ENABLE TRIGGER USER;
