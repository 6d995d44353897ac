-- Our own bank accounts, the channels to their banks, the files that go out, the statements that come in, and the two reconciled.

-- Tables ------------------------------------------------------
-- Our accounts at banks: which books they serve, and how their files travel.
CREATE TABLE payments.bank_account (
    region    integer NOT NULL REFERENCES fund.region,
    account   text NOT NULL CHECK (account ~ '^[0-9A-Za-z-]{5,34}$'),
    kind      text NOT NULL CHECK (kind IN ('1002', '1003', '1004', '1005')),
    bank      text NOT NULL,                 -- key of the bank's format and channel in the registry
    name      text NOT NULL,
    bank_name text NOT NULL,
    cnaps     text NOT NULL CHECK (cnaps ~ '^[0-9]{12}$'),
    PRIMARY KEY (region, account)
);

-- How an account's files travel: host, port, host keys, folders; no secret. Proposed by one person, confirmed by another.
CREATE TABLE payments.bank_channel (
    region       integer NOT NULL,
    account      text NOT NULL,
    version      integer NOT NULL,
    channel      jsonb NOT NULL,
    state        text NOT NULL CHECK (state IN ('proposed', 'confirmed', 'replaced')),
    proposed_by  text NOT NULL,
    confirmed_by text NOT NULL DEFAULT '',
    confirmed_at timestamptz,                -- NULL: before this was kept
    confirmed_on date,                       -- NULL: before this was kept
    PRIMARY KEY (region, account, version),
    FOREIGN KEY (region, account) REFERENCES payments.bank_account,
    CHECK ((state = 'proposed') = (confirmed_by = ''))
);

CREATE UNIQUE INDEX one_confirmed_channel ON payments.bank_channel (region, account) WHERE state = 'confirmed';

CREATE TABLE payments.book_account (
    region  integer NOT NULL,
    fund    smallint NOT NULL,
    kind    text NOT NULL,
    account text NOT NULL,
    PRIMARY KEY (region, fund, kind),
    FOREIGN KEY (region, account) REFERENCES payments.bank_account,
    FOREIGN KEY (region, fund) REFERENCES books.book
);

-- Outgoing files: the bytes are stored before they are sent and never change; a rebuilt file has another id.
-- sending: somebody set out to deliver it, so that it may be at the bank whatever became of him; it cannot be voided.
CREATE TABLE payments.bank_file (
    region     integer NOT NULL,
    file_id    text NOT NULL,
    batch_id   text NOT NULL,
    account    text NOT NULL,
    name       text NOT NULL,
    created_at timestamptz NOT NULL,         -- as written in the file: encoding again gives the same bytes
    content    bytea NOT NULL,
    sha256     bytea NOT NULL,
    sm3        bytea NOT NULL,
    orders     integer NOT NULL CHECK (orders > 0),
    total_fen  bigint NOT NULL CHECK (total_fen > 0),
    state      text NOT NULL CHECK (state IN ('filed', 'sending', 'sent', 'unknown', 'void')),
    PRIMARY KEY (region, file_id),
    UNIQUE (region, account, name),
    FOREIGN KEY (region, batch_id) REFERENCES payments.batch
);

ALTER TABLE payments.bank_file ALTER COLUMN content SET STORAGE EXTERNAL;

-- Statements as the bank gave them, or as a person copied one from paper (hand: believed after a second person); cutover: the
-- balance a book was taken over with and the bank's open items of the old books (fund.open_banks).
CREATE TABLE payments.statement_file (
    region      integer NOT NULL,
    account     text NOT NULL,
    sha256      bytea NOT NULL CHECK (length(sha256) = 32),   -- of the bytes before they were sealed: verify opens and compares them
    n           integer NOT NULL CHECK (n > 0),      -- proposed again after a refusal
    name        text NOT NULL CHECK (name <> ''),
    form        text NOT NULL CHECK (form IN ('camt.053', 'bkrs', 'csv', 'hand', 'cutover')),
    content     bytea NOT NULL,
    profile     text NOT NULL,                       -- how a table was read; '' for the other forms
    stated      jsonb NOT NULL,                      -- what the person said of a table: number, days, opening, closing
    digest      bytea NOT NULL CHECK (length(digest) = 32),   -- of sha256 and what was stated
    state       text NOT NULL CHECK (state IN ('proposed', 'waiting', 'taken', 'refused', 'withdrawn')),   -- waiting: for other pages
    prepared_by text NOT NULL,
    prepared_on date NOT NULL,
    approved_by text NOT NULL DEFAULT '',
    approved_on date,
    reason      text NOT NULL DEFAULT '',
    PRIMARY KEY (region, account, sha256, n),
    FOREIGN KEY (region, account) REFERENCES payments.bank_account,
    CHECK (state IN ('taken', 'withdrawn') OR (state = 'waiting') = (form <> 'hand')),
    CHECK ((approved_by <> '') = (form = 'hand' AND state <> 'proposed') AND (approved_by = '') = (approved_on IS NULL)),
    CHECK (approved_by <> prepared_by),
    CHECK ((state = 'refused') = (reason <> ''))
);

CREATE UNIQUE INDEX statement_file_once ON payments.statement_file (region, account, sha256) WHERE state NOT IN ('refused', 'withdrawn');

-- A statement of an account: n counts them, each begins where the one before ended. Below nought: withdrawn, kept, in no chain.
CREATE TABLE payments.bank_statement (
    region      integer NOT NULL,
    account     text NOT NULL,
    n           integer NOT NULL CHECK (n <> 0),
    file_sha256 bytea NOT NULL,
    place       integer NOT NULL CHECK (place > 0),  -- which statement of the file
    form        text NOT NULL CHECK (form IN ('camt.053', 'bkrs', 'csv', 'hand', 'cutover')),
    number      text NOT NULL,                       -- the bank's own
    sequence    bigint CHECK (sequence >= 0),        -- where the bank counts them
    first_day   date NOT NULL,
    last_day    date NOT NULL,
    opening_fen bigint NOT NULL,
    closing_fen bigint NOT NULL,
    lines       integer NOT NULL CHECK (lines >= 0),
    PRIMARY KEY (region, account, n),
    FOREIGN KEY (region, account) REFERENCES payments.bank_account,
    CHECK (first_day <= last_day)
);

CREATE UNIQUE INDEX statement_of_file ON payments.bank_statement (region, account, file_sha256, place) WHERE n > 0;

-- The files of a statement that came in pages.
CREATE TABLE payments.statement_page (
    region      integer NOT NULL,
    account     text NOT NULL,
    statement   integer NOT NULL,
    page        integer NOT NULL CHECK (page > 0),
    file_sha256 bytea NOT NULL,
    PRIMARY KEY (region, account, statement, page),
    FOREIGN KEY (region, account, statement) REFERENCES payments.bank_statement DEFERRABLE INITIALLY DEFERRED
);

-- Statements taken back by two persons while nothing rests on them: a corrected one takes their place. Or a single page that
-- waits for the others of its statement (first_statement 0): the file alone.
CREATE TABLE payments.statement_withdrawal (
    region          integer NOT NULL,
    account         text NOT NULL,
    n               integer NOT NULL CHECK (n > 0),
    file_sha256     bytea NOT NULL,
    first_statement integer NOT NULL CHECK (first_statement >= 0),  -- as they were numbered; 0 of a waiting page
    last_statement  integer NOT NULL,
    kept_as         integer CHECK (kept_as < 0),                    -- the first one's number since
    reason          text NOT NULL CHECK (reason <> ''),
    state           text NOT NULL DEFAULT 'requested' CHECK (state IN ('requested', 'approved', 'refused')),
    prepared_by     text NOT NULL,
    prepared_on     date NOT NULL,
    approved_by     text NOT NULL DEFAULT '',
    approved_on     date,
    refusal         text NOT NULL DEFAULT '',
    PRIMARY KEY (region, account, n),
    FOREIGN KEY (region, account) REFERENCES payments.bank_account,
    CHECK (first_statement <= last_statement),
    CHECK ((state = 'requested') = (approved_by = '') AND (approved_by = '') = (approved_on IS NULL)),
    CHECK (approved_by <> prepared_by),
    CHECK ((state = 'refused') = (refusal <> '')),
    CHECK ((state = 'approved' AND first_statement > 0) = (kept_as IS NOT NULL)),
    CHECK (first_statement > 0 OR last_statement = 0)
);

CREATE UNIQUE INDEX one_withdrawal ON payments.statement_withdrawal (region, account) WHERE state = 'requested';

