-- The token an account in clear would have were it sealed, so that the database counts it with a person's of the same number. Empty: drafted
-- before this was asked, or sealed itself.
ALTER TABLE payments.pay_order ADD COLUMN payee_token text NOT NULL DEFAULT '';
