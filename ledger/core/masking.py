"""What says who somebody is, in words that people read: replaced by stars; of a long number its last four digits stay."""

from __future__ import annotations

import re
from typing import Final

# Fields of the platform's shapes that say who somebody is; whatever else looks like a number of a person or an account.
_NAMED: Final = re.compile(
    r'("(?:psn_name|psn_no|certno|psn_cert_no|cert_no|naty|gend|brdy|tel|mob|addr|payee_name|bank_acct|psn_cert_type)"\s*:\s*)("(?:[^"\\]|\\.)*"|[0-9.]+)'
)
_NUMBER: Final = re.compile(r"(?<![0-9A-Za-z])[0-9]{11,}[0-9Xx]?(?![0-9A-Za-z])")


def masked(text: str) -> str:
    """A line with what says who somebody is replaced by stars; of a number its last four digits stay."""
    return masked_numbers(_NAMED.sub(r'\1"***"', text))


def masked_numbers(text: str) -> str:
    """Numbers as long as a telephone's, an identity card's or an account's, masked but for their last four digits."""
    return _NUMBER.sub(lambda m: "*" * (len(m[0]) - 4) + m[0][-4:], text)
