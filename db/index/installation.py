"""The installation: what tells this database from itself before a restore."""

from db.postgres.pool import Reader

EPOCH = "select epoch::text from installation"

# A backup from before migration 0011 has no such table; that migration then makes an epoch.
RENEW = """
do $$
begin
    if to_regclass('public.installation') is not null then
        update public.installation set epoch = gen_random_uuid();
    end if;
end $$
"""


async def epoch(reader: Reader) -> str:
    """A name that belongs into every cache key and entity tag; it changes with each restore and never else."""
    return str(await reader.fetchval(EPOCH))
