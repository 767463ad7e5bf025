from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workstation.services.mail.linter import check

from .samples import ACCOUNT, HOUSE


def why(body: str, *, subject: str = "Your account", language: str = "en") -> str:
    return " ".join(check(subject, body, account=ACCOUNT, language=language, hosts=HOUSE.hosts))


class TestForm:
    @pytest.mark.parametrize(
        ("subject", "body", "word"),
        [
            ("", "Hello", "subject is empty"),
            ("x", " \n", "text is empty"),
            ("x" * 201, "Hello", "shorten it to 200"),
            ("x", "y " * 5_001, "shorten it to 10,000"),
            ("x", "Hello {name}", "{name} is not filled"),
            ("x {ref}", "Hello", "{ref} is not filled"),
            ("x", "Hello {Name 2}", "{Name 2} is not filled"),
            ("a\nb", "Hello", "line break"),
            ("x", "Hello \x1b[2J", "control or invisible"),
            ("x", "Hello \u202e", "control or invisible"),
            ("x", "Hello \u200b", "control or invisible"),
        ],
    )
    def test_refused(self, subject: str, body: str, word: str) -> None:
        assert word in why(body, subject=subject)

    @pytest.mark.parametrize(
        "body",
        [
            "Hello Ana,\n\nwe look into it. Your reference is CS-48213, of 2025-03-01 14:02 UTC.\r\n\r\nKind regards",
            "We will answer within 24 hours; please see https://exchange.example/help.",
            "See https://www.exchange.example/, please.",
            "Guten Tag, z. B. am 3. März. Wir schauen nach.",
            "We neither confirm nor deny details. Please open the app.",
            "Please never send us a password or a code.",
            "Your document statement.pdf did not arrive.",
            "You have 3 open cases and 12 months of history.",
        ],
    )
    def test_passes(self, body: str) -> None:
        assert why(body) == ""


class TestAccountData:
    @pytest.mark.parametrize(
        ("body", "word"),
        [
            ("Your address maria@proton.example is known.", "e-mail address"),
            ("Your address m••••@proton.example is known.", "e-mail address"),
            ("Write from m***a@p***.example then.", "e-mail address"),
            ("Any other@address.example too.", "e-mail address"),
            ("We called +351 912 345 678 today.", "phone number"),
            ("We called 912345678 today.", "phone number"),
            ("We called 00351-912-345-678 today.", "phone number"),
            ("We called the number with 5678 today.", "phone number"),
            ("We called +1 (212) 555-0147 today.", "phone number"),
            ("We called ••••78 today.", "Masked data"),
            ("We called ***78 today.", "Masked data"),
            ("We called xxx-xx78 today.", "Masked data"),
            ("We called the phone ending in 78.", "Masked data"),
            ("Wir riefen die Nummer an, die auf 78 endet: endend auf 78.", "Masked data"),
            ("You hold 12345.67 dollars.", "balance"),
            ("You hold $12,300 now.", "balance"),
            ("You hold 12.345,67 EUR now.", "balance"),
            ("You hold 12 345 units.", "balance"),
            ("You used your pixel 8 pro then.", "device"),
            ("It came from 203.0.113.9 then.", "IP address"),
            ("It came from 203.0.113.x then.", "IP address"),
            ("It came from 2001:db8::1 then.", "IP address"),
            ("We removed key-77ab for you.", "API key"),
            ("We removed Trading-Bot for you.", "API key"),
            ("It went to bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdq.", "API key"),
            ("We ended s-8841-77 for you.", "second factor"),
            ("We removed f-totp-19 for you.", "second factor"),
        ],
    )
    def test_quoted(self, body: str, word: str) -> None:
        assert word in why(body)

    @pytest.mark.parametrize(
        "body", ["You paid 99 EUR.", "At 12:34 we saw it.", "Since 2019 you are with us.", "Version 1.2.3 is out."]
    )
    def test_other_numbers_pass(self, body: str) -> None:
        assert why(body) == ""


class TestLinks:
    @pytest.mark.parametrize(
        "link",
        [
            "http://exchange.example/",
            "https://exchange.example.evil.example/",
            "https://exchange.example@evil.example/",
            "https://evil.example/exchange.example",
            "https://exchange.example:8443/",
            "https://xn--exchnge-5nf.example/",
            "https://exch\u0430nge.example/",
            "https:/\\exchange.example",
            "https://sub.exchange.example",
            "HTTPS://evil.example",
            "www.evil.example",
            "evil.example/login",
            "exchange.zip",
            "javascript://x",
            "ftp://exchange.example/",
            "https://[::1",
        ],
    )
    def test_refused(self, link: str) -> None:
        assert "link" in why(f"Please open {link} now")

    def test_without_own_hosts_no_link_passes(self) -> None:
        assert "link" in check("x", "See https://exchange.example/", account=ACCOUNT, language="en")[0]


