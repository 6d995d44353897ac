"""INV-02, INV-14: the guards are where they belong: grants, triggers, row security. They can be taken away silently."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from ledger.control.breach import Breach
from ledger.control.snapshot import Snapshot
from ledger.db.server import unsafe_settings

_JOURNAL: Final = """
    SELECT c.oid::regclass::text, g.name
      FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
      CROSS JOIN (VALUES ('one_door'), ('frozen')) AS g (name)
      LEFT JOIN pg_trigger t ON t.tgrelid = c.oid AND t.tgname = g.name
     WHERE n.nspname = 'books' AND c.relkind IN ('r', 'p') AND coalesce(t.tgenabled, 'D') NOT IN ('O', 'A')
     ORDER BY 1, 2
"""
_LINES: Final = """
    SELECT c.oid::regclass::text FROM pg_class c
      LEFT JOIN pg_constraint k ON k.conrelid = c.oid AND k.conname = 'lines' AND k.contype = 'c' AND k.convalidated
     WHERE (c.oid = 'books.entry'::regclass OR c.oid IN (SELECT inhrelid FROM pg_inherits WHERE inhparent = 'books.entry'::regclass))
       AND k.oid IS NULL
     ORDER BY 1
"""
_WRITES: Final = """
    SELECT c.oid::regclass::text, r.name, p.name
      FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
      CROSS JOIN (VALUES ('fundledger_service'), ('fundledger_auditor'), ('fundledger_intake'),
                        ('fundledger_books'), ('fundledger_payments'), ('fundledger_read')) AS r (name)
      CROSS JOIN (VALUES ('INSERT'), ('UPDATE'), ('DELETE'), ('TRUNCATE'), ('TRIGGER')) AS p (name)
     WHERE n.nspname = 'books' AND c.relkind IN ('r', 'p') AND has_table_privilege(r.name, c.oid, p.name)
     ORDER BY 1, 2, 3
"""
_ROWS: Final = """
    SELECT c.oid::regclass::text
      FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
      JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'region' AND NOT a.attisdropped
     WHERE n.nspname IN ('access', 'books', 'fund', 'payments') AND c.relkind IN ('r', 'p') AND NOT c.relispartition
       AND NOT c.relrowsecurity
     ORDER BY 1
"""
_DISABLED: Final = """
    SELECT t.tgrelid::regclass::text, t.tgname
      FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE n.nspname IN ('access', 'fund', 'payments') AND NOT t.tgisinternal AND t.tgenabled NOT IN ('O', 'A')
     ORDER BY 1, 2
"""


def check_guards(snapshot: Snapshot) -> Iterator[Breach]:
    """Triggers on every table and partition of the journal, no write grants on it, row security on every region's table; and a
    server that keeps what it acknowledged."""
    for table, guard in snapshot.rows(_JOURNAL):
        yield Breach("INV-02", "", table, f"{table}缺少触发器{guard}，或已被停用")
    for table, guard in snapshot.rows(_DISABLED):
        yield Breach("INV-02", "", table, f"{table}的触发器{guard}已被停用")
    for (table,) in snapshot.rows(_LINES):
        yield Breach("INV-02", "", table, f"{table}缺少分录行的检查约束lines")
    for table, role, privilege in snapshot.rows(_WRITES):
        yield Breach("INV-02", "", table, f"{role}对{table}有{privilege}权限")
    for (table,) in snapshot.rows(_ROWS):
        yield Breach("INV-14", "", table, f"{table}没有启用行级安全")
    for name, value in sorted(unsafe_settings(snapshot.connection).items()):
        yield Breach("INV-02", "", name, f"数据库设置{name}={value}：已记账的凭证可能丢失或损坏而不被察觉")
