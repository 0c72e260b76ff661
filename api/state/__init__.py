"""What this process holds in memory of the index; imported by planning, operations and the schema.

| what | held by | bound | dropped |
|---|---|---|---|
| cities, editions, frameworks, facts | `live` | all of them, once | when a definition changes |
| newest ranked revision of each edition | `live` | a number an edition | never: it only grows |
| rankings, and what was worked out from them | `snapshot` | `SCI_SNAPSHOT_CACHE_SIZE` | least recently used first |

What depends on documents is held elsewhere: documents and plans in `api.operation.document` and
`api.planning.executor`, answers in `api.operation.answer_cache`, answers to events in `api.operation.event_cache`.
"""
