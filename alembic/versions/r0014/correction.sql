-- What a hand-written voucher corrects: red is the exact reversal of `reverses_seq`, blue and difference correct `corrects_seq`.
-- Vouchers drafted before this was asked are told apart for good, so that they are not judged by it.
ALTER TABLE books.voucher ADD COLUMN correction text NOT NULL DEFAULT 'before';
ALTER TABLE books.voucher ALTER COLUMN correction SET DEFAULT '';
ALTER TABLE books.voucher ADD COLUMN corrects_seq bigint NOT NULL DEFAULT 0;
ALTER TABLE books.voucher ADD CONSTRAINT voucher_correction CHECK (correction = 'before'
    OR correction IN ('', 'red', 'blue', 'difference') AND (correction = 'red') = (reverses_seq > 0)
       AND (correction IN ('blue', 'difference')) = (corrects_seq > 0) AND corrects_seq >= 0);

CREATE TABLE books.correction (
    region        integer NOT NULL,
    fund          smallint NOT NULL,
    corrected_seq bigint NOT NULL CHECK (corrected_seq > 0),
    kind          text NOT NULL CHECK (kind IN ('red', 'blue', 'difference', 'before')),
    seq           bigint NOT NULL CHECK (seq > corrected_seq),
    PRIMARY KEY (region, fund, seq),
    FOREIGN KEY (region, fund) REFERENCES books.book
);

CREATE INDEX correction_of ON books.correction (region, fund, corrected_seq);

CREATE UNIQUE INDEX corrected_once ON books.correction (region, fund, corrected_seq, kind) WHERE kind IN ('red', 'blue');

-- Reversals by hand that were posted before they had to be exact: what they named is not reversed a second time.
INSERT INTO books.correction (region, fund, corrected_seq, kind, seq)
SELECT e.region, e.fund, e.reverses_seq, 'before', e.seq FROM books.entry e
 WHERE e.event = 'MAN' AND e.reverses_seq > 0 AND e.reverses_seq < e.seq;

CREATE TABLE books.voucher_paper (
    region     integer NOT NULL,
    fund       smallint NOT NULL,
    voucher_id text NOT NULL,
    n          smallint NOT NULL CHECK (n > 0),
    account    text NOT NULL,
    kind       text NOT NULL,
    receipt_no text NOT NULL,
    direction  text NOT NULL,
    amount_fen bigint NOT NULL CHECK (amount_fen > 0),
    digest     bytea NOT NULL CHECK (length(digest) = 32),
    PRIMARY KEY (region, fund, voucher_id, n),
    UNIQUE (region, fund, voucher_id, account, kind, receipt_no, direction),
    FOREIGN KEY (region, fund, voucher_id) REFERENCES books.voucher,
    FOREIGN KEY (region, account, kind, receipt_no, direction) REFERENCES payments.evidence
);

CREATE INDEX paper_of_voucher ON books.voucher_paper (region, account, kind, receipt_no, direction);

-- A movement of an own account whose entry was corrected is reversed: its receipt may be booked as what it was.
ALTER TABLE fund.cash_move DROP CONSTRAINT cash_move_state_check;
ALTER TABLE fund.cash_move ADD CONSTRAINT cash_move_state_check CHECK (state IN ('requested', 'approved', 'refused', 'reversed'));
DROP INDEX fund.move_receipt;
CREATE UNIQUE INDEX move_receipt ON fund.cash_move (region, account, receipt_no, kind, subfund) WHERE state NOT IN ('refused', 'reversed');

ALTER TABLE fund.refund DROP CONSTRAINT refund_state_check;
ALTER TABLE fund.refund ADD CONSTRAINT refund_state_check CHECK (state IN ('requested', 'approved', 'refused', 'reversed'));
DROP INDEX fund.refund_receipt;
CREATE UNIQUE INDEX refund_receipt ON fund.refund (region, account, receipt_no) WHERE state NOT IN ('refused', 'reversed');
DROP INDEX fund.refund_document;
CREATE UNIQUE INDEX refund_document ON fund.refund (region, fund, institution, kind, document) WHERE state NOT IN ('refused', 'reversed');

ALTER TABLE payments.resolution DROP CONSTRAINT resolution_what_check;
ALTER TABLE payments.resolution ADD CONSTRAINT resolution_what_check
    CHECK (what IN ('order', 'request', 'interest', 'fee', 'fee_back', 'to_return', 'counter', 'same', 'voucher'));
ALTER TABLE payments.resolution DROP CONSTRAINT resolution_state_check;
ALTER TABLE payments.resolution ADD CONSTRAINT resolution_state_check CHECK (state IN ('requested', 'approved', 'refused', 'reversed'));
DROP INDEX payments.resolution_reference;
CREATE UNIQUE INDEX resolution_reference ON payments.resolution (region, what, account, reference)
    WHERE what IN ('request', 'interest', 'fee', 'fee_back', 'counter', 'same', 'voucher') AND state NOT IN ('refused', 'reversed');

INSERT INTO fund.policy_key VALUES
    ('hand_accounts', '手工凭证另可使用的科目（只由规则记账的科目与备查账，科目代码前缀，逗号分隔；none不放开）',
     'none|[1-9][0-9]{3,7}(,[1-9][0-9]{3,7})*');

-- Their arguments changed; the present makes them anew.
DROP FUNCTION IF EXISTS books.draft_voucher(integer, smallint, date, bigint, text, text, integer, date, smallint[], bigint[], integer[],
    text[], text[], smallint[], integer[], text[]);
DROP FUNCTION IF EXISTS books.voucher_text_digest(integer, smallint, integer, date, bigint, text, text, integer, text, text);
