-- The bank's term for a receipt is a number of days: any other value stopped the first page and the job that asks after receipts.
ALTER TABLE fund.policy_key DISABLE TRIGGER USER;
UPDATE fund.policy_key SET title = '银行回单期限，日历日数（未选时3）', pattern = '[0-9]{1,2}' WHERE key = 'receipt_days';
ALTER TABLE fund.policy_key ENABLE TRIGGER USER;
