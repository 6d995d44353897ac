-- What banks say: files, the names they came under, their papers, and what could not be used (INV-13).

-- Tables ------------------------------------------------------
-- Incoming files as they came: one row per bytes and bank account; another content under a known name is another row.
CREATE TABLE payments.inbound_file (
    region   integer NOT NULL,
    account  text NOT NULL,
    sha256   bytea NOT NULL,
    name     text NOT NULL,
    content  bytea NOT NULL,
    kind     text NOT NULL,           -- pain.002, camt.054, bker, or '' where it could not be read
    outcome  text NOT NULL CHECK (outcome IN ('read', 'quarantined')),
    code     text NOT NULL,
    message  text NOT NULL,
    received_on date NOT NULL,
    PRIMARY KEY (region, account, sha256)
);

-- Every name a file came under: what need not be fetched again, and a name that came with other bytes.
CREATE TABLE payments.inbound_name (
    region  integer NOT NULL,
    account text NOT NULL,
    name    text NOT NULL,
    sha256  bytea NOT NULL,
    size    bigint NOT NULL,
    PRIMARY KEY (region, account, name, sha256),
    FOREIGN KEY (region, account, sha256) REFERENCES payments.inbound_file
);

-- Every booked movement a bank told us of, used at most once (INV-13).
CREATE TABLE payments.evidence (
    region         integer NOT NULL,
    account        text NOT NULL,
    kind           text NOT NULL CHECK (kind IN ('bker', 'camt.054', 'statement')),   -- statement: a line no paper came of
    receipt_no     text NOT NULL,
    file_sha256    bytea NOT NULL,
    direction      text NOT NULL CHECK (direction IN ('debit', 'credit')),
    booking_date   date NOT NULL,
    amount_fen     bigint NOT NULL CHECK (amount_fen > 0),
    other_account  text NOT NULL,
    other_name     text NOT NULL,
    order_no       text NOT NULL,
    bank_reference text NOT NULL,
    is_return      boolean NOT NULL,
    reason_code    text NOT NULL,
    reason         text NOT NULL,
    digest         bytea NOT NULL,      -- SHA-256 of the above
    outcome        text NOT NULL CHECK (outcome IN ('posted', 'confirmed', 'waiting', 'suspense')),
    outcome_code   text NOT NULL,       -- why it waits or is in suspense: unknown_order, amount_differs …
    matched_order  text NOT NULL DEFAULT '',   -- the order it was found to speak of
    PRIMARY KEY (region, account, kind, receipt_no, direction)   -- a return may come under its debit's number
);

-- The same money movement, told by two papers, posts once.
CREATE UNIQUE INDEX evidence_movement ON payments.evidence (region, account, bank_reference, direction)
    WHERE outcome = 'posted' AND bank_reference <> '';

CREATE INDEX evidence_order ON payments.evidence (region, matched_order) WHERE matched_order <> '';

CREATE INDEX evidence_serial ON payments.evidence (region, account, bank_reference) WHERE bank_reference <> '';

CREATE INDEX evidence_open ON payments.evidence (region, account, outcome) WHERE outcome IN ('waiting', 'suspense');

-- Entries read from a file that could not be used: kept with their place.
CREATE TABLE payments.inbound_problem (
    region  integer NOT NULL,
    account text NOT NULL,
    sha256  bytea NOT NULL,
    n       integer NOT NULL,
    place   text NOT NULL,
    code    text NOT NULL,
    message text NOT NULL,
    PRIMARY KEY (region, account, sha256, n),
    FOREIGN KEY (region, account, sha256) REFERENCES payments.inbound_file
);
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

-- What lay in the bank's folder under a name when it was last looked at: its size, the times the folder told, and the bytes
-- taken of it. Not evidence: it says only what need not be fetched or asked about again.
CREATE TABLE payments.inbound_seen (
    region  integer NOT NULL,
    account text NOT NULL,
    name    text NOT NULL,
    size    bigint NOT NULL,
    stamp   text NOT NULL,            -- '' where the folder tells no times
    sha256  bytea NOT NULL,
    asked   bigint NOT NULL CHECK (asked >= 0),   -- turn in which the bank's digest was last asked for; 0 never
    PRIMARY KEY (region, account, name),
    FOREIGN KEY (region, account, sha256) REFERENCES payments.inbound_file
);