CREATE TABLE payments.statement_line (
    region         integer NOT NULL,
    account        text NOT NULL,
    statement      integer NOT NULL,
    n              integer NOT NULL CHECK (n > 0),
    booked_on      date NOT NULL,
    direction      text NOT NULL CHECK (direction IN ('debit', 'credit')),   -- debit: money went out
    amount_fen     bigint NOT NULL CHECK (amount_fen > 0),
    balance_fen    bigint,                           -- after the line, where the bank prints it
    bank_reference text NOT NULL,
    receipt_no     text NOT NULL,
    order_no       text NOT NULL,
    other_account  text NOT NULL,
    other_name     text NOT NULL,
    summary        text NOT NULL,
    is_reversal    boolean NOT NULL,
    PRIMARY KEY (region, account, statement, n),
    FOREIGN KEY (region, account, statement) REFERENCES payments.bank_statement DEFERRABLE INITIALLY DEFERRED
);

-- A match of statement lines with journal lines of the account that come to the same; n and undo_n count in one row of numbers,
-- so that what stood at any moment can be told again. Why: the paper's number, the bank's serial, the order; reversal: a voucher
-- and its red copy; hand: a person said so, with a reason; opening: a cut-over's balance and its entry's line.
-- Its parts come with it, in one statement; no foreign key is asked row by row: check_matches and check_match_parts are asked once.
CREATE TABLE payments.statement_match (
    region    integer NOT NULL,
    account   text NOT NULL,
    n         bigint NOT NULL CHECK (n > 0),
    why       text NOT NULL CHECK (why IN ('receipt', 'serial', 'order', 'reversal', 'hand', 'opening')),
    reason    text NOT NULL CHECK (reason <> ''),    -- the number both sides carry, or the person's words
    made_by   text NOT NULL,
    made_on   date NOT NULL,
    undo_n    bigint CHECK (undo_n > n),
    undone_by text NOT NULL DEFAULT '',
    undone_on date,
    undone_why text NOT NULL DEFAULT '',
    PRIMARY KEY (region, account, n),
    CHECK ((undo_n IS NULL) = (undone_by = '') AND (undo_n IS NULL) = (undone_on IS NULL) AND (undo_n IS NULL) = (undone_why = ''))
);

CREATE TABLE payments.match_line (
    region    integer NOT NULL,
    account   text NOT NULL,
    match     bigint NOT NULL,
    statement integer NOT NULL,
    n         integer NOT NULL,
    live      boolean NOT NULL DEFAULT true,         -- false once the match is undone
    PRIMARY KEY (region, account, match, statement, n)
);

CREATE UNIQUE INDEX line_matched_once ON payments.match_line (region, account, statement, n) WHERE live;

CREATE TABLE payments.match_leg (
    region     integer NOT NULL,
    account    text NOT NULL,
    match      bigint NOT NULL,
    fund       smallint NOT NULL,
    period     integer NOT NULL,
    seq        bigint NOT NULL,
    leg        smallint NOT NULL,
    effect_fen bigint NOT NULL CHECK (effect_fen <> 0),   -- positive: money came in
    live       boolean NOT NULL DEFAULT true,
    PRIMARY KEY (region, account, match, fund, seq, leg)
);

CREATE UNIQUE INDEX leg_matched_once ON payments.match_leg (region, fund, seq, leg) WHERE live;

-- 银行存款余额调节表 of an account and month, as known at the cuts: statements, matches and blocks up to there.
CREATE TABLE payments.reconciliation (
    region        integer NOT NULL,
    account       text NOT NULL,
    period        integer NOT NULL CHECK (period % 100 BETWEEN 1 AND 12),
    version       integer NOT NULL CHECK (version > 0),
    bank_fen      bigint NOT NULL,
    book_fen      bigint NOT NULL,
    adjusted_fen  bigint NOT NULL,
    items         integer NOT NULL CHECK (items >= 0),
    statement_cut integer NOT NULL,
    match_cut     bigint NOT NULL,
    blocks        jsonb NOT NULL,                    -- fund → last block
    digest        bytea NOT NULL CHECK (length(digest) = 32),
    state         text NOT NULL CHECK (state IN ('made', 'reviewed', 'refused')),
    made_by       text NOT NULL,
    made_on       date NOT NULL,
    reviewed_by   text NOT NULL DEFAULT '',
    reviewed_on   date,
    reviewed_digest bytea,                           -- what the reviewer had before them
    reason        text NOT NULL DEFAULT '',
    PRIMARY KEY (region, account, period, version),
    FOREIGN KEY (region, account) REFERENCES payments.bank_account,
    CHECK ((state = 'made') = (reviewed_by = '') AND (reviewed_by = '') = (reviewed_on IS NULL)),
    CHECK (reviewed_by <> made_by),
    CHECK ((state = 'refused') = (reason <> '')),
    CHECK (state <> 'reviewed' OR reviewed_digest IS NOT DISTINCT FROM digest)
);

CREATE UNIQUE INDEX one_reconciliation_made ON payments.reconciliation (region, account, period) WHERE state = 'made';

-- Open items: book_in, book_out are ours that the bank has not; bank_in, bank_out the bank's that our books have not.
CREATE TABLE payments.reconciliation_item (
    region     integer NOT NULL,
    account    text NOT NULL,
    period     integer NOT NULL,
    version    integer NOT NULL,
    n          integer NOT NULL CHECK (n > 0),
    part       text NOT NULL CHECK (part IN ('book_in', 'book_out', 'bank_in', 'bank_out')),
    day        date NOT NULL,
    amount_fen bigint NOT NULL CHECK (amount_fen > 0),
    reference  text NOT NULL CHECK (reference <> ''),    -- fund:seq:line of the journal, statement:line of the bank
    paper      text NOT NULL,
    summary    text NOT NULL,
    age_days   integer NOT NULL CHECK (age_days >= 0),
    PRIMARY KEY (region, account, period, version, n),
    UNIQUE (region, account, period, version, reference),
    FOREIGN KEY (region, account, period, version) REFERENCES payments.reconciliation DEFERRABLE INITIALLY DEFERRED
);

-- Lines of an opening entry that stand for open items of the old books: what each was, for the sheet and for matching.
CREATE TABLE payments.opened_leg (
    region    integer NOT NULL,
    account   text NOT NULL,
    fund      smallint NOT NULL,
    seq       bigint NOT NULL,
    leg       smallint NOT NULL,
    day       date NOT NULL,
    reference text NOT NULL,
    summary   text NOT NULL,
    PRIMARY KEY (region, fund, seq, leg),
    FOREIGN KEY (region, account) REFERENCES payments.bank_account
);

-- Functions ---------------------------------------------------
-- Files: sent by the cashier, voided by who keeps books, and only while nobody set out to deliver them.
-- sending → filed: that very attempt surely did not arrive; sending → unknown: it may have.
CREATE OR REPLACE FUNCTION payments.check_file() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp AS $$
DECLARE v_fund smallint;
BEGIN
    IF TG_OP = 'INSERT' AND NEW.state <> 'filed' OR TG_OP = 'UPDATE' AND (OLD.state, NEW.state) NOT IN (
            ('filed', 'sending'), ('filed', 'void'), ('sending', 'filed'), ('sending', 'unknown'), ('sending', 'sent'),
            ('unknown', 'sent')) THEN
        RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'file.state',
            DETAIL = format('付款文件%s不能由{file.state:%s}转为{file.state:%s}', NEW.name, CASE TG_OP WHEN 'UPDATE' THEN OLD.state ELSE '（新建）' END, NEW.state);
    END IF;
    SELECT fund INTO v_fund FROM payments.batch WHERE region = NEW.region AND batch_id = NEW.batch_id;
    PERFORM access.require_role(NEW.region, v_fund, CASE WHEN TG_OP = 'INSERT' OR NEW.state = 'void'
                                THEN '{maker,checker,system}'::text[] ELSE '{cashier}' END);
    RETURN NEW;
END $$;

-- The books an account pays for, whoever asks: who may not see all of them may not read its receipts.
CREATE OR REPLACE FUNCTION payments.account_funds(p_region integer, p_account text) RETURNS smallint[] LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
    SELECT coalesce(array_agg(DISTINCT fund ORDER BY fund), '{}') FROM payments.book_account
     WHERE region = p_region AND account = p_account
$$;

-- Raises unless the transaction's user holds one of the roles in every book an account serves; returns the user's name.
CREATE OR REPLACE FUNCTION payments.require_account_role(p_region integer, p_account text, p_roles text[]) RETURNS text
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    v_funds smallint[] := payments.account_funds(p_region, p_account);
    v_actor text := access.require_role(p_region, 0::smallint, p_roles);
BEGIN
    FOR i IN 1 .. cardinality(v_funds) LOOP
        v_actor := access.require_role(p_region, v_funds[i], p_roles);
    END LOOP;
    RETURN v_actor;
END $$;

