-- The journal (design.md 2, datamodel.md 2). Region first in every key, fund second: together they are the book.

CREATE TABLE books.book (
    region     integer NOT NULL CHECK (region BETWEEN 100000 AND 999999),
    fund       smallint NOT NULL CHECK (fund IN (310, 390)),
    name       text NOT NULL,
    opened_on  date NOT NULL,
    PRIMARY KEY (region, fund)
);

-- The posting lock of a book and the end of its chain.
CREATE TABLE books.head (
    region      integer NOT NULL,
    fund        smallint NOT NULL,
    seq         bigint NOT NULL,
    block       bigint NOT NULL,
    recorded_at timestamptz NOT NULL,
    hash        bytea NOT NULL CHECK (length(hash) = 32),
    PRIMARY KEY (region, fund),
    FOREIGN KEY (region, fund) REFERENCES books.book
);

CREATE TABLE books.account (
    region      integer NOT NULL,
    fund        smallint NOT NULL,
    account     integer NOT NULL,                -- the code as an integer
    name        text NOT NULL,                   -- full name, levels joined by —
    section     smallint NOT NULL CHECK (section IN (1, 2)),
    class       text NOT NULL,                   -- 资产 负债 净资产 收入 支出 备查
    normal_side smallint NOT NULL CHECK (normal_side IN (1, -1)),
    leaf        boolean NOT NULL,
    dims        smallint NOT NULL,               -- bits: 1 counterparty 2 subfund 4 service_year 8 term 16 category
    PRIMARY KEY (region, fund, account),
    FOREIGN KEY (region, fund) REFERENCES books.book,
    CHECK (section = CASE WHEN left(account::text, 1) = '9' THEN 2 ELSE 1 END)
);

-- Interned dimensions. `hash` chains them in the order of their numbers, and every block names the last one,
-- so that changing what a number means is found like changing a leg.
CREATE TABLE books.dim (
    region       integer NOT NULL,
    dim          integer NOT NULL,
    counterparty text NOT NULL CHECK (translate(counterparty, E'|\\\n\r', '') = counterparty),
    subfund      text NOT NULL CHECK (subfund IN ('', 'pool', 'acct')),
    service_year smallint NOT NULL,
    term         integer NOT NULL,
    category     text NOT NULL CHECK (translate(category, E'|\\\n\r', '') = category),
    hash         bytea NOT NULL CHECK (length(hash) = 32),
    PRIMARY KEY (region, dim),
    UNIQUE (region, counterparty, subfund, service_year, term, category)
);
CREATE TABLE books.dim_head (
    region integer PRIMARY KEY,
    dim    integer NOT NULL,
    hash   bytea NOT NULL
);

CREATE TABLE books.period (
    region integer NOT NULL,
    fund   smallint NOT NULL,
    period integer NOT NULL CHECK (period % 100 BETWEEN 1 AND 12),
    state  text NOT NULL CHECK (state IN ('open', 'closing', 'closed')),
    PRIMARY KEY (region, fund, period),
    FOREIGN KEY (region, fund) REFERENCES books.book
);

CREATE TABLE books.counter (
    region    integer NOT NULL,
    fund      smallint NOT NULL,
    period    integer NOT NULL,
    series    text NOT NULL CHECK (series IN ('记', '备')),
    last      integer NOT NULL,
    last_date date NOT NULL,
    PRIMARY KEY (region, fund, period, series)
);

