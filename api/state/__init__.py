"""What this process holds in memory of the index; imported by planning, operations and the schema.

| what | held by | bound | dropped |
|---|---|---|---|
| cities, editions, frameworks, facts | `live` | all of them, once | when a definition changes |
| newest ranked revision of each edition | `live` | a number an edition | with a deleted draft |
| the same without drafts (see `sight`) | `live` | as much again at most, mostly shared | with the above |
| rankings, and what was worked out from them | `snapshot` | `SCI_SNAPSHOT_CACHE_SIZE` | least recently used first |

What depends on documents is in `api.operation.memory`, with one limit (`SCI_MEMORY_MB`): documents with their plans,
answers, answers to events, requests that came before, and registered documents.
"""