-- Loaded by who keeps the account's books; a copy from paper is proposed and, by a checker who is another person and names its
-- digest, taken. The digest is made here, of the bytes and of what was stated.
CREATE OR REPLACE FUNCTION payments.check_statement_file() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp AS $$
DECLARE v_actor text;
BEGIN
    IF TG_OP = 'INSERT' AND NEW.form = 'cutover' THEN     -- fund.open_banks alone
        IF access.working_login() THEN
            RAISE EXCEPTION USING ERRCODE = 'FL003', MESSAGE = 'statement.no_file', DETAIL = format('账户%s的期初对账单只由接转开立', NEW.account);
        END IF;
        NEW.digest := sha256(NEW.content || convert_to(NEW.stated::text, 'UTF8'));
        RETURN NEW;
    END IF;
    IF TG_OP = 'INSERT' THEN
        v_actor := payments.require_account_role(NEW.region, NEW.account,
            CASE NEW.form WHEN 'hand' THEN '{accountant}'::text[] ELSE '{accountant,system}' END);
        IF NEW.prepared_by IS DISTINCT FROM v_actor OR (NEW.form = 'hand') <> (NEW.state = 'proposed') OR NEW.state = 'withdrawn' THEN
            RAISE EXCEPTION USING ERRCODE = 'FL003', MESSAGE = 'request.prepared_by', DETAIL = '只能以当前用户的名义登记对账单';
        END IF;
        NEW.digest := sha256(NEW.sha256 || convert_to(NEW.stated::text, 'UTF8'));
        RETURN NEW;
    END IF;
    IF (OLD.state, NEW.state) = ('waiting', 'taken') THEN      -- its other pages have come
        PERFORM payments.require_account_role(NEW.region, NEW.account, '{accountant,system}');
        RETURN NEW;
    ELSIF (OLD.state, NEW.state) = ('waiting', 'withdrawn') AND NOT access.working_login() AND EXISTS (    -- payments.withdraw_statements alone
            SELECT 1 FROM payments.statement_withdrawal w WHERE w.region = NEW.region AND w.account = NEW.account AND w.state = 'approved'
               AND w.first_statement = 0 AND w.file_sha256 = NEW.sha256) THEN
        RETURN NEW;
    ELSIF (OLD.state, NEW.state) = ('taken', 'withdrawn') AND NOT EXISTS (     -- payments.withdraw_statements numbered them anew
            SELECT 1 FROM payments.bank_statement s WHERE s.region = NEW.region AND s.account = NEW.account AND s.n > 0
               AND (s.file_sha256 = NEW.sha256 OR EXISTS (SELECT 1 FROM payments.statement_page p WHERE p.region = s.region
                      AND p.account = s.account AND p.statement = s.n AND p.file_sha256 = NEW.sha256))) THEN
        RETURN NEW;
    ELSIF OLD.state <> 'proposed' OR NEW.state NOT IN ('taken', 'refused') THEN
        RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'request.decided', DETAIL = format('对账单%s已由%s办理，不能再改', OLD.name, OLD.approved_by);
    END IF;
    v_actor := payments.require_account_role(NEW.region, NEW.account, '{checker}');
    IF NEW.approved_by IS DISTINCT FROM v_actor OR access.person(v_actor) IS NOT DISTINCT FROM access.person(NEW.prepared_by) THEN
        RAISE EXCEPTION USING ERRCODE = 'FL003', MESSAGE = 'request.same_person',
            DETAIL = format('由%s提出，须由另一人以本人名义复核', NEW.prepared_by);
    END IF;
    RETURN NEW;
END $$;

-- A statement begins where the one before ended, on a later day, with the next number; its lines lie there already, and come
-- to its closing balance, with every printed balance on the way.
CREATE OR REPLACE FUNCTION payments.check_statement() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    v_file payments.statement_file;
    v_last payments.bank_statement;
    v      record;
BEGIN
    SELECT * INTO v_file FROM payments.statement_file f
     WHERE f.region = NEW.region AND f.account = NEW.account AND f.sha256 = NEW.file_sha256 AND f.state = 'taken';
    IF NOT FOUND OR v_file.form <> NEW.form THEN
        RAISE EXCEPTION USING ERRCODE = 'FL003', MESSAGE = 'statement.no_file', DETAIL = format('账户%s的对账单没有已收下的文件', NEW.account);
    END IF;
    IF NEW.form <> 'cutover' THEN
        PERFORM payments.require_account_role(NEW.region, NEW.account,
            CASE NEW.form WHEN 'hand' THEN '{checker}'::text[] ELSE '{accountant,system}' END);
    ELSIF access.working_login() THEN
        RAISE EXCEPTION USING ERRCODE = 'FL003', MESSAGE = 'statement.no_file', DETAIL = format('账户%s的期初对账单只由接转开立', NEW.account);
    END IF;
    PERFORM pg_advisory_xact_lock(hashtextextended('payments.statement ' || NEW.region || ' ' || NEW.account, 0));
    SELECT count(*) AS pages, max(p.page) AS top, count(f.sha256) AS files, count(DISTINCT p.file_sha256) AS apart,
           bool_or(p.page = 1 AND p.file_sha256 = NEW.file_sha256) AS begins INTO v
      FROM payments.statement_page p
      LEFT JOIN payments.statement_file f ON f.region = p.region AND f.account = p.account AND f.sha256 = p.file_sha256 AND f.state = 'taken'
     WHERE p.region = NEW.region AND p.account = NEW.account AND p.statement = NEW.n;
    IF v.pages > 0 AND (v.top, v.files, v.apart, v.begins) IS DISTINCT FROM (v.pages::integer, v.pages, v.pages, true) THEN
        RAISE EXCEPTION USING ERRCODE = 'FL001', MESSAGE = 'statement.pages', DETAIL = format('账户%s的对账单%s页不齐', NEW.account, NEW.number);
    END IF;
    SELECT * INTO v_last FROM payments.bank_statement s WHERE s.region = NEW.region AND s.account = NEW.account AND s.n > 0 ORDER BY s.n DESC LIMIT 1;
    IF NEW.n <> coalesce(v_last.n, 0) + 1 THEN
        RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'statement.order', DETAIL = format('账户%s的下一份对账单应为第%s份', NEW.account, coalesce(v_last.n, 0) + 1);
    ELSIF NEW.first_day <= v_last.last_day AND NOT (NEW.form = 'cutover' AND v_last.form = 'cutover') THEN   -- two books, one account
        RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'statement.overlap',
            DETAIL = format('账户%s的对账单%s至%s与已收到%s为止的重叠或次序颠倒', NEW.account, NEW.first_day, NEW.last_day, v_last.last_day);
    ELSIF NEW.sequence <> v_last.sequence + 1 AND NOT (NEW.sequence = 1 AND date_part('year', NEW.first_day) > date_part('year', v_last.last_day)) THEN
        RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'statement.gap',
            DETAIL = format('账户%s的对账单序号%s之后应为%s，来的是%s：中间有缺', NEW.account, v_last.sequence, v_last.sequence + 1, NEW.sequence);
    ELSIF NEW.opening_fen <> v_last.closing_fen THEN
        RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'statement.opening',
            DETAIL = format('账户%s的对账单期初%s元，上一份（%s为止）期末%s元：不相接', NEW.account, fund.yuan(NEW.opening_fen), v_last.last_day, fund.yuan(v_last.closing_fen));
    END IF;
    SELECT count(*) AS lines, coalesce(sum(l.fen), 0) AS fen, max(l.n) AS top, min(l.booked_on) AS first, max(l.booked_on) AS last,
           min(l.n) FILTER (WHERE l.balance_fen <> NEW.opening_fen + l.running) AS wrong INTO v
      FROM (SELECT s.n, s.booked_on, s.balance_fen, CASE s.direction WHEN 'credit' THEN s.amount_fen ELSE -s.amount_fen END AS fen,
                   sum(CASE s.direction WHEN 'credit' THEN s.amount_fen ELSE -s.amount_fen END) OVER (ORDER BY s.n) AS running
              FROM payments.statement_line s
             WHERE s.region = NEW.region AND s.account = NEW.account AND s.statement = NEW.n) l;
    IF v.lines <> NEW.lines OR coalesce(v.top, 0) <> NEW.lines OR NEW.opening_fen + v.fen <> NEW.closing_fen OR v.wrong IS NOT NULL
       OR v.first < NEW.first_day OR v.last > NEW.last_day THEN
        RAISE EXCEPTION USING ERRCODE = 'FL001', MESSAGE = 'statement.total',
            DETAIL = format('账户%s的对账单%s至%s：期初%s元、%s行合计%s元、期末%s元不相符，或逐行余额、日期不符', NEW.account, NEW.first_day,
                            NEW.last_day, fund.yuan(NEW.opening_fen), v.lines, fund.yuan(v.fen), fund.yuan(NEW.closing_fen));
    END IF;
    RETURN NEW;
END $$;

-- Raises where something rests on statements that are to be withdrawn, or others follow them.
CREATE OR REPLACE FUNCTION payments.require_withdrawable(p_region integer, p_account text, p_first integer, p_last integer) RETURNS void
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    v_last  integer := (SELECT max(s.n) FROM payments.bank_statement s WHERE s.region = p_region AND s.account = p_account AND s.n > 0);
    v_from  date := (SELECT s.first_day FROM payments.bank_statement s WHERE s.region = p_region AND s.account = p_account AND s.n = p_first);
    v       record;
