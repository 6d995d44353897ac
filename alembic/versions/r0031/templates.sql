-- A region's own voucher templates, version by version: proposed by one person, confirmed by another, in force from their day (or the
-- day they were confirmed, if that is later) until a newer version is. A version without lines retires the template.
CREATE TABLE books.voucher_template (
    region      integer NOT NULL,
    fund        smallint NOT NULL,
    template_id text NOT NULL,
    code        text NOT NULL CHECK (code ~ '^[A-Z][A-Z0-9]{1,19}$' AND code !~ '^[ABC][0-9]'),   -- those are the regulation's
    version     integer NOT NULL CHECK (version > 0),
    title       text NOT NULL CHECK (btrim(title) <> '' AND length(title) <= 60 AND translate(title, E'|\\\n\r\t', '') = title),
    article     text NOT NULL CHECK (btrim(article) <> '' AND length(article) <= 200 AND translate(article, E'|\\\n\r\t', '') = article),
    summary     text NOT NULL CHECK (btrim(summary) <> '' AND length(summary) <= 200 AND translate(summary, E'|\\\n\r\t', '') = summary),
    lines       text[] NOT NULL CHECK (coalesce(array_ndims(lines), 1) = 1),   -- as the shipped ones write them (ledger/books/templates/entries.toml)
    from_day    date NOT NULL CHECK (isfinite(from_day)),
    digest      bytea NOT NULL CHECK (length(digest) = 32),
    state       text NOT NULL DEFAULT 'proposed' CHECK (state IN ('proposed', 'withdrawn', 'confirmed', 'refused')),
    proposed_by text NOT NULL,
    proposed_on date NOT NULL CHECK (isfinite(proposed_on)),
    decided_by  text NOT NULL DEFAULT '',
    decided_on  date CHECK (isfinite(decided_on) AND decided_on >= proposed_on),
    reason      text NOT NULL DEFAULT '' CHECK (translate(reason, E'|\\\n\r\t', '') = reason),
    PRIMARY KEY (region, fund, template_id),
    UNIQUE (region, fund, code, version),
    FOREIGN KEY (region, fund) REFERENCES books.book,
    CHECK (template_id = code || '@' || version),
    CHECK (decided_by <> proposed_by),
    CHECK ((state IN ('proposed', 'withdrawn')) = (decided_by = '') AND (decided_by = '') = (decided_on IS NULL)),
    CHECK ((state = 'refused') = (reason <> ''))
);

CREATE UNIQUE INDEX one_open_template ON books.voucher_template (region, fund, code) WHERE state = 'proposed';

ALTER TABLE books.voucher ADD COLUMN template text;
ALTER TABLE books.voucher ADD FOREIGN KEY (region, fund, template) REFERENCES books.voucher_template;
CREATE INDEX voucher_by_template ON books.voucher (region, fund, template, prepared_on) WHERE template IS NOT NULL;

-- Their arguments changed; the present makes them anew.
DROP FUNCTION IF EXISTS books.said_of(text, bigint, text[]);
DROP FUNCTION IF EXISTS books.draft_voucher(integer, smallint, date, bigint, text, text, integer, date, smallint[], bigint[], integer[],
    text[], text[], smallint[], integer[], text[], text, bigint, text[]);
DROP FUNCTION IF EXISTS books.draft_vouchers(integer, smallint, date, date[], text[], text[], integer[], integer[], smallint[], bigint[],
    integer[], text[], text[], smallint[], integer[], text[]);
DROP FUNCTION IF EXISTS books.import_vouchers(integer, smallint, text, text, bytea, date, integer[], text[], text[], date[], text[], text[],
    integer[], integer[], smallint[], bigint[], integer[], text[], text[], smallint[], integer[], text[], integer[], text[], text[], text[],
    text[], text[]);
