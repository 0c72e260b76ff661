"""Conditional requests: whether a client has the answer already, by RFC 9110."""

import re
from collections.abc import Sequence

# A tag holds anything but quotes, commas too.
TAG = re.compile(r'(?:W/)?("[^"]*")')


def has_copy(headers: Sequence[str], tag: str) -> bool:
    """Whether one of the If-None-Match *headers* names *tag*, or any tag by a star; weak tags count as strong ones."""
    return any(header.strip() == "*" or tag in TAG.findall(header) for header in headers)


def takes_any_copy(headers: Sequence[str]) -> bool:
    """Whether If-None-Match is a star: any answer that may be kept will do."""
    return any(header.strip() == "*" for header in headers)