-- A file that was set aside, read again by a person after the program was mended: every attempt with what came of it.
CREATE TABLE payments.read_again (
    region    integer NOT NULL,
    account   text NOT NULL,
    sha256    bytea NOT NULL,
    n         integer NOT NULL CHECK (n > 0),
    kind      text NOT NULL,
    outcome   text NOT NULL CHECK (outcome IN ('read', 'quarantined')),
    code      text NOT NULL,          -- why it is still set aside
    message   text NOT NULL,
    result    jsonb NOT NULL,         -- what it did, as it was answered
    read_by   text NOT NULL,
    read_on   date NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (region, account, sha256, n),
    FOREIGN KEY (region, account, sha256) REFERENCES payments.inbound_file,
    CHECK ((outcome = 'quarantined') = (code <> ''))
);

CREATE UNIQUE INDEX read_again_once ON payments.read_again (region, account, sha256) WHERE outcome = 'read';

-- Functions ---------------------------------------------------
-- A paper taken from a statement is a line of it, open, of which the bank sent no other paper; receipt_no is `statement-line`.
CREATE OR REPLACE FUNCTION payments.require_stated(v payments.evidence) RETURNS void LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    v_line  payments.statement_line;
    v_other payments.evidence;
BEGIN
    SELECT l.* INTO v_line FROM payments.statement_line l
      JOIN payments.bank_statement s ON s.region = l.region AND s.account = l.account AND s.n = l.statement AND s.file_sha256 = v.file_sha256
     WHERE l.region = v.region AND l.account = v.account AND l.statement > 0 AND l.statement || '-' || l.n = v.receipt_no;
    IF NOT FOUND OR (v_line.direction, v_line.booked_on, v_line.amount_fen, v_line.bank_reference) IS DISTINCT FROM
                    (v.direction, v.booking_date, v.amount_fen, v.bank_reference) OR v.outcome <> 'suspense' THEN
        RAISE EXCEPTION USING ERRCODE = 'FL001', MESSAGE = 'suspense.not_stated',
            DETAIL = format('账户%s的对账单没有这样一行：%s', v.account, v.receipt_no);
    END IF;
    IF EXISTS (SELECT 1 FROM payments.match_line m WHERE m.region = v.region AND m.account = v.account AND m.statement = v_line.statement
                  AND m.n = v_line.n AND m.live) THEN
        RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'suspense.line_matched',
            DETAIL = format('账户%s的对账单行%s已勾对，已在账上', v.account, v.receipt_no);
    END IF;
    SELECT o.* INTO v_other FROM payments.evidence o
     WHERE o.region = v.region AND o.account = v.account AND o.direction = v.direction AND o.kind <> 'statement'
       AND (o.bank_reference <> '' AND o.bank_reference = v_line.bank_reference OR o.receipt_no = v_line.receipt_no) LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'suspense.has_paper',
            DETAIL = format('账户%s的对账单行%s已有回单{paper.kind:%s}%s，请对该回单办理', v.account, v.receipt_no, v_other.kind, v_other.receipt_no);
    END IF;
END $$;

-- Makes a paper in suspense of a line, as accountant, whichever login: check_evidence and require_stated hold it. The digest is the
-- paper's as every other's is made; verify makes it anew.
CREATE OR REPLACE FUNCTION payments.take_line(p_region integer, p_account text, p_statement integer, p_n integer, p_digest bytea) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM payments.require_account_role(p_region, p_account, '{accountant}');
    INSERT INTO payments.evidence (region, account, kind, receipt_no, file_sha256, direction, booking_date, amount_fen, other_account,
        other_name, order_no, bank_reference, is_return, reason_code, reason, digest, outcome, outcome_code, matched_order)
    SELECT l.region, l.account, 'statement', l.statement || '-' || l.n, s.file_sha256, l.direction, l.booked_on, l.amount_fen, l.other_account,
           l.other_name, l.order_no, l.bank_reference, false, '', l.summary, p_digest, 'suspense', 'stated_only', ''
      FROM payments.statement_line l
      JOIN payments.bank_statement s ON s.region = l.region AND s.account = l.account AND s.n = l.statement
     WHERE l.region = p_region AND l.account = p_account AND l.statement = p_statement AND l.n = p_n AND l.statement > 0;
