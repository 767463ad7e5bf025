"""The mails that are written often, in the clients' languages, with the English beside each.

One TOML file a language, all with the same keys and the same holes (a test sees to it). A hole that is
not filled stays visible as ``{hole}`` and keeps the mail from being sent.
"""

from __future__ import annotations

import re
import tomllib
import unicodedata
from collections.abc import Mapping
from functools import cache
from importlib.resources import files

import msgspec

from workstation.services.errors import Invalid
from workstation.services.text import clean
from workstation.services.views import Template

#: The languages that have templates, by RFC 5646 tag.
LANGUAGES: tuple[str, ...] = ("en", "de", "pt", "es", "fr", "pl", "tr", "ja")
#: Longest value of a hole. A name is shorter; a longer one is a message that somebody put into a name.
VALUE_MAX = 120
HOLE = re.compile(r"\{([a-z_]{1,30})\}")

#: What the analyst reads in the list, and the order of the list.
TITLES: dict[str, str] = {
    "received": "We have your message",
    "ask_details": "Ask what happened",
    "ask_identity": "Ask for the identity check",
    "unlocked": "Account unlocked",
    "locked_for_safety": "Account locked for safety",
    "factor_removed": "Second factor removed",
    "hold_lifted": "Hold lifted",
    "reset_link_sent": "Password reset sent",
    "cooldown_notice": "An act waits: how to stop it",
    "rejected": "Request refused",
    "closed": "Case closed",
    "act_done": "Notice of an act, on all verified channels",
}


class Words(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A subject and a body with holes."""

    subject: str
    body: str


class Phrases(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the linter looks for in this language: regular expressions, see :mod:`~workstation.services.mail.linter`."""

    things: tuple[str, ...]
    confirms: tuple[str, ...]
    secrets: tuple[str, ...]
    asks: tuple[str, ...]
    nots: tuple[str, ...]


class Parts(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What every mail of the language shares."""

    greeting: str
    recognise: str
    recognise_link: str
    stop_link: str
    closing: str


class Language(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Everything that the product knows in one language. `stop` are its small words, for guessing."""

    tag: str
    name: str
    stop: tuple[str, ...]
    parts: Parts
    acts: dict[str, str]
    mail: dict[str, Words]
    linter: Phrases


def known(language: str) -> str:
    """Return the templates' tag for a client's language tag (``pt-BR`` gives ``pt``), or an empty string."""
    base = language.strip().lower().replace("_", "-").partition("-")[0]
    return base if base in LANGUAGES else ""


@cache
def _read(tag: str) -> Language:
    text = files("workstation.services.mail").joinpath("templates", f"{tag}.toml").read_text("utf-8")
    return msgspec.convert({"tag": tag, **tomllib.loads(text)}, Language)


def load(language: str) -> Language:
    """Return the templates of `language`, or the English ones where there are none; ``.tag`` says which."""
    return _read(known(language) or "en")


def render(key: str, language: str, values: Mapping[str, str]) -> Template:
    """Return a template in the client's language with its English twin, holes filled from `values`.

    Args:
        key: one of :data:`TITLES`.
        language: the client's; where there is no template in it, the English one is taken and the title
            says so.
        values: the holes' values. An empty one leaves its hole open. Line breaks and control characters
            are taken out (a client chose their own name), and holes in a value are not filled again.
            ``act`` may be an act's name (``remove_factor``), which is then said in each language.

    Raises:
        Invalid: there is no such template.
    """
    if key not in TITLES:
        raise Invalid(f"There is no mail template {clean(key, 40)!r}.", "Choose one of the list.")
    chosen, english = load(language), load("en")
    title = TITLES[key]
    if not known(language):
        title += f" (in English: there are no templates in {clean(language, 20) or 'the client’s language'})"
    subject, body = _filled(chosen, key, values)
    english_subject, english_body = _filled(english, key, values)
    return Template(
        key=key,
        language=chosen.tag,
        title=title,
        subject=subject,
        body=body,
        english_subject=english_subject,
        english_body=english_body,
    )


def with_stop_link(language: str, values: Mapping[str, str], link: str) -> Words:
    """Return the notice of an act that waits, with the link that stops it and a word on links that is true then.

    Args:
        language: the client's; English where there are no templates in it.
        values: as for :func:`render`, with ``until``, the end of the link.
        link: the address of the page; written as it is, on a line of its own.
    """
    chosen = load(language)
    words, parts = chosen.mail["cooldown_notice"], chosen.parts
    paragraphs = (parts.greeting, words.body, parts.stop_link, "    {link}", parts.recognise_link, parts.closing)
    whole = "\n\n".join(text.strip("\n") for text in paragraphs) + "\n"
    filled = _fill(chosen, whole, values).replace("{link}", link)
    return Words(subject=_fill(chosen, words.subject.strip(), values), body=filled)


def holes(language: Language, key: str) -> frozenset[str]:
    """Return the names of the holes of a template, those of the shared parts included."""
    subject, body = _whole(language, key)
    return frozenset(HOLE.findall(subject + body))


def _whole(language: Language, key: str) -> tuple[str, str]:
    words, parts = language.mail[key], language.parts
    paragraphs = (parts.greeting, words.body, parts.recognise, parts.closing)
    return words.subject.strip(), "\n\n".join(text.strip() for text in paragraphs) + "\n"


def _filled(language: Language, key: str, values: Mapping[str, str]) -> tuple[str, str]:
    subject, body = _whole(language, key)
    return _fill(language, subject, values), _fill(language, body, values)


def _fill(language: Language, text: str, values: Mapping[str, str]) -> str:
    def fill(found: re.Match[str]) -> str:
        value = values.get(found[1], "")
        if found[1] == "act":
            value = language.acts.get(value, value)
        return _plain(value) or found[0]

    return HOLE.sub(fill, text)


def _plain(value: str) -> str:
    """Return a value as one short line without control, format or unassigned characters."""
    shown = "".join(" " if unicodedata.category(char)[0] in "CZ" else char for char in value[: 4 * VALUE_MAX])
    return " ".join(shown.split())[:VALUE_MAX].rstrip()
