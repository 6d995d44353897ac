"""Alarms: raised by what is, seen by a person with a reason, gone when the cause is; told outside at least once, signed."""

from __future__ import annotations

import hashlib
import hmac
import json
import socket
import ssl
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
from aiosmtpd.controller import Controller

from adapters.notices.mail import Mailbox
from adapters.notices.webhook import Hook
from ledger.access.alarms import see_alarm
from ledger.acts.telling import channels_of, tell
from ledger.api.routes import alarms as alarms_route
from ledger.bootstrap import App
from ledger.cli import commands as command
from ledger.cli.installation import alarms as alarms_command
from ledger.cli.line.acting import ACTING, close_apps
from ledger.control.alarms.standing import _KINDS, Moment, standing
from ledger.control.alarms.table import table
from ledger.control.checks.house.traces import check_traced
from ledger.control.snapshot import Snapshot
from ledger.core.errors import LedgerError
from ledger.core.words import said
from tests.scenes.receiver import SECRET, receiver, tell_here
from tests.scenes.served import certificate_in

REGION = 420100
URL = "/api/v1/alarms"


def test_the_table_names_what_is_asked_and_nothing_else() -> None:
    assert list(table()) == list(_KINDS)
    assert {row.severity for row in table().values()} == {"warning", "critical"}


def kinds(client: httpx.Client, world: Any) -> dict[str, dict[str, Any]]:
    answer = client.get(URL, headers=world.auth("reviewer"))
    assert answer.status_code == 200
    found = {one["kind"]: one for one in answer.json()["alarms"]}
    unsigned = found.pop("unsigned")  # it stands as long as two persons have not demanded signatures
    assert (unsigned["severity"], unsigned["subject"]) == ("warning", str(REGION))
    return found


def job(world: Any, name: str, slot: str, state: str, message: str = "") -> None:
    with world.tx("system") as tx:
        tx.run(
            "INSERT INTO jobs.job_run VALUES (%(region)s, %(job)s, %(slot)s, 'running', 'w', 1, clock_timestamp() + interval '1 hour', '')",
            region=REGION,
            job=name,
            slot=slot,
        )
    if (name, state) == ("check", "done"):  # as the auditor's login would have kept it
        with psycopg.connect(world.database.admin_url) as admin:
            admin.execute(
                "INSERT INTO jobs.checked (region, slot, epoch, findings) VALUES (%s, %s, 1, 0)",
                (REGION, slot),
            )
    with world.tx("system") as tx:
        tx.run(
            "UPDATE jobs.job_run SET state = %(state)s, message = %(message)s WHERE job = %(job)s AND slot = %(slot)s",
            job=name,
            slot=slot,
            state=state,
            message=message,
        )


