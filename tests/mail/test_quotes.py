from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workstation.services.mail.quotes import fresh

INTROS = {
    "gmail en": "On Mon, Mar 3, 2025 at 10:15 AM Support <security@exchange.example> wrote:",
    "apple en": "On 3 Mar 2025, at 10:15, Support <security@exchange.example> wrote:",
    "thunderbird en": "On 03.03.25 10:15, Support wrote:",
    "gmail de": "Am Mo., 3. März 2025 um 10:15 Uhr schrieb Support <security@exchange.example>:",
    "apple de": "Am 03.03.2025 um 10:15 schrieb Support <security@exchange.example>:",
    "web de": "Support schrieb am 03.03.2025 10:15:",
    "gmail pt": "Support <security@exchange.example> escreveu no dia segunda, 3/03/2025 à(s) 10:15:",
    "gmail br": "Em seg., 3 de mar. de 2025 às 10:15, Support <security@exchange.example> escreveu:",
    "apple pt": "No dia 3/03/2025, às 10:15, Support <security@exchange.example> escreveu:",
    "gmail es": "El lun, 3 mar 2025 a las 10:15, Support (<security@exchange.example>) escribió:",
    "gmail fr": "Le lun. 3 mars 2025 à 10:15, Support <security@exchange.example> a écrit :",
    "gmail pl": "pon., 3 mar 2025 o 10:15 Support <security@exchange.example> napisał(a):",
    "thunderbird pl": "W dniu 3.03.2025 o 10:15, Support pisze:",
    "apple pl": "Wiadomość napisana przez Support <security@exchange.example> w dniu 03.03.2025, o godz. 10:15:",
    "gmail tr": "Support <security@exchange.example>, 3 Mar 2025 Pzt, 10:15 tarihinde şunu yazdı:",
    "thunderbird tr": "3.03.2025 10:15 tarihinde Support yazdı:",
    "gmail ja": "2025年3月3日(月) 10:15 Support <security@exchange.example>:",
    "apple ja": "2025/03/03 10:15、Support <security@exchange.example>のメール:",
    "outlook dashes en": "-----Original Message-----",
    "outlook dashes de": "-----Ursprüngliche Nachricht-----",
    "outlook dashes pl": "-----Wiadomość oryginalna-----",
    "outlook dashes tr": "-----Özgün İleti-----",
    "outlook dashes ja": "-----Original Message-----",
    "outlook en": "From: Support <security@exchange.example>\nSent: Monday, 3 March 2025 10:15\nTo: Maria\nSubject: x",
    "outlook de": "Von: Support <security@exchange.example>\nGesendet: Montag, 3. März 2025\nAn: Maria\nBetreff: x",
    "outlook pt": "De: Support <security@exchange.example>\nEnviada em: segunda-feira\nPara: Maria\nAssunto: x",
    "outlook es": "De: Support <security@exchange.example>\nEnviado el: lunes\nPara: Maria\nAsunto: x",
    "outlook fr": "De : Support <security@exchange.example>\nEnvoyé : lundi\nÀ : Maria\nObjet : x",
    "outlook pl": "Od: Support <security@exchange.example>\nWysłano: poniedziałek\nDo: Maria\nTemat: x",
    "outlook tr": "Kimden: Support <security@exchange.example>\nGönderildi: Pazartesi\nKime: Maria\nKonu: x",
    "outlook ja": "差出人: Support <security@exchange.example>\n送信日時: 2025年3月3日\n宛先: Maria\n件名: x",
}


@pytest.mark.parametrize("intro", INTROS.values(), ids=INTROS.keys())
def test_what_was_written_now(intro: str) -> None:
    quoted = (
        "> We have your message.\n> Kind regards" if intro.endswith(":") else "We have your message.\n\nKind regards"
    )
    assert fresh(f"I still cannot sign in.\n\nMaria\n\n{intro}\n\n{quoted}\n") == "I still cannot sign in.\n\nMaria"


def test_a_wrapped_introduction() -> None:
    text = (
        "Yes.\n\nOn Mon, Mar 3, 2025 at 10:15 AM Example Exchange Security\n<security@exchange.example> wrote:\n\n> x"
    )
    assert fresh(text) == "Yes."


def test_an_answer_below_the_quotation() -> None:
    assert (
        fresh("On 3 Mar 2025, at 10:15, Support wrote:\n> When?\n\nYesterday.\n> Where?\nAt home.")
        == "Yesterday.\nAt home."
    )


@pytest.mark.parametrize(
    "signature", ["-- \nMaria", "Sent from my iPhone", "Von meinem iPhone gesendet", "iPhoneから送信"]
)
def test_mobile_signatures(signature: str) -> None:
    assert fresh(f"I cannot sign in.\n\n{signature}") == "I cannot sign in."


@pytest.mark.parametrize(
    "text",
    [
        "On Monday my bank wrote: your account is closed. Is that you?",
        "From: the beginning I could not sign in.",
        "> everything here is quoted",
        "On 3 Mar 2025, at 10:15, Support wrote:\n> only a quotation",
        "Sent from my iPhone",
        "Mi amigo escribió:\nno puedo entrar",
        "",
    ],
)
def test_nothing_is_taken_for_a_quotation_that_is_none(text: str) -> None:
    assert fresh(text) == text.strip()


@given(st.lists(st.sampled_from([*INTROS.values(), "> x", "words of mine", "", "-- ", "From: x", "On"]), max_size=30))
@settings(max_examples=150, deadline=None)
def test_only_whole_lines_are_taken_away(lines: list[str]) -> None:
    text = "\n".join(lines)
    answer = fresh(text)
    assert all(line in text for line in answer.split("\n"))
    assert bool(answer) == bool(text.strip())
