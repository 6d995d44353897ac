-- Receipts that no order, request or notice explains, by what they are: which way the money goes, on which accounts and in which
-- funds there is such a thing, and whether 统筹 and 个账 are told apart in 职工 (none, may, must). Its rule is OWN.<what>.
CREATE TABLE payments.receipt_kind (
    what      text PRIMARY KEY,
    direction text NOT NULL CHECK (direction IN ('debit', 'credit')),
    accounts  text[] NOT NULL CHECK (accounts <@ '{1002,1003,1004,1005}'),
    funds     smallint[] NOT NULL CHECK (funds <@ '{310,390}'),
    split     text NOT NULL CHECK (split IN ('none', 'may', 'must')),
    article   text NOT NULL CHECK (article <> '')
);

INSERT INTO payments.receipt_kind VALUES
    ('premium',              'credit', '{1002,1003,1005}', '{310,390}', 'may',  '财会〔2017〕28号4001三（一）'),
    ('premium_back',         'debit',  '{1002,1004}',      '{310,390}', 'must', '财会〔2017〕28号4001三（二）'),
    ('premium_back_earlier', 'debit',  '{1004}',           '{310,390}', 'must', '财会〔2017〕28号5401三（三）'),
    ('transfer_in',          'credit', '{1002,1003}',      '{310}',     'none', '财会〔2017〕28号4301二（一）'),
    ('transfer_in_back',     'debit',  '{1002}',           '{310}',     'none', '财会〔2017〕28号4301二（二）'),
    ('transfer_out',         'debit',  '{1004}',           '{310}',     'none', '财会〔2017〕28号5201二（一）'),
    ('transfer_out_back',    'credit', '{1002,1003,1004}', '{310}',     'none', '财会〔2017〕28号5201二（二）'),
    ('to_upper',             'debit',  '{1002,1003,1004}', '{310,390}', 'must', '财会〔2017〕28号5301三（一）'),
    ('to_lower',             'debit',  '{1003,1004}',      '{310,390}', 'must', '财会〔2017〕28号5302三（一）'),
    ('from_upper',           'credit', '{1002,1003,1004}', '{310,390}', 'must', '财会〔2017〕28号4401三（一）'),
    ('from_lower',           'credit', '{1002,1003}',      '{310,390}', 'must', '财会〔2017〕28号4402三（一）'),
    ('illness',              'debit',  '{1003,1004}',      '{310,390}', 'none', '财会〔2017〕28号5101二（一）（二）'),
    ('illness_back',         'credit', '{1002,1003}',      '{310,390}', 'none', '财会〔2017〕28号5101二（二）'),
    ('deposit_interest',     'credit', '{1002,1003,1005}', '{310,390}', 'may',  '财会〔2017〕28号4201三（一）'),
    ('float_back',           'debit',  '{1004}',           '{310,390}', 'none', '财会〔2017〕28号1003四（一）');

ALTER TABLE payments.resolution DROP CONSTRAINT resolution_check, DROP CONSTRAINT resolution_what_check;
ALTER TABLE payments.resolution ADD CONSTRAINT resolution_check CHECK (reference <> '' OR what NOT IN ('order', 'request', 'interest', 'fee', 'fee_back', 'counter', 'same', 'voucher')),
    ADD CONSTRAINT resolution_what_check CHECK (what IN ('order', 'request', 'interest', 'fee', 'fee_back', 'to_return', 'counter', 'same', 'voucher',
        'premium', 'premium_back', 'premium_back_earlier', 'transfer_in', 'transfer_in_back', 'transfer_out', 'transfer_out_back',
        'to_upper', 'to_lower', 'from_upper', 'from_lower', 'illness', 'illness_back', 'deposit_interest', 'float_back'));

-- A line of a statement of which no paper ever came is a paper itself once a person takes it up.
ALTER TABLE payments.evidence DROP CONSTRAINT evidence_kind_check;
ALTER TABLE payments.evidence ADD CONSTRAINT evidence_kind_check CHECK (kind IN ('bker', 'camt.054', 'statement'));
