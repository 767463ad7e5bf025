"""Mail at the desk: the thread, templates, the linter, sending and recalling, drafts."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any

import msgspec

from workstation.services.accounts.model import Account, Contact
from workstation.services.bench.tools import Tools
from workstation.services.errors import Refused, SourceError
from workstation.services.mail import linter, templates
from workstation.services.mail.address import same
from workstation.services.mail.authenticity import vouched
from workstation.services.mail.message import draft_hash, message_id
from workstation.services.reading.sight import NAME_HOLE, Addressee
from workstation.services.store.session import convert
from workstation.services.text import mask_email
from workstation.services.views import MailMessage, Template

#: What the templates promise as the time to an answer, in hours.
REPLY_H = 24


class MailDesk:
    """Mail to the address on record, and what came from anywhere."""

    tools: Tools

    async def thread(self, case: int) -> tuple[MailMessage, ...]:
        """Return the mails of the case, oldest first; addresses masked."""
        # Which of them came from the address on record: the store can say it once it knows that address.
        with contextlib.suppress(Refused, SourceError):
            await self._addressee(case)
        rows = await self.tools.session.call("thread", case)
        if all("from_record" in row for row in rows):
            return tuple(_message(row, None) for row in rows)
        account = await self.tools.account_of(case)
        return tuple(_message(row, account.address_on_record(self.tools.of(case)[1])) for row in rows)

    async def templates(self, case: int) -> tuple[Template, ...]:
        """Return the templates for the case in the client's language, holes filled where known."""
        account = await self.tools.account_of(case)
        addressee = await self._addressee(case)
        values = {
            "name": addressee.name if addressee else "",
            "ref": await self._ref(case),
            "brand": self.tools.house.brand,
            "hours": str(REPLY_H),
        }
        language = await self._language(case, account)
        return tuple(templates.render(key, language, values) for key in templates.TITLES)

    async def check_mail(self, case: int, subject: str, body: str) -> tuple[str, ...]:
        """Return what keeps this text from being sent, in sentences."""
        account = await self.tools.account_of(case)
        return self._check(subject, body, account, await self._language(case, account))

    async def send_mail(self, case: int, subject: str, body: str, template: str = "") -> MailMessage:
        """Queue a mail to the address on record; the recipient is frozen now."""
        account = await self.tools.account_of(case)
        language = await self._language(case, account)
        found = self._check(subject, body, account, language)
        if found:
            raise Refused("mail_linter", " ".join(found), "Correct the text and send again.")
        recipient = await self._recipient(case)
        ref = await self._ref(case)
        sequence = len(await self.tools.session.call("thread", case)) + 1
        draft = draft_hash(recipient.address or recipient.masked, subject, body)
        row = await self.tools.session.call(
            "send_mail",
            case,
            message_id(ref, sequence, draft, self.tools.house.domain),
            recipient.address,
            subject,
            body,
            language,
        )
        return _message(row, None)

    async def recall_mail(self, mail: int) -> bool:
        """Take a queued mail back; False when it is already on its way."""
        answer = await self.tools.session.call("recall_mail", mail)
        return bool(answer["recalled"])

    async def save_draft(self, case: int, kind: str, text: str) -> None:
        """Journal what is being typed, on the local disk."""
        drafts = self.tools.drafts
        if drafts is None:
            return
        if text.strip():
            await asyncio.to_thread(drafts.save, case, kind, text)
        else:
            await asyncio.to_thread(drafts.discard, case, kind)

    async def draft(self, case: int, kind: str) -> str:
        """Return the journalled draft, or an empty string."""
        return await asyncio.to_thread(self.tools.drafts.load, case, kind) if self.tools.drafts else ""

    def _check(self, subject: str, body: str, account: Account, language: str) -> tuple[str, ...]:
        if self.tools.sight.fills_name:
            body = body.replace(NAME_HOLE, "")
        return linter.check(subject, body, account=account, language=language, hosts=self.tools.house.hosts)

    async def _addressee(self, case: int) -> Addressee | None:
        account, since = self.tools.of(case)
        return await self.tools.sight.addressee(case, account, since)

    async def _recipient(self, case: int) -> Addressee:
        found = await self._addressee(case)
        if found is None:
            raise Refused(
                "no_address",
                "No address of this client was verified before the trouble began.",
                "Reach the client by telephone or forward the case; do not answer the sender.",
            )
        return found

    async def _ref(self, case: int) -> str:
        rows = await self.tools.session.call("case_rows", [case])
        return str(rows[0]["ref"])

    async def _language(self, case: int, account: Account) -> str:
        rows = await self.tools.session.call("case_rows", [case])
        return str(rows[0]["language"] or account.language or "en")


def _message(row: dict[str, Any], record: Contact | None) -> MailMessage:
    """Return a mail as it is shown; `record` is the address on record where this process may know it."""
    message = convert(row, MailMessage)
    # With a reader in the house the store has compared, and what is here is masked.
    known = message.from_record if "from_record" in row else bool(record and same(message.sender, record.value))
    return msgspec.structs.replace(
        message,
        from_record=known and vouched(message.authenticity),
        sender=mask_email(message.sender) if message.sender else "",
        recipient=mask_email(message.recipient) if message.recipient else "",
    )
