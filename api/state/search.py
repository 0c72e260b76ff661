"""Finding cities by what people type: a part of the name, an English name, a Bundesland or its short form."""

from functools import lru_cache

from api.state.catalogue import folded
from db.index.city import City

# English names and short forms that are in common use, by what they stand for.
CITY_NAMES = {"munich": "muenchen", "cologne": "koeln", "nuremberg": "nuernberg", "hanover": "hannover",
              "brunswick": "braunschweig"}  # fmt: skip
STATES = {
    "bw": "Baden-Württemberg", "by": "Bayern", "bavaria": "Bayern", "be": "Berlin", "bb": "Brandenburg",
    "hb": "Bremen", "hh": "Hamburg", "he": "Hessen", "hesse": "Hessen", "mv": "Mecklenburg-Vorpommern",
    "ni": "Niedersachsen", "lower saxony": "Niedersachsen", "nw": "Nordrhein-Westfalen",
    "nrw": "Nordrhein-Westfalen", "north rhine-westphalia": "Nordrhein-Westfalen", "rp": "Rheinland-Pfalz",
    "rlp": "Rheinland-Pfalz", "rhineland-palatinate": "Rheinland-Pfalz", "sl": "Saarland", "sn": "Sachsen",
    "saxony": "Sachsen", "st": "Sachsen-Anhalt", "saxony-anhalt": "Sachsen-Anhalt", "sh": "Schleswig-Holstein",
    "th": "Thüringen", "thuringia": "Thüringen",
}  # fmt: skip


class Search:
    """What somebody looks for, prepared once for any number of cities."""

    def __init__(self, text: str) -> None:
        self._text = folded(text.strip())
        self._state = STATES.get(self._text)
        self._slug = next((slug for name, slug in CITY_NAMES.items() if name.startswith(self._text)), None)

    def rank(self, city: City) -> int | None:
        """How well a city matches: 0 by the beginning of its name, 1 of a word in it, 2 otherwise; None not at all."""
        if not self._text:
            return 2
        name = folded(city.name)
        if name.startswith(self._text) or city.slug.startswith(self._text) or city.slug == self._slug:
            return 0
        if any(word.startswith(self._text) for word in _words(name)):
            return 1
        if self._text in name or self._text in city.slug or city.state == self._state:
            return 2
        return 2 if folded(city.state).startswith(self._text) and len(self._text) > 3 else None


@lru_cache(maxsize=1_000)
def _words(name: str) -> list[str]:
    return name.replace("(", " ").replace("-", " ").split()
