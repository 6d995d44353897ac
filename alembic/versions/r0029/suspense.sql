-- Receipts of fiscal subsidies, of our own money between two own accounts, and the second paper of such money.
ALTER TABLE payments.receipt_kind DROP CONSTRAINT receipt_kind_split_check;
ALTER TABLE payments.receipt_kind ADD CONSTRAINT receipt_kind_split_check CHECK (split IN ('none', 'may', 'must', 'leaf', 'account'));
ALTER TABLE payments.receipt_kind DISABLE TRIGGER USER;
INSERT INTO payments.receipt_kind VALUES
    ('subsidy',              'credit', '{1003}',           '{310,390}', 'leaf', '财会〔2017〕28号4101三（一）'),
    ('to_fiscal',            'debit',  '{1002,1005}',      '{310,390}', 'none', '财会〔2017〕28号1002三（二）、1005二（二）'),
    ('from_own',             'credit', '{1003}',           '{310,390}', 'account', '财会〔2017〕28号1002三（二）、1005二（二）');
ALTER TABLE payments.receipt_kind ENABLE TRIGGER USER;

ALTER TABLE payments.resolution DROP CONSTRAINT resolution_what_check, DROP CONSTRAINT resolution_check;
ALTER TABLE payments.resolution ADD CONSTRAINT resolution_check CHECK (reference <> '' OR what NOT IN ('order', 'request', 'interest', 'fee', 'fee_back', 'counter', 'same', 'voucher', 'subsidy', 'from_own', 'other_side')),
    ADD CONSTRAINT resolution_what_check CHECK (what IN ('order', 'request', 'interest', 'fee', 'fee_back', 'to_return', 'counter', 'same', 'voucher',
        'premium', 'premium_back', 'premium_back_earlier', 'transfer_in', 'transfer_in_back', 'transfer_out', 'transfer_out_back',
        'to_upper', 'to_lower', 'from_upper', 'from_lower', 'illness', 'illness_back', 'deposit_interest', 'float_back',
        'subsidy', 'to_fiscal', 'from_own', 'other_side'));
DROP INDEX payments.resolution_reference;
CREATE UNIQUE INDEX resolution_reference ON payments.resolution (region, what, account, reference)
    WHERE what IN ('request', 'interest', 'fee', 'fee_back', 'counter', 'same', 'voucher', 'other_side') AND state NOT IN ('refused', 'reversed');
