-- Four foreign keys were asked row by row, half the time of a bulk match; payments.check_matches and payments.check_match_parts
-- ask the same of all rows of a statement at once (docs/adr/0029).
ALTER TABLE payments.match_line DROP CONSTRAINT match_line_region_account_match_fkey;
ALTER TABLE payments.match_line DROP CONSTRAINT match_line_region_account_statement_n_fkey;
ALTER TABLE payments.match_leg DROP CONSTRAINT match_leg_region_account_match_fkey;
ALTER TABLE payments.statement_match DROP CONSTRAINT statement_match_region_account_fkey;
