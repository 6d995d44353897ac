"""INV-12: nobody came in at the pages without a line of the operator log: each session names the one it was written with."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from ledger.control.breach import Breach
from ledger.control.snapshot import Snapshot

# Sessions of before the database wrote these lines name none, and nobody's after the first that does. Lines past their term are gone by
# two persons' removal.
_UNLOGGED: Final = """
    SELECT s.user_name, to_char(s.began_at AT TIME ZONE 'Asia/Shanghai', 'YYYY-MM-DD HH24:MI:SS') FROM access.session s
     WHERE CASE WHEN s.line IS NULL THEN s.began_at > (SELECT min(f.began_at) FROM access.session f WHERE f.line IS NOT NULL)
                WHEN s.line = 0 THEN false
                ELSE NOT EXISTS (SELECT 1 FROM access.operator_log o WHERE (o.id, o.user_name, o.action, o.outcome) = (s.line, s.user_name, 'login', 'done')
                                    AND abs(extract(epoch FROM o.recorded_at - s.began_at)) < 3600)
                     AND NOT EXISTS (SELECT 1 FROM fund.removal r WHERE r.kind = 'log' AND r.state = 'removed'
                                        AND (s.began_at AT TIME ZONE 'Asia/Shanghai')::date < r.before) END
     ORDER BY 1, 2
"""


def check_log_ins(snapshot: Snapshot) -> Iterator[Breach]:
    """Each session against its line."""
    for user, began in snapshot.rows(_UNLOGGED):
        message = f"用户{user}于{began}登录，而操作日志没有与之同时写下的登录"
        yield Breach("INV-12", "", f"session {user} {began}", message, "login.unlogged")
