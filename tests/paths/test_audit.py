"""GraphQL over HTTP as graphql-http, the specification's own auditor, sees it."""

from pathlib import Path

from tests.conftest import Api
from tests.paths import node


async def test_every_audit_is_ok(npm: Path, read_api: Api) -> None:
    audits = await node.run(npm / "audit.mjs", f"{read_api.url}/graphql")
    assert [audit for audit in audits if audit["status"] != "ok"] == []
    assert len({audit["id"] for audit in audits}) == 61
