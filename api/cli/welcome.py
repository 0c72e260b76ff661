"""What `sci up` says once it is ready: where to look and what to try."""

import shlex
import sys
from collections.abc import Iterator
from pathlib import Path

from db.settings import Settings

FIRST_QUERY = "{ ranking { topTen { rank score city { name } } } }"
DEFAULT_DATA_DIR: Path = Settings.model_fields["data_dir"].default


def welcome(url: str, settings: Settings) -> Iterator[str]:
    """Lines for the person who started the system at *url*; what the settings switch off is left out."""
    yield f"  the ranking    {url}"
    if settings.graphiql:
        yield f"  GraphiQL       {url}graphiql/"
    if settings.oidc_issuer is None:
        yield f"  a token        {token_command(settings.data_dir)}"
    yield f"  a first query  curl -s -G {url}graphql --data-urlencode {shlex.quote(f'query={FIRST_QUERY}')}"
    yield "  to stop        Ctrl-C; the data is kept"


def token_command(data_dir: Path) -> str:
    """The command that prints a token, as it can be pasted into another shell in this folder."""
    program = Path(sys.argv[0])
    sci = [str(program)] if program.name == "sci" else [sys.executable, "-m", "api.cli.main"]
    where = [] if data_dir == DEFAULT_DATA_DIR else ["--data-dir", str(data_dir)]
    return shlex.join([*sci, "token", *where])
