"""First mails and answers, read by the product's own mail reader."""

from __future__ import annotations

import random
from collections import Counter
from email.message import EmailMessage
from pathlib import Path

import pytest

from workstation.sandbox.clients import cases
from workstation.sandbox.generate import LANGUAGES
from workstation.sandbox.letters import BRAND, MX, SUPPORT, tongue, typos
from workstation.sandbox.post import ANSWERS
from workstation.sandbox.stories import KINDS
from workstation.services.connectors.mailboxes.maildir import MaildirMailbox
from workstation.services.mail.inbound import Inbound, parse
from workstation.services.mail.message import build
from workstation.services.mail.ports import House as Sender
from workstation.services.mail.ports import OutRow

from .conftest import House

#: The kinds that the product knows.
PRODUCT_KINDS = {
    "access_lost", "second_factor_lost", "account_takeover", "suspicious_activity", "withdrawal_hold", "settings_lock",
    "contact_change", "phishing_report", "other",
}  # fmt: skip


def inbox(directory: Path) -> list[Inbound]:
    """What support has received, oldest first, as the product reads it."""
    files = sorted((directory / "mail" / "inbox" / "new").iterdir())
    return [parse(f.read_bytes(), MX, brand=BRAND, our_address=SUPPORT) for f in files]


def mail_of(house: House, account: str) -> Inbound:
    wanted = next(c["mail_message_id"] for c in cases(house.directory) if c["account"] == account)
    return next(m for m in inbox(house.directory) if m.message_id == wanted)


class TestTongues:
    @pytest.mark.parametrize("language", LANGUAGES)
    def test_every_language_says_everything(self, language: str) -> None:
        words, english = tongue(language), tongue("en")
        assert set(words.story) == set(KINDS) and set(words.says) == set(english.says)
        assert len(words.months) == 12
        for key, told in words.story.items():
            assert len(told.subject) >= 2 and len(told.body) >= 2, key
            assert len(set(told.body)) == len(told.body)
        if language != "en":
            assert not set(words.says.values()) & set(english.says.values())

    def test_typing_errors_keep_figures_and_length(self) -> None:
        text = "Someone withdrew 12,345 USD yesterday without permission from Kraków"
        changed = {typos(text, random.Random(n)) for n in range(20)}
        assert len(changed) > 5
        assert all("12,345" in c and "Kraków" in c and sorted(c) == sorted(text) for c in changed)


class TestFirstMails:
    async def test_each_case_has_its_mail(self, house: House) -> None:
        mails = {m.message_id: m for m in inbox(house.directory)}
        found = cases(house.directory)
        assert len(found) == len(mails) == 24
        assert [c["opened_at"] for c in found] == sorted(c["opened_at"] for c in found)
        for case in found:
            mail = mails[case["mail_message_id"]]
            assert mail.subject == case["subject"]
            assert " ".join(mail.text.split()).find(case["excerpt"][:60]) >= 0
            assert not mail.auto_submitted and not mail.warnings
            assert case["kind"] in PRODUCT_KINDS
            assert case["trouble_since"] <= case["opened_at"]

    async def test_all_languages_are_written_and_told_apart(self, house: House) -> None:
        told: Counter[str] = Counter()
        for case in cases(house.directory):
            told[case["language"]] += mail_of(house, case["account"]).language == case["language"]
        assert set(told) == set(LANGUAGES)
        assert sum(told.values()) >= 22

    async def test_most_come_from_the_address_on_record(self, house: House) -> None:
        on_record = 0
        for case in cases(house.directory):
            account, mail = house.record(case["account"]).account, mail_of(house, case["account"])
            addresses = {c.value for c in account.contacts if c.kind == "email"}
            on_record += mail.sender in addresses and mail.verified
            if mail.authenticity.dmarc == "fail":
                assert mail.sender in addresses, "only a mail in the client's name is refused by his domain"
        assert 14 <= on_record < 24

    async def test_an_impostor_never_passes_for_the_client(self, house: House) -> None:
        for one in (t for t in house.truth if t["scenario"] == "impostor"):
            mail, account = mail_of(house, one["account"]), house.record(one["account"]).account
            assert not (mail.verified and mail.sender in {c.value for c in account.contacts})


def sent(house: House, account: str, number: int, *, to: str = "", refs: str = "", automatic: bool = False) -> str:
    """Put a mail of support into `outgoing`, as the courier would; returns its Message-ID."""
    record = house.record(account).account
    first = mail_of(house, account)
    mail = EmailMessage()
    mail["From"] = f"{BRAND} <{SUPPORT}>"
    mail["To"] = to or first.sender
    mail["Subject"] = f"We need a few details [CS-{number}]"
    mail["Date"] = "Tue, 03 Mar 2026 14:10:00 +0000"
    mail["Message-ID"] = f"<ws.{record.id}.{number}@exchange.example>"
    mail["In-Reply-To"] = first.message_id
    mail["References"] = refs or first.message_id
    if automatic:
        mail["Auto-Submitted"] = "auto-replied"
    mail.set_content("Please tell us what happened.\n\nWhat did you see first?\n")
    box = house.directory / "mail" / "outgoing"
    (box / "tmp" / str(number)).write_bytes(mail.as_bytes())
    (box / "tmp" / str(number)).rename(box / "new" / str(number))
    return str(mail["Message-ID"])


