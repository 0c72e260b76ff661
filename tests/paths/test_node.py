"""The installation of the JavaScript packages, when it cannot succeed."""

from pathlib import Path

import pytest

from tests.paths import node


async def test_npm_that_stalls_or_fails_ends_the_test_with_the_way_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(pytest.fail.Exception, match=r"ended with exit status 1; behind a proxy set HTTPS_PROXY"):
        await node.finish(["/bin/false"], tmp_path)
    monkeypatch.setattr(node, "INSTALL_SECONDS", 0.1)
    with pytest.raises(pytest.fail.Exception, match=r"npm install did not end within 0.1 s; behind a proxy"):
        await node.finish(["/bin/sleep", "60"], tmp_path)