BEGIN
    IF p_last IS DISTINCT FROM v_last THEN
        RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'statement.not_last',
            DETAIL = format('账户%s的第%s份对账单之后还有第%s份，须先收回其后的', p_account, p_last, v_last);
    END IF;
    SELECT m.match, m.statement, m.n INTO v FROM payments.match_line m
     WHERE m.region = p_region AND m.account = p_account AND m.statement BETWEEN p_first AND p_last AND m.live LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'statement.matched',
            DETAIL = format('账户%s的对账单行%s:%s已勾对（勾对%s），须先撤销勾对', p_account, v.statement, v.n, v.match);
    END IF;
    SELECT r.period, r.version INTO v FROM payments.reconciliation r
     WHERE r.region = p_region AND r.account = p_account AND r.state <> 'refused' AND r.statement_cut >= p_first LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'statement.on_sheet',
            DETAIL = format('账户%s%s的余额调节表（第%s版）依据了第%s份对账单，不能收回', p_account, v.period, v.version, p_first);
    END IF;
    SELECT e.receipt_no INTO v FROM payments.evidence e JOIN payments.bank_statement s ON s.region = e.region AND s.account = e.account
       AND s.n BETWEEN p_first AND p_last AND s.file_sha256 = e.file_sha256
     WHERE e.region = p_region AND e.account = p_account AND e.kind = 'statement' LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'statement.taken_up',
            DETAIL = format('账户%s的对账单行%s已作为回单办理，不能收回', p_account, v.receipt_no);
    END IF;
    SELECT p.fund, p.period INTO v FROM books.period p
     WHERE p.region = p_region AND p.fund = ANY (payments.account_funds(p_region, p_account)) AND p.state <> 'open'
       AND p.period >= date_part('year', v_from)::integer * 100 + date_part('month', v_from)::integer LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'statement.month_closed',
            DETAIL = format('账套%s-%s的会计期间%s已结账，其对账单不能收回', p_region, v.fund, v.period);
    END IF;
END $$;

-- Raises unless the file is a page that still waits for others.
CREATE OR REPLACE FUNCTION payments.require_waiting_page(p_region integer, p_account text, p_sha256 bytea) RETURNS void
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NOT EXISTS (SELECT 1 FROM payments.statement_file f WHERE f.region = p_region AND f.account = p_account AND f.sha256 = p_sha256
                      AND f.state = 'waiting') THEN
        RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'statement.not_waiting',
            DETAIL = format('账户%s没有待齐的页%s：已齐的按整份对账单收回', p_account, left(encode(p_sha256, 'hex'), 16));
    END IF;
END $$;

-- Asked for by who keeps the account's books, in their own name, for every statement of one file, or for one waiting page.
CREATE OR REPLACE FUNCTION payments.check_withdrawal() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    v_actor text;
    v       record;
BEGIN
    IF TG_OP = 'UPDATE' THEN
        IF OLD.state <> 'requested' OR NEW.state NOT IN ('approved', 'refused') THEN
            RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'request.decided', DETAIL = format('已由%s办理，不能再改', OLD.approved_by);
        END IF;
        v_actor := payments.require_account_role(NEW.region, NEW.account, '{checker}');
        IF NEW.approved_by IS DISTINCT FROM v_actor OR access.person(v_actor) IS NOT DISTINCT FROM access.person(NEW.prepared_by) THEN
            RAISE EXCEPTION USING ERRCODE = 'FL003', MESSAGE = 'request.same_person',
                DETAIL = format('由%s提出，须由另一人以本人名义复核', NEW.prepared_by);
        ELSIF NEW.state = 'approved' AND NEW.first_statement = 0 THEN
            PERFORM payments.require_waiting_page(NEW.region, NEW.account, NEW.file_sha256);
        ELSIF NEW.state = 'approved' THEN
            PERFORM payments.require_withdrawable(NEW.region, NEW.account, NEW.first_statement, NEW.last_statement);
        END IF;
        RETURN NEW;
    END IF;
    v_actor := payments.require_account_role(NEW.region, NEW.account, '{accountant}');
    IF NEW.prepared_by IS DISTINCT FROM v_actor OR NEW.state <> 'requested' THEN
        RAISE EXCEPTION USING ERRCODE = 'FL003', MESSAGE = 'request.prepared_by', DETAIL = '只能以当前用户的名义提出，状态为已提出';
    END IF;
    IF NEW.first_statement = 0 THEN
        PERFORM payments.require_waiting_page(NEW.region, NEW.account, NEW.file_sha256);
        RETURN NEW;
    END IF;
    SELECT min(s.n) AS first, max(s.n) AS last INTO v FROM payments.bank_statement s
     WHERE s.region = NEW.region AND s.account = NEW.account AND s.n > 0 AND s.file_sha256 = NEW.file_sha256;
    IF (v.first, v.last) IS DISTINCT FROM (NEW.first_statement, NEW.last_statement) THEN
        RAISE EXCEPTION USING ERRCODE = 'FL004', MESSAGE = 'statement.unknown', DETAIL = format('账户%s没有这样的对账单', NEW.account);
    END IF;
    PERFORM payments.require_withdrawable(NEW.region, NEW.account, NEW.first_statement, NEW.last_statement);
    RETURN NEW;
END $$;

-- Agrees to a withdrawal, as checker: the statements of its file go below nought with their lines, and so do its files.
CREATE OR REPLACE FUNCTION payments.withdraw_statements(p_region integer, p_account text, p_n integer, p_on date) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    v      payments.statement_withdrawal;
    v_base integer;
BEGIN
    PERFORM payments.require_account_role(p_region, p_account, '{checker}');
    PERFORM pg_advisory_xact_lock(hashtextextended('payments.statement ' || p_region || ' ' || p_account, 0));
    SELECT * INTO v FROM payments.statement_withdrawal w WHERE w.region = p_region AND w.account = p_account AND w.n = p_n;
    IF NOT FOUND THEN
        RAISE EXCEPTION USING ERRCODE = 'FL004', MESSAGE = 'statement.no_withdrawal', DETAIL = format('账户%s没有收回申请%s', p_account, p_n);
    END IF;
    IF v.first_statement = 0 THEN
        UPDATE payments.statement_withdrawal SET state = 'approved', approved_by = access.user_name(), approved_on = p_on
         WHERE region = p_region AND account = p_account AND n = p_n;
        UPDATE payments.statement_file SET state = 'withdrawn'
         WHERE region = p_region AND account = p_account AND sha256 = v.file_sha256 AND state = 'waiting';
        RETURN;
    END IF;
    SELECT least(coalesce(min(s.n), 0), 0) INTO v_base FROM payments.bank_statement s WHERE s.region = p_region AND s.account = p_account;
    UPDATE payments.statement_withdrawal SET state = 'approved', approved_by = access.user_name(), approved_on = p_on, kept_as = v_base - 1
     WHERE region = p_region AND account = p_account AND n = p_n;
    UPDATE payments.bank_statement SET n = v_base - 1 - (n - v.first_statement)
     WHERE region = p_region AND account = p_account AND n BETWEEN v.first_statement AND v.last_statement;
    UPDATE payments.statement_line SET statement = v_base - 1 - (statement - v.first_statement)
     WHERE region = p_region AND account = p_account AND statement BETWEEN v.first_statement AND v.last_statement;
    UPDATE payments.statement_page SET statement = v_base - 1 - (statement - v.first_statement)
     WHERE region = p_region AND account = p_account AND statement BETWEEN v.first_statement AND v.last_statement;
    UPDATE payments.match_line SET statement = v_base - 1 - (statement - v.first_statement)     -- matched once, and undone
     WHERE region = p_region AND account = p_account AND statement BETWEEN v.first_statement AND v.last_statement;
    UPDATE payments.statement_file f SET state = 'withdrawn'
     WHERE f.region = p_region AND f.account = p_account AND f.state = 'taken' AND (f.sha256 = v.file_sha256 OR EXISTS (
           SELECT 1 FROM payments.statement_page p WHERE p.region = p_region AND p.account = p_account AND p.statement = v_base - 1
              AND p.file_sha256 = f.sha256));
END $$;

-- A statement is numbered anew by its withdrawal alone; its lines and pages, and what of them was matched and undone, follow it.
CREATE OR REPLACE FUNCTION payments.check_renumbered() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp AS $$
DECLARE v_ok boolean;
BEGIN
    IF TG_TABLE_NAME = 'bank_statement' THEN
        SELECT EXISTS (SELECT 1 FROM payments.statement_withdrawal w WHERE w.region = OLD.region AND w.account = OLD.account AND w.state = 'approved'
                          AND OLD.n BETWEEN w.first_statement AND w.last_statement AND w.file_sha256 = OLD.file_sha256
                          AND NEW.n = w.kept_as - (OLD.n - w.first_statement)) INTO v_ok;
    ELSE
        SELECT NEW.statement < 0 AND EXISTS (SELECT 1 FROM payments.bank_statement s WHERE s.region = NEW.region AND s.account = NEW.account
                                               AND s.n = NEW.statement) INTO v_ok;
    END IF;
    IF v_ok IS NOT TRUE THEN
        RAISE EXCEPTION USING ERRCODE = 'FL002', MESSAGE = 'business.frozen', DETAIL = format('payments.%s的编号不得更改', TG_TABLE_NAME);
    END IF;
    RETURN NEW;
