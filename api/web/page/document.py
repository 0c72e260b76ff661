"""The documents of the pages, executed in this process as the public door executes them."""

from pathlib import Path
from typing import Any, TypeAlias

import orjson

from api.error import DocumentError, RequestError
from api.operation.answer_cache import Answer
from api.operation.context import Context
from api.operation.execution import Execution, json
from api.operation.request import GraphQLRequest
from api.operation.sharing import may_share

Variables: TypeAlias = dict[str, Any]

FOLDER = Path(__file__).parent
STATUSES = {"INTERNAL": 500, "TIMEOUT": 503, "UNAVAILABLE": 503}


class Document:
    """One page's document; `text` is what anybody can send to `/graphql` for the same answer."""

    def __init__(self, name: str) -> None:
        self.text = (FOLDER / f"{name}.graphql").read_text("utf-8")

    async def data(self, execution: Execution, context: Context, variables: Variables) -> dict[str, Any]:
        """The data of its answer, kept or executed; raises `RequestError` where it has errors."""
        asked = GraphQLRequest(self.text, variables, None)
        key = context.key(asked)
        answer = None if context.is_stale else execution.answers.get(key)
        if answer is None:
            try:
                operation = await execution.admit(asked, context)
            except DocumentError as error:
                raise RequestError(400, "BAD_REQUEST", error.errors[0].message) from error
            result = await execution.answer(operation, asked, context)
            if result.errors:
                first = result.errors[0]
                code = str((first.extensions or {}).get("code", "BAD_REQUEST"))
                raise RequestError(STATUSES.get(code, 400), code, first.message)
            answer = Answer(json(result), may_share(result, context), context.caching)
            execution.answers.keep(key, answer)
        data: dict[str, Any] = orjson.loads(answer.body)["data"]
        return data
