from __future__ import annotations

import re

import pytest

from workstation.services.errors import Invalid
from workstation.services.mail import linter, templates
from workstation.services.mail.language import guess
from workstation.services.mail.templates import HOLE, LANGUAGES, TITLES, holes, load, render

from .samples import ACCOUNT, HOUSE

VALUES = {
    "name": "Ana Kovač",
    "ref": "CS-48213",
    "brand": HOUSE.brand,
    "hours": "24",
    "time": "2025-03-01 14:02 UTC",
    "act": "remove_factor",
}
ALL = [(key, language) for language in LANGUAGES for key in TITLES]


class TestEveryLanguage:
    @pytest.mark.parametrize("language", LANGUAGES)
    def test_same_keys_and_holes(self, language: str) -> None:
        one, english = load(language), load("en")
        assert list(one.mail) == list(english.mail) == list(TITLES)
        assert list(one.acts) == list(english.acts)
        assert {key: holes(one, key) for key in TITLES} == {key: holes(english, key) for key in TITLES}

    @pytest.mark.parametrize(("key", "language"), ALL)
    def test_filled_it_passes_the_linter_and_looks_like_its_language(self, key: str, language: str) -> None:
        found = render(key, language, VALUES)
        assert HOLE.findall(found.subject + found.body + found.english_body) == []
        assert linter.check(found.subject, found.body, account=ACCOUNT, language=language) == ()
        assert guess(found.body) == language
        assert guess(found.english_body) == "en"

    @pytest.mark.parametrize(("key", "language"), ALL)
    def test_unfilled_it_shows_its_holes_and_is_stopped(self, key: str, language: str) -> None:
        found = render(key, language, {})
        assert {"{name}", "{ref}", "{brand}"} <= set(re.findall(r"\{\w+\}", found.body))
        stopped = linter.check(found.subject, found.body, account=ACCOUNT, language=language)
        assert len([why for why in stopped if "is not filled" in why]) == len(holes(load(language), key))

    @pytest.mark.parametrize("language", LANGUAGES)
    def test_says_how_to_recognise_us_and_how_to_stop_an_act(self, language: str) -> None:
        one = load(language)
        assert {"brand", "ref"} <= set(HOLE.findall(one.parts.recognise))
        secrets = re.compile("|".join(one.linter.secrets), re.IGNORECASE)
        nots = re.compile("|".join(one.linter.nots), re.IGNORECASE)
        assert secrets.search(one.parts.recognise)
        assert nots.search(one.parts.recognise)
        assert "STOP" in one.mail["cooldown_notice"].body

    @pytest.mark.parametrize("language", LANGUAGES)
    def test_the_notice_with_a_link_says_so_and_promises_no_mails_without(self, language: str) -> None:
        link = "https://x.invalid/stop?t=" + "A" * 118
        found = templates.with_stop_link(language, VALUES | {"until": "2025-03-02 14:02 UTC"}, link)
        assert HOLE.findall(found.subject + found.body) == []
        assert f"\n    {link}\n" in found.body
        assert "2025-03-02 14:02 UTC" in found.body
        parts = load(language).parts
        # Elsewhere we say that our mails carry no links; here that would be a lie.
        assert templates._fill(load(language), parts.recognise, VALUES).strip() not in found.body
        assert templates._fill(load(language), parts.recognise_link, VALUES).strip() in found.body
        secrets = re.compile("|".join(load(language).linter.secrets), re.IGNORECASE)
        assert secrets.search(parts.recognise_link)
        assert guess(found.body) == language

    @pytest.mark.parametrize("language", LANGUAGES)
    def test_no_link_and_no_foreign_script(self, language: str) -> None:
        for words in load(language).mail.values():
            assert "http" not in words.body
            assert not re.search(r"[\u0400-\u04ff]", words.body)
            assert ("、" in words.body or "。" in words.body) == (language == "ja")

    @pytest.mark.parametrize("language", LANGUAGES)
    def test_patterns_compile_and_are_short_of_catastrophe(self, language: str) -> None:
        long = "number " * 1_500 + "?"
        linter.check("x", long, account=ACCOUNT, language=language)


class TestRender:
    def test_the_act_is_said_in_each_language(self) -> None:
        found = render("act_done", "de", VALUES)
        assert "Entfernung eines zweiten Faktors" in found.body
        assert "removing a second factor" in found.english_body

    def test_region_is_folded(self) -> None:
        assert render("received", "pt-BR", VALUES).language == "pt"
        assert render("received", "DE_at", VALUES).language == "de"

    def test_a_language_without_templates_is_english_and_says_so(self) -> None:
        found = render("received", "uk", VALUES)
        assert found.language == "en"
        assert found.body == found.english_body
        assert "in English" in found.title
        assert "uk" in found.title

    def test_unknown_key(self) -> None:
        with pytest.raises(Invalid):
            render("nope", "en", VALUES)

    @pytest.mark.parametrize(
        ("name", "shown"),
        [
            ("Ana\r\nBcc: x", "Ana Bcc: x"),
            ("\u202eanA\x00\x1b]0;x\x07", "anA ]0;x"),
            ("x" * 500, "x" * templates.VALUE_MAX),
            ("{ref}", "{ref}"),
            ("", "{name}"),
            (" \n ", "{name}"),
            ("\\1 \\g<0>", "\\1 \\g<0>"),
        ],
    )
    def test_what_a_client_chose_as_a_name(self, name: str, shown: str) -> None:
        assert render("closed", "en", VALUES | {"name": name}).body.split("\n")[0] == f"Hello {shown},"
