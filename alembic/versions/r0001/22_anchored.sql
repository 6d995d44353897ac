-- What was anchored, so that anchors that are gone are missed: the file lies outside the database (INV-12) and may be lost, cut or
-- exchanged there without a trace. Who restores into a new home brings the ends of the chains with the backup's manifest.
CREATE TABLE fund.anchored (
    region  integer NOT NULL,
    fund    smallint NOT NULL,
    block   bigint NOT NULL CHECK (block > 0),
    made_by text NOT NULL,
    PRIMARY KEY (region, fund, block),
    FOREIGN KEY (region, fund) REFERENCES books.book
);
GRANT INSERT ON fund.anchored TO fundledger_service;

CREATE TRIGGER frozen BEFORE UPDATE OR DELETE OR TRUNCATE ON fund.anchored
    FOR EACH STATEMENT EXECUTE FUNCTION fund.refuse_change();
CREATE TRIGGER writer BEFORE INSERT ON fund.anchored FOR EACH ROW
    WHEN (current_user = 'fundledger_service' AND NEW.made_by IS DISTINCT FROM access.user_name())
    EXECUTE FUNCTION fund.refuse_writer();

-- No foreign key to the block: a database whose chain was cut must still be restored to be looked into.
CREATE FUNCTION fund.check_anchored() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NOT EXISTS (SELECT 1 FROM books.head h WHERE h.region = NEW.region AND h.fund = NEW.fund AND h.block >= NEW.block) THEN
        RAISE EXCEPTION USING ERRCODE = 'FL005', MESSAGE = 'anchor.no_block',
            DETAIL = format('账套%s-%s没有区块%s，不能登记其锚定', NEW.region, NEW.fund, NEW.block);
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER check_anchored BEFORE INSERT ON fund.anchored FOR EACH ROW EXECUTE FUNCTION fund.check_anchored();
