from __future__ import annotations

import base64
import hashlib
import re
from datetime import UTC, datetime

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workstation.services.mail import bodies, inbound, mime
from workstation.services.mail.inbound import Inbound, split_address, stand_in
from workstation.services.text import is_clean

from .samples import mail, read


def multipart(*parts: str, kind: str = "mixed", boundary: str = "b") -> bytes:
    body = "".join(f"--{boundary}\n{part}\n" for part in parts) + f"--{boundary}--\n"
    return mail(body, Content_Type=f'multipart/{kind}; boundary="{boundary}"')


def html(text: str) -> Inbound:
    return read(mail(text, Content_Type="text/html; charset=utf-8"))


class TestPlainMail:
    def test_what_is_read(self) -> None:
        raw = mail(In_Reply_To="<ws.1@exchange.example>", References="<a@x> <b@x>", Subject="Re: [CS-48213] help")
        found = read(raw)
        assert found.message_id == "<m1@proton.example>"
        assert found.in_reply_to == "<ws.1@exchange.example>"
        assert found.references == ("<a@x>", "<b@x>")
        assert (found.sender, found.sender_name) == ("maria@proton.example", "Maria")
        assert found.subject == "Re: [CS-48213] help"
        assert (found.case_token, found.token_tag) == ("CS-48213", "")
        assert found.text == "I cannot sign in to my account."
        assert found.sent_at == datetime(2025, 3, 1, 12, 0, tzinfo=UTC)
        assert (found.size, found.sha256) == (len(raw), hashlib.sha256(raw).hexdigest())
        assert (found.language, found.html_only, found.auto_submitted, found.warnings) == ("en", False, False, ())

    def test_encoded_words(self) -> None:
        subject = "=?utf-8?b?w4k=?= =?UTF-8?Q?t=C3=A9_?= x =?iso-8859-1*fr?q?=E9?= =?nonsense?q?=E9?= =?utf-8?x?y?="
        assert read(mail(Subject=subject)).subject == "Été  x éé =?utf-8?x?y?="

    def test_a_word_cut_in_the_middle_of_a_character(self) -> None:
        first, second = (base64.b64encode(part).decode() for part in ("日".encode()[:2], "日本".encode()[2:]))
        assert read(mail(Subject=f"=?utf-8?b?{first}?= =?utf-8?b?{second}?=")).subject == "日本"

    def test_unknown_charset_is_shown_with_a_mark(self) -> None:
        raw = mail(Content_Type="text/plain; charset=x-mac-klingon").replace(b"I cannot", b"Na\xefve: I cannot")
        found = read(raw)
        assert found.text.startswith("Naïve: I cannot")
        assert "character set" in " ".join(found.warnings)

    @pytest.mark.parametrize("charset", ["unicode_escape", "punycode", "idna", "rot13", "hex", "zlib", "undefined"])
    def test_transforms_of_python_are_no_charsets(self, charset: str) -> None:
        assert read(mail(r"\x41 I cannot", Content_Type=f"text/plain; charset={charset}")).text == r"\x41 I cannot"

    def test_what_postgresql_cannot_keep_is_replaced(self) -> None:
        found = read(mail("a\x00b", Subject="a\x00b", From="x\x00 <a@b.example>"))
        assert "\\u0000" not in msgspec.json.encode(found).decode()
        assert found.text == "a\ufffdb"

    @pytest.mark.parametrize(
        ("headers", "automatic"),
        [
            ({"Auto_Submitted": "auto-replied"}, True),
            ({"Auto_Submitted": "no"}, False),
            ({"Precedence": "bulk"}, True),
            ({"Content_Type": "multipart/report; report-type=delivery-status"}, True),
            ({"Return_Path": "<>"}, True),
            ({}, False),
        ],
    )
    def test_written_by_a_machine(self, headers: dict[str, str], automatic: bool) -> None:
        assert read(mail(**headers)).auto_submitted is automatic


class TestWhoSentIt:
    @pytest.mark.parametrize(
        ("value", "address"),
        [
            ("a@b.example", "a@b.example"),
            ("<A.x@B.Example>", "A.x@b.example"),
            ("Maria K. <a@b.example>", "a@b.example"),
            ('"K., Maria" <a@b.example>', "a@b.example"),
            ('"x\\"y" <a@b.example>', "a@b.example"),
            ("a@b.example, c@d.example", ""),
            ("<a@b.example> <c@d.example>", ""),
            ("a@b.example <c@d.example>, <e@f.example>", ""),
            ("Maria (a@b.example) <c@d.example>", ""),
            ("undisclosed:;", ""),
            ("<a@b.example", ""),
            ('"<a@b.example>" <c@d.example>', "c@d.example"),
            ("a@b@c.example", ""),
            ("<@relay.example:a@b.example>", ""),
            ("", ""),
        ],
    )
    def test_one_plain_address_or_nobody(self, value: str, address: str) -> None:
        assert split_address(value)[0] == address

    def test_two_from_headers_name_nobody(self) -> None:
        found = read(b"From: a@b.example\r\n" + mail())
        assert found.sender == ""
        assert "several From" in found.warnings[0]

    @pytest.mark.parametrize(
        ("sender", "word"),
        [
            ("Example  E-X-C-H-A-N-G-E <a@evil.example>", "our own name"),
            ("=?utf-8?q?Example_Exchange?= <a@evil.example>", "our own name"),
            ("security@exchange.example <a@evil.example>", "our own name"),
            ("bank@trust.example <a@evil.example>", "another address"),
            ("P\u0430ypal <a@evil.example>", "mixes scripts in one word: CYRILLIC+LATIN"),
            ("Maria <a@xn--pypal-4ve.example>", "another script"),
            ("Ma\u202eria <a@evil.example>", "hides characters"),
        ],
    )
    def test_masquerade(self, sender: str, word: str) -> None:
        assert word in " ".join(read(mail(From=sender)).warnings)

    @pytest.mark.parametrize("name", ["田中たろう", "Иван Petrov", "Ana Kovač", "O'Neil, Jr", "maria@proton.example"])
    def test_honest_names_raise_nothing(self, name: str) -> None:
        assert read(mail(From=f'"{name}" <maria@proton.example>')).warnings == ()


