from __future__ import annotations

import email
import email.policy
from email.message import EmailMessage

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workstation.services.errors import Invalid
from workstation.services.mail.address import recipient, same
from workstation.services.mail.message import Letter, build, draft_hash, message_id
from workstation.services.mail.tokens import with_token

from .samples import HOUSE, NOW, row


def built(**changes: object) -> tuple[Letter, EmailMessage]:
    letter = build(row(**changes), house=HOUSE, now=NOW)
    return letter, email.message_from_bytes(letter.raw, policy=email.policy.default)


class TestWhatGoesOverTheWire:
    def test_headers(self) -> None:
        letter, mail = built(in_reply_to="<b@x.example>", refs="<a@x.example> <b@x.example>")
        assert mail["From"] == "Example Exchange <security@exchange.example>"
        assert mail["To"] == letter.recipient == "maria@proton.example"
        assert mail["Subject"] == "[CS-48211] Ihre Nachricht ist angekommen"
        assert mail["Date"] == "Sat, 01 Mar 2025 14:02:00 +0000"
        assert mail["Message-ID"] == letter.message_id == row().message_id
        assert mail["In-Reply-To"] == "<b@x.example>"
        assert mail["References"].split() == ["<a@x.example>", "<b@x.example>"]
        assert mail["Content-Language"] == "de"
        assert mail["X-Workstation-Case"] == "CS-48211"
        assert mail.get_content_type() == "text/plain"
        assert not mail.is_multipart()

    def test_the_same_row_gives_the_same_bytes(self) -> None:
        assert built()[0] == built()[0]

    @given(st.text(st.characters(blacklist_categories=("C", "Zl", "Zp")), min_size=1, max_size=2000))
    @settings(max_examples=60, deadline=None)
    def test_any_text_arrives_as_it_was_written(self, text: str) -> None:
        if not text.strip():
            return
        letter, mail = built(body=text)
        assert mail.get_content().replace("\r\n", "\n").rstrip("\n") == text.rstrip("\n")
        assert letter.raw.isascii()
        lines = letter.raw.split(b"\r\n")
        assert max(map(len, lines)) <= 998
        assert not any(b"\n" in line or b"\r" in line for line in lines)

    @given(st.text(st.characters(blacklist_categories=("C", "Zl", "Zp")), min_size=1, max_size=150))
    @settings(max_examples=60, deadline=None)
    def test_any_subject_arrives_as_it_was_written(self, text: str) -> None:
        if not text.strip() or "CS-" in text:
            return
        _, mail = built(subject=text)
        assert str(mail["Subject"]).split() == with_token(text, "CS-48211").split()

    def test_long_ids_of_other_programs_stay_ids(self) -> None:
        long = f"<{'a' * 90}@outlook.example>"
        letter, mail = built(in_reply_to=long, refs=f"<{'r' * 120}@x.example> {long}")
        assert mail["In-Reply-To"] == long
        assert mail["References"].split()[-1] == long
        assert b"=?utf-8" not in letter.raw

    def test_a_long_thread_keeps_its_root_and_its_newest(self) -> None:
        refs = [f"<{n}@x.example>" for n in range(60)]
        _, mail = built(in_reply_to=refs[-1], refs=" ".join(refs))
        kept = mail["References"].split()
        assert (len(kept), kept[0], kept[-1]) == (20, refs[0], refs[-1])

    def test_what_nobody_sees_is_left_out_where_it_is_malformed(self) -> None:
        letter, mail = built(
            in_reply_to="sha256:77\r\nBcc: x@y.example", refs="<a@b>\r\nBcc:<x@y>x <c d> <ok@x>", language="?"
        )
        assert mail["References"] == "<a@b> <ok@x>"
        assert [mail[name] for name in ("In-Reply-To", "Bcc", "Content-Language")] == [None] * 3
        assert b"Bcc" not in letter.raw

    @pytest.mark.parametrize("tag", ["de\r\nX: y", "", "german!", "de_DE"])
    def test_a_language_that_is_none_is_not_named(self, tag: str) -> None:
        assert built(language=tag)[1]["Content-Language"] is None


class TestWhatIsRefused:
    @pytest.mark.parametrize(
        "changes",
        [
            {"subject": "a\r\nBcc: everybody@x.example"},
            {"subject": "a\nb"},
            {"subject": "a\x00b"},
            {"subject": "a\u2028b"},
            {"subject": "  "},
            {"subject": "x" * 201},
            {"body": "bell\x07"},
            {"body": "lone\rreturn"},
            {"body": "\ud800"},
            {"body": " \n "},
            {"case_ref": "CS-1\r\nX: y", "message_id": "<a@b>"},
            {"message_id": "<a@b>\r\nX: y"},
            {"message_id": "no brackets"},
            {"recipient": "security@Exchange.example"},
        ],
    )
    def test_refused(self, changes: dict[str, str]) -> None:
        with pytest.raises(Invalid):
            built(**changes)

    @pytest.mark.parametrize(
        "address",
        [
            "",
            "maria",
            "@x.example",
            "maria@",
            "a@x.example, b@y.example",
            "a@x.example;b@y.example",
            "Maria <a@x.example>",
            "<a@x.example>",
            "a@x.example (b@y.example)",
            '"a b"@x.example',
            "a@[192.0.2.1]",
            "a@192.0.2.1",
            "a@localhost",
            "a@-x.example",
            "a@x..example",
            "a@x.example.",
            ".a@x.example",
            "a..b@x.example",
            "a@b@x.example",
            "маria@x.example",
            "a@x.example\r\nRCPT TO:<b@y.example>",
            "a@x.example\n",
            "a\x00@x.example",
            "a@ex\u202eample.example",
            "a" * 65 + "@x.example",
            "a@" + "b" * 64 + ".example",
            "a@" + "bcd." * 70 + "example",
        ],
    )
    def test_recipients(self, address: str) -> None:
        with pytest.raises(Invalid):
            recipient(address)


class TestIdentity:
    def test_the_id_is_the_case_the_number_and_the_draft(self) -> None:
        draft = draft_hash("a@x.example", "s", "b")
        one = message_id("CS-48213", 1, draft, "exchange.example")
        assert one == message_id("CS-48213", 1, draft, "exchange.example")
        others = {
            message_id("CS-48214", 1, draft, "exchange.example"),
            message_id("CS-48213", 2, draft, "exchange.example"),
            message_id("CS-48213", 1, draft_hash("a@x.example", "sb", ""), "exchange.example"),
        }
        assert len(others | {one}) == 4
        assert one.startswith("<ws.")
        assert len(one) == len("<ws.@exchange.example>") + 32

    def test_domains_in_other_scripts(self) -> None:
        assert recipient("m@Bücher.example") == "m@xn--bcher-kva.example"
        assert recipient("M.x+tag@Proton.Example") == "M.x+tag@proton.example"
        assert same("Maria@Proton.example", "maria@proton.EXAMPLE")
        assert not same("maria+a@proton.example", "maria@proton.example")
        assert not same("maria", "maria")

    def test_tokens(self) -> None:
        assert with_token("Re: AW: [CS-1] hello  there", "CS-48213") == "[CS-48213] hello there"
        signed = with_token("hello", "CS-48213", b"key")
        assert signed.startswith("[CS-48213-")
        assert with_token(signed, "CS-48213", b"key") == signed
