-- What sheets and letters took of an other deduction: one may be larger than the month that takes it first.
CREATE TABLE fund.deduction_taken (
    region       integer NOT NULL,
    fund         smallint NOT NULL,
    deduction_id text NOT NULL,
    paper        text NOT NULL CHECK (paper <> ''),   -- sheet or letter
    amount_fen   bigint NOT NULL CHECK (amount_fen > 0),
    taken_by     text NOT NULL,
    PRIMARY KEY (region, deduction_id, paper),
    FOREIGN KEY (region, deduction_id) REFERENCES fund.other_deduction
);

-- What was taken until now was taken whole, by one paper; who signed that paper took it.
ALTER TABLE fund.other_deduction DISABLE TRIGGER USER;
ALTER TABLE fund.other_deduction ADD COLUMN taken_fen bigint NOT NULL DEFAULT 0;
INSERT INTO fund.deduction_taken
SELECT d.region, d.fund, d.deduction_id, d.taken_by, d.amount_fen,
       coalesce((SELECT s.approved_by FROM fund.sheet s WHERE s.region = d.region AND s.sheet_id = d.taken_by),
                (SELECT l.approved_by FROM fund.letter l WHERE l.region = d.region AND l.letter_id = d.taken_by), d.approved_by)
  FROM fund.other_deduction d WHERE d.taken_by <> '';
UPDATE fund.other_deduction SET taken_fen = amount_fen WHERE taken_by <> '';
DROP TRIGGER settled_by_a_paper ON fund.other_deduction;
ALTER TABLE fund.other_deduction DROP COLUMN taken_by;
ALTER TABLE fund.other_deduction ADD CHECK (taken_fen BETWEEN 0 AND amount_fen);
ALTER TABLE fund.other_deduction ADD CHECK (taken_fen = 0 OR approved_by <> '');
ALTER TABLE fund.other_deduction ENABLE TRIGGER USER;

-- What a sheet had to take, each by its own reference: what was decided, taken before, taken here, and left over.
CREATE TABLE fund.sheet_due (
    region      integer NOT NULL,
    fund        smallint NOT NULL,
    sheet_id    text NOT NULL,
    n           smallint NOT NULL,              -- the order in which they are taken
    kind        text NOT NULL CHECK (kind IN ('finding', 'other', 'prepayment', 'preallocation', 'supplier')),
    reference   text NOT NULL,                  -- finding_id, deduction_id or advance_id
    brought     boolean NOT NULL,               -- stood on an earlier sheet of the institution
    decided_fen bigint NOT NULL CHECK (decided_fen > 0),
    before_fen  bigint NOT NULL CHECK (before_fen >= 0),
    taken_fen   bigint NOT NULL CHECK (taken_fen >= 0),
    left_fen    bigint NOT NULL CHECK (left_fen >= 0),
    PRIMARY KEY (region, sheet_id, n),
    UNIQUE (region, sheet_id, kind, reference),
    FOREIGN KEY (region, sheet_id) REFERENCES fund.sheet DEFERRABLE INITIALLY DEFERRED,
    CHECK (decided_fen = before_fen + taken_fen + left_fen)
);
CREATE INDEX sheet_due_reference ON fund.sheet_due (region, kind, reference);