CREATE TABLE books.entry (
    region          integer NOT NULL,
    fund            smallint NOT NULL,
    period          integer NOT NULL,
    seq             bigint NOT NULL,
    vno             integer NOT NULL,
    voucher_date    date NOT NULL,
    business_date   date NOT NULL,
    recorded_at     timestamptz NOT NULL,
    reverses_seq    bigint NOT NULL,
    attachments     integer NOT NULL,
    -- The lines, in order: account (negative: on the credit side), dimension, fen (negative: a red letter). Before the texts:
    -- a column behind texts takes twice as long to reach, and every sum reads these.
    accounts        integer[] NOT NULL,
    dims            integer[] NOT NULL,
    amounts         bigint[] NOT NULL,
    series          text NOT NULL,
    event           text NOT NULL,
    rule            text NOT NULL,
    source_key      text NOT NULL,
    summary         text NOT NULL,
    evidence        text NOT NULL,
    evidence_digest bytea NOT NULL,
    prepared_by     text NOT NULL,
    reviewed_by     text NOT NULL,
    PRIMARY KEY (region, fund, period, seq),
    CONSTRAINT lines CHECK (cardinality(accounts) >= 2 AND cardinality(dims) = cardinality(accounts)
        AND cardinality(amounts) = cardinality(accounts)
        AND array_position(amounts, NULL) IS NULL AND NOT 0 = ANY (accounts) AND NOT 0 = ANY (amounts)
        AND 9999999999999999 >= ALL (amounts) AND -9999999999999999 <= ALL (amounts))
) PARTITION BY LIST (period);

-- A line a row, for whoever reads: side +1 debit, -1 credit; section 1 statutory, 2 memorandum (docs/adr/0016).
CREATE VIEW books.leg WITH (security_invoker = true) AS
SELECT e.region, e.fund, e.period, e.seq, l.n::smallint AS n,
       CASE WHEN left(abs(l.account)::text, 1) = '9' THEN 2 ELSE 1 END::smallint AS section,
       CASE WHEN l.account > 0 THEN 1 ELSE -1 END::smallint AS side, l.amount_fen, abs(l.account) AS account, l.dim
  FROM books.entry e CROSS JOIN LATERAL unnest(e.accounts, e.dims, e.amounts) WITH ORDINALITY AS l (account, dim, amount_fen, n);

-- Idempotency (INV-05): unpartitioned, because a unique key that holds the period would let a replay through next month.
CREATE TABLE books.source (
    region         integer NOT NULL,
    fund           smallint NOT NULL,
    source_key     text NOT NULL,
    period         integer NOT NULL,
    seq            bigint NOT NULL,
    content_digest bytea NOT NULL,
    PRIMARY KEY (region, fund, source_key)
);

-- Posting lists: one row per (account, dimension, block), with the offsets of its entries in the block.
-- The account's index and, at the same time, the append-only movement table for as-of reads.
CREATE TABLE books.posting (
    region  integer NOT NULL,
    fund    smallint NOT NULL,
    period  integer NOT NULL,
    account integer NOT NULL,
    dim     integer NOT NULL,
    block   bigint NOT NULL,
    debit   bigint NOT NULL,
    credit  bigint NOT NULL,
    offs    integer[] NOT NULL,
    PRIMARY KEY (region, fund, period, account, dim, block)
) PARTITION BY LIST (period);

CREATE TABLE books.balance (
    region  integer NOT NULL,
    fund    smallint NOT NULL,
    period  integer NOT NULL,
    account integer NOT NULL,
    dim     integer NOT NULL,
    debit   bigint NOT NULL,
    credit  bigint NOT NULL,
    PRIMARY KEY (region, fund, period, account, dim)
) WITH (fillfactor = 70);

-- One block = the entries of one book, one voucher date, one transaction.
CREATE TABLE books.block (
    region       integer NOT NULL,
    fund         smallint NOT NULL,
    block        bigint NOT NULL,
    period       integer NOT NULL,
    voucher_date date NOT NULL,
    first_seq    bigint NOT NULL,
    last_seq     bigint NOT NULL,
    legs         integer NOT NULL,
    recorded_at  timestamptz NOT NULL,
    actor        text NOT NULL,
    dim_last     integer NOT NULL,
    dim_hash     bytea NOT NULL,
    digests      bytea NOT NULL,     -- 32 bytes an entry, in order
    prev         bytea NOT NULL,
    hash         bytea NOT NULL,
    PRIMARY KEY (region, fund, block),
    UNIQUE (region, fund, first_seq)
);
ALTER TABLE books.block ALTER COLUMN digests SET STORAGE EXTERNAL;