@pytest.mark.fault(68)
def test_raised_seen_and_gone(world: Any, service: Any, client: httpx.Client, tmp_path: Path) -> None:
    assert set(kinds(client, world)) == {"job_silent"}  # nobody ever verified this home

    # a check that found something; a job that failed, and then did not
    job(world, "check", "2026-10-12", "failed", "verify.findings：发现1处问题")
    job(world, "receipts", "2026-10-13 08:00", "failed", "bank.unreachable：x")
    found = kinds(client, world)
    assert set(found) == {"job_silent", "findings", "job_failed"}
    assert (found["findings"]["severity"], found["findings"]["since"]) == ("critical", "2026-10-12")
    job(world, "receipts", "2026-10-13 08:10", "done")
    job(world, "check", "2026-10-13", "done")
    assert kinds(client, world) == {}

    # failed log-ins are slowed, kept and told; a good key at the same address is not slowed
    began = time.monotonic()
    for number in range(7):
        answer = client.get(URL, headers={"authorization": f"Bearer fl_wrong{number}"})
        assert answer.status_code == 401
    assert time.monotonic() - began > 0.7
    for _ in range(15):
        assert client.get(URL).status_code == 401
    began = time.monotonic()
    until = began + 15
    while "login_refused" not in (now := kinds(client, world)):
        assert time.monotonic() < until
        time.sleep(0.2)
    refused = now["login_refused"]
    assert (refused["subject"], refused["severity"]) == ("127.0.0.1", "warning")
    with world.tx("reviewer") as tx:
        assert tx.value("SELECT sum(attempts)::int FROM access.refused_login") == 22

    # seen by a person with a reason, once; it stands until its cause goes
    act = "/api/v1/acts/alarms/see"
    for user, reason, status in (
        ("reviewer", "x", 422),
        ("intake", "不归我管", 403),
        ("reviewer", "已查明为压测", 200),
        ("reviewer", "已查明为压测", 409),
    ):
        answer = client.post(
            act,
            json={"region": REGION, "key": refused["key"], "reason": reason},
            headers=world.auth(user),
        )
        assert answer.status_code == status, (user, reason, answer.text)
    assert kinds(client, world)["login_refused"]["seen"]["reason"] == "已查明为压测"
    answer = client.post(
        act, json={"region": REGION, "key": "nothing", "reason": "没有"}, headers=world.auth("reviewer")
    )
    assert (answer.status_code, answer.json()["code"]) == (404, "alarm.unknown")

    # past the program: in another's name, changed afterwards, by who has no post, a notice made unsent
    for user, statement in (
        ("checker", "INSERT INTO access.alarm_seen VALUES (420100, 'k', 'reviewer', '冒名')"),
        ("system", "INSERT INTO access.alarm_seen VALUES (420100, 'k', 'system', '接口')"),
        ("checker", "INSERT INTO access.alarm_seen VALUES (420200, 'k', 'checker', '别处')"),
        ("reviewer", "UPDATE access.alarm_seen SET reason = '改了'"),
        ("reviewer", "DELETE FROM access.alarm_seen"),
        ("reviewer", "DELETE FROM access.refused_login"),
        ("reviewer", "INSERT INTO access.refused_login VALUES (now(), 'a', 'b', 1)"),
        ("reviewer", "DELETE FROM access.alarm_notice"),
    ):
        with pytest.raises((LedgerError, psycopg.Error)), world.tx(user) as tx:
            tx.run(statement)

    # a machine whose clock is five minutes off; one that is four
    app = App(world.settings, "reviewer")
    with world.tx("reviewer") as tx:
        for seconds, there in ((301, True), (-301, True), (240, False)):
            now = {a.kind for a in standing(tx, Moment(app.now(), time.time() + seconds))}
            assert ("clock" in now) == there
    app.close()
    outside(world, tmp_path)


class Taking:
    """A mail server's handler that keeps what it was given."""

    def __init__(self) -> None:
        self.mails: list[bytes] = []

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802
        self.mails.append(envelope.content)
        return "250 OK"


def outside(world: Any, tmp_path: Path) -> None:
    """Webhook and mail: refused at first, then taken, each once, under one id and the right signature."""
    job(world, "receipts", "2026-10-13 08:20", "failed", "bank.unreachable：又一次")
    certificate, key = certificate_in(tmp_path / "mail")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    taking = Taking()
    with socket.create_server(
        ("127.0.0.1", 0)
    ) as free:  # the controller calls itself by the number it was given
        mail_port = free.getsockname()[1]
    mail = Controller(
        taking, hostname="127.0.0.1", port=mail_port, tls_context=context, require_starttls=True
    )
    mail.start()
    home = world.settings.home
    with ExitStack() as stack:
        stack.callback(mail.stop)
        hook = stack.enter_context(receiver())
        hook.status = 500
        port = mail.server.sockets[0].getsockname()[1]
        (home / "ca.pem").write_bytes(certificate.read_bytes())
        tell_here(
            home, hook, "[mail]", 'host = "localhost"', f"port = {port}", 'tls = "starttls"', 'ca_file = "ca.pem"',
            'from = "ledger@example.org"', 'to = ["chief@example.org"]',
        )  # fmt: skip
        with world.tx("reviewer") as tx:  # seen, hence not told: one alarm is enough here
            moment = Moment(App(world.settings, "reviewer").now(), time.time())
            [unsigned] = [one for one in standing(tx, moment) if one.kind == "unsigned"]
            see_alarm(tx, unsigned.key, "演练环境")
        app = App(world.settings, "system")
        done = tell(app, REGION, time.time())
        assert (done.sent, done.failed) == (1, 1)  # the mail went, the webhook was answered 500
        assert tell(app, REGION, time.time()).sent == 0  # and is tried later, not at once
        with psycopg.connect(world.database.admin_url) as admin:
            admin.execute("UPDATE access.alarm_notice SET next_at = clock_timestamp() WHERE sent_at IS NULL")
        hook.status = 204
        assert tell(app, REGION, time.time()).sent == 1
        assert tell(app, REGION, time.time()).sent == 0
        app.close()
    (first, body), (second, again) = hook.posts
    assert first["fundledger-notice"] == second["fundledger-notice"] == json.loads(body)["id"]
    assert body == again
    moment, _, signed = second["fundledger-signature"].partition(",v1=")
    said = f"{second['fundledger-notice']}.{moment.removeprefix('t=')}.".encode() + again
    assert signed == hmac.new(SECRET.encode(), said, hashlib.sha256).hexdigest()
    assert json.loads(again)["kind"] == "job_failed"
    [sent] = taking.mails
    assert b"To: chief@example.org" in sent
    with pytest.raises(LedgerError), world.tx("system") as tx:
        tx.run("UPDATE access.alarm_notice SET sent_at = NULL")