END $$;

-- Nothing joins a statement or sheet that is there already: its parts come first.
CREATE OR REPLACE FUNCTION payments.refuse_late_part() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp AS $$
DECLARE v_late boolean;
BEGIN
    CASE TG_TABLE_NAME
    WHEN 'statement_line', 'statement_page' THEN
        SELECT EXISTS (SELECT 1 FROM (SELECT DISTINCT region, account, statement FROM added) a
                         JOIN payments.bank_statement s ON s.region = a.region AND s.account = a.account AND s.n = a.statement) INTO v_late;
    WHEN 'reconciliation_item' THEN
        SELECT EXISTS (SELECT 1 FROM (SELECT DISTINCT region, account, period, version FROM added) a
                         JOIN payments.reconciliation s ON s.region = a.region AND s.account = a.account AND s.period = a.period
                          AND s.version = a.version) INTO v_late;
    END CASE;
    IF v_late THEN
        RAISE EXCEPTION USING ERRCODE = 'FL002', MESSAGE = 'business.frozen', DETAIL = format('payments.%s不得事后添加', TG_TABLE_NAME);
    END IF;
    RETURN NULL;
END $$;

-- Parts of matches: they come with their match, in one statement, and a bank's line is one that is there. What came together was
-- written by one command of one transaction (xmin, cmin): to a match of another nothing is added, not even a moment later.
CREATE OR REPLACE FUNCTION payments.check_match_parts() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp SET enable_nestloop = off SET enable_mergejoin = off SET work_mem = '256MB' AS $$
DECLARE
    v     record;
    v_of  record;     -- what bounds the new parts: without it whole tables would be read for one
    v_own record;     -- the command that wrote them
BEGIN
    SELECT min(a.region) AS region, min(a.match) AS first, max(a.match) AS last INTO v_of FROM added a;
    SELECT * INTO v FROM added LIMIT 1;
    IF TG_TABLE_NAME = 'match_line' THEN
        SELECT p.xmin, p.cmin INTO v_own FROM payments.match_line p
         WHERE p.region = v.region AND p.account = v.account AND p.match = v.match AND p.statement = v.statement AND p.n = v.n;
    ELSE
        SELECT p.xmin, p.cmin INTO v_own FROM payments.match_leg p
         WHERE p.region = v.region AND p.account = v.account AND p.match = v.match AND p.fund = v.fund AND p.seq = v.seq AND p.leg = v.leg;
    END IF;
    SELECT a.account, a.match, s.n INTO v
      FROM added a
      LEFT JOIN payments.statement_match s ON s.region = a.region AND s.account = a.account AND s.n = a.match
           AND s.region = v_of.region AND s.n BETWEEN v_of.first AND v_of.last
     WHERE s.xmin IS DISTINCT FROM v_own.xmin OR s.cmin IS DISTINCT FROM v_own.cmin LIMIT 1;
    IF FOUND AND v.n IS NULL THEN
        RAISE EXCEPTION USING ERRCODE = 'FL001', MESSAGE = 'reconciliation.alone',
            DETAIL = format('账户%s的勾对%s：各行应与勾对本身一同登记', v.account, v.match);
    ELSIF FOUND THEN
        RAISE EXCEPTION USING ERRCODE = 'FL002', MESSAGE = 'business.frozen', DETAIL = format('payments.%s不得事后添加', TG_TABLE_NAME);
    END IF;
    IF TG_TABLE_NAME = 'match_line' THEN
        SELECT min(a.statement) AS first, max(a.statement) AS last, min(a.region) AS region INTO v_of FROM added a;
        SELECT a.account, a.statement, a.n INTO v
          FROM added a
          LEFT JOIN payments.statement_line l ON l.region = a.region AND l.account = a.account AND l.statement = a.statement AND l.n = a.n
               AND l.region = v_of.region AND l.statement BETWEEN v_of.first AND v_of.last
         WHERE l.n IS NULL OR a.statement < 0 LIMIT 1;
        IF FOUND THEN
            RAISE EXCEPTION USING ERRCODE = 'FL004', MESSAGE = 'reconciliation.not_open',
                DETAIL = format('账户%s没有未勾对的对账单行%s:%s（没有此行，或已勾对）', v.account, v.statement, v.n);
        END IF;
    END IF;
    RETURN NULL;
END $$;

-- New matches, all of a statement at once: in one's own name, both sides come to the same, and every journal line is one of
-- the account's, with its amount.
CREATE OR REPLACE FUNCTION payments.check_matches() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp SET enable_nestloop = off SET enable_mergejoin = off SET join_collapse_limit = 1 SET enable_sort = off
SET work_mem = '256MB' AS $$
DECLARE
    v       record;
    v_of    record;     -- what bounds the new matches: without it whole tables would be read for one
    v_leg   record;
    v_own   record;     -- an account of them: its kind and books, asked once and not for every line
    v_funds smallint[];
BEGIN
    SELECT min(a.region) AS region, min(a.n) AS first, max(a.n) AS last INTO v_of FROM added a;
    SELECT min(g.seq) AS first, max(g.seq) AS last, min(g.period) AS since, max(g.period) AS until INTO v_leg
      FROM payments.match_leg g WHERE g.region = v_of.region AND g.match BETWEEN v_of.first AND v_of.last;
    IF access.working_login() AND EXISTS (SELECT 1 FROM added a WHERE a.why = 'opening') THEN
        RAISE EXCEPTION USING ERRCODE = 'FL003', MESSAGE = 'request.prepared_by', DETAIL = '期初的勾对只由接转作出';
    END IF;
    IF EXISTS (SELECT 1 FROM added a WHERE a.made_by IS DISTINCT FROM access.user_name() OR a.undo_n IS NOT NULL) THEN
        RAISE EXCEPTION USING ERRCODE = 'FL003', MESSAGE = 'request.prepared_by', DETAIL = '勾对只能以当前用户的名义登记';
    END IF;
    FOR v_own IN SELECT d.region, d.account, b.kind FROM (SELECT DISTINCT a.region, a.account FROM added a) d
                   LEFT JOIN payments.bank_account b ON b.region = d.region AND b.account = d.account LOOP
    IF v_own.kind IS NULL THEN
        RAISE EXCEPTION USING ERRCODE = 'FL004', MESSAGE = 'account.unknown', DETAIL = format('统筹区%s没有账户%s', v_own.region, v_own.account);
    END IF;
    IF access.working_login() THEN
        PERFORM payments.require_account_role(v_own.region, v_own.account, '{accountant,system}');
    ELSIF EXISTS (SELECT 1 FROM added a WHERE a.account = v_own.account AND a.why <> 'opening') THEN     -- payments.match_stated
        PERFORM access.require_role(v_own.region, 0::smallint, '{accountant,checker,system}');
    END IF;
    v_funds := payments.account_funds(v_own.region, v_own.account);
    SELECT a.account, g.fund, g.seq, g.leg INTO v
      FROM added a
      JOIN payments.match_leg g ON g.region = a.region AND g.account = a.account AND g.match = a.n AND g.match BETWEEN v_of.first AND v_of.last
      LEFT JOIN books.entry e ON e.region = g.region AND e.fund = g.fund AND e.period = g.period AND e.seq = g.seq
           AND e.region = v_of.region AND e.seq BETWEEN v_leg.first AND v_leg.last AND e.period BETWEEN v_leg.since AND v_leg.until
      LEFT JOIN books.dim d ON d.region = g.region AND d.dim = e.dims[g.leg]
     WHERE a.region = v_own.region AND a.account = v_own.account
       AND (abs(e.accounts[g.leg]) IS DISTINCT FROM v_own.kind::integer
        OR sign(e.accounts[g.leg])::bigint * e.amounts[g.leg] IS DISTINCT FROM g.effect_fen
        OR (v_own.kind <> '1005' AND d.counterparty IS DISTINCT FROM a.account)
        OR NOT g.fund = ANY (v_funds)) LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION USING ERRCODE = 'FL001', MESSAGE = 'reconciliation.other_account',
            DETAIL = format('账套%s第%s号第%s行不是账户%s的分录，或金额不同', v.fund, v.seq, v.leg, v.account);
    END IF;
    -- a line an entry rests on is that entry's: from the few such entries to their lines, never from every line of a bulk match
    SELECT m.statement, m.n, min(s.source_key) AS key INTO v
      FROM payments.stated_entries(v_own.region, v_own.account) s
      JOIN payments.match_line m ON m.region = v_own.region AND m.account = v_own.account AND m.match BETWEEN v_of.first AND v_of.last
           AND m.statement = split_part(s.receipt_no, '-', 1)::integer AND m.n = split_part(s.receipt_no, '-', 2)::integer
      JOIN added a ON a.region = v_own.region AND a.account = v_own.account AND a.n = m.match
     GROUP BY m.match, m.statement, m.n
    HAVING NOT bool_or(EXISTS (SELECT 1 FROM payments.match_leg g WHERE g.region = v_own.region AND g.account = v_own.account AND g.match = m.match
                                  AND (g.fund, g.seq) = (s.fund, s.seq))) LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'reconciliation.line_taken',
            DETAIL = format('账户%s的对账单行%s:%s是%s入账的依据，只能与该凭证勾对', v_own.account, v.statement, v.n, v.key);
    END IF;
    END LOOP;
    -- each side by itself and then both: rows of this very transaction have no statistics, and a planner without them compares every
    -- match with every line of the account
    SELECT a.account, coalesce(k.fen, 0) AS bank, coalesce(j.fen, 0) AS book INTO v
      FROM added a
      LEFT JOIN (SELECT m.region, m.account, m.match, count(*) AS parts, sum(CASE l.direction WHEN 'credit' THEN l.amount_fen ELSE -l.amount_fen END) AS fen
                   FROM payments.match_line m
                   JOIN payments.statement_line l ON l.region = m.region AND l.account = m.account AND l.statement = m.statement AND l.n = m.n
                  WHERE m.region = v_of.region AND m.match BETWEEN v_of.first AND v_of.last GROUP BY 1, 2, 3) k
        ON k.region = a.region AND k.account = a.account AND k.match = a.n
      LEFT JOIN (SELECT g.region, g.account, g.match, count(*) AS parts, sum(g.effect_fen) AS fen FROM payments.match_leg g
                  WHERE g.region = v_of.region AND g.match BETWEEN v_of.first AND v_of.last GROUP BY 1, 2, 3) j
        ON j.region = a.region AND j.account = a.account AND j.match = a.n
     WHERE coalesce(k.fen, 0) <> coalesce(j.fen, 0) OR coalesce(k.parts, 0) + coalesce(j.parts, 0) < 2 LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION USING ERRCODE = 'FL001', MESSAGE = 'reconciliation.amount',
            DETAIL = format('账户%s的勾对：对账单%s元，账上%s元，两边应相等且至少两行', v.account, fund.yuan(v.bank), fund.yuan(v.book));
    END IF;
    RETURN NULL;