END $$;

-- The entries that rest on lines of an account's statements, each with its line: vouchers by hand that name one, receipts explained.
CREATE OR REPLACE FUNCTION payments.stated_entries(p_region integer, p_account text)
RETURNS TABLE (fund smallint, seq bigint, source_key text, receipt_no text, direction text) LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
    SELECT x.fund, s.seq, s.source_key, x.receipt_no, x.direction
      FROM (SELECT p.fund, 'MAN:' || p.voucher_id AS source_key, p.receipt_no, p.direction FROM books.voucher_paper p
             WHERE p.region = p_region AND p.account = p_account AND p.kind = 'statement'
            UNION
            SELECT r.fund, k.prefix || CASE k.prefix WHEN 'OWN:' THEN CASE r.what WHEN 'other_side' THEN r.reference ELSE r.resolution_id END
                                             ELSE r.reference END, r.receipt_no, r.direction
              FROM payments.resolution r
              JOIN (VALUES ('MAN:'), ('OWN:'), ('CASH:'), ('ALLOT:')) AS k (prefix)
                ON k.prefix = ANY (CASE WHEN r.what = 'voucher' THEN '{MAN:}' WHEN r.what = 'request' THEN '{ALLOT:}'
                                        WHEN r.what IN ('interest', 'fee', 'fee_back') THEN '{CASH:}'
                                        WHEN r.what = 'other_side' THEN '{OWN:,CASH:,ALLOT:}' ELSE '{OWN:}' END::text[])
             WHERE r.region = p_region AND r.account = p_account AND r.kind = 'statement' AND r.state = 'approved') x
      JOIN books.source s ON s.region = p_region AND s.fund = x.fund AND s.source_key = x.source_key
     WHERE NOT EXISTS (SELECT 1 FROM books.correction c WHERE c.region = p_region AND c.fund = s.fund AND c.corrected_seq = s.seq AND c.kind = 'red')
$$;

-- A line that is matched stands in the books: its paper books nothing any more.
CREATE OR REPLACE FUNCTION payments.require_unmatched(p_region integer, p_account text, p_kind text, p_receipt text) RETURNS void
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF p_kind = 'statement' AND EXISTS (
            SELECT 1 FROM payments.match_line m WHERE m.region = p_region AND m.account = p_account AND m.live
               AND (m.statement, m.n) = (split_part(p_receipt, '-', 1)::integer, split_part(p_receipt, '-', 2)::integer)) THEN
        RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'suspense.line_matched',
            DETAIL = format('账户%s的对账单行%s已勾对，已在账上', p_account, p_receipt);
    END IF;
END $$;

-- The lines named are matched at once with the entries that rest on them, as the next `reconciliation match` would: all lines of an
-- entry in one direction with all it moves there, where both are open and come to the same. Else it is left to that.
CREATE OR REPLACE FUNCTION payments.match_stated(p_region integer, p_account text, p_receipts text[], p_on date) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    v_code  integer := (SELECT b.kind::integer FROM payments.bank_account b WHERE b.region = p_region AND b.account = p_account);
    v_base  bigint;
    v_keys  text[] := '{}';
    v_lines payments.match_line[] := '{}';
    v_legs  payments.match_leg[] := '{}';
    v       record;
    v_line  record;
    v_leg   record;
