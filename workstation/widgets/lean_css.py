"""Parses each style sheet once: Textual 8.2.8 parses all of them again for every screen that is opened."""

from __future__ import annotations

from textual.cache import LRUCache
from textual.css.stylesheet import Stylesheet

#: Sources whose rules are kept: those of every widget, screen and dialog. Textual keeps 64, and one more than that are
#: none, for they are asked in turn.
SOURCES = 1_024


class KeptRules(Stylesheet):
    """Rules that are kept as long as the variables, which a theme sets, are the same.

    Args:
        variables: name → value.
    """

    def __init__(self, *, variables: dict[str, str]) -> None:
        super().__init__(variables=variables)
        self._parse_cache = LRUCache(SOURCES)

    def set_variables(self, variables: dict[str, str]) -> None:
        """Set the variables; the same ones change nothing."""
        if variables != self._variables:
            super().set_variables(variables)

    def reparse(self) -> None:
        """Parse what was not parsed with the variables in force."""
        self.parse()
