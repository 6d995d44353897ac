-- Every number named one paper until now: what points at papers takes over its direction.
ALTER TABLE fund.handback_receipt DROP CONSTRAINT handback_receipt_region_account_kind_receipt_no_fkey;
ALTER TABLE payments.resolution DROP CONSTRAINT resolution_region_account_kind_receipt_no_fkey;
ALTER TABLE payments.evidence DROP CONSTRAINT evidence_pkey;
ALTER TABLE payments.evidence ADD PRIMARY KEY (region, account, kind, receipt_no, direction);

ALTER TABLE fund.handback_receipt ADD COLUMN direction text;
ALTER TABLE payments.resolution ADD COLUMN direction text;
ALTER TABLE fund.handback_receipt DISABLE TRIGGER USER;
ALTER TABLE payments.resolution DISABLE TRIGGER USER;
UPDATE fund.handback_receipt r SET direction = v.direction FROM payments.evidence v
 WHERE (v.region, v.account, v.kind, v.receipt_no) = (r.region, r.account, r.kind, r.receipt_no);
UPDATE payments.resolution r SET direction = v.direction FROM payments.evidence v
 WHERE (v.region, v.account, v.kind, v.receipt_no) = (r.region, r.account, r.kind, r.receipt_no);
SET CONSTRAINTS ALL IMMEDIATE;
ALTER TABLE fund.handback_receipt ENABLE TRIGGER USER;
ALTER TABLE payments.resolution ENABLE TRIGGER USER;
ALTER TABLE fund.handback_receipt ALTER COLUMN direction SET NOT NULL;
ALTER TABLE payments.resolution ALTER COLUMN direction SET NOT NULL;

ALTER TABLE fund.handback_receipt DROP CONSTRAINT handback_receipt_pkey;
ALTER TABLE fund.handback_receipt ADD PRIMARY KEY (region, account, kind, receipt_no, direction);
ALTER TABLE fund.handback_receipt ADD FOREIGN KEY (region, account, kind, receipt_no, direction) REFERENCES payments.evidence;
ALTER TABLE payments.resolution ADD FOREIGN KEY (region, account, kind, receipt_no, direction) REFERENCES payments.evidence;

DROP INDEX payments.one_resolution;
CREATE UNIQUE INDEX one_resolution ON payments.resolution (region, account, kind, receipt_no, direction)
    WHERE state = 'requested' OR state = 'approved' AND what <> 'to_return';

-- A paper can be the second one of a movement that is booked: each explains one paper.
ALTER TABLE payments.resolution DROP CONSTRAINT resolution_what_check;
ALTER TABLE payments.resolution ADD CONSTRAINT resolution_what_check
    CHECK (what IN ('order', 'request', 'interest', 'fee', 'fee_back', 'to_return', 'counter', 'same'));
DROP INDEX payments.resolution_reference;
CREATE UNIQUE INDEX resolution_reference ON payments.resolution (region, what, account, reference)
    WHERE what IN ('request', 'interest', 'fee', 'fee_back', 'counter', 'same') AND state <> 'refused';

-- Tells the direction too: made anew with the other functions.
DROP FUNCTION fund.handback_due(integer, smallint, integer);