BEGIN
    PERFORM access.require_role(p_region, 0::smallint, '{accountant,checker,system}');
    v_base := payments.next_match(p_region, p_account) - 1;
    FOR v IN SELECT s.fund, s.seq, s.source_key, k.period, s.direction, array_agg(s.receipt_no) AS receipts
               FROM payments.stated_entries(p_region, p_account) s
               JOIN books.source k ON k.region = p_region AND k.fund = s.fund AND k.source_key = s.source_key
              GROUP BY 1, 2, 3, 4, 5 HAVING array_agg(s.receipt_no) && p_receipts ORDER BY 1, 2, 5
    LOOP
        SELECT array_agg(l.statement) AS statements, array_agg(l.n) AS ns, bool_or(m.n IS NOT NULL) AS taken,
               sum(CASE l.direction WHEN 'credit' THEN l.amount_fen ELSE -l.amount_fen END) AS fen INTO v_line
          FROM unnest(v.receipts) AS r (receipt)
          JOIN payments.statement_line l ON l.region = p_region AND l.account = p_account
               AND (l.statement, l.n) = (split_part(r.receipt, '-', 1)::integer, split_part(r.receipt, '-', 2)::integer)
          LEFT JOIN payments.match_line m ON m.region = l.region AND m.account = l.account AND m.statement = l.statement AND m.n = l.n AND m.live;
        SELECT array_agg(g.leg::smallint) AS legs, array_agg(g.effect) AS effects, bool_or(m.leg IS NOT NULL) AS taken, sum(g.effect) AS fen INTO v_leg
          FROM (SELECT u.leg, u.dim, sign(u.code)::bigint * u.fen AS effect
                  FROM books.entry e CROSS JOIN LATERAL unnest(e.accounts, e.amounts, e.dims) WITH ORDINALITY AS u (code, fen, dim, leg)
                 WHERE e.region = p_region AND e.fund = v.fund AND e.period = v.period AND e.seq = v.seq AND abs(u.code) = v_code) g
          JOIN books.dim d ON d.region = p_region AND d.dim = g.dim AND (v_code = 1005 OR d.counterparty = p_account)
          LEFT JOIN payments.match_leg m ON m.region = p_region AND m.fund = v.fund AND m.seq = v.seq AND m.leg = g.leg AND m.live
         WHERE (g.effect > 0) = (v.direction = 'credit');
        CONTINUE WHEN v_line.fen IS DISTINCT FROM v_leg.fen OR v_line.taken OR v_leg.taken;
        v_keys := v_keys || v.source_key;
        SELECT v_lines || array_agg(ROW(p_region, p_account, v_base + cardinality(v_keys), x.statement, x.n, true)::payments.match_line) INTO v_lines
          FROM unnest(v_line.statements, v_line.ns) AS x (statement, n);
        SELECT v_legs || array_agg(ROW(p_region, p_account, v_base + cardinality(v_keys), v.fund, v.period, v.seq, x.leg, x.effect, true)::payments.match_leg)
          INTO v_legs FROM unnest(v_leg.legs, v_leg.effects) AS x (leg, effect);
    END LOOP;
    -- one statement: a match comes with its parts
    WITH line AS (INSERT INTO payments.match_line SELECT (x).* FROM unnest(v_lines) AS x),
         leg AS (INSERT INTO payments.match_leg SELECT (x).* FROM unnest(v_legs) AS x)
    INSERT INTO payments.statement_match (region, account, n, why, reason, made_by, made_on)
    SELECT p_region, p_account, v_base + k.n, 'receipt', k.key, access.user_name(), p_on FROM unnest(v_keys) WITH ORDINALITY AS k (key, n);
END $$;

