"""What a client without introspection learns of the schema from errors: nothing that it did not name itself."""

from typing import Any

import pytest

from db.settings import Settings
from tests.conftest import running_api

GUESSES: dict[str, tuple[str, dict[str, Any]]] = {
    "a field": ("{ rankin { revision } }", {}),
    "a field of a type": ("{ ranking { revisio } }", {}),
    "a type": ("{ ranking { ... on Rankin { revision } } }", {}),
    "an argument": ("{ ranking(editio: 2025) { revision } }", {}),
    "a directive's argument": ("{ __typename @skip(iff: true) }", {}),
    "an enum value": ("{ ranking { entries(orderBy: RANK_AS) { totalCount } } }", {}),
    "a field of an input": ("{ cities(filter: {searc: \"a\"}) { totalCount } }", {}),
    "a type of a variable": ("query($f: CityFilte) { cities(filter: $f) { totalCount } }", {}),
    "an enum value in a variable": (
        "query($o: RankingOrder) { ranking { entries(orderBy: $o) { totalCount } } }", {"o": "RANK_AS"}
    ),
    "a field of an input in a variable": (
        "query($f: CityFilter) { cities(filter: $f) { totalCount } }", {"f": {"searc": "a"}}
    ),
}  # fmt: skip


@pytest.mark.parametrize("introspection", [True, False])
async def test_suggestions_are_as_open_as_introspection(introspection: bool, settings: Settings) -> None:
    async with running_api(settings.model_copy(update={"introspection": introspection})) as api:
        suggested = []
        for name, (query, variables) in GUESSES.items():
            answer = await api.post(query, variables)
            messages = " ".join(error["message"] for error in answer["errors"])
            assert messages, name
            if "Did you mean" in messages:
                suggested.append(name)
    assert len(suggested) == (len(GUESSES) if introspection else 0), suggested
