-- A single page that waits for the others of its statement is taken back by two persons, as a whole statement is.
ALTER TABLE payments.statement_withdrawal DROP CONSTRAINT statement_withdrawal_first_statement_check, DROP CONSTRAINT statement_withdrawal_check4;
ALTER TABLE payments.statement_withdrawal
    ADD CONSTRAINT statement_withdrawal_first_statement_check CHECK (first_statement >= 0),
    ADD CONSTRAINT statement_withdrawal_check4 CHECK ((state = 'approved' AND first_statement > 0) = (kept_as IS NOT NULL)),
    ADD CONSTRAINT statement_withdrawal_check5 CHECK (first_statement > 0 OR last_statement = 0);
