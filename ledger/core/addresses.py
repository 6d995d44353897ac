"""What is counted as one address: of IPv6 a whole network, for whoever has one address there has them all."""

from __future__ import annotations

from ipaddress import IPv6Address, ip_address, ip_network
from typing import Final

NETWORK_BITS: Final = 64


def place_of(address: str) -> str:
    """An address as it is counted: IPv4 itself, also where it is written in IPv6; of IPv6 the network, as `2001:db8::/64`."""
    if ":" not in address or address.endswith(f"/{NETWORK_BITS}"):
        return address
    try:
        found = ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if not isinstance(found, IPv6Address):
        return address
    if found.ipv4_mapped is not None:
        return str(found.ipv4_mapped)
    return str(ip_network((int(found), NETWORK_BITS), strict=False))
