"""Every setting, read once from the environment.

Settings are passed as an argument from the command that read them; no module keeps a global copy.
"""

from enum import StrEnum
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

import limits
from pydantic import DirectoryPath, Field, IPvAnyNetwork, SecretStr, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

OFF = "off"


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

    model_config = SettingsConfigDict(env_prefix="SCI_", extra="ignore", frozen=True, populate_by_name=True)

    database_url: str | None = Field(None, validation_alias="DATABASE_URL", pattern="^postgres(ql)?://")
    redis_url: str | None = Field(None, validation_alias="REDIS_URL", pattern="^(rediss?|unix)://")
    data_dir: Path = Path(".sci")
    token_secret: SecretStr | None = Field(None, min_length=32)
    oidc_issuer: str | None = None
    oidc_audience: str | None = Field(None, validate_default=True)
    oidc_role_claim: str = Field("role", min_length=1)
    oidc_city_claim: str = Field("city", min_length=1)
    log_level: Literal["debug", "info", "warning", "error"] = "info"

    database_pool_size: int = Field(10, ge=1, le=1000)
    statement_timeout_seconds: float = Field(30, gt=0)
    lock_timeout_seconds: float = Field(10, gt=0)
    redis_timeout_seconds: float = Field(5, gt=0)

    otlp_endpoint: str | None = Field(None, pattern="^https?://")
    metrics_port: int | None = Field(default=None, ge=1, le=65_535)
    keep_rankings: int | None = Field(None, ge=1)
    stale_seconds: float = Field(5, gt=0)
    poll_seconds: float = Field(2, gt=0)
    visibility_timeout_seconds: int = Field(60, ge=10)
    task_time_limit_seconds: int = Field(50, ge=1)
    task_attempts: int = Field(5, ge=1)
    pending_proposals: int = Field(100, ge=1)

    body_limit_bytes: int = Field(4 * 1024 * 1024, ge=1024)
    reader_body_limit_bytes: int = Field(256 * 1024, ge=1024)
    websocket_message_limit_bytes: int = Field(256 * 1024, ge=1024)
    document_token_limit: int = Field(2_000, ge=1)
    request_timeout_seconds: float = Field(30, gt=0)
    documents: DocumentMode = DocumentMode.PREFER
    documents_dir: DirectoryPath | None = None
    response_cache_mb: float = Field(64, ge=0)
    snapshot_cache_size: int = Field(32, ge=2)
    heartbeat_seconds: float = Field(15, gt=0)
    idle_seconds: float = Field(600, gt=0)
    stream_life_seconds: float = Field(86_400, gt=0)
    shutdown_seconds: float = Field(5, gt=0)
    rate_limit: str = "500000 per 10 seconds"
    most_streams_per_address: int = Field(100, ge=1)
    trusted_proxies: tuple[IPvAnyNetwork, ...] = ()
    introspection: bool = True
    graphiql: bool = True
    allowed_origins: tuple[Annotated[str, Field(pattern=r"^(\*|https?://[^/?#@\s]+)$")], ...] = ()

    @field_validator("oidc_issuer", "oidc_audience", mode="before")
    @classmethod
    def _empty_is_none(cls, value: object) -> object:
        """A compose file can only pass on an empty value, not leave one out."""
        return value or None

    @field_validator("rate_limit")
    @classmethod
    def _is_rate(cls, value: str) -> str:
        if value != OFF:
            try:
                limits.parse(value)
            except ValueError as error:
                raise ValueError(f"a rate is {OFF}, or a cost and a time like 500000 per 10 seconds") from error
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
