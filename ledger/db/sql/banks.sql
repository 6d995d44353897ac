-- Our own bank accounts, the channels to their banks, and the files that go out.

-- Tables ------------------------------------------------------
-- Our accounts at banks: which books they serve, and how their files travel.
CREATE TABLE payments.bank_account (
    region    integer NOT NULL REFERENCES fund.region,
    account   text NOT NULL CHECK (account ~ '^[0-9A-Za-z-]{5,34}$'),
    kind      text NOT NULL CHECK (kind IN ('1002', '1003', '1004')),
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
                                THEN '{maker,accountant,system}'::text[] ELSE '{cashier}' END);
    RETURN NEW;
END $$;

-- The books an account pays for, whoever asks: who may not see all of them may not read its receipts.
CREATE OR REPLACE FUNCTION payments.account_funds(p_region integer, p_account text) RETURNS smallint[] LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
    SELECT coalesce(array_agg(DISTINCT fund ORDER BY fund), '{}') FROM payments.book_account
     WHERE region = p_region AND account = p_account
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
CREATE OR REPLACE TRIGGER writer BEFORE INSERT ON payments.bank_account
    FOR EACH ROW WHEN (((CURRENT_USER = 'fundledger_service'::name) AND (NOT access.has_role(new.region, (0)::smallint, access.user_name(), '{maker,checker,accountant,system}'::text[])))) EXECUTE FUNCTION fund.refuse_writer();
CREATE OR REPLACE TRIGGER kept BEFORE DELETE OR TRUNCATE ON payments.bank_file
    FOR EACH STATEMENT EXECUTE FUNCTION fund.refuse_change();
CREATE OR REPLACE TRIGGER writer BEFORE INSERT ON payments.book_account
    FOR EACH ROW WHEN (((CURRENT_USER = 'fundledger_service'::name) AND (NOT access.has_role(new.region, (0)::smallint, access.user_name(), '{maker,checker,accountant,system}'::text[])))) EXECUTE FUNCTION fund.refuse_writer();

-- Grants ------------------------------------------------------
GRANT SELECT, INSERT ON payments.bank_account TO fundledger_service;
GRANT SELECT ON payments.bank_account TO fundledger_auditor;
GRANT SELECT, INSERT ON payments.bank_channel TO fundledger_service;
GRANT SELECT ON payments.bank_channel TO fundledger_auditor;
GRANT UPDATE (state, confirmed_by) ON payments.bank_channel TO fundledger_service;
GRANT SELECT, INSERT ON payments.bank_file TO fundledger_service;
GRANT SELECT ON payments.bank_file TO fundledger_auditor;
GRANT UPDATE (state) ON payments.bank_file TO fundledger_service;
GRANT SELECT ON payments.book_account TO fundledger_auditor, fundledger_poster;
GRANT SELECT, INSERT ON payments.book_account TO fundledger_service;
GRANT UPDATE (account) ON payments.book_account TO fundledger_poster;
GRANT EXECUTE ON FUNCTION payments.account_funds(integer,text) TO fundledger_service;