END $$;

-- Takes a match back: what the program matched, any accountant of the account; what a person matched, that person (or anybody
-- once their name is closed). The match stays, with who, when and why.
CREATE OR REPLACE FUNCTION payments.undo_match(p_region integer, p_account text, p_n bigint, p_why text, p_on date) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    v_actor text := payments.require_account_role(p_region, p_account, '{accountant}');
    v       payments.statement_match;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('payments.statement ' || p_region || ' ' || p_account, 0));
    SELECT * INTO v FROM payments.statement_match m WHERE m.region = p_region AND m.account = p_account AND m.n = p_n;
    IF NOT FOUND THEN
        RAISE EXCEPTION USING ERRCODE = 'FL004', MESSAGE = 'reconciliation.no_match', DETAIL = format('账户%s没有勾对%s', p_account, p_n);
    ELSIF v.undo_n IS NOT NULL THEN
        RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'reconciliation.undone', DETAIL = format('账户%s的勾对%s已由%s撤销', p_account, p_n, v.undone_by);
    ELSIF v.why = 'opening' THEN
        RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'reconciliation.opened', DETAIL = format('账户%s的勾对%s是接转的期初，不能撤销', p_account, p_n);
    ELSIF v.why = 'hand' AND access.person(v.made_by) IS DISTINCT FROM access.person(v_actor)
          AND EXISTS (SELECT 1 FROM access.app_user u WHERE u.user_name = v.made_by AND u.active) THEN
        RAISE EXCEPTION USING ERRCODE = 'FL003', MESSAGE = 'reconciliation.not_maker',
            DETAIL = format('账户%s的勾对%s由%s作出，须由其本人撤销', p_account, p_n, v.made_by);
    END IF;
    UPDATE payments.match_line SET live = false WHERE region = p_region AND account = p_account AND match = p_n;
    UPDATE payments.match_leg SET live = false WHERE region = p_region AND account = p_account AND match = p_n;
    UPDATE payments.statement_match SET undo_n = payments.next_match(p_region, p_account), undone_by = v_actor, undone_on = p_on, undone_why = p_why
     WHERE region = p_region AND account = p_account AND n = p_n;
END $$;

-- The next number of an account's matches and undoings; whoever asks holds the account until the transaction ends.
CREATE OR REPLACE FUNCTION payments.next_match(p_region integer, p_account text) RETURNS bigint LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('payments.statement ' || p_region || ' ' || p_account, 0));
    RETURN (SELECT greatest(coalesce(max(m.n), 0), coalesce(max(m.undo_n), 0)) + 1 FROM payments.statement_match m
             WHERE m.region = p_region AND m.account = p_account);
END $$;

-- The balance of an account in the books at a voucher date, over all its books: up to a block of each, or (NULL) to the last.
CREATE OR REPLACE FUNCTION payments.book_balance(p_region integer, p_account text, p_day date, p_blocks jsonb) RETURNS bigint LANGUAGE sql STABLE
SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT coalesce(sum(p.debit - p.credit), 0)::bigint
      FROM payments.bank_account a
      JOIN books.posting p ON p.region = a.region AND p.account = a.kind::integer AND p.fund = ANY (payments.account_funds(a.region, a.account))
      JOIN books.block b ON b.region = p.region AND b.fund = p.fund AND b.block = p.block
      JOIN books.dim d ON d.region = p.region AND d.dim = p.dim
     WHERE a.region = p_region AND a.account = p_account AND p.region = p_region
       AND (a.kind = '1005' OR d.counterparty = a.account)
       AND b.voucher_date <= p_day AND (p_blocks IS NULL OR b.block <= (p_blocks ->> b.fund::text)::bigint)
$$;

-- The balance of an account by its statements at the end of a day, and whether they reach it.
CREATE OR REPLACE FUNCTION payments.bank_balance(p_region integer, p_account text, p_day date, p_cut integer, OUT fen bigint, OUT reached boolean)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT (SELECT s.opening_fen FROM payments.bank_statement s WHERE s.region = p_region AND s.account = p_account AND s.n = 1 AND s.first_day <= p_day)
           + coalesce((SELECT sum(CASE l.direction WHEN 'credit' THEN l.amount_fen ELSE -l.amount_fen END) FROM payments.statement_line l
                        WHERE l.region = p_region AND l.account = p_account AND l.statement BETWEEN 1 AND p_cut AND l.booked_on <= p_day), 0)::bigint,
           EXISTS (SELECT 1 FROM payments.bank_statement s WHERE s.region = p_region AND s.account = p_account AND s.n BETWEEN 1 AND p_cut AND s.last_day >= p_day)
           AND EXISTS (SELECT 1 FROM payments.bank_statement s WHERE s.region = p_region AND s.account = p_account AND s.n = 1 AND s.first_day <= p_day)
$$;

-- What the reviewer signs: the sheet's figures and every item.
CREATE OR REPLACE FUNCTION payments.reconciliation_digest(p payments.reconciliation) RETURNS bytea LANGUAGE sql STABLE
SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT sha256(convert_to(concat_ws('|', p.region, p.account, p.period, p.version, p.bank_fen, p.book_fen, p.adjusted_fen, p.items,
               p.statement_cut, p.match_cut, p.blocks, p.made_by, p.made_on)
           || coalesce((SELECT string_agg(concat_ws('|', '', i.n, i.part, i.day, i.amount_fen, i.reference, i.paper, i.summary, i.age_days), E'\n' ORDER BY i.n)
                          FROM payments.reconciliation_item i WHERE i.region = p.region AND i.account = p.account AND i.period = p.period
                           AND i.version = p.version), ''), 'UTF8'))
$$;

-- A sheet: made by the accountant from what is there, both sides adjusted and equal; reviewed by another who is no cashier and
-- names its digest.
CREATE OR REPLACE FUNCTION payments.check_reconciliation() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    v_day   date := (make_date(NEW.period / 100, NEW.period % 100, 1) + interval '1 month - 1 day')::date;
    v_actor text;
    v_bank  record;
    v       record;
