"""A page to leads is mail of the house: it goes out, carries no case, and is in no client's thread."""

from __future__ import annotations

import email
from datetime import UTC, datetime
from email import policy

from tests.people.staff import REASON, Staff
from tests.rules.installation import answer
from workstation.services.mail.message import build
from workstation.services.mail.ports import House, OutRow


def test_the_courier_sends_it(staff: Staff) -> None:
    case = staff.ws.case("PAGED")
    desk = staff.elevated("david")
    answer(desk, "SELECT ws.claim_case(%s, '')", case)
    assert answer(desk, "SELECT ws.break_glass(%s, 'INC-9', %s)", case, REASON)["paged"] == 2
    staff.su.execute("UPDATE wsd.mail SET state = 'recalled' WHERE case_id IS NOT NULL AND state = 'queued'")
    courier = staff.ws.connect("ws_courier")
    house = House(brand="Example", address="support@exchange.example", authserv="", hosts=frozenset())
    recipients = set()
    for _ in range(2):
        (row,) = courier.execute("SELECT * FROM ws.outbox_claim()").fetchall()
        number, ref, message_id, recipient, subject, body, language, parent, refs, created = row
        assert ref == ""
        letter = build(
            OutRow(
                id=number,
                case_ref=ref,
                message_id=message_id,
                recipient=recipient,
                subject=subject,
                body=body,
                language=language,
                in_reply_to=parent,
                refs=refs,
                created=created,
            ),
            house=house,
            now=datetime(2026, 5, 1, tzinfo=UTC),
            key=b"k" * 32,
        )
        mail = email.message_from_bytes(letter.raw, policy=policy.default)
        assert str(mail["Subject"]).startswith("Break-glass: INC-9, CS-")
        assert mail["X-Workstation-Case"] is None
        assert REASON not in mail.get_content(), "what is said of a client stays in the workstation"
        courier.execute("SELECT ws.outbox_settle(%s, 'sent', '')", (number,))
        recipients.add(recipient)
    assert recipients == {"fay@exchange.example", "gina@exchange.example"}
    answer(desk, "SELECT ws.open_case(%s)", case)
    assert [m for m in answer(desk, "SELECT ws.thread(%s)", case) if m["recipient"] in recipients] == []
