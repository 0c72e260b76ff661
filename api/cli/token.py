"""`sci token`: a bearer token for this installation."""

import re
from typing import Annotated

import typer

from api.access.token import Role, installation_tokens
from api.cli.console import DataDir, answer, fail, settings_of
from db.settings import Settings

SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
LONGEST_SECONDS = 365 * SECONDS["d"]
LONGEST_SUBJECT = 200


def token(
    role: Annotated[Role, typer.Option(help="What the token allows.")] = Role.ADMIN,
    city: Annotated[
        list[str] | None, typer.Option(help="Slug; an editor changes the scores of this city only. Repeat it for more.")
    ] = None,
    ttl: Annotated[str, typer.Option(help="Time to live: a number and s, m, h or d; at most 365d.")] = "1h",
    subject: Annotated[
        str | None, typer.Option(help="Whom the audit names; role and cities when left out.", metavar="NAME")
    ] = None,
    data_dir: DataDir = None,
) -> None:
    """Print a bearer token for this installation."""
    seconds = _seconds(ttl)
    cities = _cities(role, city or [])
    if subject is not None and (not subject.strip() or len(subject) > LONGEST_SUBJECT or not subject.isprintable()):
        fail(f"--subject is a name of 1 to {LONGEST_SUBJECT} printable characters")
    settings = settings_of(data_dir)
    _has_installation(settings)
    tokens = answer(lambda: installation_tokens(settings))
    typer.echo(tokens.sign(role, cities, seconds, subject))


def _seconds(ttl: str) -> int:
    match = re.fullmatch(r"([1-9][0-9]{0,8})([smhd])", ttl, re.ASCII)
    if match is None:
        fail(f"--ttl {ttl!r} is not a number and one of s, m, h, d")
    seconds = int(match[1]) * SECONDS[match[2]]
    if seconds > LONGEST_SECONDS:
        fail(f"--ttl {ttl} is longer than {LONGEST_SECONDS // SECONDS['d']}d")
    return seconds


def _cities(role: Role, cities: list[str]) -> list[str]:
    if role is Role.EDITOR and not cities:
        fail("an editor's token needs --city")
    if role is not Role.EDITOR and cities:
        fail(f"--city is for editors; a token for --role {role} is not bound to a city")
    if wrong := [city for city in cities if not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", city)]:
        fail(f"--city {wrong[0]!r} is not a slug like krefeld")
    return cities


def _has_installation(settings: Settings) -> None:
    """Refuse to make a secret that no API would know."""
    if settings.oidc_issuer is not None:
        fail(f"{settings.oidc_issuer} signs the tokens of this installation (SCI_OIDC_ISSUER): ask it for one")
    if settings.token_secret is None and not (settings.data_dir / "secret").exists():
        fail(
            f"there is no installation in {settings.data_dir}: start one with `sci up`, "
            "or name its folder with --data-dir or its secret with SCI_TOKEN_SECRET"
        )
