"""How much of what somebody sent is repeated in a message about it."""

import re

MOST_REPEATED = 100
LONGEST_MESSAGE = 5 * MOST_REPEATED

# What messages put an input in, graphql-core's and those made with repr(): quotes or brackets.
_ENCLOSED = re.compile(r""""[^"]*"|'[^']*'|\{.*\}|\[.*\]""", re.DOTALL)
_UNBROKEN = re.compile(rf"\S{{{MOST_REPEATED + 4},}}")


def shortened(message: str) -> str:
    """A message, ours or a library's, with at most MOST_REPEATED characters of each input that it repeats."""
    if len(message) <= MOST_REPEATED:
        return message
    message = _ENCLOSED.sub(lambda match: match[0][0] + _beginning(match[0][1:-1]) + match[0][-1], message)
    message = _UNBROKEN.sub(lambda match: _beginning(match[0]), message)
    return message if len(message) <= LONGEST_MESSAGE else message[:LONGEST_MESSAGE] + "…"


def _beginning(text: str) -> str:
    return text if len(text) <= MOST_REPEATED else text[:MOST_REPEATED] + "…"
