-- Since when a channel is in force: what a bank's refusals needed at the time is told by it (ledger/db/sql/payments/refusals.sql).
ALTER TABLE payments.bank_channel ADD COLUMN confirmed_at timestamptz;