CONFIRMS = {
    "en": [
        "Yes, that is the right phone number.",
        "The date of birth you gave is correct.",
        "The phone number does not match.",
        "No, that e-mail address is not on file.",
        "We can confirm the address.",
        "You are right about the last four digits.",
        "Correct, this is your device.",
    ],
    "de": [
        "Ja, das ist die richtige Telefonnummer.",
        "Das Geburtsdatum ist korrekt.",
        "Die genannte Adresse stimmt.",
        "Nein, diese E-Mail-Adresse ist nicht hinterlegt.",
        "Wir bestätigen die Nummer.",
        "Das Guthaben stimmt nicht.",
    ],
    "pt": [
        "Sim, esse é o número de telefone certo.",
        "A data de nascimento está correta.",
        "O saldo não corresponde.",
        "Confirmamos o endereço de e-mail.",
        "O dispositivo é o mesmo.",
    ],
    "es": [
        "Sí, ese es el número de teléfono correcto.",
        "La fecha de nacimiento es correcta.",
        "El saldo no coincide.",
        "Le confirmamos la dirección.",
    ],
    "fr": [
        "Oui, c'est bien votre numéro de téléphone.",
        "La date de naissance est correcte.",
        "Le solde ne correspond pas.",
        "Nous confirmons l'adresse.",
        "C'est le bon numéro.",
    ],
    "pl": [
        "Tak, to jest prawidłowy numer telefonu.",
        "Data urodzenia jest poprawna.",
        "Podany adres zgadza się.",
        "Potwierdzamy adres e-mail.",
    ],
    "tr": [
        "Evet, bu doğru telefon numarası.",
        "Doğum tarihiniz doğrudur.",
        "Bakiye eşleşmiyor.",
        "Adresinizi onaylıyoruz.",
    ],
    "ja": [
        "はい、それは正しい電話番号です。",
        "生年月日は正しいです。",
        "残高が一致しません。",
        "その番号で間違いございません。",
    ],
}
ASKS = {
    "en": [
        "Please send us your password.",
        "Tell me the code from the SMS.",
        "We need your recovery phrase.",
        "What is your PIN?",
    ],
    "de": ["Bitte senden Sie uns Ihr Passwort.", "Nennen Sie mir bitte den Code.", "Wie lautet Ihre PIN?"],
    "pt": ["Envie-nos a sua palavra-passe.", "Indique o código que recebeu.", "Precisamos da sua senha."],
    "es": ["Envíenos su contraseña.", "Indique el código que recibió.", "¿Cuál es su PIN?"],
    "fr": ["Envoyez-nous votre mot de passe.", "Indiquez le code reçu.", "Quel est votre code PIN ?"],
    "pl": ["Proszę wysłać nam hasło.", "Prosimy podać kod z SMS-a.", "Potrzebujemy kodu PIN."],
    "tr": ["Lütfen parolanızı gönderin.", "SMS ile gelen kodu yazın.", "PIN kodunuz nedir?"],
    "ja": ["パスワードを教えてください。", "認証コードをお送りください。", "暗証番号は何ですか。"],
}
NEVER = {
    "en": "Please do not send us your password or a code.",
    "de": "Bitte senden Sie uns niemals Ihr Passwort oder einen Code.",
    "pt": "Nunca nos envie a sua palavra-passe nem códigos.",
    "es": "No nos envíe nunca su contraseña ni códigos.",
    "fr": "Ne nous envoyez jamais votre mot de passe ni de code.",
    "pl": "Prosimy nigdy nie wysyłać nam hasła ani kodu.",
    "tr": "Lütfen parolanızı veya kodunuzu asla göndermeyin.",
    "ja": "パスワードやコードは決して送らないでください。",
}


class TestPhrases:
    @pytest.mark.parametrize(("language", "text"), [(tag, text) for tag, texts in CONFIRMS.items() for text in texts])
    def test_confirming_or_denying_a_guess(self, language: str, text: str) -> None:
        assert "neither confirm nor deny" in why(text, language=language)

    @pytest.mark.parametrize(("language", "text"), [(tag, text) for tag, texts in ASKS.items() for text in texts])
    def test_asking_for_a_secret(self, language: str, text: str) -> None:
        assert "asks for a password or code" in why(text, language=language)

    @pytest.mark.parametrize(("language", "text"), NEVER.items())
    def test_warning_of_it_passes(self, language: str, text: str) -> None:
        assert why(text, language=language) == ""

    def test_a_wrapped_line_hides_nothing(self) -> None:
        assert "password" in why("Please send us your\npassword today.")
        assert "deny" in why("The phone number that you gave us is\ncorrect.")

    def test_a_promise_does_not_excuse_the_next_sentence(self) -> None:
        assert "password" in why("We never ask for it, but please send us your password.")
        assert "password" in why("We never ask for secrets. Please send us your password.")

    def test_a_language_other_than_the_clients_is_read_too(self) -> None:
        assert "asks for" in why(
            "Guten Tag, bitte senden Sie uns Ihr Passwort, wir können dann mehr tun.", language="pt"
        )

    def test_the_subject_is_read(self) -> None:
        assert "asks for" in why("Hello", subject="Please send your password")


@given(st.text(max_size=400))
@settings(max_examples=150, deadline=None)
def test_any_text_gets_sentences(text: str) -> None:
    for sentence in check(text[:50], text, account=ACCOUNT, language="en"):
        assert sentence.isprintable()
        assert len(sentence) < 400
