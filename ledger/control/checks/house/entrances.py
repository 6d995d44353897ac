"""INV-14: nobody enters the server without a password, no superuser without SCRAM, nobody by a password that everybody knows.

As far as the login that looks may see it: the lines of `pg_hba.conf` where the administrator could give the auditor that right. The
passwords only a superuser sees (`fundledger db check` looks at them). What was not seen is told every time.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from ledger.control.breach import Breach
from ledger.control.snapshot import Snapshot
from ledger.db.entrances import PASSWORDS, RULES, entrances

UNSEEN: Final = {
    RULES: "未核验：本登录无权看服务器的pg_hba.conf，哪台机器不问口令即可进入须由管理员查看（db check）",
    PASSWORDS: "未核验：本登录无权看口令的保存方式，是否众所周知的口令须由管理员查看（db check）",
}


def check_entrances(snapshot: Snapshot) -> Iterator[Breach]:
    """Ways in from other machines; those from this machine alone are told, and what may not be seen."""
    found, hidden = entrances(snapshot.connection)
    for one in found:
        if one.remote:
            yield Breach("INV-14", "", one.name, one.message, one.code)
        else:
            snapshot.waiting[one.message] = 1
    for what in hidden:
        snapshot.waiting[UNSEEN[what]] = 1
