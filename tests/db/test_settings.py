"""The settings: every number has bounds, every wrong value is named."""

import types
from typing import Annotated, Any, Union, get_args, get_origin

import pytest
from pydantic import ValidationError

from db.settings import Settings, unknown_variables, variable


def _types(annotation: Any) -> set[Any]:
    """The plain types of an annotation, without what says more about them."""
    if get_origin(annotation) is Annotated:
        return _types(get_args(annotation)[0])
    if get_origin(annotation) in (Union, types.UnionType):
        return set().union(*map(_types, get_args(annotation)))
    return {annotation}


NUMBERS = sorted(name for name, field in Settings.model_fields.items() if _types(field.annotation) & {int, float})


def test_most_settings_are_numbers() -> None:
    assert len(NUMBERS) > 20


@pytest.mark.parametrize(
    "value", ["inf", "-inf", "nan", "1e300", "-1", "", "9" * 30, "1e9999", "1_0_0_0_0_0_0_0_0_0_0"]
)
@pytest.mark.parametrize("name", NUMBERS)
def test_no_number_is_without_bounds(name: str, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(variable(name), value)
    with pytest.raises(ValidationError) as error:
        Settings()
    assert error.value.error_count() == 1


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("SCI_RATE_LIMIT", "0 per 10 seconds", "a cost of 1 to"),
        ("SCI_RATE_LIMIT", "1 per second; 2 per day", "a rate is off, or"),
        ("SCI_RATE_LIMIT", "1 per 2 days", "a time of 1 second to 1 day"),
        ("SCI_RATE_LIMIT", f"{10**13} per second", "a cost of 1 to"),
        ("SCI_RATE_LIMIT", "", "a rate is off, or"),
        ("SCI_DATA_DIR", "", "must not be empty"),
        ("SCI_ALLOWED_ORIGINS", '["*"]', "'*' is not an origin: name each"),
        ("SCI_ALLOWED_ORIGINS", "*", "'*' is not an origin: name each"),
        ("SCI_ALLOWED_ORIGINS", '["https://example.org"', "a JSON list like"),
        ("SCI_ALLOWED_ORIGINS", "https://example.org/path", "is not an origin"),
        ("SCI_TRUSTED_PROXIES", "everyone", "IPv4"),
        ("DATABASE_URL", "sci", "begins with postgresql://"),
        ("DATABASE_URL", "postgresql://[bad", "it is not a URL: Invalid IPv6"),
        ("DATABASE_URL", "postgresql://host:port/sci", "it is not a URL: Port could not be cast"),
        ("REDIS_URL", "redis://host:99999/0", "it is not a URL: Port out of range"),
        ("REDIS_URL", "127.0.0.1:6379", "begins with redis://"),
    ],
)
def test_a_wrong_value_is_named(name: str, value: str, words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(ValidationError, match=words):
        Settings()


@pytest.mark.parametrize(
    ("value", "origins"),
    [
        ("https://example.org", ("https://example.org",)),
        ("https://example.org, http://localhost:3000", ("https://example.org", "http://localhost:3000")),
        ('["https://example.org"]', ("https://example.org",)),
        ("[]", ()),
        ("", ()),
    ],
)
def test_a_list_is_json_or_plain(value: str, origins: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SCI_ALLOWED_ORIGINS", value)
    assert Settings().allowed_origins == origins


def test_a_name_that_is_no_setting_is_told_with_the_one_it_resembles() -> None:
    environment = {"SCI_RATE_LIMITS": "off", "SCI_LOG_LEVEL": "info", "SCI_XYZ": "", "PATH": "", "_SCI_COMPLETE": "x"}
    assert unknown_variables(environment) == {"SCI_RATE_LIMITS": "SCI_RATE_LIMIT", "SCI_XYZ": None}
