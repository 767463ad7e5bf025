from __future__ import annotations

import pytest

from workstation.services.mail.language import guess

SENTENCES = {
    "en": [
        "I cannot sign in to my account since yesterday, please help me.",
        "Someone withdrew all the money from my account and I did not do it!",
        "My phone was stolen and I have lost my second factor",
    ],
    "de": [
        "Ich kann mich seit gestern nicht mehr anmelden, bitte helfen Sie mir.",
        "Jemand hat mein Geld ausgezahlt, das war ich nicht!",
        "Mein Handy wurde gestohlen und ich habe keinen zweiten Faktor mehr",
    ],
    "pt": [
        "Não consigo entrar na minha conta desde ontem, por favor ajudem-me.",
        "Alguém levantou todo o dinheiro da minha conta e não fui eu!",
        "Roubaram o meu telemóvel e já não tenho o segundo fator",
    ],
    "es": [
        "No puedo entrar en mi cuenta desde ayer, por favor ayúdenme.",
        "¡Alguien ha retirado todo el dinero de mi cuenta y yo no he sido!",
        "Me robaron el teléfono y ya no tengo el segundo factor",
    ],
    "fr": [
        "Je ne peux plus me connecter à mon compte depuis hier, merci de m'aider.",
        "Quelqu'un a retiré tout l'argent de mon compte et ce n'était pas moi !",
        "On m'a volé mon téléphone et je n'ai plus le second facteur",
    ],
    "pl": [
        "Od wczoraj nie mogę się zalogować na moje konto, proszę o pomoc.",
        "Ktoś wypłacił wszystkie pieniądze z mojego konta, to nie byłem ja!",
        "Skradziono mi telefon i nie mam już drugiego składnika",
    ],
    "tr": [
        "Dünden beri hesabıma giriş yapamıyorum, lütfen bana yardım edin.",
        "Birisi hesabımdaki tüm parayı çekti, bunu ben yapmadım!",
        "Telefonum çalındı ve artık ikinci doğrulama adımım yok",
    ],
    "ja": [
        "昨日からアカウントにログインできません。",
        "誰かが私の口座から出金しました。私ではありません。",
        "助けてください",
    ],
    "?": [
        "",
        "ok",
        "12345 67890 !!",
        "Привет, я не могу войти в свой аккаунт",
        "我无法登录我的账户请帮帮我",
        "لا أستطيع تسجيل الدخول إلى حسابي",
        "zzzz qqqq xxxx yyyy wwww",
    ],
}


@pytest.mark.parametrize(("language", "text"), [(tag, text) for tag, texts in SENTENCES.items() for text in texts])
def test_client_sentences(language: str, text: str) -> None:
    assert guess(text) == language