-- An entry reversed: the lines it rested on are free again; what they were matched with is undone and kept.
CREATE OR REPLACE FUNCTION payments.release_lines(p_region integer, p_fund smallint, p_seq bigint, p_on date) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE v record;
BEGIN
    FOR v IN
        SELECT DISTINCT m.account, m.match FROM payments.match_leg g
          JOIN payments.match_line m ON m.region = g.region AND m.account = g.account AND m.match = g.match AND m.live
          JOIN payments.evidence e ON e.region = m.region AND e.account = m.account AND e.kind = 'statement'
           AND e.receipt_no = m.statement || '-' || m.n
         WHERE g.region = p_region AND g.fund = p_fund AND g.seq = p_seq AND g.live ORDER BY 1, 2
    LOOP
        UPDATE payments.match_line SET live = false WHERE region = p_region AND account = v.account AND match = v.match;
        UPDATE payments.match_leg SET live = false WHERE region = p_region AND account = v.account AND match = v.match;
        UPDATE payments.statement_match SET undo_n = payments.next_match(p_region, v.account), undone_by = access.user_name(), undone_on = p_on,
               undone_why = '所勾对的凭证已冲销' WHERE region = p_region AND account = v.account AND n = v.match;
    END LOOP;
END $$;

-- Papers are kept and decided by who keeps books; out of suspense they come by an explanation only.
CREATE OR REPLACE FUNCTION payments.check_evidence() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    -- A checker brings in papers of a file handed in by another and confirmed by him, no other.
    IF TG_OP = 'UPDATE' OR EXISTS (SELECT 1 FROM payments.handed_file h
            WHERE h.region = NEW.region AND h.sha256 = NEW.file_sha256 AND h.state = 'approved' AND h.approved_by = access.user_name()) THEN
        PERFORM access.require_role(NEW.region, 0::smallint, '{accountant,system,checker}');
    ELSE
        PERFORM access.require_role(NEW.region, 0::smallint, '{accountant,system}');
    END IF;
    IF TG_OP = 'INSERT' AND NEW.kind = 'statement' THEN
        PERFORM payments.require_stated(NEW);
    END IF;
    IF TG_OP = 'UPDATE' AND OLD.outcome = 'suspense' AND NEW.outcome NOT IN ('suspense', 'waiting')
       AND NOT payments.explained(OLD, NEW.outcome, NEW.matched_order) THEN
        RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'suspense.unexplained',
            DETAIL = format('挂账回单{paper.kind:%s}%s没有经两人查明，不能转为{paper.outcome:%s}', OLD.kind, OLD.receipt_no, NEW.outcome);
    END IF;
    RETURN NEW;
END $$;

-- A word is kept by who takes in the bank's files, out of a file that came in; it does what its state says or less.
-- A file once set aside speaks only where it came by the channel (it is read again then).
CREATE OR REPLACE FUNCTION payments.check_word() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp AS $$
DECLARE stray text;
BEGIN
    SELECT w.order_no INTO stray FROM added w
     WHERE NOT access.has_role(w.region, 0::smallint, access.user_name(), '{accountant,system,checker}') LIMIT 1;
    IF FOUND AND access.working_login() THEN
        RAISE EXCEPTION USING ERRCODE = 'FL003', MESSAGE = 'access.role_missing',
            DETAIL = '银行回报只由会计、系统任务或复核收入';
    END IF;
    SELECT w.order_no INTO stray FROM added w
     WHERE NOT EXISTS (SELECT 1 FROM payments.inbound_file f
                WHERE f.region = w.region AND f.sha256 = w.file_sha256 AND (f.outcome = 'read' OR EXISTS (
                      SELECT 1 FROM payments.inbound_name n
                       WHERE n.region = f.region AND n.account = f.account AND n.sha256 = f.sha256)))
        OR w.effect = 'accept' AND w.state NOT IN ('accepted', 'settled')
        OR w.effect = 'reject' AND w.state <> 'rejected' LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'word.no_file',
            DETAIL = format('拨付单%s的银行回报不是出自收到的文件，或其效果与所说的不符', stray);
    END IF;
    RETURN NULL;
END $$;