def test_settings_that_will_not_do_are_named(tmp_path: Path) -> None:
    assert channels_of(tmp_path).names() == []
    secret = tmp_path / "secrets" / "w"
    secret.parent.mkdir()
    secret.write_text(SECRET)
    for text, mode, code in (
        ("[webhook", 0o600, "notices.file"),
        ('[webhook]\nurl = "https://x"', 0o600, "notices.file"),
        ('[webhook]\nurl = "http://far"\nsecret_file = "w"', 0o600, "notices.file"),
        ('[webhook]\nurl = "https://x"\nsecret_file = "none"', 0o600, "notices.secret"),
        ('[webhook]\nurl = "https://x"\nsecret_file = "w"', 0o644, "notices.secret"),
        ('[mail]\nhost = "far"\nport = 25\ntls = "none"\nfrom = "a@b"\nto = ["c@d"]', 0o600, "notices.file"),
    ):
        (tmp_path / "notices.toml").write_text(text)
        secret.chmod(mode)
        with pytest.raises(LedgerError) as refused:
            channels_of(tmp_path)
        assert refused.value.code == code, text
    for wrong in ("ftp://x", "http://example.org"):
        with pytest.raises(ValueError, match="https"):
            Hook(wrong, b"")
    with pytest.raises(ValueError, match=r"mail\.to"):
        Mailbox("x", 25, "tls", "a@b", ("c@d\nBcc: e@f",))


def test_the_manual_shows_the_table() -> None:
    for name in ("docs/operations.md", "docs/operations.zh-CN.md"):
        text = (Path(__file__).parents[2] / name).read_text(encoding="utf-8")
        for row in table().values():
            assert f"| `{row.kind}` |" in text
            assert f"| {row.after}{row.unit} | {row.what} | {row.ask} |" in text


def on_the_command_line(world: Any, said: pytest.CaptureFixture[str], *words: str) -> str:
    """What `fundledger alarms` prints to the reviewer, typed without a further word."""
    ACTING.settings, ACTING.user = world.settings, "reviewer"
    said.readouterr()
    try:
        command.load(next(word for word in command.WORDS if word.name == "alarms")).main(
            args=list(words), prog_name="alarms", standalone_mode=False
        )
    finally:
        close_apps()
        ACTING.forget()
    return said.readouterr().out


