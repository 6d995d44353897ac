"""Where a caller may look: another region's things are not there at all (INV-14)."""

from __future__ import annotations

from ledger.api.auth import Caller
from ledger.core.errors import InvalidInput, NotFound


def in_region(caller: Caller, region: int | str | None) -> int:
    """The region a request is about: the one named, else the caller's only one.

    Raises InvalidInput `region.required` where the caller must choose, NotFound `region.unknown` for a region where it
    has no role, whether or not there is such a region.
    """
    if region is None:
        if len(caller.regions) > 1:
            raise InvalidInput("region.required", "您在多个统筹区有角色，请指明统筹区", field="region")
        return caller.regions[0]
    if int(region) not in caller.regions:
        raise NotFound("region.unknown", "没有这个统筹区，或不在您的权限内")
    return int(region)
