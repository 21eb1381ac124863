"""The languages of the interface: which one a reader wants, its messages, its numbers."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, Final

from babel import Locale, negotiate_locale
from babel.numbers import format_currency, format_decimal, format_percent
from markupsafe import Markup

LANGUAGES: Final = ("en", "fr")
"""Those with a folder in `locales`; the first is for readers of none of them."""

Message = str | Mapping[str, str]
"""A text, or one for each plural form (`one`, `other`), chosen by the value `n`."""


@dataclass(frozen=True, slots=True)
class Language:
    """A language of the interface. Call it with a key for the message in it."""

    code: str

    def __call__(self, key: str, **values: Any) -> str:
        """The message of `key`, its numbers as the language writes them.

        A key that ends with `_html` is markup, in which `values` are escaped. Raises KeyError for
        a key that `locales` does not have.
        """
        message = messages(self.code)[key]
        if not isinstance(message, str):
            form = self._locale.plural_form(values["n"])
            message = message.get(form, message["other"])
        shown = {
            name: self.number(value)
            if isinstance(value, int | float) and not isinstance(value, bool)
            else value
            for name, value in values.items()
        }
        # The messages are our own.
        template = Markup(message) if key.endswith("_html") else message  # noqa: S704
        return template.format(**shown)

    def number(self, value: float, digits: int | None = None) -> str:
        """A number with the separators of the language, to `digits` after the point."""
        pattern = None if digits is None else "#,##0" + ("." + "0" * digits if digits else "")
        return str(format_decimal(value, pattern, locale=self._locale))

    def percent(self, share: float, digits: int = 0) -> str:
        """A share of 1 as per cent, with up to `digits` after the point."""
        pattern = self._locale.percent_formats[None].pattern
        if digits:
            pattern = pattern.replace("#,##0", "#,##0." + "#" * digits)
        return str(format_percent(share, pattern, locale=self._locale))

    def usd(self, amount: float) -> str:
        """Dollars, to the cent."""
        return str(format_currency(amount, "USD", locale=self._locale))

    @property
    def _locale(self) -> Locale:
        return Locale(self.code)


@cache
def messages(code: str) -> Mapping[str, Message]:
    """Every message of a language by its key; a file of `locales` is the messages of one subject."""
    found: dict[str, Message] = {}
    for file in files("nko_assets.web").joinpath("locales", code).iterdir():
        found |= json.loads(file.read_text(encoding="utf-8"))
    return found


def wanted(chosen: str | None, accepted: str | None) -> Language:
    """The language that was `chosen`, else the first of the header Accept-Language that there is."""
    if chosen in LANGUAGES:
        return Language(chosen)
    found = negotiate_locale(_preferred(accepted or ""), LANGUAGES, sep="-")
    return Language(found or LANGUAGES[0])


def _preferred(header: str) -> list[str]:
    """The languages of a header Accept-Language, the dearest first; what is malformed is left out."""
    weighed: list[tuple[float, str]] = []
    for item in header.split(","):
        name, _, weight = item.partition(";")
        try:
            quality = float(weight.strip().removeprefix("q=")) if weight else 1.0
        except ValueError:
            continue
        if quality > 0 and name.strip():
            weighed.append((quality, name.strip().lower()))
    return [name for _, name in sorted(weighed, key=lambda one: -one[0])]
