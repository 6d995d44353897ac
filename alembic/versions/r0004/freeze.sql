-- Signs that a region's database is older than what was done: anchors it does not hold, papers of the bank about orders or
-- files of ours it never made, a name of ours at the bank with other bytes. Nothing is paid until two persons have lifted it.
CREATE TABLE payments.freezing (
    region      integer NOT NULL REFERENCES fund.region,
    n           integer NOT NULL CHECK (n > 0),
    code        text NOT NULL CHECK (code IN ('anchor_newer', 'receipt_unknown_order', 'status_unknown_file', 'file_name_taken')),
    detail      text NOT NULL CHECK (detail <> ''),
    anchors     jsonb NOT NULL,               -- of anchor_newer: the ends of chains that are not there, given up when it is lifted
    found_by    text NOT NULL,
    found_on    date NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    state       text NOT NULL DEFAULT 'standing' CHECK (state IN ('standing', 'proposed', 'lifted')),
    document    text NOT NULL DEFAULT '',     -- of the proposal: the statement or letter of the bank it was reconciled with
    proposed_by text NOT NULL DEFAULT '',
    proposed_on date,
    lifted_by   text NOT NULL DEFAULT '',
    lifted_on   date,
    refusal     text NOT NULL DEFAULT '',     -- why the last proposal was sent back
    PRIMARY KEY (region, n),
    CHECK ((state = 'standing') = (proposed_by = '') AND (proposed_by = '') = (document = '') AND (proposed_by = '') = (proposed_on IS NULL)),
    CHECK ((state = 'lifted') = (lifted_by <> '') AND (lifted_by = '') = (lifted_on IS NULL)),
    CHECK (lifted_by = '' OR lifted_by <> proposed_by)
);

CREATE UNIQUE INDEX one_freeze ON payments.freezing (region, code) WHERE state = 'standing';
-- An order made again after a restore whose money the bank has debited already: two persons match it with the bank's paper.
INSERT INTO payments.transition VALUES ('approved', 'recover', 'unknown', '');
