"""Trusted documents: operations known before they are asked for, named by the SHA-256 of their text.

`documentId` follows the GraphQL-over-HTTP draft's appendix on persisted documents, `extensions.persistedQuery` Apollo's
automatic persisted queries.
"""

import hashlib
from pathlib import Path
from sys import getsizeof
from typing import Any

from graphql import GraphQLError

from api.error import DocumentError, RequestError
from api.operation.memory import Memory, Store
from db import telemetry
from db.settings import DocumentMode, Settings

# Of a document that a client registers, so that few of them do not push out all others.
MOST_REGISTERED_CHARACTERS = 20_000

log = telemetry.logger(__name__)


class TrustedDocuments:
    """The `.graphql` files of a folder, and those that clients have registered: sent together with their id."""

    def __init__(self, settings: Settings, memory: Memory) -> None:
        self._mode = settings.documents
        self._trusted = _read(settings.documents_dir) if settings.documents_dir else {}
        self._registered: Store[str, str] = memory.store("registered documents")

    def text(self, fields: dict[str, Any]) -> str:
        """The document of a request's *fields*.

        Raises `RequestError` for a form that is none, `DocumentError` for an id that is not known and for a document
        that is not allowed.
        """
        query, id_ = fields.get("query"), document_id(fields)
        if query is not None and (not isinstance(query, str) or not query):
            raise RequestError(400, "BAD_REQUEST", "query is missing or not a string")
        if query is None:
            if id_ is None:
                raise RequestError(400, "BAD_REQUEST", "query is missing or not a string")
            return self._find(id_)
        if self._mode is DocumentMode.OFF or (self._mode is DocumentMode.PREFER and id_ is None):
            return query
        digest = _digest(query)
        if id_ is not None and id_ != digest:
            raise RequestError(400, "BAD_REQUEST", "the document's id is not the SHA-256 of its text")
        if digest not in self._trusted:
            self._take(digest, query, is_named=id_ is not None)
        return query

    def _find(self, id_: str) -> str:
        if self._mode is DocumentMode.OFF:
            raise _error("PersistedQueryNotSupported", "PERSISTED_QUERY_NOT_SUPPORTED")
        text = self._trusted.get(id_) or self._registered.get(id_)
        if text is None:
            raise _error("PersistedQueryNotFound", "PERSISTED_QUERY_NOT_FOUND")
        return text

    def _take(self, digest: str, query: str, *, is_named: bool) -> None:
        """A document from outside the folder: refused, logged, or remembered when its client named it."""
        if self._mode is DocumentMode.ONLY:
            raise _error("only trusted documents are answered here", "DOCUMENT_NOT_TRUSTED")
        if self._mode is DocumentMode.LOG:
            log.warning("a document is not trusted", document_id=digest)
        if is_named and len(query) <= MOST_REGISTERED_CHARACTERS:
            self._registered.keep(digest, query, getsizeof(query))


def document_id(fields: dict[str, Any]) -> str | None:
    """The hexadecimal SHA-256 that a request names, None without one."""
    id_ = fields.get("documentId")
    if id_ is None:
        extensions = fields.get("extensions")
        persisted = extensions.get("persistedQuery") if isinstance(extensions, dict) else None
        id_ = persisted.get("sha256Hash") if isinstance(persisted, dict) else None
    if id_ is not None and not isinstance(id_, str):
        raise RequestError(400, "BAD_REQUEST", "the document's id is not a string")
    return None if id_ is None else id_.removeprefix("sha256:").lower()


def _read(folder: Path) -> dict[str, str]:
    """By id; a file may or may not end its last line, the client's build decides by which text it counts."""
    texts = [path.read_text(encoding="utf-8") for path in sorted(folder.glob("**/*.graphql"))]
    return {_digest(text): text for each in texts for text in (each, each.strip())}


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _error(message: str, code: str) -> DocumentError:
    return DocumentError([GraphQLError(message, extensions={"code": code})])
