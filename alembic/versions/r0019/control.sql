-- The control report of a month (art. 29) as the reviewer signed it: the content shown, its digest, once a month.
CREATE TABLE fund.control_report (
    region    integer NOT NULL REFERENCES fund.region,
    month     integer NOT NULL CHECK (month % 100 BETWEEN 1 AND 12),
    seed      text NOT NULL CHECK (seed <> ''),
    content   text NOT NULL,
    digest    bytea NOT NULL CHECK (length(digest) = 32),
    signed_by text NOT NULL,
    signed_on date NOT NULL CHECK (isfinite(signed_on)),
    PRIMARY KEY (region, month)
);
