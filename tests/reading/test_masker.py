"""What is masked, and what is never touched."""

from __future__ import annotations

import json

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.reading.house import account, event
from workstation.services.accounts.model import Contact, ContactKind
from workstation.services.reading.masker import TEXTS, Masker
from workstation.services.timeline.event import Event, Outcome

CLIENT = account("A1", name="José Ängström", username="jangs77")
MASKER = Masker(CLIENT)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("carla.canarina@mail.invalid", "c••••@mail.invalid"),
        ("<Carla.Canarina@MAIL.invalid>", "<c••••@mail.invalid>"),
        ("xcarla.canarina@mail.invalid", "x••••@mail.invalid"),
        ("write to x@y.z, w@v.u", "write to x••••@y.z, w••••@v.u"),
        ("mailto:a.b%40mail.invalid", "mailto:a••••%40mail.invalid"),
        ("+49 151 2345 6789", "••••89"),
        ("0151-2345-6789 rang", "••••89 rang"),
        ("+1 (202) 555-0143", "••••43"),
        ("José ANGSTRÖM Ängström", "J•••• ANGSTRÖM Ä••••"),
        ("Jose\u0301", "J••••"),
        (json.dumps("José"), '"J••••"'),
        (json.dumps(json.dumps("José")), '"\\"J••••\\""'),
        ("jangs77 signed in", "j•••• signed in"),
        ("carla.canarina", "c••••"),
    ],
)
def test_masks(text: str, shown: str) -> None:
    assert MASKER.text(text) == shown


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36",
        "2026-11-03T14:02:10.123456+02:00",
        "josephine",  # a longer word that holds a name
        "1762178530123456",
        "203.0.113.9",
        "@ alone, a @ b, @",
        "d-89 v1.2+build.7",
    ],
)
def test_leaves_alone(text: str) -> None:
    assert MASKER.text(text) == text


def test_masking_twice_changes_nothing() -> None:
    once = MASKER.text("José, carla.canarina@mail.invalid, +49 151 2345 6789")
    assert MASKER.text(once) == once
    assert MASKER.account(MASKER.account(CLIENT)) == MASKER.account(CLIENT)


def test_a_client_cannot_hide_what_he_did_by_his_name() -> None:
    hostile = Masker(account("A2", name="failure signin Sign_In e1", username="the log"))
    one = event(1, "A2", outcome=Outcome.FAILURE, action="signin", reason="failure", ip="203.0.113.9")
    (shown,) = hostile.events([one])
    assert (shown.id, shown.action, shown.outcome, shown.source) == (one.id, "signin", Outcome.FAILURE, one.source)
    assert (shown.account, shown.ip, shown.time_us) == (one.account, one.ip, one.time_us)
    assert shown.sha256 == one.sha256


def test_an_event_that_holds_nothing_is_the_same_object() -> None:
    plain, named = event(1, "A1"), event(2, "A1", reason="by José")
    shown = MASKER.events([plain, named])
    assert shown[0] is plain
    assert shown[1].reason == "by J••••"
    assert shown[1].raw == named.raw


def test_records_with_separators_and_broken_text_are_masked_one_by_one() -> None:
    odd = event(1, "A1", reason="x\x1e\x1fy José", raw=b'\xff\xfe\x1e "carla.canarina@mail.invalid"')
    (shown,) = MASKER.events([odd])
    assert shown.reason == "x\x1e\x1fy J••••"
    assert shown.raw == '\udcff\udcfe\x1e "c••••@mail.invalid"'.encode("utf-8", "surrogateescape")
    assert shown.sha256 == odd.sha256


def test_short_names_and_numbers_are_not_searched_for_but_shown_masked() -> None:
    li = account("A3", name="Li Wu", username="li", contacts=(Contact(kind=ContactKind.PHONE, value="112"),))
    assert Masker(li).text("Linux, Wuhan, 112") == "Linux, Wuhan, 112"
    assert Masker(li).account(li).name == "L•••• W••••"


SECRETS = st.sampled_from(
    [
        "carla.canarina@mail.invalid",
        "CARLA.CANARINA@mail.invalid",
        "Ängström",
        "jangs77",
        "+4915123456789",
        "0151 23456789",
    ]
)
NOISE = st.text(st.characters(codec="utf-8", exclude_categories=("Cs",)), max_size=12)


@settings(max_examples=150, deadline=None)
@given(secret=SECRETS, before=NOISE, after=NOISE, field=st.sampled_from(TEXTS), others=st.lists(NOISE, max_size=3))
def test_no_secret_survives_in_any_text(secret: str, before: str, after: str, field: str, others: list[str]) -> None:
    text = f"{before} {secret} {after}"
    page = [event(n, "A1", device=text) for n, text in enumerate(others, 2)]
    one = event(1, "A1", raw=msgspec.json.encode({"x": text}), **{field: text})
    shown = MASKER.events([*page, one])
    assert len(shown) == len(page) + 1
    last = shown[-1]
    for left in (getattr(last, field), last.raw.decode()):
        assert secret.lower() not in left.lower()
    assert last.sha256 == one.sha256
    kept = {name: getattr(last, name) for name in Event.__struct_fields__ if name not in (*TEXTS, "raw", "digest")}
    assert all(getattr(one, name) == value for name, value in kept.items())


@settings(max_examples=100, deadline=None)
@given(texts=st.lists(NOISE, min_size=1, max_size=5))
def test_a_page_is_masked_as_its_events_are(texts: list[str]) -> None:
    page = [event(n, "A1", reason=text, user_agent=text + " José") for n, text in enumerate(texts)]
    assert MASKER.events(page) == tuple(one for each in page for one in MASKER.events([each]))
