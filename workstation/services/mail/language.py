"""Which of the templates' languages a text is written in, by its small words. No model, no dependency.

Right for the client sentences it was tried on, and silent (``?``) where it would have to guess; it knows
only the languages that have templates.
"""

from __future__ import annotations

import re
from functools import cache

from workstation.services.mail import templates

UNKNOWN = "?"
#: Below this many letters nothing is said.
LETTERS_MIN = 12
#: Characters that are looked at, and how far the best language must be ahead of the second.
_SAMPLE, _AHEAD = 4_000, 1.25
_WORDS = re.compile(r"[^\W\d_]+")
_KANA = re.compile(r"[\u3041-\u309f\u30a1-\u30ff]")


@cache
def _weights() -> dict[str, dict[str, float]]:
    """Return for each small word its weight in each language: one, shared among the languages that have it."""
    found: dict[str, dict[str, float]] = {}
    for tag in templates.LANGUAGES:
        for word in templates.load(tag).stop:
            found.setdefault(word, {})[tag] = 1.0
    return {word: dict.fromkeys(tags, 1.0 / len(tags)) for word, tags in found.items()}


def guess(text: str) -> str:
    """Return the tag of the language of `text` (``de``, ``ja`` …), or ``?``."""
    sample = text[:_SAMPLE]
    words = _WORDS.findall(sample.lower())
    letters = sum(map(len, words))
    if letters and len(_KANA.findall(sample)) * 5 >= letters and letters * 2 >= LETTERS_MIN:
        return "ja"  # a kana letter says as much as two Latin ones
    if letters < LETTERS_MIN:
        return UNKNOWN
    scores: dict[str, float] = {}
    for word in words:
        for tag, weight in _weights().get(word, {}).items():
            scores[tag] = scores.get(tag, 0.0) + weight
    ranked = sorted(scores.items(), key=lambda item: -item[1])
    if not ranked or ranked[0][1] < max(1.0, len(words) * 0.08):
        return UNKNOWN
    if len(ranked) > 1 and ranked[0][1] < ranked[1][1] * _AHEAD:
        return UNKNOWN
    return ranked[0][0]