-- Read again in one's own name by who keeps the books; only what was set aside, came by the channel, and was not read since.
CREATE OR REPLACE FUNCTION payments.check_read_again() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NEW.read_by IS DISTINCT FROM access.require_role(NEW.region, 0::smallint, '{accountant}') THEN
        RAISE EXCEPTION USING ERRCODE = 'FL003', MESSAGE = 'file.not_own_name', DETAIL = '隔离的文件只能以本人名义重读';
    END IF;
    IF NOT EXISTS (SELECT 1 FROM payments.inbound_file f WHERE f.region = NEW.region AND f.account = NEW.account
                      AND f.sha256 = NEW.sha256 AND f.outcome = 'quarantined') THEN
        RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'file.not_quarantined', DETAIL = '只有隔离的文件可以重读';
    END IF;
    IF NOT EXISTS (SELECT 1 FROM payments.inbound_name n WHERE n.region = NEW.region AND n.account = NEW.account
                      AND n.sha256 = NEW.sha256) THEN
        RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'file.by_hand',
            DETAIL = '文件是人工送来的，不能由一人重读入账：请银行经通道重发';
    END IF;
    RETURN NEW;
END $$;

-- A file counts as seen under a name it came by, with the bytes it came with: what was never taken stays to be fetched. Turns go on
-- by one: a greater number would be the last one a poll could count to. Asked of all rows of a statement at once.
CREATE OR REPLACE FUNCTION payments.check_seen() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE v_name text;
BEGIN
    SELECT c.name INTO v_name FROM changed c
     WHERE NOT EXISTS (SELECT 1 FROM payments.inbound_name n WHERE n.region = c.region AND n.account = c.account
                          AND n.name = c.name AND n.sha256 = c.sha256) LIMIT 1;
    IF v_name IS NULL AND TG_OP = 'INSERT' THEN
        SELECT c.name INTO v_name FROM changed c
         WHERE c.asked > 1 + (SELECT coalesce(max(s.asked), 0) FROM payments.inbound_seen s
                               WHERE NOT EXISTS (SELECT 1 FROM changed n WHERE (n.region, n.account, n.name) = (s.region, s.account, s.name))) LIMIT 1;
    ELSIF v_name IS NULL THEN
        SELECT c.name INTO v_name FROM changed c
         WHERE c.asked > 1 + greatest((SELECT max(w.asked) FROM was w), (
                   SELECT max(s.asked) FROM payments.inbound_seen s
                    WHERE NOT EXISTS (SELECT 1 FROM changed n WHERE (n.region, n.account, n.name) = (s.region, s.account, s.name)))) LIMIT 1;
    END IF;
    IF v_name IS NOT NULL THEN
        RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'file.not_taken',
            DETAIL = format('银行文件%s没有以此内容收到过，不能记为已收', left(v_name, 80));
    END IF;
    RETURN NULL;
END $$;

-- Guards ------------------------------------------------------
CREATE OR REPLACE TRIGGER taken AFTER INSERT ON payments.inbound_seen REFERENCING NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION payments.check_seen();
CREATE OR REPLACE TRIGGER taken_again AFTER UPDATE ON payments.inbound_seen REFERENCING OLD TABLE AS was NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION payments.check_seen();
CREATE OR REPLACE TRIGGER check_read_again BEFORE INSERT ON payments.read_again
    FOR EACH ROW EXECUTE FUNCTION payments.check_read_again();
CREATE OR REPLACE TRIGGER frozen BEFORE DELETE OR UPDATE OR TRUNCATE ON payments.read_again
    FOR EACH STATEMENT EXECUTE FUNCTION fund.refuse_change();
CREATE OR REPLACE TRIGGER kept BEFORE DELETE OR TRUNCATE ON payments.inbound_seen
    FOR EACH STATEMENT EXECUTE FUNCTION fund.refuse_change();
CREATE OR REPLACE TRIGGER check_word AFTER INSERT ON payments.bank_word REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION payments.check_word();
CREATE OR REPLACE TRIGGER frozen BEFORE UPDATE OR DELETE OR TRUNCATE ON payments.bank_word
    FOR EACH STATEMENT EXECUTE FUNCTION fund.refuse_change();
CREATE OR REPLACE TRIGGER frozen BEFORE UPDATE OF region, account, kind, receipt_no, file_sha256, direction, booking_date, amount_fen,
    other_account, other_name, order_no, bank_reference, is_return, reason_code, reason, digest
    ON payments.evidence FOR EACH STATEMENT EXECUTE FUNCTION fund.refuse_change();
