"""Messages repeat the beginning of a long input, whoever wrote them."""

import pytest

from db.excerpt import MOST_REPEATED, shortened

LONG = "a" * 40_000


@pytest.mark.parametrize(
    "message",
    [
        f"no city {LONG!r}",
        f'Expected value of type "Int", found "{LONG}".',
        f"Cannot query field '{LONG}' on type 'City'.",
        f"Variable '$input' got invalid value {{ city: \"{LONG}\", measure: '{LONG}' }}; Field 'x' is not defined.",
        f"got [{', '.join(['1'] * 10_000)}]",
        LONG,
        " ".join(["a"] * 20_000),
    ],
)
def test_a_long_input_is_repeated_by_its_beginning(message: str) -> None:
    text = shortened(message)
    assert len(text) <= 501
    assert "a" * (MOST_REPEATED + 1) not in text
    assert text.startswith(message[:8])


def test_what_stands_beside_a_long_input_stays() -> None:
    assert shortened(f"no city {LONG!r} in 2025") == f"no city '{'a' * 100}…' in 2025"
    assert shortened("no city 'krefeld'") == "no city 'krefeld'"
