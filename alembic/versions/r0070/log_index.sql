-- What keeps a file back (ledger/control/alarms): few lines among many.
CREATE INDEX operator_log_held ON access.operator_log (region, object, id) WHERE outcome = 'refused' AND action IN ('payments.set_out', 'payments.file');
