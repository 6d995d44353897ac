-- When a load began, so that what it left in quarantine grows old; of those before nothing is known.
ALTER TABLE fund.intake_load ADD COLUMN begun_at timestamptz;
ALTER TABLE fund.intake_load ALTER COLUMN begun_at SET DEFAULT clock_timestamp();
