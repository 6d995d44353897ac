-- The signed file a closed period was sealed with: which one, by whose word. Exported again, it is kept again.
CREATE TABLE books.period_seal (
    region    integer NOT NULL,
    fund      smallint NOT NULL,
    period    integer NOT NULL,
    n         integer NOT NULL CHECK (n > 0),
    sha256    bytea NOT NULL CHECK (length(sha256) = 32),    -- of the file's manifest, which is what was signed
    key_id    text NOT NULL CHECK (key_id <> ''),
    sealed_by text NOT NULL,
    sealed_on date NOT NULL CHECK (isfinite(sealed_on)),
    PRIMARY KEY (region, fund, period, n),
    FOREIGN KEY (region, fund) REFERENCES books.book
);
