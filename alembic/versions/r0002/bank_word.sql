-- Every word a bank said of an order, in the order it came: the last one does not wipe out the first.
CREATE TABLE payments.bank_word (
    region      integer NOT NULL,
    order_no    text NOT NULL,
    n           integer NOT NULL,
    file_sha256 bytea NOT NULL,       -- the status file that said it
    message_id  text NOT NULL,        -- the file of ours that it speaks of
    state       text NOT NULL CHECK (state IN ('accepted', 'settled', 'rejected', 'unknown')),
    code        text NOT NULL,        -- the bank's own
    reasons     text NOT NULL,        -- all codes and texts it gave, of the order, its group and its file
    effect      text NOT NULL,        -- what it did: an event, a problem, or nothing
    said_on     date NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (region, order_no, n),
    FOREIGN KEY (region, order_no) REFERENCES payments.pay_order
);
