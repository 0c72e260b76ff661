"""Commands and queries of the README and the guides, as a reader pastes them."""

import re
import shlex

import httpx2

from tests.conftest import Api

ADDRESS = "http://127.0.0.1:8000"


def blocks(text: str, language: str) -> list[str]:
    """The contents of every fenced block in *language*."""
    return [content for found, content in re.findall(r"```(\w+)\n(.*?)```", text, re.DOTALL) if found == language]


def parse(command: str, api: Api) -> tuple[str, str, dict[str, str], str | None, dict[str, str]]:
    """Method, path, headers, body and query of a curl command, its token replaced by one of *api*."""
    command = re.sub(r"\$\([^)]*sci token[^)]*\)", api.token(), command)
    words = iter(shlex.split(command.replace("\\\n", " "))[1:])
    headers, body, parameters, url = {}, None, {}, ""
    for word in words:
        match word:
            case "-s" | "-N" | "-G":
                pass
            case "-H":
                name, _, value = next(words).partition(": ")
                headers[name] = value
            case "-d":
                body = next(words)
            case "--data-urlencode":
                name, _, value = next(words).partition("=")
                parameters[name] = value
            case _:
                assert not url, f"curl's {word} is not one that is read here"
                url = word
    assert url.startswith(ADDRESS)
    return "GET" if body is None else "POST", url.removeprefix(ADDRESS), headers, body, parameters


async def request(command: str, api: Api) -> httpx2.Response:
    """The answer of *api* to a curl command."""
    method, path, headers, body, parameters = parse(command, api)
    return await api.client.request(method, path, headers=headers, content=body, params=parameters)
