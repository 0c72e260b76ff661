"""Every setting, read once from the environment.

Settings are passed as an argument from the command that read them; no module keeps a global copy.
"""

import json
import re
from collections.abc import Mapping
from difflib import get_close_matches
from enum import StrEnum
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

import limits
from pydantic import (
    AfterValidator,
    BeforeValidator,
    DirectoryPath,
    Field,
    IPvAnyNetwork,
    SecretStr,
    ValidationInfo,
    field_validator,
)
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

OFF = "off"
PREFIX = "SCI_"
MOST_COST = 10**12
LONGEST_WINDOW_SECONDS = 86_400
# What a browser's address keeps as it is: https://www.rfc-editor.org/rfc/rfc3986#section-2.3, in segments.
ROOT_PATH = r"(/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)*"


def _is_database_url(value: str) -> str:
    if not value.startswith(("postgresql://", "postgres://")):
        raise ValueError("it is a URL that begins with postgresql://")
    return _with_port(value)


def _is_root_path(value: str) -> str:
    if not re.fullmatch(f"{ROOT_PATH}/?", value):
        raise ValueError(f"{value!r} is not a path like /index, of letters, digits, dots and dashes")
    return value.rstrip("/") or "/"


def _is_redis_url(value: str) -> str:
    if not value.startswith(("redis://", "rediss://", "unix://")):
        raise ValueError("it is a URL that begins with redis://, rediss:// or unix://")
    return _with_port(value)


def _with_port(url: str) -> str:
    try:
        # A property that raises for what is not the number of a port; several hosts are Postgres's to read.
        if "," not in urlsplit(url).netloc:
            _ = urlsplit(url).port
    except ValueError as error:
        raise ValueError(f"it is not a URL: {error}") from error
    return url


def _is_origin(value: str) -> str:
    if not re.fullmatch(r"https?://[^/?#@\s*]+", value):
        raise ValueError(f"{value!r} is not an origin: name each, like https://example.org, without a path")
    return value


def _split(value: object) -> object:
    """A list in JSON, or plain values between commas, as a list."""
    if not isinstance(value, str):
        return value
    if not value.lstrip().startswith("["):
        return [item.strip() for item in value.split(",") if item.strip()]
    try:
        return json.loads(value)
    except ValueError as error:
        raise ValueError('it is a JSON list like ["https://example.org"], or plain values between commas') from error


def _is_path(value: object) -> object:
    if value == "":
        raise ValueError("it is the path of a folder and must not be empty")
    return value


# A week is more than any of these is good for, and fits the milliseconds of Postgres and the timers of asyncio.
Seconds = Annotated[float, Field(gt=0, le=604_800)]
Bytes = Annotated[int, Field(ge=1024, le=2**30)]
Count = Annotated[int, Field(ge=1, le=1_000_000)]
Origins = Annotated[tuple[Annotated[str, AfterValidator(_is_origin)], ...], NoDecode, BeforeValidator(_split)]
Networks = Annotated[tuple[IPvAnyNetwork, ...], NoDecode, BeforeValidator(_split)]
DatabaseUrl = Annotated[str, AfterValidator(_is_database_url)]
RootPath = Annotated[str, AfterValidator(_is_root_path)]
RedisUrl = Annotated[str, AfterValidator(_is_redis_url)]


class DocumentMode(StrEnum):
    """What is done about documents that are not in `documents_dir`.

    OFF: everything is answered, ids mean nothing. LOG: everything is answered, what is not trusted is logged.
    PREFER: everything is answered, by id or by text. ONLY: what is not trusted is refused.
    """

    OFF = "off"
    LOG = "log"
    PREFER = "prefer"
    ONLY = "only"


