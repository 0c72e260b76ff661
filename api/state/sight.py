"""What each role may know of editions that are not published: decided here, and nowhere else.

| | readers | editors | admins |
|---|---|---|---|
| a draft: that it is there, its framework, its methodology | no | yes | yes |
| its rankings, printed facts, and cities that only drafts compare | no | no | yes |

`api.operation.context` hands resolvers a `Sight` in place of all that the process holds, so an edition that is not in
it is answered as one that does not exist.
"""

from api.access.token import Role
from api.state.catalogue import Catalogue
from api.state.live import LiveRankings
from db.settings import Settings


class Sight:
    """The live rankings as one role sees them."""

    def __init__(self, live: LiveRankings, role: Role) -> None:
        self._live = live
        self._role = role

    @property
    def catalogue(self) -> Catalogue:
        if self._role is Role.ADMIN:
            return self._live.catalogue
        return self._live.catalogue_of_editors if self._role is Role.EDITOR else self._live.catalogue_of_readers

    @property
    def newest(self) -> dict[int, int]:
        """The newest ranked revision of each edition whose rankings this role may see."""
        return self._live.newest if self._role is Role.ADMIN else self._live.newest_of_published

    @property
    def newest_published(self) -> int | None:
        """The edition that is meant where none is named: never a draft, for no role; None when none is ranked."""
        return max(self._live.newest_of_published, default=None)

    @property
    def version(self) -> object:
        """Differs as soon as what this role may see of the catalogue does."""
        version = self._live.version
        if version is None or self._role is not Role.READER:
            return version
        return version.of_published

    @property
    def settings(self) -> Settings:
        return self._live.settings

    def shows_rankings_of(self, year: int) -> bool:
        """Whether this role may see the rankings of an edition; False for one that there is not."""
        entry = self._live.catalogue.editions.get(year)
        return entry is not None and (entry.is_published or self._role is Role.ADMIN)

    async def refresh(self) -> None:
        """Read what is newest."""
        await self._live.refresh()

    async def changed(self) -> None:
        """Wait until some edition has a newer ranking, or is published."""
        await self._live.changed()