class TestParts:
    def test_plain_text_before_html(self) -> None:
        found = read(
            multipart("Content-Type: text/html\n\n<p>rich", "Content-Type: text/plain\n\nplain", kind="alternative")
        )
        assert (found.text, found.html_only) == ("plain", False)

    def test_an_empty_plain_part_is_no_text(self) -> None:
        found = read(multipart("Content-Type: text/plain\n\n \n", "Content-Type: text/html\n\n<p>rich</p>"))
        assert (found.text, found.html_only) == ("rich", True)

    @pytest.mark.parametrize(
        ("header", "name"),
        [
            ('name="../../etc/passwd"', "passwd"),
            ('name="C:\\\\\\\\Windows\\\\\\\\evil.dll"', "evil.dll"),
            ('name="a\u202efdp.exe"', "a⟦U+202E⟧fdp.exe"),
            ("name*0*=utf-8''a%E2%80%AE; name*1=fdp.exe", "a⟦U+202E⟧fdp.exe"),
            ("name*=iso-8859-1'fr'%E9t%E9.pdf", "été.pdf"),
            ('name="=?utf-8?q?=C3=A9t=C3=A9.pdf?="', "été.pdf"),
            ('name="..."', "attachment-1"),
            ('name="."', "attachment-1"),
            ("name=", "attachment-1"),
        ],
    )
    def test_names_of_attachments(self, header: str, name: str) -> None:
        found = read(multipart(f"Content-Type: application/octet-stream; {header}\n\nx"))
        assert found.attachments[0].name == name
        assert is_clean(found.attachments[0].name)

    def test_attachments_are_weighed_and_hashed(self) -> None:
        part = (
            "Content-Type: application/pdf\nContent-Transfer-Encoding: base64\n\n" + base64.b64encode(b"%PDF").decode()
        )
        kept = read(multipart(part, "Content-Disposition: attachment\n\nhello")).attachments
        assert [(a.type, a.size) for a in kept] == [("application/pdf", 4), ("text/plain", 5)]
        assert kept[0].sha256 == hashlib.sha256(b"%PDF").hexdigest()

    def test_a_mail_in_the_mail_stays_shut(self) -> None:
        inner = mail("forged words", From="security@exchange.example").decode()
        found = read(multipart("Content-Type: text/plain\n\nsee below", f"Content-Type: message/rfc822\n\n{inner}"))
        assert found.text == "see below"
        assert [a.type for a in found.attachments] == ["message/rfc822"]

    def test_nested_too_deep(self) -> None:
        raw = b"From: a@b.example\n" + b"".join(
            b"Content-Type: multipart/mixed; boundary=%d\n\n--%d\n" % (n, n) for n in range(2_000)
        )
        found = read(raw)
        assert len(found.attachments) == 1
        assert "nested too deep" in found.warnings[-1]

    def test_too_many_parts(self) -> None:
        found = read(multipart(*["Content-Type: image/png\n\nx"] * 5_000))
        assert len(found.attachments) == bodies.ATTACHMENTS_MAX
        assert "too many parts" in " ".join(found.warnings)

    def test_a_boundary_that_begins_another(self) -> None:
        inner = "Content-Type: multipart/alternative; boundary=bb\n\n--bb\n\ninner\n--bb--"
        assert read(multipart(inner, "\nouter")).text.split() == ["inner", "outer"]

    def test_a_cut_off_multipart_keeps_what_came(self) -> None:
        assert read(multipart("\nfirst", "\nsecond").replace(b"--b--", b"")).text == "first\n\nsecond"


