"""Who really calls: the connection's address, or what a proxy of ours says it is. A stranger's header says nothing."""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network


class Proxies:
    """The addresses whose X-Forwarded-For is believed."""

    def __init__(self, networks: str = "") -> None:
        """`networks` as the setting has them: addresses or networks, separated by commas."""
        self._networks: list[IPv4Network | IPv6Network] = [
            ip_network(part.strip()) for part in networks.split(",") if part.strip()
        ]

    def trusted(self, address: str) -> bool:
        """Whether a proxy of ours has this address."""
        if not self._networks:
            return False
        try:
            found = ip_address(address)
        except ValueError:
            return False
        return any(found in network for network in self._networks)

    def caller(self, peer: str, forwarded: Iterable[bytes]) -> str:
        """The caller's address: the last hop that is no proxy of ours; the peer's own, unless it is one of ours.

        `forwarded` are the values of X-Forwarded-For in their order. What is no address ends the search: the hop before it
        is all that is known.
        """
        if not self.trusted(peer):
            return peer
        found = peer
        for hop in reversed(b",".join(forwarded).decode("latin-1").split(",")):
            try:
                found = str(ip_address(hop.strip()))
            except ValueError:
                return found
            if not self.trusted(found):
                return found
        return found
