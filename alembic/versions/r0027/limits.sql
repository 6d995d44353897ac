-- Limits on money (ledger/db/sql/payments/limits.sql): choices of the region, the first payment to an account, call-backs.
INSERT INTO fund.policy_key VALUES
    ('payee_day_limit',    '同一收款单位一日拨付限额，元；none不限（未选时即此）', 'none|[1-9][0-9]{0,11}'),
    ('approver_day_limit', '审批人一日累计审批限额，元；none不限（未选时即此）；其后可列用户=元',
     '(none|[1-9][0-9]{0,11})(,[a-z][a-z0-9_.-]{1,39}=(none|[1-9][0-9]{0,11}))*'),
    ('payee_hold_days',    '收款账户变更后暂缓拨付的日历日数，变更当日算起；0不暂缓（未选时即此）', '[0-9]|[1-8][0-9]|90');

-- NULL: drafted before this was asked; such an order keeps the digest it had.
ALTER TABLE payments.pay_order ADD COLUMN first_payment boolean;

CREATE INDEX pay_order_payee ON payments.pay_order (region, payee_number, payee_cnaps) WHERE state = 'paid';

CREATE TABLE fund.payee_callback (
    region        integer NOT NULL,
    institution   text NOT NULL,
    version       integer NOT NULL,
    number_called text NOT NULL CHECK (number_called ~ '^[0-9+() -]{5,30}$'),
    spoke_with    text NOT NULL CHECK (spoke_with <> '' AND translate(spoke_with, E'|\\\n\r', '') = spoke_with),
    called_on     date NOT NULL,
    called_at     time NOT NULL,
    called_by     text NOT NULL,
    recorded_on   date NOT NULL CHECK (recorded_on >= called_on),
    PRIMARY KEY (region, institution, version),
    FOREIGN KEY (region, institution, version) REFERENCES fund.payee_account
);
