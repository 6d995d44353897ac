"""A process that does the people's acts one after the other and may be struck by a fault in any of them: killed, it is killed.

`python -m ledger.simulation.faults.hand` reads one JSON object a line from its input: first where the installation is, then the
acts; it answers each in one line. Nothing here is imported by what serves real money.
"""

from __future__ import annotations

import json
import os
import resource
import signal
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path
from typing import IO, Any

import psycopg

from adapters.banks.wire.sftp.line import SftpLine
from ledger.acts.anchoring import anchor
from ledger.core.errors import LedgerError
from ledger.core.os_errors import os_reason
from ledger.db.unit_of_work import Transaction
from ledger.fund.intake.file import load_file
from ledger.fund.record.judge import IntakeRules
from ledger.payments.incoming.receive import receive
from ledger.settings import Settings
from ledger.simulation.demo.day import pay_out
from ledger.simulation.people import DEMO_REGION, EXPENDITURE_ACCOUNT
from ledger.simulation.staff import Staff, bank_of, staffed

CALLED = ("names", "read", "read_if_there", "write", "rename", "remove")
"""What of the bank's line is counted as a call."""


class Struck:
    """The commits and calls of one act are counted here, and the fault falls on the one it was drawn for."""

    def __init__(self) -> None:
        self.blow: dict[str, Any] = {}
        self.fell = False
        self._count = 0

    def arm(self, blow: dict[str, Any]) -> None:
        """The fault of the next act; an empty one is none."""
        self.blow, self.fell, self._count = blow, False, 0

    def around(self, kinds: tuple[str, ...], do: Callable[[], Any], cut: Callable[[], Exception]) -> Any:
        """Do a commit or a call, with the fault before or after it where it is the one."""
        if self.blow.get("kind") not in kinds:
            return do()
        self._count += 1
        if self._count != self.blow["at"]:
            return do()
        self.fell = True
        if self.blow["after"]:
            do()
        if self.blow["kind"] == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        raise cut()


STRUCK = Struck()


def _install() -> None:
    """Put the counting around every COMMIT and every call over a bank's line of this process."""
    commit = Transaction.commit

    def committed(self: Transaction) -> None:
        def lost() -> Exception:
            self.connection.close()
            return psycopg.OperationalError("the connection was cut")

        STRUCK.around(("kill", "cut"), lambda: commit(self), lost)

    Transaction.commit = committed  # type: ignore[method-assign] # this process is made to be struck
    for name in CALLED:
        _install_call(name)


def _install_call(name: str) -> None:
    call = getattr(SftpLine, name)

    def called(self: SftpLine, *args: Any) -> Any:
        def lost() -> Exception:
            self.close()
            return EOFError("the line was cut")

        return STRUCK.around(("wire",), lambda: call(self, *args), lost)

    setattr(SftpLine, name, called)


@contextmanager
def _disk(*, full: bool) -> Iterator[None]:
    """No file of this process can be written while the disk is full; sockets go on."""
    if not full:
        yield
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def _act(staff: Staff, asked: dict[str, Any]) -> dict[str, Any]:
    day = date.fromisoformat(asked["day"]) + timedelta(days=asked["off"])
    if asked["act"] == "records":
        intake = staff.intake
        taken = load_file(intake.engine, intake.user, Path(asked["file"]), IntakeRules(today=day), once=True)
        return {"accepted": taken.accepted, "quarantined": taken.quarantined}
    if asked["act"] == "pay":
        pay_out(staff, day)
        return {}
    if asked["act"] == "take":
        system = staff.system
        account = EXPENDITURE_ACCOUNT.number
        done = receive(system.engine, system.user, DEMO_REGION, account, bank_of(system)(account), day)
        return {"events": dict(done.events)}
    return {"warned": [one.code for one in anchor(staff.system, DEMO_REGION)]}


def _answered(staff: Staff, asked: dict[str, Any]) -> dict[str, Any]:
    STRUCK.arm(asked["blow"])
    try:
        with _disk(full=asked["blow"].get("kind") == "disk"):
            return {"ok": True, **_act(staff, asked)}
    except LedgerError as refused:
        return {"ok": False, "code": refused.code, "said": refused.message}
    except OSError as failed:
        return {"ok": False, "code": "os", "said": os_reason(failed)}


def _live(settings: Settings, asked: IO[str], told: IO[str]) -> None:
    """Act after act, until there is none or a fault kills this process."""
    with staffed(settings) as staff:
        for line in asked:
            answer = _answered(staff, json.loads(line))
            told.write(json.dumps({**answer, "fell": STRUCK.fell}, ensure_ascii=False) + "\n")
            told.flush()


class Life:
    """A copy of this process that acts; this one has no thread and no connection, and only makes copies."""

    def __init__(self, settings: Settings) -> None:
        inward, outward = os.pipe(), os.pipe()
        self.pid = os.fork()
        if self.pid == 0:
            os.close(inward[1])
            os.close(outward[0])
            try:
                with os.fdopen(inward[0]) as asked, os.fdopen(outward[1], "w") as told:
                    _live(settings, asked, told)
            except BaseException:  # noqa: BLE001 whatever it was, the copy must not go on as its maker
                traceback.print_exc()
                os._exit(1)
            os._exit(0)
        os.close(inward[0])
        os.close(outward[1])
        self.asks, self.tells = os.fdopen(inward[1], "w"), os.fdopen(outward[0])

    def do(self, line: str) -> str:
        """The answer to one act; empty where the copy died in it."""
        self.asks.write(line)
        self.asks.flush()
        return self.tells.readline()

    def end(self) -> None:
        """Wait for the copy, which ends when it is asked nothing more."""
        self.asks.close()
        self.tells.close()
        os.waitpid(self.pid, 0)


def main() -> None:
    """Acts from standard input until it ends."""
    facts = json.loads(sys.stdin.readline())
    settings = Settings(**{**facts, "home": Path(facts["home"])})
    _install()
    life: Life | None = None
    for line in sys.stdin:
        life = life or Life(settings)
        answer = life.do(line)
        if not answer:
            life.end()
            life = None
        print(answer.strip() or '{"died": true}', flush=True)  # noqa: T201 the answer
    if life is not None:
        life.end()


if __name__ == "__main__":
    main()
