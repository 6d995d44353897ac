-- INV-02 and INV-05's second belt: the door is closed by role. Only the owner of books.post() writes the journal;
-- nobody, that owner included, changes or removes a posted row. The first belt is the grants (90_grants.sql).

CREATE FUNCTION books.refuse_write() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION USING ERRCODE = 'FL002', MESSAGE = 'journal.one_door',
        DETAIL = format('%s.%s只能由books.post()写入', TG_TABLE_SCHEMA, TG_TABLE_NAME);
END $$;

CREATE FUNCTION books.refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION USING ERRCODE = 'FL002', MESSAGE = 'journal.frozen',
        DETAIL = format('%s.%s已记账的内容不得修改或删除，更正请用红字冲销', TG_TABLE_SCHEMA, TG_TABLE_NAME);
END $$;

-- Puts both guards on a table or partition; statement triggers of a parent do not fire for a partition written by name.
CREATE FUNCTION books.guard(p_table regclass, p_frozen boolean) RETURNS void LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    EXECUTE format('CREATE TRIGGER one_door BEFORE INSERT ON %s FOR EACH STATEMENT
                    WHEN (current_user <> ''fundledger_poster'') EXECUTE FUNCTION books.refuse_write()', p_table);
    IF p_frozen THEN
        EXECUTE format('CREATE TRIGGER frozen BEFORE UPDATE OR DELETE OR TRUNCATE ON %s
                        FOR EACH STATEMENT EXECUTE FUNCTION books.refuse_change()', p_table);
    ELSE
        EXECUTE format('CREATE TRIGGER frozen BEFORE UPDATE OR DELETE OR TRUNCATE ON %s FOR EACH STATEMENT
                        WHEN (current_user <> ''fundledger_poster'') EXECUTE FUNCTION books.refuse_change()', p_table);
    END IF;
END $$;

SELECT books.guard('books.entry', true), books.guard('books.posting', true),
       books.guard('books.source', true), books.guard('books.block', true), books.guard('books.dim', true),
       books.guard('books.account', true), books.guard('books.book', true),
       books.guard('books.balance', false), books.guard('books.head', false), books.guard('books.dim_head', false),
       books.guard('books.counter', false), books.guard('books.period', false);
