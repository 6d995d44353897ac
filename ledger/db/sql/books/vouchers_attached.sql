-- What hand-written vouchers rest on. A paper of a voucher is kept by its digest, attached to a draft before anybody decides it.

-- Tables ------------------------------------------------------
-- The bytes of a paper, once a book, under their own digest; sealed for the home's key, which makes them 48 bytes longer.
CREATE TABLE books.attached_file (
    region  integer NOT NULL,
    fund    smallint NOT NULL,
    sha256  bytea NOT NULL CHECK (length(sha256) = 32),
    content bytea NOT NULL CHECK (length(content) BETWEEN 1 AND 20971568),
    PRIMARY KEY (region, fund, sha256),
    FOREIGN KEY (region, fund) REFERENCES books.book
);

-- What is attached to a draft, in its order; kept for good once the draft is decided.
CREATE TABLE books.attachment (
    region      integer NOT NULL,
    fund        smallint NOT NULL,
    voucher_id  text NOT NULL,
    n           smallint NOT NULL CHECK (n BETWEEN 1 AND 99),
    name        text NOT NULL CHECK (name <> '' AND length(name) <= 120 AND translate(name, E'|\\/\n\r\t', '') = name),
    sha256      bytea NOT NULL,
    bytes       integer NOT NULL CHECK (bytes > 0),
    attached_by text NOT NULL,
    attached_on date NOT NULL CHECK (isfinite(attached_on)),
    PRIMARY KEY (region, fund, voucher_id, n),
    UNIQUE (region, fund, voucher_id, sha256),
    FOREIGN KEY (region, fund, voucher_id) REFERENCES books.voucher,
    FOREIGN KEY (region, fund, sha256) REFERENCES books.attached_file
);

-- Functions ---------------------------------------------------
CREATE OR REPLACE FUNCTION books.attachments_of(p_region integer, p_fund smallint, p_voucher_id text) RETURNS integer LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp AS $$
    SELECT count(*)::integer FROM books.attachment p WHERE p.region = p_region AND p.fund = p_fund AND p.voucher_id = p_voucher_id
$$;

-- The digest of what is attached to a draft, a line a paper (n|name|bytes|sha256); nothing where nothing is.
CREATE OR REPLACE FUNCTION books.attachments_digest(p_region integer, p_fund smallint, p_voucher_id text) RETURNS bytea LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp AS $$
    SELECT coalesce((SELECT sha256(convert_to(string_agg(concat_ws('|', p.n, p.name, p.bytes, encode(p.sha256, 'hex')), E'\n' ORDER BY p.n), 'UTF8'))
                       FROM books.attachment p WHERE p.region = p_region AND p.fund = p_fund AND p.voucher_id = p_voucher_id), '')
$$;

-- What a person answers for: the draft's own digest, with its papers' where it has some.
CREATE OR REPLACE FUNCTION books.shown_digest(p_digest bytea, p_attached bytea) RETURNS bytea LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp AS $$
    SELECT CASE WHEN p_attached = '' THEN p_digest ELSE sha256(p_digest || p_attached) END
$$;

-- Attaches a paper to one's own draft that nobody has decided yet; its number. The same paper again changes nothing. It comes
-- sealed, with the digest of what it says, which `verify` compares.
CREATE OR REPLACE FUNCTION books.attach_file(p_region integer, p_fund smallint, p_voucher_id text, p_name text, p_sha256 bytea, p_content bytea, p_on date)
RETURNS smallint LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    v_actor text := access.require_role(p_region, p_fund, '{accountant,maker}');
    v       books.voucher;
    v_n     smallint;
BEGIN
    PERFORM 1 FROM books.head h WHERE h.region = p_region AND h.fund = p_fund FOR UPDATE;   -- before or after a decision, not beside it
    SELECT * INTO v FROM books.voucher w WHERE w.region = p_region AND w.fund = p_fund AND w.voucher_id = p_voucher_id;
    IF NOT FOUND THEN
        RAISE EXCEPTION USING ERRCODE = 'FL004', MESSAGE = 'voucher.draft_unknown', DETAIL = format('没有手工凭证草稿%s', left(p_voucher_id, 40));
    ELSIF access.person(v_actor) IS DISTINCT FROM access.person(v.prepared_by) THEN
        RAISE EXCEPTION USING ERRCODE = 'FL003', MESSAGE = 'voucher.not_drafter', DETAIL = format('手工凭证%s的附件只能由制单人%s添加', p_voucher_id, v.prepared_by);
    END IF;
    SELECT p.n INTO v_n FROM books.attachment p
     WHERE p.region = p_region AND p.fund = p_fund AND p.voucher_id = p_voucher_id AND p.sha256 = p_sha256;
    IF FOUND THEN
        RETURN v_n;
    END IF;
    IF EXISTS (SELECT 1 FROM books.voucher_decision d WHERE d.region = p_region AND d.fund = p_fund AND d.voucher_id = p_voucher_id) THEN
        RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'voucher.decided', DETAIL = format('手工凭证%s已办理，附件不能再变动', p_voucher_id);
    END IF;
    v_n := books.attachments_of(p_region, p_fund, p_voucher_id) + 1;
    INSERT INTO books.attached_file VALUES (p_region, p_fund, p_sha256, p_content) ON CONFLICT DO NOTHING;
    INSERT INTO books.attachment VALUES (p_region, p_fund, p_voucher_id, v_n, p_name, p_sha256, length(p_content) - 48, v_actor, p_on);
    RETURN v_n;
END $$;

-- Guards ------------------------------------------------------
CREATE OR REPLACE TRIGGER frozen BEFORE DELETE OR UPDATE OR TRUNCATE ON books.attached_file
    FOR EACH STATEMENT EXECUTE FUNCTION books.refuse_change();
CREATE OR REPLACE TRIGGER one_door BEFORE INSERT ON books.attached_file
    FOR EACH STATEMENT WHEN ((CURRENT_USER <> 'fundledger_poster'::name)) EXECUTE FUNCTION books.refuse_write();
CREATE OR REPLACE TRIGGER frozen BEFORE DELETE OR UPDATE OR TRUNCATE ON books.attachment
    FOR EACH STATEMENT EXECUTE FUNCTION books.refuse_change();
CREATE OR REPLACE TRIGGER one_door BEFORE INSERT ON books.attachment
    FOR EACH STATEMENT WHEN ((CURRENT_USER <> 'fundledger_poster'::name)) EXECUTE FUNCTION books.refuse_write();

-- Grants ------------------------------------------------------
GRANT SELECT, INSERT ON books.attached_file TO fundledger_poster;
GRANT SELECT ON books.attached_file TO fundledger_service, fundledger_auditor;
GRANT SELECT, INSERT ON books.attachment TO fundledger_poster;
GRANT SELECT ON books.attachment TO fundledger_service, fundledger_auditor;
ALTER FUNCTION books.attach_file(integer,smallint,text,text,bytea,bytea,date) OWNER TO fundledger_poster;
GRANT EXECUTE ON FUNCTION books.attach_file(integer,smallint,text,text,bytea,bytea,date) TO fundledger_service;
ALTER FUNCTION books.attachments_digest(integer,smallint,text) OWNER TO fundledger_poster;
GRANT EXECUTE ON FUNCTION books.attachments_digest(integer,smallint,text) TO fundledger_service;
ALTER FUNCTION books.attachments_of(integer,smallint,text) OWNER TO fundledger_poster;
ALTER FUNCTION books.shown_digest(bytea,bytea) OWNER TO fundledger_poster;
GRANT EXECUTE ON FUNCTION books.shown_digest(bytea,bytea) TO fundledger_service;