-- Evidence that has posted keeps its outcome.
CREATE OR REPLACE TRIGGER evidence_used BEFORE UPDATE ON payments.evidence FOR EACH ROW
    WHEN (OLD.outcome IN ('posted', 'confirmed')
          AND (NEW.outcome, NEW.outcome_code, NEW.matched_order) IS DISTINCT FROM (OLD.outcome, OLD.outcome_code, OLD.matched_order))
    EXECUTE FUNCTION payments.check_used();
CREATE OR REPLACE TRIGGER check_evidence BEFORE INSERT OR UPDATE ON payments.evidence FOR EACH ROW EXECUTE FUNCTION payments.check_evidence();
CREATE OR REPLACE TRIGGER kept BEFORE DELETE OR TRUNCATE ON payments.evidence
    FOR EACH STATEMENT EXECUTE FUNCTION fund.refuse_change();
CREATE OR REPLACE TRIGGER frozen BEFORE DELETE OR UPDATE OR TRUNCATE ON payments.inbound_file
    FOR EACH STATEMENT EXECUTE FUNCTION fund.refuse_change();
CREATE OR REPLACE TRIGGER frozen BEFORE DELETE OR UPDATE OR TRUNCATE ON payments.inbound_name
    FOR EACH STATEMENT EXECUTE FUNCTION fund.refuse_change();
CREATE OR REPLACE TRIGGER frozen BEFORE DELETE OR UPDATE OR TRUNCATE ON payments.inbound_problem
    FOR EACH STATEMENT EXECUTE FUNCTION fund.refuse_change();

-- Grants ------------------------------------------------------
GRANT EXECUTE ON FUNCTION payments.require_stated(payments.evidence) TO fundledger_service;
GRANT SELECT, INSERT ON payments.evidence TO fundledger_service;
GRANT SELECT ON payments.evidence TO fundledger_auditor, fundledger_poster;
GRANT UPDATE (outcome, outcome_code, matched_order) ON payments.evidence TO fundledger_service;
GRANT SELECT, INSERT ON payments.inbound_file TO fundledger_service;
GRANT SELECT ON payments.inbound_file TO fundledger_auditor;
GRANT SELECT, INSERT ON payments.inbound_name TO fundledger_service;
GRANT SELECT ON payments.inbound_name TO fundledger_auditor;
GRANT SELECT, INSERT ON payments.inbound_seen TO fundledger_service;
GRANT UPDATE (size, stamp, sha256, asked) ON payments.inbound_seen TO fundledger_service;
GRANT SELECT ON payments.inbound_seen TO fundledger_auditor;
GRANT SELECT ON payments.read_again TO fundledger_service;
GRANT INSERT (region, account, sha256, n, kind, outcome, code, message, result,
    read_by, read_on) ON payments.read_again TO fundledger_service;
GRANT SELECT ON payments.read_again TO fundledger_auditor;
GRANT SELECT, INSERT ON payments.inbound_problem TO fundledger_service;
GRANT SELECT ON payments.inbound_problem TO fundledger_auditor;
GRANT SELECT ON payments.bank_word TO fundledger_service;
GRANT INSERT (region, order_no, n, file_sha256, message_id, state, code, reasons,
    effect, said_on) ON payments.bank_word TO fundledger_service;
GRANT SELECT ON payments.bank_word TO fundledger_auditor, fundledger_poster;
GRANT EXECUTE ON FUNCTION payments.take_line(integer,text,integer,integer,bytea) TO fundledger_service;
GRANT EXECUTE ON FUNCTION payments.stated_entries(integer,text) TO fundledger_service;
GRANT EXECUTE ON FUNCTION payments.require_unmatched(integer,text,text,text) TO fundledger_service, fundledger_poster;
GRANT EXECUTE ON FUNCTION payments.release_lines(integer,smallint,bigint,date) TO fundledger_poster;
GRANT EXECUTE ON FUNCTION payments.match_stated(integer,text,text[],date) TO fundledger_service, fundledger_poster;