PAST = "SET LOCAL session_replication_role = replica; "
FINDING = (
    "INSERT INTO fund.finding (region, finding_id, fund, institution, setl_id, subfund, service_year, term, category, kind, severity, found_fen,"
    " amount_fen, source, rule_id, rule_name, content, basis, sev_deg, found_by, found_on, appeal_until, digest) VALUES (420100, '{id}', 310, 'H',"
    " '', 'pool', 2026, 202609, 'inpatient', '10', 'middle', 1, 1, 'entry', 'r', 'n', 'c', 'b', '2', 'maker', '2026-09-20', '{until}', sha256('x'))"
)
RAISED = {
    "deadline": PAST + FINDING.format(id="F1", until="2026-10-14"),
    "deadline_past": PAST + FINDING.format(id="F2", until="2026-10-09"),
    "suspense": PAST
    + "INSERT INTO payments.evidence SELECT 420100, 'a', 'bker', 'R1', '\\x00', 'debit', '2026-10-11', 100, '', '', '', 'b', false, '', '', '\\x00', 'suspense', 'unknown_order'",
    "suspense_old": PAST + "UPDATE payments.evidence SET booking_date = '2026-10-05' WHERE receipt_no = 'R1'",
    "overdue": PAST
    + "INSERT INTO payments.pay_order SELECT 420100, 'FL20260901-0001', 310, 'B', 'H', 100, 'a', 'n', '1', 'b', 'c', 'p', '', 'sent', 'f', '2026-09-01'",
    "debited": PAST
    + "INSERT INTO payments.pay_order SELECT 420100, 'FL20260901-0002', 310, 'B', 'H', 100, 'a', 'n', '1', 'b', 'c', 'p', '', 'rejected', 'f', '2026-09-01';"
    " INSERT INTO payments.statement_line SELECT 420100, 'a', 1, 1, '2026-09-02', 'debit', 100, 0, 'S', '', 'FL20260901-0002', '', '', '', false",
    "file_altered": PAST
    + "INSERT INTO payments.bank_file VALUES (420100, 'F1', 'B', 'a', 'n', now(), 'x', '', '', 1, 1, 'filed');"
    " INSERT INTO access.operator_log (region, user_name, action, object, outcome, detail)"
    " VALUES (420100, 'cashier', 'payments.set_out', 'F1', 'refused', 'file.altered：m')",
    "approval_unproven": PAST
    + "INSERT INTO payments.bank_file VALUES (420100, 'F2', 'B', 'a', 'n2', now(), 'x', '', '', 1, 1, 'filed');"
    " INSERT INTO access.operator_log (region, user_name, action, object, outcome, detail)"
    " VALUES (420100, 'cashier', 'payments.set_out', 'F2', 'refused', 'approval.unproven：m')",
    "payee_failed": PAST
    + "INSERT INTO fund.person_payment (region, fund, payment_id, kind, psn_no, subfund, service_year, term, category, amount_fen, document, payee_name,"
    " payee_number, payee_bank, payee_cnaps, due_on, prepared_by, prepared_on, order_no) VALUES (420100, 310, 'PER-000001', 'reimbursement', 'P1', 'pool',"
    " 2026, 202610, 'inpatient', 1, 'D', 'n', '123456', 'b', '102100099996', '2026-10-13', 'maker', '2026-10-13', 'FL20260901-0009');"
    " INSERT INTO fund.person_account (region, fund, account_id, payment_id, n, order_no, failed_on)"
    " VALUES (420100, 310, 'PAC-FL20260901-0009', 'PER-000001', 1, 'FL20260901-0009', '2026-10-12')",
    "institution_payee": PAST
    + "INSERT INTO fund.payee_account (region, institution, version, name, number, bank_name, cnaps, state, proposed_by, confirmed_by, ended_on)"
    " VALUES (420100, 'H42010000099', 1, 'n', '123456', 'b', '102100099996', 'failed', 'maker', 'checker', '2026-10-12')",
    "bank_file": PAST
    + "INSERT INTO payments.inbound_file VALUES (420100, 'a', '\\x01', 'x.xml', 'x', '', 'quarantined', 'camt.xml', 'm', '2026-10-12')",
    "risk": PAST
    + "INSERT INTO fund.risk_case SELECT 420100, 1, 'amount', 'H', '2026-10-09', '2026-10-09', 2, 1, '{}', '[]', 1, 1, 'system', '2026-10-10', decode(repeat('00', 32), 'hex')",
    "frozen": PAST
    + "INSERT INTO payments.freezing (region, n, code, detail, anchors, found_by, found_on) VALUES (420100, 1, 'anchor_newer', 'd', '[]', 'system', '2026-10-13')",
    "login_refused": PAST
    + "INSERT INTO access.refused_login (hour, address, code, attempts) VALUES (date_trunc('hour', now()), '10.0.0.9', 'key.unknown', 20)",
    "notice": PAST
    + "INSERT INTO access.alarm_notice (region, alarm, channel, content, tries, problem) VALUES (420100, 'k', 'mail', '{}', 5, '拒收')",
}
"""Beside those that test_raised_seen_and_gone raises by what the service itself does. Read only: nothing acts on these rows."""


