-- Public keys that refused lines are sealed for (ledger/db/sql/fund/sealed.sql). What lies in clear is sealed by `migrate`, which
-- has the home's key folder.
CREATE TABLE fund.sealing_key (
    region  integer NOT NULL,
    n       integer NOT NULL CHECK (n > 0),
    key_id  text NOT NULL CHECK (key_id ~ '^[0-9a-f]{16}$'),
    public  bytea NOT NULL CHECK (length(public) = 32),
    made_by text NOT NULL,
    made_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (region, n),
    CHECK (key_id = left(encode(sha256(public), 'hex'), 16))
);

-- How long what is kept (ledger/fund/region/retention.py).
INSERT INTO fund.policy_key VALUES
    ('retention_quarantine', '隔离的结算记录保存年数，未选时为3', '[1-9]|[1-9][0-9]'),
    ('retention_log',        '操作日志保存年数，未选时为10', '[1-9]|[1-9][0-9]'),
    ('retention_answers',    '接口答复保存年数，未选时为1', '[1-9]|[1-9][0-9]'),
    ('retention_bank_files', '银行文件保存年数，未选时为30，不得少于30', '[3-9][0-9]'),
    ('retention_records',    '结算记录保存年数，未选时为30，不得少于30', '[3-9][0-9]');