class TestHtml:
    def test_hidden_text_is_left_out_and_links_show_their_target(self) -> None:
        found = html(
            '<p style="display: none">bait</p><div hidden>bait</div><script>bait()</script><style>bait{}</style>'
            '<p>Go to <a href="https://evil.example/login">https://exchange.example</a> now.</p>'
        )
        assert found.html_only
        assert "bait" not in found.text
        assert "[https://exchange.example](https://evil.example/login)" in found.text

    @pytest.mark.parametrize(
        "bomb",
        [
            "<p style='margin-top:99999999em;padding-left:99999999em'>word</p>" * 500,
            "<table><tr><td colspan=999999999 style='height:9999999px'>word</table>",
            "<div>" * 20_000 + "word",
            "<table><tr><td>" * 2_000 + "word",
            "<!--" * 100_000 + "-->word",
            "<b>word</b>" * 30_000,
            "<?xml version='1.0' encoding='x-nonsense'?><p>word",
            "<!DOCTYPE x [<!ENTITY a 'word'><!ENTITY b '&a;&a;&a;&a;'>]><p>word &b;&b;",
        ],
    )
    def test_bombs(self, bomb: str) -> None:
        found = html(bomb)
        assert len(found.text) <= bodies.TEXT_MAX
        assert "word" in found.text or bomb.startswith("<!--")


class TestNeverRaises:
    @given(st.binary(max_size=3_000))
    @settings(max_examples=200, deadline=None)
    def test_random_bytes(self, raw: bytes) -> None:
        hold(read(raw), raw)

    @given(
        st.lists(
            st.sampled_from(
                [
                    b"\r\n",
                    b"\n",
                    b"\n\n",
                    b": ",
                    b";",
                    b'"',
                    b"--b",
                    b"--b--",
                    b"=?utf-8?b?",
                    b"?=",
                    b"<",
                    b">",
                    b"@",
                    b"\x00",
                    b"\xff",
                    b" ",
                    b"From: ",
                    b"From: a@b.example",
                    b"Subject: ",
                    b"Content-Type: ",
                    b"multipart/mixed; boundary=b",
                    b'multipart/alternative; boundary="b"',
                    b"text/html; charset=utf-16",
                    b"text/plain; charset=",
                    b"Content-Transfer-Encoding: base64",
                    b"quoted-printable",
                    b"=E2=80",
                    b"Content-Disposition: attachment; filename*0*=",
                    b"filename*1=",
                    b"utf-8''%",
                    b"Authentication-Results: mx.exchange.example; ",
                    b"dmarc=pass",
                    b"(",
                    b")",
                    b"References: ",
                    b"<a@b>",
                    b"Date: ",
                    b"Sat, 99 Mar 99999 99:99:99 +9999",
                    b"<p style=",
                    b"<table>",
                    b"</a>",
                    b"On 2024 x wrote:",
                    b"message/rfc822",
                    b"[CS-1]",
                    b"\xe2\x80\xae",
                ]
            ),
            max_size=60,
        )
    )
    @settings(max_examples=300, deadline=None)
    def test_pieces_of_mails_in_any_order(self, pieces: list[bytes]) -> None:
        raw = b"".join(pieces)
        hold(read(raw), raw)

    @given(st.data())
    @settings(max_examples=100, deadline=None)
    def test_a_real_mail_with_bytes_changed(self, data: st.DataObject) -> None:
        raw = bytearray(
            multipart(
                "Content-Type: text/html; charset=utf-8\nContent-Transfer-Encoding: quoted-printable\n\n<p>=C3=A9</p>",
                "Content-Disposition: attachment; filename*=utf-8''%C3%A9.pdf\n\nx",
                kind="alternative",
            )
        )
        for _ in range(data.draw(st.integers(1, 20))):
            raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
        hold(read(bytes(raw)), bytes(raw))

    def test_a_giant_body_is_cut_and_says_so(self) -> None:
        found = read(mail("x" * 3_000_000))
        assert len(found.full_text) == bodies.TEXT_MAX
        assert len([w for w in found.warnings if "cut" in w or "shown" in w]) == 2

    def test_a_giant_mail_is_read_up_to_the_cap(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(inbound, "RAW_MAX", 1_000)
        found = read(mail("x" * 5_000))
        assert len(found.full_text) < 1_000
        assert "not all of it was read" in found.warnings[0]
        assert found.size > 5_000

    def test_the_stand_in_keeps_the_hash_and_says_why(self) -> None:
        raw = mail()
        found = stand_in(raw, "why")
        assert (found.sha256, found.size, found.warnings) == (hashlib.sha256(raw).hexdigest(), len(raw), ("why",))
        assert (found.sender, found.text) == ("", "")


def hold(found: Inbound, raw: bytes) -> None:
    """The promises about any mail whatever."""
    assert found.size == len(raw)
    assert len(found.full_text) <= bodies.TEXT_MAX
    assert len(found.subject) <= inbound.SUBJECT_MAX
    assert len(found.sender_name) <= inbound.NAME_MAX
    assert len(found.attachments) <= min(bodies.ATTACHMENTS_MAX, mime.PARTS_MAX)
    assert found.sender == "" or re.fullmatch(r"[^\s<>,;]+@[^\s<>,;@]+", found.sender)
    assert all(re.fullmatch(r"<[\x21-\x7e]+>", i) for i in found.references)
    stored = msgspec.json.encode(found).decode()
    assert not re.search(r"(?<!\\)(?:\\\\)*\\u0000", stored)
    assert msgspec.json.decode(stored, type=Inbound) == found
    for kept in found.attachments:
        assert is_clean(kept.name)
        assert "/" not in kept.name
