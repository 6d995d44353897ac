-- Personal fields at rest: what a refused line holds is sealed for a key of its region, whose private half lies in the home only.

-- Tables ------------------------------------------------------
-- Region 0: of lines that name no region, and of regions without a key of their own. The newest of a region seals; the older
-- ones open what they sealed.
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

-- Functions ---------------------------------------------------
-- The next key of a region, by its user administrator; the private half is in the home before anybody seals for it.
CREATE OR REPLACE FUNCTION fund.add_sealing_key(p_region integer, p_public bytea) RETURNS integer LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    v_user text := access.require_role(p_region, 0::smallint, '{admin}');
    v_n    integer;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('fund.sealing_key ' || p_region, 0));
    SELECT coalesce(max(k.n), 0) + 1 INTO v_n FROM fund.sealing_key k WHERE k.region = p_region;
    INSERT INTO fund.sealing_key (region, n, key_id, public, made_by)
    VALUES (p_region, v_n, left(encode(sha256(p_public), 'hex'), 16), p_public, v_user);
    RETURN v_n;
END $$;

-- A refused line sealed anew for the newest key of its region, by the user administrator of a region that may see it: what was sealed
-- lies inside as it was, with the key of its content (ledger/db/safekeeping/sealing.py), so that verify proves it the same.
CREATE OR REPLACE FUNCTION fund.reseal_line(p_acting integer, p_region integer, p_file bytea, p_load bigint, p_line bigint, p_was bytea, p_raw bytea)
RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    v_key text;
BEGIN
    PERFORM access.require_role(p_acting, 0::smallint, '{admin}');
    SELECT k.key_id INTO v_key FROM fund.sealing_key k WHERE k.region IN (0, p_region) ORDER BY k.region DESC, k.n DESC LIMIT 1;
    IF p_region NOT IN (0, p_acting) OR substring(p_raw FROM 1 FOR 16) <> 'FUNDLEDGER-SEAL4'::bytea
       OR encode(substring(p_raw FROM 49 FOR 8), 'hex') IS DISTINCT FROM v_key OR length(p_raw) < length(p_was) THEN
        RAISE EXCEPTION USING ERRCODE = 'FL002', MESSAGE = 'quarantine.clear',
            DETAIL = format('隔离的第%s行须加密后保存，不得存明文', p_line);
    END IF;
    UPDATE fund.quarantine q SET raw = p_raw
     WHERE (q.region, q.file_sha256, q.load_id, q.line) = (p_region, p_file, p_load, p_line) AND q.raw = p_was AND q.raw <> '';
    RETURN FOUND;
END $$;

-- Words on a refusal are masked before they are kept (ledger/core/masking.py, whose pattern this is): a number as long as a telephone's,
-- an identity card's or an account's does not come in beside its sealed line.
CREATE OR REPLACE FUNCTION fund.is_masked(p_text text) RETURNS boolean LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp AS $$
    SELECT p_text !~ '(?<![0-9A-Za-z])[0-9]{11,}[0-9Xx]?(?![0-9A-Za-z])'
$$;

CREATE OR REPLACE FUNCTION fund.refuse_clear() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RAISE EXCEPTION USING ERRCODE = 'FL002', MESSAGE = 'quarantine.clear',
        DETAIL = format('隔离的第%s行须加密后保存，不得存明文', NEW.line);
END $$;

-- What the program seals before it writes (ledger/db/safekeeping/fields.py) is not written in clear past it.
CREATE OR REPLACE FUNCTION fund.refuse_clear_field() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RAISE EXCEPTION USING ERRCODE = 'FL002', MESSAGE = 'data.clear',
        DETAIL = format('%s须加密后保存，不得存明文', TG_ARGV[0]);
END $$;

-- Guards ------------------------------------------------------
CREATE OR REPLACE TRIGGER only_sealed BEFORE INSERT ON fund.quarantine FOR EACH ROW
    WHEN (access.working_login() AND NEW.raw <> '' AND substring(NEW.raw FROM 1 FOR 16) <> 'FUNDLEDGER-SEAL1'::bytea)
    EXECUTE FUNCTION fund.refuse_clear();
CREATE OR REPLACE TRIGGER only_masked BEFORE INSERT OR UPDATE OF message, field ON fund.quarantine FOR EACH ROW
    WHEN (access.working_login() AND NOT (fund.is_masked(NEW.message) AND fund.is_masked(NEW.field)))
    EXECUTE FUNCTION fund.refuse_clear();
CREATE OR REPLACE TRIGGER a_sealed BEFORE INSERT ON access.idempotency FOR EACH ROW
    WHEN (access.working_login() AND NEW.response <> '' AND NEW.route <> 'POST /api/v1/settlements'
          AND substring(NEW.response FROM 1 FOR 16) <> 'FUNDLEDGER-SEAL3'::bytea)
    EXECUTE FUNCTION fund.refuse_clear_field('答复');
CREATE OR REPLACE TRIGGER a_sealed BEFORE INSERT ON payments.inbound_file FOR EACH ROW
    WHEN (access.working_login() AND NEW.content <> '' AND substring(NEW.content FROM 1 FOR 16) <> 'FUNDLEDGER-SEAL3'::bytea)
    EXECUTE FUNCTION fund.refuse_clear_field('银行文件');
CREATE OR REPLACE TRIGGER a_sealed BEFORE INSERT ON payments.handed_file FOR EACH ROW
    WHEN (access.working_login() AND NEW.content <> '' AND substring(NEW.content FROM 1 FOR 16) <> 'FUNDLEDGER-SEAL3'::bytea)
    EXECUTE FUNCTION fund.refuse_clear_field('银行文件');
