"""The languages of the pages: their texts, and how they write numbers."""

from pathlib import Path

from babel import Locale
from babel.core import negotiate_locale
from babel.messages.pofile import read_po
from babel.numbers import format_decimal

LANGUAGES = ("de", "en")
LOCALE = Path(__file__).parent / "locale"


class Text:
    """One language: English texts are the keys of the catalogue, which an English page shows as they are."""

    def __init__(self, language: str) -> None:
        self.language = language
        self._locale = Locale.parse(language)
        self.texts: dict[str, str] = {}
        if (file := LOCALE / f"{language}.po").exists():
            with file.open("rb") as source:
                self.texts = {str(m.id): str(m.string) for m in read_po(source, locale=language) if m.id and m.string}

    def __call__(self, text: str, **values: object) -> str:
        """The text in this language; *values* fill its `{names}`."""
        text = self.texts.get(text, text)
        return text.format(**values) if values else text

    def decimal(self, number: float | None) -> str:
        """A number with one decimal: 71,4 in German, 71.4 in English; a dash for a missing one."""
        return "–" if number is None else format_decimal(number, "#,##0.0", locale=self._locale)  # noqa: RUF001  # a dash of the pages' typography

    def whole(self, number: int | None) -> str:
        """A whole number with its thousands separated; a dash for a missing one."""
        return "–" if number is None else format_decimal(number, "#,##0", locale=self._locale)  # noqa: RUF001  # a dash of the pages' typography


TEXTS = {language: Text(language) for language in LANGUAGES}


def preferred(accept_language: str) -> str:
    """The language of the pages that a browser likes best; English where it names none of them."""
    weighted = []
    for item in accept_language.split(","):
        tag, _, weight = item.strip().partition(";q=")
        try:
            weighted.append((float(weight or 1), tag.strip()))
        except ValueError:
            continue
    wanted = [tag.replace("-", "_") for weight, tag in weighted if tag and weight > 0]
    return negotiate_locale(wanted, LANGUAGES, sep="_") or "en"