BEGIN
    IF TG_OP = 'UPDATE' THEN
        IF OLD.state <> 'made' OR NEW.state NOT IN ('reviewed', 'refused') THEN
            RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'request.decided', DETAIL = format('余额调节表已由%s办理，不能再改', OLD.reviewed_by);
        END IF;
        v_actor := payments.require_account_role(NEW.region, NEW.account, '{checker,reviewer}');
        IF NEW.reviewed_by IS DISTINCT FROM v_actor OR access.person(v_actor) IS NOT DISTINCT FROM access.person(NEW.made_by) THEN
            RAISE EXCEPTION USING ERRCODE = 'FL003', MESSAGE = 'request.same_person',
                DETAIL = format('余额调节表由%s编制，须由另一人以本人名义复核', NEW.made_by);
        ELSIF EXISTS (SELECT 1 FROM access.user_role r JOIN access.app_user u ON u.user_name = r.user_name
                       WHERE r.region = NEW.region AND r.role = 'cashier' AND u.person = access.person(v_actor)) THEN
            RAISE EXCEPTION USING ERRCODE = 'FL003', MESSAGE = 'reconciliation.cashier', DETAIL = format('出纳%s不得复核余额调节表', v_actor);
        ELSIF NEW.state = 'reviewed' AND NEW.reviewed_digest IS DISTINCT FROM OLD.digest THEN
            RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'reconciliation.changed', DETAIL = '余额调节表不是所核对的那一份，请重新核对';
        END IF;
        RETURN NEW;
    END IF;
    v_actor := payments.require_account_role(NEW.region, NEW.account, '{accountant}');
    IF NEW.made_by IS DISTINCT FROM v_actor OR NEW.state <> 'made' THEN
        RAISE EXCEPTION USING ERRCODE = 'FL003', MESSAGE = 'request.prepared_by', DETAIL = '余额调节表只能以本人名义编制';
    ELSIF EXISTS (SELECT 1 FROM access.user_role r JOIN access.app_user u ON u.user_name = r.user_name
                   WHERE r.region = NEW.region AND r.role = 'cashier' AND u.person = access.person(v_actor)) THEN
        RAISE EXCEPTION USING ERRCODE = 'FL003', MESSAGE = 'reconciliation.cashier', DETAIL = format('出纳%s不得编制余额调节表', v_actor);
    END IF;
    SELECT * INTO v_bank FROM payments.bank_balance(NEW.region, NEW.account, v_day, NEW.statement_cut);
    IF NOT v_bank.reached THEN
        RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'reconciliation.statement_missing',
            DETAIL = format('账户%s的对账单没有到%s，不能编制余额调节表', NEW.account, v_day);
    END IF;
    SELECT count(*) AS items,
           coalesce(sum(CASE i.part WHEN 'book_in' THEN i.amount_fen WHEN 'book_out' THEN -i.amount_fen END), 0) AS book,
           coalesce(sum(CASE i.part WHEN 'bank_in' THEN i.amount_fen WHEN 'bank_out' THEN -i.amount_fen END), 0) AS bank INTO v
      FROM payments.reconciliation_item i
     WHERE i.region = NEW.region AND i.account = NEW.account AND i.period = NEW.period AND i.version = NEW.version;
    IF NEW.items <> v.items OR NEW.bank_fen <> v_bank.fen
       OR NEW.book_fen <> payments.book_balance(NEW.region, NEW.account, v_day, NEW.blocks)
       OR NEW.bank_fen + v.book <> NEW.adjusted_fen OR NEW.book_fen + v.bank <> NEW.adjusted_fen THEN
        RAISE EXCEPTION USING ERRCODE = 'FL001', MESSAGE = 'reconciliation.unbalanced',
            DETAIL = format('账户%s%s的余额调节表两边不相等：对账单%s元调节后%s元，账面%s元调节后%s元', NEW.account, NEW.period, fund.yuan(NEW.bank_fen),
                            fund.yuan(NEW.bank_fen + v.book), fund.yuan(NEW.book_fen), fund.yuan(NEW.book_fen + v.bank));
    END IF;
    NEW.digest := payments.reconciliation_digest(NEW);
    RETURN NEW;
END $$;

-- Why a book's month is not reconciled with its banks: '' where every account of it that has statements or was used has a
-- reviewed sheet that still says what the books say.
CREATE OR REPLACE FUNCTION payments.unreconciled(p_region integer, p_fund smallint, p_period integer) RETURNS text LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
    SELECT coalesce(string_agg(b.account || CASE
               WHEN r.version IS NULL THEN '没有余额调节表' WHEN r.state <> 'reviewed' THEN '的余额调节表没有复核'
               ELSE '的余额调节表编制后账面余额又有变动' END, '、' ORDER BY b.account), '')
      FROM (SELECT DISTINCT k.account FROM payments.book_account k WHERE k.region = p_region AND k.fund = p_fund) b
      LEFT JOIN LATERAL (SELECT * FROM payments.reconciliation s WHERE s.region = p_region AND s.account = b.account AND s.period = p_period
                          ORDER BY s.version DESC LIMIT 1) r ON true
     WHERE (r.version IS NOT NULL OR payments.book_balance(p_region, b.account, (make_date(p_period / 100, p_period % 100, 1) + interval '1 month - 1 day')::date, NULL) <> 0
            OR EXISTS (SELECT 1 FROM payments.bank_statement s WHERE s.region = p_region AND s.account = b.account AND s.n > 0))
       AND (r.state IS DISTINCT FROM 'reviewed' OR r.book_fen <> payments.book_balance(p_region, b.account,
               (make_date(p_period / 100, p_period % 100, 1) + interval '1 month - 1 day')::date, NULL))
$$;

-- Guards ------------------------------------------------------
CREATE OR REPLACE TRIGGER frozen BEFORE UPDATE OF region, file_id, batch_id, account, name, created_at, content, sha256, sm3, orders, total_fen
    ON payments.bank_file FOR EACH STATEMENT EXECUTE FUNCTION fund.refuse_change();
CREATE OR REPLACE TRIGGER check_file_new BEFORE INSERT ON payments.bank_file FOR EACH ROW EXECUTE FUNCTION payments.check_file();
CREATE OR REPLACE TRIGGER check_file BEFORE UPDATE ON payments.bank_file FOR EACH ROW
    WHEN (OLD.state IS DISTINCT FROM NEW.state) EXECUTE FUNCTION payments.check_file();
CREATE OR REPLACE TRIGGER check_channel BEFORE INSERT OR UPDATE ON payments.bank_channel
    FOR EACH ROW EXECUTE FUNCTION access.check_two_persons();
CREATE OR REPLACE TRIGGER kept BEFORE DELETE OR TRUNCATE ON payments.bank_channel
    FOR EACH STATEMENT EXECUTE FUNCTION fund.refuse_change();
CREATE OR REPLACE TRIGGER frozen BEFORE UPDATE OF region, account, version, channel, proposed_by ON payments.bank_channel
    FOR EACH STATEMENT EXECUTE FUNCTION fund.refuse_change();
CREATE OR REPLACE TRIGGER dated_once BEFORE UPDATE ON payments.bank_channel FOR EACH ROW
    WHEN (OLD.state <> 'proposed' AND NEW.confirmed_on IS DISTINCT FROM OLD.confirmed_on) EXECUTE FUNCTION fund.refuse_change();
CREATE OR REPLACE TRIGGER writer BEFORE INSERT ON payments.bank_account
    FOR EACH ROW WHEN ((access.working_login() AND (NOT access.has_role(new.region, (0)::smallint, access.user_name(), '{maker,checker,accountant,system}'::text[])))) EXECUTE FUNCTION fund.refuse_writer();
CREATE OR REPLACE TRIGGER kept BEFORE DELETE OR TRUNCATE ON payments.bank_file
    FOR EACH STATEMENT EXECUTE FUNCTION fund.refuse_change();
CREATE OR REPLACE TRIGGER writer BEFORE INSERT ON payments.book_account
    FOR EACH ROW WHEN ((access.working_login() AND (NOT access.has_role(new.region, (0)::smallint, access.user_name(), '{maker,checker,accountant,system}'::text[])))) EXECUTE FUNCTION fund.refuse_writer();
CREATE OR REPLACE TRIGGER check_statement_file BEFORE INSERT OR UPDATE ON payments.statement_file
    FOR EACH ROW EXECUTE FUNCTION payments.check_statement_file();
CREATE OR REPLACE TRIGGER kept BEFORE DELETE OR TRUNCATE ON payments.statement_file FOR EACH STATEMENT EXECUTE FUNCTION fund.refuse_change();
CREATE OR REPLACE TRIGGER frozen BEFORE UPDATE OF region, account, sha256, n, name, form, content, profile, stated, digest, prepared_by, prepared_on
    ON payments.statement_file FOR EACH STATEMENT EXECUTE FUNCTION fund.refuse_change();
CREATE OR REPLACE TRIGGER check_statement BEFORE INSERT ON payments.bank_statement FOR EACH ROW EXECUTE FUNCTION payments.check_statement();
CREATE OR REPLACE TRIGGER frozen BEFORE DELETE OR TRUNCATE OR UPDATE OF region, account, file_sha256, place, form, number, sequence, first_day,
    last_day, opening_fen, closing_fen, lines ON payments.bank_statement FOR EACH STATEMENT EXECUTE FUNCTION fund.refuse_change();
