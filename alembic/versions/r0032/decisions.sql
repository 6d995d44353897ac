-- When a second person decided; unknown (NULL) of what was decided before there was this column.
ALTER TABLE fund.other_deduction ADD COLUMN approved_on date;
ALTER TABLE fund.party ADD COLUMN confirmed_on date;
ALTER TABLE fund.outregion_counterparty ADD COLUMN confirmed_on date;
ALTER TABLE payments.bank_channel ADD COLUMN confirmed_on date;
