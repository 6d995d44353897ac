-- What the search knows is derived: it is made anew from the entries, with their papers, at the next run of its job.
ALTER TABLE books.search_text DISABLE TRIGGER USER;
ALTER TABLE books.search_amount DISABLE TRIGGER USER;
ALTER TABLE books.search_run DISABLE TRIGGER USER;
DELETE FROM books.search_text;
DELETE FROM books.search_amount;
DELETE FROM books.search_run;
ALTER TABLE books.search_run ENABLE TRIGGER USER;
ALTER TABLE books.search_amount ENABLE TRIGGER USER;
ALTER TABLE books.search_text ENABLE TRIGGER USER;

ALTER TABLE books.search_text ADD COLUMN papers integer[] NOT NULL;
CREATE INDEX search_papers ON books.search_text USING gin (papers);

-- Blocks by their day, newest last: a voucher found by its date alone.
CREATE INDEX block_day ON books.block (region, fund, voucher_date, first_seq) INCLUDE (period, last_seq);
