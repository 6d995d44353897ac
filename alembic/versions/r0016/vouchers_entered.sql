-- The bytes of a paper, once a book, under their own digest.
CREATE TABLE books.attached_file (
    region  integer NOT NULL,
    fund    smallint NOT NULL,
    sha256  bytea NOT NULL CHECK (length(sha256) = 32),
    content bytea NOT NULL CHECK (length(content) BETWEEN 1 AND 20971520),
    PRIMARY KEY (region, fund, sha256),
    FOREIGN KEY (region, fund) REFERENCES books.book
);

-- What is attached to a draft, in its order; kept for good once the draft is decided.
CREATE TABLE books.attachment (
    region      integer NOT NULL,
    fund        smallint NOT NULL,
    voucher_id  text NOT NULL,
    n           smallint NOT NULL CHECK (n BETWEEN 1 AND 99),
    name        text NOT NULL CHECK (name <> '' AND length(name) <= 120 AND translate(name, E'|\\/\n\r\t', '') = name),
    sha256      bytea NOT NULL,
    bytes       integer NOT NULL CHECK (bytes > 0),
    attached_by text NOT NULL,
    attached_on date NOT NULL CHECK (isfinite(attached_on)),
    PRIMARY KEY (region, fund, voucher_id, n),
    UNIQUE (region, fund, voucher_id, sha256),
    FOREIGN KEY (region, fund, voucher_id) REFERENCES books.voucher,
    FOREIGN KEY (region, fund, sha256) REFERENCES books.attached_file
);

-- What papers stood with the draft as it was approved: their digest, nothing where there were none.
ALTER TABLE books.voucher_decision ADD COLUMN attached bytea NOT NULL DEFAULT ''
    CONSTRAINT voucher_decision_attached_check CHECK (length(attached) = ANY (ARRAY[0, 32]));

-- A file of the tax office or the fiscal office as it came, with the first answer it got.
CREATE TABLE books.import_file (
    region      integer NOT NULL,
    fund        smallint NOT NULL,
    kind        text NOT NULL CHECK (kind IN ('tax', 'fiscal')),
    sha256      bytea NOT NULL CHECK (length(sha256) = 32),
    name        text NOT NULL CHECK (name <> '' AND translate(name, E'|\\/\n\r\t', '') = name),
    content     bytea NOT NULL,
    imported_by text NOT NULL,
    imported_on date NOT NULL CHECK (isfinite(imported_on)),
    good        integer NOT NULL CHECK (good >= 0),
    bad         integer NOT NULL CHECK (bad >= 0),
    amount_fen  bigint NOT NULL,          -- what the debits of its drafts come to
    PRIMARY KEY (region, fund, sha256),
    FOREIGN KEY (region, fund) REFERENCES books.book
);

-- Its rows: a draft each, or what is wrong with it (field, code, sentence). A key is drafted once over all files of its kind;
-- once more only where the draft before was rejected or withdrawn.
CREATE TABLE books.import_row (
    region     integer NOT NULL,
    fund       smallint NOT NULL,
    sha256     bytea NOT NULL,
    line       integer NOT NULL CHECK (line > 0),
    kind       text NOT NULL,
    key        text NOT NULL,
    attempt    smallint NOT NULL CHECK (attempt >= 0),
    voucher_id text,
    field      text NOT NULL DEFAULT '',
    code       text NOT NULL DEFAULT '',
    message    text NOT NULL DEFAULT '',
    raw        text NOT NULL DEFAULT '',
    PRIMARY KEY (region, fund, sha256, line),
    FOREIGN KEY (region, fund, sha256) REFERENCES books.import_file,
    FOREIGN KEY (region, fund, voucher_id) REFERENCES books.voucher,
    CHECK ((voucher_id IS NULL) = (code <> '') AND (voucher_id IS NULL) = (attempt = 0)),
    CHECK (voucher_id IS NULL OR key <> '')
);

CREATE UNIQUE INDEX import_key ON books.import_row (region, fund, kind, key, attempt) WHERE voucher_id IS NOT NULL;
CREATE UNIQUE INDEX import_voucher ON books.import_row (region, fund, voucher_id) WHERE voucher_id IS NOT NULL;

-- A voucher that comes again: a template with what fills it and its rhythm, proposed by one person and confirmed by another.
CREATE TABLE books.recurrence (
    region        integer NOT NULL,
    fund          smallint NOT NULL,
    recurrence_id text NOT NULL CHECK (recurrence_id ~ '^RV-[0-9a-f]{12}$'),
    template      text NOT NULL CHECK (template <> ''),
    summary       text NOT NULL CHECK (summary <> '' AND translate(summary, E'|\\\n\r\t', '') = summary),
    evidence      text NOT NULL CHECK (evidence <> '' AND translate(evidence, E'|\\\n\r\t', '') = evidence),
    filling       text NOT NULL,          -- JSON: amounts in fen by part ({} where each time's is given), banks, accounts, dimensions
    rhythm        text NOT NULL CHECK (rhythm IN ('monthly', 'quarterly', 'yearly', 'interest')),
    from_day      date NOT NULL CHECK (isfinite(from_day)),   -- the first day due; its day of the month is the rhythm's
    to_day        date CHECK (isfinite(to_day) AND to_day >= from_day),
    digest        bytea NOT NULL CHECK (length(digest) = 32),
    state         text NOT NULL DEFAULT 'proposed' CHECK (state IN ('proposed', 'confirmed', 'refused', 'stopped')),
    proposed_by   text NOT NULL,
    proposed_on   date NOT NULL,
    decided_by    text NOT NULL DEFAULT '',
    decided_on    date,
    reason        text NOT NULL DEFAULT '',
    stopped_by    text NOT NULL DEFAULT '',
    stopped_on    date,
    PRIMARY KEY (region, fund, recurrence_id),
    FOREIGN KEY (region, fund) REFERENCES books.book,
    CHECK (decided_by <> proposed_by),
    CHECK ((state = 'proposed') = (decided_by = '') AND (decided_by = '') = (decided_on IS NULL)),
    CHECK ((state = 'stopped') = (stopped_by <> '') AND (stopped_by = '') = (stopped_on IS NULL)),
    CHECK ((state IN ('refused', 'stopped')) = (reason <> ''))
);

-- What was drafted of it: one draft a day due, another only where the one before was rejected or withdrawn.
CREATE TABLE books.recurrence_draft (
    region        integer NOT NULL,
    fund          smallint NOT NULL,
    recurrence_id text NOT NULL,
    due_on        date NOT NULL,
    attempt       smallint NOT NULL CHECK (attempt > 0),
    voucher_id    text NOT NULL,
    PRIMARY KEY (region, fund, recurrence_id, due_on, attempt),
    UNIQUE (region, fund, voucher_id),
    FOREIGN KEY (region, fund, recurrence_id) REFERENCES books.recurrence,
    FOREIGN KEY (region, fund, voucher_id) REFERENCES books.voucher
);

INSERT INTO fund.policy_key VALUES
    ('voucher_numbering', '手工凭证编号：as_posted依次编号、whole_day可将当日制单的凭证于日后一并按制单日编号', 'as_posted|whole_day');