def answers(house: House) -> list[Inbound]:
    return [m for m in inbox(house.directory) if m.in_reply_to]


class TestAnswers:
    async def test_an_answer_comes_after_a_while_and_threads(self, house: House) -> None:
        account = house.account_of("lost_phone")
        first = mail_of(house, account)
        asked = sent(house, account, 1)
        house.wait(0)
        assert not answers(house)
        house.wait(10)
        (answer,) = answers(house)
        assert answer.in_reply_to == asked
        assert answer.references == (first.message_id, asked)
        assert answer.sender == first.sender and answer.verified == first.verified
        assert answer.case_token == "CS-1" and answer.subject.lower().startswith("re:")
        language = house.record(account).account.language
        assert answer.language in (language, "?")
        # what was quoted is told from what was written
        assert "Please tell us what happened." in answer.full_text
        assert "Please tell us what happened." not in answer.text
        house.wait(60)
        assert len(answers(house)) == 1

    async def test_statements_come_in_turn_and_end(self, house: House) -> None:
        account = house.account_of("new_country")
        story_texts = []
        for number in range(1, 6):
            sent(house, account, number)
            house.wait(10)
            story_texts = [a.text for a in answers(house)]
        assert len(story_texts) == ANSWERS == 3
        assert len({t.split("\n\n")[1] for t in story_texts[:2]}) == 2
        with house.store.read() as tx:
            story = tx.story(account)
        assert story is not None
        assert 0 < len(story.client_says) <= 2 * ANSWERS

    async def test_a_machine_is_not_answered(self, house: House) -> None:
        account = house.account_of("lost_phone")
        sent(house, account, 1, automatic=True)
        house.wait(20)
        assert not answers(house)

    async def test_nobody_answers_for_a_stranger(self, house: House) -> None:
        sent(house, house.account_of("lost_phone"), 1, to="nobody@elsewhere.example")
        house.wait(20)
        assert not answers(house)

    async def test_who_reads_the_taken_mailbox_answers(self, house: House) -> None:
        account = house.account_of("mailbox_first")
        taken = next(c.value for c in house.record(account).account.contacts if c.kind == "email")
        sent(house, account, 1, to=taken)
        house.wait(20)
        (answer,) = answers(house)
        intruder = house.head(account).intruder
        assert intruder is not None and answer.sender == intruder.writes_from

    async def test_asked_at_his_address_the_client_disowns_the_impostor(self, house: House) -> None:
        account = house.account_of("impostor")
        own = next(c.value for c in house.record(account).account.contacts if c.kind == "email")
        sent(house, account, 1, to=own)
        house.wait(20)
        (answer,) = answers(house)
        assert answer.sender == own
        assert "did_not_write" in {s["code"] for t in house.truth if t["account"] == account for s in t["client_says"]}

    async def test_a_crash_between_noting_and_filing_answers_once(self, house: House) -> None:
        account = house.account_of("lost_phone")
        sent(house, account, 1)
        house.wait(0)
        box = house.directory / "mail" / "outgoing"
        (box / "cur" / "1:2,S").rename(box / "new" / "1")  # as if it had been killed before it filed the mail
        house.wait(20)
        assert len(answers(house)) == 1
        with house.store.write(house.now_us, random.Random(0)) as tx:
            tx.sql.execute("UPDATE letter SET delivered = 0")
        house.wait(1)
        assert len(answers(house)) == 1 and len(inbox(house.directory)) == 25

    async def test_the_couriers_own_mails_are_answered(self, house: House) -> None:
        account = house.account_of("false_positive_lock")
        first = mail_of(house, account)
        row = OutRow(
            id=1, case_ref="CS-7", message_id="<ws.00000000000000000000000000000007@exchange.example>",
            recipient=first.sender, subject="Ihre Sache", body="Guten Tag,\n\nwas ist geschehen?\n", language="de",
            in_reply_to=first.message_id, refs=first.message_id, created=house.clock.now(),
        )  # fmt: skip
        sender = Sender(brand=BRAND, address=SUPPORT, authserv=MX)
        letter = build(row, house=sender, now=house.clock.now(), key=b"k" * 32)
        await MaildirMailbox(house.directory / "mail").send(letter.raw, letter.recipient)
        house.wait(20)
        (answer,) = answers(house)
        assert answer.in_reply_to == row.message_id and answer.case_token == "CS-7" and answer.token_tag
        assert await MaildirMailbox(house.directory / "mail").sent(row.message_id)
