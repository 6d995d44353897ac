-- What the search knows of the journal: runs of entries without gap from the first, made after they were posted, so that posting
-- pays nothing. What was posted since the last run is read from the journal itself. Derived: made anew from the entries at any time.
CREATE TABLE books.search_run (
    region    integer NOT NULL,
    fund      smallint NOT NULL,
    run       integer NOT NULL CHECK (run > 0),
    first_seq bigint NOT NULL,
    last_seq  bigint NOT NULL CHECK (last_seq >= first_seq),
    periods   integer[] NOT NULL,
    PRIMARY KEY (region, fund, run),
    UNIQUE (region, fund, first_seq),
    FOREIGN KEY (region, fund) REFERENCES books.book
);

-- Pages of a run's entries of one month: their summaries, a line an entry, where each is (from the run's first), and the grams of
-- the summaries and signers: an inverted index over pages leads to the few pages that can hold what is asked for.
CREATE TABLE books.search_text (
    region integer NOT NULL,
    fund   smallint NOT NULL,
    period integer NOT NULL,
    run    integer NOT NULL,
    page   integer NOT NULL,
    offs   integer[] NOT NULL,
    words  text NOT NULL,
    grams  integer[] NOT NULL,
    PRIMARY KEY (region, fund, period, run, page),
    FOREIGN KEY (region, fund, run) REFERENCES books.search_run
);
CREATE INDEX search_grams ON books.search_text USING gin (grams);

-- The amounts of a run's entries of one month in ascending order, cut into pages: one amount or a range is a stretch of them.
CREATE TABLE books.search_amount (
    region integer NOT NULL,
    fund   smallint NOT NULL,
    period integer NOT NULL,
    run    integer NOT NULL,
    most   bigint NOT NULL,
    page   integer NOT NULL,
    least  bigint NOT NULL,
    fens   bigint[] NOT NULL,
    offs   integer[] NOT NULL,
    PRIMARY KEY (region, fund, period, run, most, page),
    FOREIGN KEY (region, fund, run) REFERENCES books.search_run
);
