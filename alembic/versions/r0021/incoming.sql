-- Two papers of one movement carry one serial of the bank.
CREATE INDEX evidence_serial ON payments.evidence (region, account, bank_reference) WHERE bank_reference <> '';
