-- Papers of clearing letters and the platform's files of settlements are sealed like those of vouchers (r0048): 48 bytes longer than what
-- they are, and their digest, of what they say, is compared by `verify`. What lies there is sealed in the same upgrade (seal_up.py).
ALTER TABLE fund.letter_paper DROP CONSTRAINT letter_paper_content_check;
ALTER TABLE fund.letter_paper DROP CONSTRAINT letter_paper_check;
ALTER TABLE fund.letter_paper ADD CONSTRAINT letter_paper_content_check CHECK (length(content) BETWEEN 1 AND 16777264);
ALTER TABLE fund.letter_paper ADD CONSTRAINT letter_paper_sha256_check CHECK (length(sha256) = 32);
ALTER TABLE fund.reconcile_run DROP CONSTRAINT reconcile_run_check;

-- The first payment to an account, whether it stands sealed or in clear (payments.mark_first_payment).
CREATE INDEX pay_order_token ON payments.pay_order (region, payee_token, payee_cnaps) WHERE state = 'paid' AND payee_token <> '';