CREATE OR REPLACE TRIGGER a_sealed BEFORE INSERT ON payments.bank_file FOR EACH ROW
    WHEN (access.working_login() AND NEW.content <> '' AND substring(NEW.content FROM 1 FOR 16) <> 'FUNDLEDGER-SEAL3'::bytea)
    EXECUTE FUNCTION fund.refuse_clear_field('付款文件');
CREATE OR REPLACE TRIGGER a_sealed BEFORE INSERT ON payments.statement_file FOR EACH ROW
    WHEN (access.working_login() AND NEW.content <> '' AND substring(NEW.content FROM 1 FOR 16) <> 'FUNDLEDGER-SEAL3'::bytea)
    EXECUTE FUNCTION fund.refuse_clear_field('对账单文件');
CREATE OR REPLACE TRIGGER a_sealed BEFORE INSERT ON books.attached_file FOR EACH ROW
    WHEN (substring(NEW.content FROM 1 FOR 16) <> 'FUNDLEDGER-SEAL3'::bytea)
    EXECUTE FUNCTION fund.refuse_clear_field('附件');
CREATE OR REPLACE TRIGGER a_sealed BEFORE INSERT ON books.import_file FOR EACH ROW
    WHEN (NEW.content <> '' AND substring(NEW.content FROM 1 FOR 16) <> 'FUNDLEDGER-SEAL3'::bytea)
    EXECUTE FUNCTION fund.refuse_clear_field('导入文件');
CREATE OR REPLACE TRIGGER a_sealed BEFORE INSERT ON books.import_row FOR EACH ROW
    WHEN (NEW.raw <> '' AND NEW.raw !~ '^~[0-9a-f]{8}[.][^~]+~$' OR NEW.message <> '' AND NEW.message !~ '^~[0-9a-f]{8}[.][^~]+~$')
    EXECUTE FUNCTION fund.refuse_clear_field('导入文件的行');
CREATE OR REPLACE TRIGGER a_sealed BEFORE INSERT ON fund.finding_evidence FOR EACH ROW
    WHEN (access.working_login() AND (substring(NEW.content FROM 1 FOR 16) <> 'FUNDLEDGER-SEAL3'::bytea OR NEW.name !~ '^~[0-9a-f]{8}[.][^~]+~$'))
    EXECUTE FUNCTION fund.refuse_clear_field('证据附件');
CREATE OR REPLACE TRIGGER a_sealed BEFORE INSERT ON fund.letter_paper FOR EACH ROW
    WHEN (access.working_login() AND substring(NEW.content FROM 1 FOR 16) <> 'FUNDLEDGER-SEAL3'::bytea)
    EXECUTE FUNCTION fund.refuse_clear_field('清算确认书的文书');
CREATE OR REPLACE TRIGGER a_sealed BEFORE INSERT ON fund.reconcile_run FOR EACH ROW
    WHEN (access.working_login() AND NEW.content <> '' AND substring(NEW.content FROM 1 FOR 16) <> 'FUNDLEDGER-SEAL3'::bytea)
    EXECUTE FUNCTION fund.refuse_clear_field('对账明细文件');
CREATE OR REPLACE TRIGGER a_sealed BEFORE INSERT ON fund.person_payment FOR EACH ROW
    WHEN (access.working_login() AND (NEW.payee_name !~ '^~[0-9a-f]{8}[.][^~]+~$' OR NEW.payee_number !~ '^~[0-9a-f]{8}[.][^~]+~$'))
    EXECUTE FUNCTION fund.refuse_clear_field('个人的户名、账号');
CREATE OR REPLACE TRIGGER a_sealed BEFORE INSERT ON payments.pay_order FOR EACH ROW
    WHEN (NEW.institution = 'PERSON' AND (NEW.payee_name !~ '^~[0-9a-f]{8}[.][^~]+~$' OR NEW.payee_number !~ '^~[0-9a-f]{8}[.][^~]+~$')
          OR NEW.payee_token <> '' AND NEW.payee_token !~ '^~[0-9a-f]{8}[.][^~]+~$')
    EXECUTE FUNCTION fund.refuse_clear_field('个人的户名、账号');
CREATE OR REPLACE TRIGGER a_sealed BEFORE INSERT ON fund.party FOR EACH ROW
    WHEN (NEW.kind = 'person' AND NEW.name !~ '^~[0-9a-f]{8}[.][^~]+~$')
    EXECUTE FUNCTION fund.refuse_clear_field('个人的户名');
CREATE OR REPLACE TRIGGER a_sealed BEFORE INSERT ON fund.cutover_order FOR EACH ROW
    WHEN (NEW.source = 5001 AND (NEW.payee_name !~ '^~[0-9a-f]{8}[.][^~]+~$' OR NEW.payee_number !~ '^~[0-9a-f]{8}[.][^~]+~$'))
    EXECUTE FUNCTION fund.refuse_clear_field('个人的户名、账号');
CREATE OR REPLACE TRIGGER frozen BEFORE UPDATE OR DELETE OR TRUNCATE ON fund.sealing_key
    FOR EACH STATEMENT EXECUTE FUNCTION fund.refuse_change();

-- Grants ------------------------------------------------------
GRANT SELECT ON fund.sealing_key TO fundledger_service, fundledger_auditor;
GRANT EXECUTE ON FUNCTION fund.is_masked(text) TO fundledger_service, fundledger_auditor, fundledger_poster;
GRANT EXECUTE ON FUNCTION fund.add_sealing_key(integer,bytea) TO fundledger_service;
GRANT EXECUTE ON FUNCTION fund.reseal_line(integer,integer,bytea,bigint,bigint,bytea,bytea) TO fundledger_service;
