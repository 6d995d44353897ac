"""A notice as mail, over TLS: STARTTLS, or TLS from the first byte; without only to this machine."""

from __future__ import annotations

import smtplib
import ssl
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.utils import formatdate
from pathlib import Path
from typing import Final

SECONDS: Final = 10
_LOOPBACK: Final = ("127.0.0.1", "::1", "localhost")


@dataclass(frozen=True, slots=True)
class Mailbox:
    """A mail server and who writes to whom. `tls` is `starttls`, `tls` or, to this machine only, `none`; else ValueError.

    `authority` is a PEM file of the authority that signed the server's certificate; None: those of the system.
    """

    host: str
    port: int
    tls: str
    sender: str
    to: tuple[str, ...]
    user: str = ""
    password: str = field(default="", repr=False)
    authority: Path | None = None

    def __post_init__(self) -> None:
        if self.tls not in ("starttls", "tls", "none") or (self.tls == "none" and self.host not in _LOOPBACK):
            raise ValueError("mail.tls must be starttls or tls")
        if not self.to or any("\n" in one or "\r" in one for one in (self.sender, *self.to)):
            raise ValueError("mail.to")


def send_mail(mailbox: Mailbox, notice: str, subject: str, text: str) -> str:
    """Send it; returns why it was not taken, empty when the server took it for every recipient."""
    message = EmailMessage()
    message["From"] = mailbox.sender
    message["To"] = ", ".join(mailbox.to)
    message["Subject"] = subject
    message["Date"] = formatdate()
    message["Message-ID"] = f"<{notice}@fundledger>"
    message.set_content(text)
    try:
        context = ssl.create_default_context(cafile=mailbox.authority and str(mailbox.authority))
        if mailbox.tls == "tls":
            server: smtplib.SMTP = smtplib.SMTP_SSL(
                mailbox.host, mailbox.port, timeout=SECONDS, context=context
            )
        else:
            server = smtplib.SMTP(mailbox.host, mailbox.port, timeout=SECONDS)
        with server:
            if mailbox.tls == "starttls":
                server.starttls(context=context)
            if mailbox.user:
                server.login(mailbox.user, mailbox.password)
            refused = server.send_message(message)
    except (smtplib.SMTPException, OSError, ValueError) as error:
        return type(error).__name__
    return f"{len(refused)} refused" if refused else ""
