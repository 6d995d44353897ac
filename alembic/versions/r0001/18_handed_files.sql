-- Bank files brought by other means than the channel (a bank does not deliver an archived file twice): kept as they came, with
-- who brought them. Nothing of one is believed until another person, who asked the bank, confirms its very bytes; then the
-- same code reads it as reads the channel's. One that cannot be read is quarantined at once, and nothing of it is ever believed.

CREATE TABLE payments.handed_file (
    region      integer NOT NULL,
    account     text NOT NULL,
    sha256      bytea NOT NULL CHECK (sha256 = sha256(content)),
    n           integer NOT NULL CHECK (n > 0),          -- handed in again after a refusal
    name        text NOT NULL CHECK (name <> '' AND translate(name, E'/|\\\n\r', '') = name),
    content     bytea NOT NULL,
    brought_by  text NOT NULL CHECK (brought_by <> ''),  -- clerk of the bank or colleague who brought it
    document    text NOT NULL CHECK (document <> ''),    -- the bank's letter or the inquiry it answers
    state       text NOT NULL CHECK (state IN ('requested', 'approved', 'refused', 'quarantined')),
    prepared_by text NOT NULL,
    prepared_on date NOT NULL,
    approved_by text NOT NULL DEFAULT '',
    approved_on date,
    reason      text NOT NULL DEFAULT '',                -- of a refusal; why it could not be read
    PRIMARY KEY (region, account, sha256, n),
    FOREIGN KEY (region, account) REFERENCES payments.bank_account,
    CHECK ((state IN ('requested', 'quarantined')) = (approved_by = '') AND (approved_by = '') = (approved_on IS NULL)),
    CHECK (approved_by <> prepared_by),
    CHECK ((state IN ('refused', 'quarantined')) = (reason <> ''))
);
CREATE UNIQUE INDEX handed_once ON payments.handed_file (region, account, sha256) WHERE state <> 'refused';

-- Handed in by who keeps the account's books, confirmed by a checker who is another human. The cashier keeps no books
-- (INV-11): who sends the money brings no proof of what became of it.
CREATE FUNCTION payments.check_handed_file() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    v_funds smallint[] := payments.account_funds(NEW.region, NEW.account);
    v_actor text;
BEGIN
    FOR i IN 1 .. cardinality(v_funds) LOOP
        v_actor := access.require_role(NEW.region, v_funds[i], CASE TG_OP WHEN 'INSERT' THEN '{accountant}'::text[] ELSE '{checker}' END);
    END LOOP;
    IF TG_OP = 'INSERT' THEN
        IF v_actor IS NULL OR NEW.prepared_by <> v_actor OR NEW.state NOT IN ('requested', 'quarantined') THEN
            RAISE EXCEPTION USING ERRCODE = 'FL003', MESSAGE = 'request.prepared_by', DETAIL = '只能以当前用户的名义登记，状态为已提出';
        END IF;
        IF EXISTS (SELECT 1 FROM access.user_role r JOIN access.app_user u ON u.user_name = r.user_name
                    WHERE r.region = NEW.region AND r.role = 'cashier' AND NEW.brought_by IN (u.user_name, u.person, u.display_name)) THEN
            RAISE EXCEPTION USING ERRCODE = 'FL003', MESSAGE = 'file.cashier',
                DETAIL = format('出纳%s不得取送银行回单文件：须由出纳以外的人送来', NEW.brought_by);
        END IF;
        RETURN NEW;
    END IF;
    IF OLD.state <> 'requested' OR NEW.state NOT IN ('approved', 'refused') THEN
        RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'request.decided', DETAIL = format('文件%s已办理（%s），不能再改', OLD.name, OLD.state);
    END IF;
    IF NEW.approved_by IS DISTINCT FROM v_actor OR access.person(v_actor) IS NOT DISTINCT FROM access.person(NEW.prepared_by) THEN
        RAISE EXCEPTION USING ERRCODE = 'FL003', MESSAGE = 'request.same_person',
            DETAIL = format('由%s提出，须由另一人以本人名义复核', NEW.prepared_by);
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER check_handed_file BEFORE INSERT OR UPDATE ON payments.handed_file
    FOR EACH ROW EXECUTE FUNCTION payments.check_handed_file();
CREATE TRIGGER kept BEFORE DELETE OR TRUNCATE ON payments.handed_file FOR EACH STATEMENT EXECUTE FUNCTION fund.refuse_change();
CREATE TRIGGER frozen BEFORE UPDATE OF region, account, sha256, n, name, content, brought_by, document, prepared_by, prepared_on
    ON payments.handed_file FOR EACH STATEMENT EXECUTE FUNCTION fund.refuse_change();

GRANT INSERT ON payments.handed_file TO fundledger_service;
GRANT UPDATE (state, approved_by, approved_on, reason) ON payments.handed_file TO fundledger_service;