CREATE OR REPLACE TRIGGER withdrawn BEFORE UPDATE OF n ON payments.bank_statement FOR EACH ROW EXECUTE FUNCTION payments.check_renumbered();
CREATE OR REPLACE TRIGGER frozen BEFORE DELETE OR TRUNCATE OR UPDATE OF region, account, page, file_sha256 ON payments.statement_page
    FOR EACH STATEMENT EXECUTE FUNCTION fund.refuse_change();
CREATE OR REPLACE TRIGGER withdrawn BEFORE UPDATE OF statement ON payments.statement_page FOR EACH ROW EXECUTE FUNCTION payments.check_renumbered();
CREATE OR REPLACE TRIGGER no_late_part AFTER INSERT ON payments.statement_page REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION payments.refuse_late_part();
CREATE OR REPLACE TRIGGER check_withdrawal BEFORE INSERT OR UPDATE ON payments.statement_withdrawal
    FOR EACH ROW EXECUTE FUNCTION payments.check_withdrawal();
CREATE OR REPLACE TRIGGER frozen BEFORE DELETE OR TRUNCATE OR UPDATE OF region, account, n, file_sha256, first_statement, last_statement, reason,
    prepared_by, prepared_on ON payments.statement_withdrawal FOR EACH STATEMENT EXECUTE FUNCTION fund.refuse_change();
CREATE OR REPLACE TRIGGER no_late_part AFTER INSERT ON payments.statement_line REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION payments.refuse_late_part();
CREATE OR REPLACE TRIGGER frozen BEFORE DELETE OR TRUNCATE OR UPDATE OF region, account, n, booked_on, direction, amount_fen, balance_fen,
    bank_reference, receipt_no, order_no, other_account, other_name, summary, is_reversal ON payments.statement_line
    FOR EACH STATEMENT EXECUTE FUNCTION fund.refuse_change();
CREATE OR REPLACE TRIGGER withdrawn BEFORE UPDATE OF statement ON payments.statement_line FOR EACH ROW EXECUTE FUNCTION payments.check_renumbered();
CREATE OR REPLACE TRIGGER check_matches AFTER INSERT ON payments.statement_match REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION payments.check_matches();
CREATE OR REPLACE TRIGGER frozen BEFORE DELETE OR TRUNCATE OR UPDATE OF region, account, n, why, reason, made_by, made_on ON payments.statement_match
    FOR EACH STATEMENT EXECUTE FUNCTION fund.refuse_change();
CREATE OR REPLACE TRIGGER check_parts AFTER INSERT ON payments.match_line REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION payments.check_match_parts();
CREATE OR REPLACE TRIGGER frozen BEFORE DELETE OR TRUNCATE OR UPDATE OF region, account, match, n ON payments.match_line
    FOR EACH STATEMENT EXECUTE FUNCTION fund.refuse_change();
CREATE OR REPLACE TRIGGER withdrawn BEFORE UPDATE OF statement ON payments.match_line FOR EACH ROW EXECUTE FUNCTION payments.check_renumbered();
CREATE OR REPLACE TRIGGER check_parts AFTER INSERT ON payments.match_leg REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION payments.check_match_parts();
CREATE OR REPLACE TRIGGER frozen BEFORE DELETE OR TRUNCATE OR UPDATE OF region, account, match, fund, period, seq, leg, effect_fen ON payments.match_leg
    FOR EACH STATEMENT EXECUTE FUNCTION fund.refuse_change();
CREATE OR REPLACE TRIGGER check_reconciliation BEFORE INSERT OR UPDATE ON payments.reconciliation
    FOR EACH ROW EXECUTE FUNCTION payments.check_reconciliation();
CREATE OR REPLACE TRIGGER frozen BEFORE DELETE OR TRUNCATE OR UPDATE OF region, account, period, version, bank_fen, book_fen, adjusted_fen, items,
    statement_cut, match_cut, blocks, digest, made_by, made_on ON payments.reconciliation
    FOR EACH STATEMENT EXECUTE FUNCTION fund.refuse_change();
CREATE OR REPLACE TRIGGER no_late_part AFTER INSERT ON payments.reconciliation_item REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION payments.refuse_late_part();
CREATE OR REPLACE TRIGGER frozen BEFORE DELETE OR UPDATE OR TRUNCATE ON payments.opened_leg
    FOR EACH STATEMENT EXECUTE FUNCTION fund.refuse_change();
CREATE OR REPLACE TRIGGER frozen BEFORE DELETE OR UPDATE OR TRUNCATE ON payments.reconciliation_item
    FOR EACH STATEMENT EXECUTE FUNCTION fund.refuse_change();

-- Grants ------------------------------------------------------
GRANT SELECT, INSERT ON payments.bank_account TO fundledger_service;
GRANT SELECT ON payments.bank_account TO fundledger_auditor, fundledger_poster;
GRANT SELECT, INSERT ON payments.bank_channel TO fundledger_service;
GRANT SELECT ON payments.bank_channel TO fundledger_auditor;
GRANT UPDATE (state, confirmed_by, confirmed_on) ON payments.bank_channel TO fundledger_service;
GRANT SELECT, INSERT ON payments.bank_file TO fundledger_service;
GRANT SELECT ON payments.bank_file TO fundledger_auditor;
GRANT UPDATE (state) ON payments.bank_file TO fundledger_service;
GRANT SELECT ON payments.book_account TO fundledger_auditor, fundledger_poster;
GRANT SELECT, INSERT ON payments.book_account TO fundledger_service;
GRANT UPDATE (account) ON payments.book_account TO fundledger_poster;
GRANT EXECUTE ON FUNCTION payments.account_funds(integer,text) TO fundledger_service;
GRANT SELECT, INSERT ON payments.statement_file TO fundledger_service;
GRANT UPDATE (state, approved_by, approved_on, reason) ON payments.statement_file TO fundledger_service;
GRANT SELECT ON payments.statement_file TO fundledger_auditor;
GRANT SELECT, INSERT ON payments.bank_statement TO fundledger_service;
GRANT SELECT ON payments.bank_statement TO fundledger_auditor;
GRANT SELECT, INSERT ON payments.statement_page TO fundledger_service;
GRANT SELECT ON payments.statement_page TO fundledger_auditor;
GRANT SELECT, INSERT ON payments.statement_withdrawal TO fundledger_service;
GRANT EXECUTE ON FUNCTION payments.require_waiting_page(integer,text,bytea) TO fundledger_service;
GRANT UPDATE (state, approved_by, approved_on, refusal) ON payments.statement_withdrawal TO fundledger_service;
GRANT SELECT ON payments.statement_withdrawal TO fundledger_auditor;
GRANT EXECUTE ON FUNCTION payments.require_withdrawable(integer,text,integer,integer) TO fundledger_service;
GRANT EXECUTE ON FUNCTION payments.withdraw_statements(integer,text,integer,date) TO fundledger_service;
GRANT SELECT, INSERT ON payments.statement_line TO fundledger_service;
GRANT SELECT ON payments.statement_line TO fundledger_auditor;
GRANT SELECT, INSERT ON payments.statement_match TO fundledger_service;
GRANT SELECT ON payments.statement_match TO fundledger_auditor;
GRANT SELECT, INSERT ON payments.match_line TO fundledger_service;
GRANT SELECT ON payments.match_line TO fundledger_auditor;
GRANT SELECT, INSERT ON payments.match_leg TO fundledger_service;
GRANT SELECT ON payments.match_leg TO fundledger_auditor;
GRANT SELECT, INSERT ON payments.reconciliation TO fundledger_service;
GRANT UPDATE (state, reviewed_by, reviewed_on, reviewed_digest, reason) ON payments.reconciliation TO fundledger_service;
GRANT SELECT ON payments.reconciliation TO fundledger_auditor;
GRANT SELECT ON payments.opened_leg TO fundledger_service, fundledger_auditor;
GRANT SELECT, INSERT ON payments.reconciliation_item TO fundledger_service;
GRANT SELECT ON payments.reconciliation_item TO fundledger_auditor;
GRANT EXECUTE ON FUNCTION payments.require_account_role(integer,text,text[]) TO fundledger_service;
GRANT EXECUTE ON FUNCTION payments.undo_match(integer,text,bigint,text,date) TO fundledger_service;
GRANT EXECUTE ON FUNCTION payments.next_match(integer,text) TO fundledger_service;
GRANT EXECUTE ON FUNCTION payments.book_balance(integer,text,date,jsonb) TO fundledger_service, fundledger_auditor;
GRANT EXECUTE ON FUNCTION payments.bank_balance(integer,text,date,integer) TO fundledger_service;
GRANT EXECUTE ON FUNCTION payments.reconciliation_digest(payments.reconciliation) TO fundledger_service, fundledger_auditor;
GRANT EXECUTE ON FUNCTION payments.unreconciled(integer,smallint,integer) TO fundledger_service;