@pytest.mark.fault(38, 70)
def test_every_row_of_the_table_is_raised_over_http_and_on_the_command_line(
    world: Any, service: Any, client: httpx.Client, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "没有告警" not in on_the_command_line(world, capsys)  # nobody ever verified this home
    bad = client.post("/api/v1/settlements", content=b'{"setl_id": "x"}\n', headers=world.auth("intake"))
    assert bad.json()["outcome"] == "quarantined"
    job(world, "check", "2026-10-10", "done")
    job(world, "check", "2026-10-13", "failed", "verify.findings：发现1处问题")
    job(world, "receipts", "2026-10-13 08:00", "failed", "bank.unreachable：x")
    with psycopg.connect(world.database.admin_url) as admin:
        for statement in RAISED.values():
            admin.execute(statement)  # type: ignore[call-overload]
    found = kinds(client, world)
    assert set(table()) - set(found) == {"clock", "quarantine_old", "unsigned"}
    assert 0 <= found["quarantine"]["age_seconds"] < 60
    with psycopg.connect(world.database.admin_url) as admin:  # six days pass
        admin.execute(PAST + "UPDATE fund.intake_load SET begun_at = begun_at - interval '6 days'")
    # the clock of this machine goes wrong, as the command line and the service read it
    with pytest.MonkeyPatch.context() as wrong:
        for module in (alarms_command, alarms_route):
            wrong.setattr(module, "machine_seconds", lambda: time.time() - 301)
        found = {one["kind"]: one for one in client.get(URL, headers=world.auth("reviewer")).json()["alarms"]}
        assert set(found) == set(table())
        listed = json.loads(on_the_command_line(world, capsys, "--json").splitlines()[-1])["alarms"]
        shown = on_the_command_line(world, capsys, "--region", str(REGION))
        for one in listed:
            row = found[one["kind"]]
            assert (one["key"], one["whom"], one["ask"], one["region"]) == (
                row["key"],
                row["whom"],
                row["ask"],
                REGION,
            )
            assert one["whom"]
            assert {
                f"{short}" in shown
                for short in (row["what"], row["ask"], *(said("user.role", w) for w in row["whom"]))
            } == {True}
    assert {one["kind"] for one in listed} == set(table())
    assert found["suspense_old"]["age_seconds"] // 86_400 == 8
    assert found["quarantine_old"]["age_seconds"] // 86_400 == 5  # a machine five minutes late
    assert "8天" in shown


def test_an_alarm_silenced_behind_the_ledgers_back_is_named(world: Any) -> None:
    with world.tx("reviewer") as tx:
        tx.run("INSERT INTO access.alarm_seen VALUES (420100, 'k1', 'reviewer', '已查明')")
        tx.run(
            "INSERT INTO access.alarm_notice (region, alarm, channel, content) VALUES (420100, 'k1', 'mail', '{}')"
        )
    with psycopg.connect(world.database.admin_url) as admin:
        admin.execute("SET datestyle = 'ISO, YMD'; SET timezone = 'UTC'; SET bytea_output = 'hex'")
        for table_, statement, code in (
            ("access.alarm_seen", "UPDATE access.alarm_seen SET reason = '改过'", "trace.row_changed"),
            (
                "access.alarm_seen",
                "INSERT INTO access.alarm_seen VALUES (420100, 'k2', 'reviewer', '代签')",
                "trace.none",
            ),
            ("access.alarm_seen", "DELETE FROM access.alarm_seen", "trace.row_gone"),
            ("access.alarm_notice", "UPDATE access.alarm_notice SET sent_at = now()", "trace.row_changed"),
        ):
            assert list(check_traced(Snapshot(admin, (), Path()), table_)) == []
            with admin.transaction(force_rollback=True):
                admin.execute(PAST + statement)  # type: ignore[operator]
                [breach] = check_traced(Snapshot(admin, (), Path()), table_)
                assert breach.code == code
