"""The end of a connection kept between requests: never under a request that has come already, and later than callers' own.

Who keeps connections takes them for good so long by itself (httpx 5 seconds, nginx 60), counted from the answer's end as it sees it,
which is later than ours. Where both count the same, ours ends in the moment in which the caller's next request is on its way,
and that one is closed without an answer: the caller cannot know whether it was done. So ours stays longer, for callers known by
their key or session and for proxies of ours; and whoever's it is, what has come by the end of its time is read. What is still on
the wire in that moment nobody sees: a caller that keeps connections longer than ours asks again (RFC 9112, 9.3.1).
"""

from __future__ import annotations

import asyncio
import select
from typing import Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

STRANGER_SECONDS: Final = 10
"""As long as a head may take (`guard`): where places are short, a stranger's goes before."""
KNOWN_SECONDS: Final = 20
"""Four times what httpx keeps one; a browser asks again by itself."""
PROXY_SECONDS: Final = 75
"""Longer than nginx keeps one to those behind it."""
READ_SECONDS: Final = 1.0
"""For the loop to read what has come, which it does in its next round."""


class KeptProtocol(HttpToolsProtocol):
    """uvicorn's connection, whose time between requests depends on whose it is."""

    def keep_for(self, seconds: int) -> None:
        """Stay so long between requests from the next answer on, if not longer anyway. From any thread."""
        self.timeout_keep_alive = max(self.timeout_keep_alive, seconds)

    def timeout_keep_alive_handler(self) -> None:
        """Nothing was read for the whole time: it ends, unless something has come since the loop looked."""
        if not self.transport.is_closing() and _has_come(self.transport):
            self.timeout_keep_alive_task = self.loop.call_later(
                READ_SECONDS, super().timeout_keep_alive_handler
            )
        else:
            super().timeout_keep_alive_handler()


def _has_come(transport: asyncio.Transport) -> bool:
    """Whether the kernel holds bytes of the caller's, or its end."""
    line = transport.get_extra_info("socket")
    if line is None or line.fileno() < 0:
        return False
    poll = select.poll()
    poll.register(line.fileno(), select.POLLIN)
    return bool(poll.poll(0))
