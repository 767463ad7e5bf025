from __future__ import annotations

from workstation.services.mail.threads import speaks_for, thread_of
from workstation.services.mail.tokens import token

from .samples import mail, read

KNOWN = {"<a@exchange.example>": "CS-1", "<b@exchange.example>": "CS-2"}
VOUCHED = "mx.exchange.example; dmarc=pass header.from=proton.example"


class TestThread:
    def test_the_newest_known_reference_counts(self) -> None:
        found = read(mail(References="<a@exchange.example> <b@exchange.example> <x@y>", Subject="[CS-9] x"))
        assert thread_of(found, KNOWN) == "CS-2"

    def test_then_in_reply_to_then_the_token(self) -> None:
        assert thread_of(read(mail(In_Reply_To="<a@exchange.example>", Subject="[CS-9] x")), KNOWN) == "CS-1"
        assert thread_of(read(mail(In_Reply_To="<z@x>", Subject="Re: [CS-9] x")), KNOWN) == "CS-9"
        assert thread_of(read(mail(Subject="CS-9 x")), KNOWN) is None

    def test_with_a_key_a_guessed_number_opens_no_thread(self) -> None:
        key = b"k" * 32
        assert thread_of(read(mail(Subject="[CS-9] x")), {}, key) is None
        assert thread_of(read(mail(Subject="[CS-9-AAAAAAAA] x")), {}, key) is None
        assert thread_of(read(mail(Subject=f"{token('CS-8', key).replace('CS-8', 'CS-9')} x")), {}, key) is None
        assert thread_of(read(mail(Subject=f"Re: {token('CS-9', key)} x")), {}, key) == "CS-9"


class TestWhoMaySpeak:
    def test_only_a_verified_contact(self) -> None:
        raw = mail(Authentication_Results=VOUCHED)
        assert speaks_for(read(raw), ["other@x.example", "Maria@Proton.example"])
        assert not speaks_for(read(raw), ["other@proton.example"])
        assert not speaks_for(read(raw), [])

    def test_the_right_thread_is_not_enough(self) -> None:
        found = read(mail(References="<a@exchange.example>"))
        assert thread_of(found, KNOWN) == "CS-1"
        assert not speaks_for(found, ["maria@proton.example"])

    def test_a_second_from_header_speaks_for_nobody(self) -> None:
        raw = b"From: x@evil.example\r\n" + mail(Authentication_Results=VOUCHED)
        assert not speaks_for(read(raw), ["maria@proton.example", "x@evil.example", ""])
