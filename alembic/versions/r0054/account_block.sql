-- The posting lists of one account in one block added up: a page of the ledger of an account with thousands of parties takes its
-- balance from these instead of all its lists. `longest` is the length of the longest of them: at least so many entries.
CREATE TABLE books.account_block (
    region  integer NOT NULL,
    fund    smallint NOT NULL,
    period  integer NOT NULL,
    account integer NOT NULL,
    block   bigint NOT NULL,
    debit   bigint NOT NULL,
    credit  bigint NOT NULL,
    longest integer NOT NULL,
    PRIMARY KEY (region, fund, account, period, block)
);

INSERT INTO books.account_block (region, fund, period, account, block, debit, credit, longest)
SELECT p.region, p.fund, p.period, p.account, p.block, sum(p.debit)::bigint, sum(p.credit)::bigint, max(cardinality(p.offs))
  FROM books.posting p GROUP BY p.region, p.fund, p.period, p.account, p.block ORDER BY p.region, p.fund, p.account, p.period, p.block;