class Settings(BaseSettings):
    """One installation's settings; each is in the README's table with its unit and default."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, extra="ignore", frozen=True, populate_by_name=True)

    database_url: DatabaseUrl | None = Field(None, validation_alias="DATABASE_URL")
    redis_url: RedisUrl | None = Field(None, validation_alias="REDIS_URL")
    data_dir: Annotated[Path, BeforeValidator(_is_path)] = Path(".sci")
    token_secret: SecretStr | None = Field(None, min_length=32)
    oidc_issuer: str | None = None
    oidc_audience: str | None = Field(None, validate_default=True)
    oidc_role_claim: str = Field("role", min_length=1)
    oidc_city_claim: str = Field("city", min_length=1)
    log_level: Literal["debug", "info", "warning", "error"] = "info"

    database_pool_size: int = Field(10, ge=1, le=1000)
    statement_timeout_seconds: Seconds = 30
    lock_timeout_seconds: Seconds = 10
    redis_timeout_seconds: Seconds = 5

    otlp_endpoint: str | None = Field(None, pattern="^https?://")
    metrics_port: int | None = Field(default=None, ge=1, le=65_535)
    keep_rankings: Count | None = None
    stale_seconds: Seconds = 5
    poll_seconds: Seconds = 2
    visibility_timeout_seconds: int = Field(60, ge=10, le=604_800)
    task_time_limit_seconds: int = Field(50, ge=1, le=604_800)
    task_attempts: Count = 5
    pending_proposals: Count = 100

    body_limit_bytes: Bytes = 4 * 1024 * 1024
    reader_body_limit_bytes: Bytes = 256 * 1024
    websocket_message_limit_bytes: Bytes = 256 * 1024
    document_token_limit: Count = 2_000
    request_timeout_seconds: Seconds = 30
    documents: DocumentMode = DocumentMode.PREFER
    documents_dir: DirectoryPath | None = None
    memory_mb: float = Field(128, ge=8, le=1_000_000)
    cache_answers: bool = True
    snapshot_cache_size: int = Field(32, ge=2, le=1_000_000)
    heartbeat_seconds: Seconds = 15
    idle_seconds: Seconds = 600
    stream_life_seconds: Seconds = 86_400
    shutdown_seconds: Seconds = 5
    rate_limit: str = "500000 per 10 seconds"
    most_streams_per_address: Count = 100
    trusted_proxies: Networks = ()
    root_path: RootPath = "/"
    introspection: bool = True
    graphiql: bool = True
    allowed_origins: Origins = ()

    @field_validator("oidc_issuer", "oidc_audience", mode="before")
    @classmethod
    def _empty_is_none(cls, value: object) -> object:
        """A compose file can only pass on an empty value, not leave one out."""
        return value or None

    @field_validator("rate_limit")
    @classmethod
    def _is_rate(cls, value: str) -> str:
        if value == OFF:
            return value
        try:
            [rate] = limits.parse_many(value)
        except ValueError as error:
            raise ValueError(f"a rate is {OFF}, or a cost and a time like 500000 per 10 seconds") from error
        if not 1 <= rate.amount <= MOST_COST or rate.get_expiry() > LONGEST_WINDOW_SECONDS:
            raise ValueError(f"a rate has a cost of 1 to {MOST_COST} and a time of 1 second to 1 day")
        return value

    @field_validator("oidc_issuer")
    @classmethod
    def _is_issuer(cls, value: str | None) -> str | None:
        if value is not None and (not is_protected(value) or set("?#@") & set(value)):
            raise ValueError("an issuer is an https URL without user, query or fragment; http only on this machine")
        return value

    @field_validator("oidc_audience")
    @classmethod
    def _goes_with_issuer(cls, value: str | None, info: ValidationInfo) -> str | None:
        if "oidc_issuer" in info.data and (value is None) != (info.data["oidc_issuer"] is None):
            raise ValueError("SCI_OIDC_ISSUER and SCI_OIDC_AUDIENCE are set together")
        return value


def variable(field: str) -> str:
    """The environment variable of a field."""
    alias = Settings.model_fields[field].validation_alias
    return alias if isinstance(alias, str) else f"{PREFIX}{field.upper()}"


def unknown_variables(environment: Mapping[str, str]) -> dict[str, str | None]:
    """The variables that look like a setting and are none, each with the setting that it resembles."""
    known = {variable(field) for field in Settings.model_fields}
    unknown = sorted(name for name in environment if name.startswith(PREFIX) and name not in known)
    return {name: next(iter(get_close_matches(name, known, 1)), None) for name in unknown}


def is_protected(url: str) -> bool:
    """Whether nobody can change on its way what is fetched from there: https, or http on this machine."""
    parts = urlsplit(url)
    if parts.scheme == "https":
        return bool(parts.hostname)
    return parts.scheme == "http" and is_loopback(parts.hostname or "")


def is_loopback(host: str) -> bool:
    """Whether a name or address without port is this machine's own."""
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False
