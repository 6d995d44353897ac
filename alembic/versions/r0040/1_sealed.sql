-- What says who a natural person is, and the bank's own bytes, are sealed for the home's key (ledger/db/safekeeping/fields.py): the
-- database can no longer compare bytes with their digest, nor a sealed account with a pattern. The program does before it seals,
-- `verify` does when it opens. What lies there is sealed in the same upgrade (ledger/db/safekeeping/seal_up.py).
ALTER TABLE fund.person_payment DROP CONSTRAINT person_payment_payee_number_check;
ALTER TABLE fund.person_payment ADD CONSTRAINT person_payment_payee_number_check
    CHECK (payee_number ~ '^([0-9A-Za-z-]{5,34}|~[0-9a-f]{8}[.][A-Za-z0-9_-]{22,}~)$');
ALTER TABLE payments.statement_file DROP CONSTRAINT statement_file_check;
ALTER TABLE payments.statement_file ADD CONSTRAINT statement_file_sha256_check CHECK (length(sha256) = 32);
ALTER TABLE payments.statement_file RENAME CONSTRAINT statement_file_check1 TO statement_file_check;
ALTER TABLE payments.statement_file RENAME CONSTRAINT statement_file_check2 TO statement_file_check1;
ALTER TABLE payments.statement_file RENAME CONSTRAINT statement_file_check3 TO statement_file_check2;
ALTER TABLE payments.statement_file RENAME CONSTRAINT statement_file_check4 TO statement_file_check3;
ALTER TABLE payments.handed_file DROP CONSTRAINT handed_file_check;
ALTER TABLE payments.handed_file ADD CONSTRAINT handed_file_sha256_check CHECK (length(sha256) = 32);
ALTER TABLE payments.handed_file RENAME CONSTRAINT handed_file_check1 TO handed_file_check;
ALTER TABLE payments.handed_file RENAME CONSTRAINT handed_file_check2 TO handed_file_check1;
ALTER TABLE payments.handed_file RENAME CONSTRAINT handed_file_check3 TO handed_file_check2;
