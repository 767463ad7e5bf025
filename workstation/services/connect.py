"""From settings and credentials to a desk: the one place where the product is put together.

Everything heavy is imported here and below, so the first frame is painted before it.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Protocol

import psycopg

from workstation.services.accounts.ports import AccountReader, RiskReader
from workstation.services.acts.attending import Vetoes
from workstation.services.acts.control import AccountControl
from workstation.services.acts.idtoken import TokenJudge
from workstation.services.acts.proofs import Verifier
from workstation.services.acts.signin import BrowserSignIn
from workstation.services.acts.stepup import Devices, StepUp, plugged_in
from workstation.services.bench.tools import Tools
from workstation.services.clock import Clock
from workstation.services.connectors.accounts.contract import ContractAccounts
from workstation.services.connectors.control.contract import ContractControl
from workstation.services.connectors.endpoint import Endpoint
from workstation.services.connectors.http import HttpSystem, StaticToken, Surroundings
from workstation.services.connectors.identity.openid import OpenIdProvider
from workstation.services.connectors.logs.access import secret_names
from workstation.services.drafts import Drafts
from workstation.services.errors import NotSignedIn
from workstation.services.mail.ports import House, Mailbox
from workstation.services.reading.sight import Direct, Purposes, Sight, Tickets
from workstation.services.store.session import Session, convert
from workstation.services.timeline.imported import ImportedEvents
from workstation.services.timeline.related import Sharing
from workstation.services.timeline.source import EventSource
from workstation.services.timelines import Timelines
from workstation.services.views import Person
from workstation.services.workbench import Workbench
from workstation.services.world import World
from workstation.settings import MailSettings, ProviderSettings, Settings

if TYPE_CHECKING:
    from workstation.services.reading.cabinet import Cabinet


class Secrets(Protocol):
    """Where credentials are: the vault, a daemon's credentials directory, or the demo's own."""

    async def get(self, name: str) -> str | None:
        """Return a secret by name, or None."""
        ...


async def secret(secrets: Secrets, name: str, what: str) -> str:
    """Return a secret that must be there.

    Raises:
        NotSignedIn: it is not; the sentence says where it was looked for.
    """
    found = await secrets.get(name)
    if found is None:
        raise NotSignedIn(f"{what} is not in the keyring ({name}).", "Put it there with `workstation login`.")
    return found


def house_of(mail: MailSettings) -> House:
    """Return who we are in mail."""
    return House(brand=mail.brand, address=mail.address, authserv=mail.authserv, hosts=frozenset(mail.hosts))


def store_conninfo(url: str, login: str, password: str) -> str:
    """Return the libpq connection string of a person or daemon."""
    return psycopg.conninfo.make_conninfo(url, user=login, password=password)


#: What is read with: by the reader, or, without one, by each workstation. The write credential is the broker's alone.
READ_TOKENS = ("accounts:read", "logs:read", "risk:read")


def read_names(settings: Settings) -> tuple[str, ...]:
    """Return every name under which a read token of these settings may be kept."""
    own = (name for log in settings.logs for name in secret_names(log))
    return tuple(dict.fromkeys((*READ_TOKENS, *own)))


async def read_tokens(settings: Settings, secrets: Secrets) -> dict[str, str]:
    """Return the read tokens that the settings need, each under the first of its names that has one.

    Raises:
        NotSignedIn: one is missing.
    """
    needed = [("accounts:read",), *filter(None, map(secret_names, settings.logs))]
    needed += [("risk:read",)] if settings.risk.kind == "contract" else []
    found: dict[str, str] = {}
    for names in dict.fromkeys(needed):
        *firsts, last = names
        for name in firsts:
            if (own := await secrets.get(name)) is not None:
                found[name] = own
                break
        else:
            found[last] = await secret(secrets, last, f"The read token {' or '.join(names)}")
    return found


async def open_session(settings: Settings, secrets: Secrets, login: str) -> tuple[Session, Person]:
    """Sign `login` in to the store.

    Raises:
        NotSignedIn, StoreError, KeyringUnavailable: with what to do.
    """
    password = await secret(secrets, f"store:{login}", f"The store password of {login}")
    session = Session(store_conninfo(settings.store.url, login, password))
    try:
        return session, convert(await session.open(), Person)
    except BaseException:
        await session.aclose()
        raise


async def open_desk(
    settings: Settings,
    secrets: Secrets,
    login: str,
    clock: Clock,
    *,
    drafts_dir: Path,
    devices: Devices = plugged_in,
    touch: Callable[[], bool] | None = None,
) -> Workbench:
    """Sign in and put the desk together.

    Args:
        settings: addresses.
        secrets: where the person's credentials are.
        login: who signs in.
        clock: now.
        drafts_dir: where drafts are journalled.
        devices: where security keys come from.
        touch: demo only.

    Raises:
        NotSignedIn, StoreError, KeyringUnavailable: with what to do.
    """
    tokens = {} if settings.reader.url else await read_tokens(settings, secrets)
    session, person = await open_session(settings, secrets, login)
    view = (
        _through_reader(settings, session, clock)
        if settings.reader.url
        else _directly(settings, session, tokens, clock)
    )
    key = await secrets.get("drafts:key")
    return Workbench(
        Tools(
            person=person,
            session=session,
            accounts=view.accounts,
            risk=view.risk,
            timelines=Timelines(
                settings, tokens, sources_of(settings), session, view.tickets, drafts_dir.parent / "spill"
            ),
            purposes=view.purposes,
            sight=view.sight,
            clock=clock,
            house=house_of(settings.mail),
            step_up=StepUp(session, settings.step_up.rp_id, devices, sign_in_of(settings, clock)),
            drafts=await asyncio.to_thread(Drafts, drafts_dir / login, bytes.fromhex(key), clock) if key else None,
            touch=touch,
            sharing=view.sharing,
            column_sets=settings.timeline.columns,
        )
    )


class _View(NamedTuple):
    """How a workstation sees the outside."""

    accounts: AccountReader
    risk: RiskReader | None
    purposes: Purposes
    sight: Sight
    tickets: Tickets
    sharing: Sharing


def _directly(settings: Settings, session: Session, tokens: dict[str, str], clock: Clock) -> _View:
    """Read with tokens of this machine: for one person's installation (`workstation doctor` says what it weakens)."""
    world, purposes = World(settings, clock, tokens), Purposes()
    accounts = world.accounts()

    tickets = Tickets(session, purposes)
    sight = Direct(session, accounts, tickets, clock)
    return _View(accounts, world.risk(), purposes, sight, tickets, world.sharing())


def _through_reader(settings: Settings, session: Session, clock: Clock) -> _View:
    """Read through the reader, with a view ticket for each account and without any credential."""
    from workstation.services.connectors.reader.accounts import ReaderAccounts
    from workstation.services.connectors.reader.client import ReaderClient
    from workstation.services.connectors.reader.risk import ReaderRisk
    from workstation.services.connectors.reader.sharing import ReaderSharing
    from workstation.services.connectors.reader.sight import ReaderSight

    purposes, surroundings = Purposes(), Surroundings(clock=clock, rng=random.SystemRandom())
    tickets = Tickets(session, purposes)
    client = ReaderClient(settings.reader, tickets, surroundings)
    risk = None if settings.risk.kind == "none" else ReaderRisk(client)
    sharing = ReaderSharing(client)
    return _View(ReaderAccounts(client), risk, purposes, ReaderSight(client), tickets, sharing)


def sources_of(settings: Settings) -> tuple[str, ...]:
    """Return the names of what a timeline is read from, in the order in which they are shown."""
    return (*(log.name for log in settings.logs), ImportedEvents.name)


def cabinet_of(settings: Settings, tokens: dict[str, str], imported: ImportedEvents, clock: Clock) -> Cabinet:
    """Return the systems behind the reader. Only the reader's process calls this."""
    from workstation.services.reading.cabinet import Cabinet

    world = World(settings, clock, tokens)
    sources: dict[str, EventSource] = {source.name: source for source in world.logs()}
    return Cabinet(world.accounts(), world.risk(), {**sources, imported.name: imported}, clock, world.sharing())


def provider_of(chosen: ProviderSettings, clock: Clock) -> OpenIdProvider:
    """Return the staff's identity provider. Raises Invalid for an address that we do not talk to."""
    surroundings = Surroundings(clock=clock, rng=random.SystemRandom())
    return OpenIdProvider(chosen.issuer, chosen.client_id, surroundings, chosen.ca_file)


def sign_in_of(settings: Settings, clock: Clock) -> BrowserSignIn | None:
    """Return how people sign in at their identity provider; None where none is configured."""
    chosen = settings.step_up.provider
    return BrowserSignIn(provider_of(chosen, clock), chosen.acr) if chosen else None


def verifier_of(settings: Settings, wrapping_key: bytes, clock: Clock) -> Verifier:
    """Return what judges step-up proofs. Only the broker's process calls this."""
    chosen = settings.step_up.provider
    tokens = TokenJudge(provider_of(chosen, clock), chosen.acr, chosen.max_age_s) if chosen else None
    return Verifier(settings.step_up.rp_id, wrapping_key, tokens)


def control_of(settings: Settings, tokens: dict[str, str], surroundings: Surroundings) -> AccountControl:
    """Return the account system with the write credential. Only the broker's process calls this."""
    chosen = settings.accounts
    if chosen.kind == "keycloak":
        from workstation.services.connectors.keycloak.wiring import control

        return control(chosen, tokens["accounts:read"], tokens["accounts:write"], surroundings)
    endpoint = Endpoint(name="account API", url=chosen.url, ca_file=chosen.ca_file)
    reader = ContractAccounts(HttpSystem(endpoint, StaticToken(tokens["accounts:read"]), surroundings))
    return ContractControl(HttpSystem(endpoint, StaticToken(tokens["accounts:write"]), surroundings), reader)


def vetoes_of(settings: Settings, tokens: dict[str, str], seed: bytes, surroundings: Surroundings) -> Vetoes:
    """Return how clients are told of what waits and how they stop it. Only the broker's process calls this.

    Args:
        settings: addresses.
        tokens: of the broker; answers are read with the write token, which nobody else has.
        seed: the broker's key, 32 bytes.
        surroundings: clock and chance of the connectors.
    """
    from workstation.services.acts.telling import warner
    from workstation.services.acts.veto import Links
    from workstation.services.connectors.control.vetoes import ContractVetoes

    chosen = settings.veto
    contract = settings.accounts.kind == "contract"
    url = chosen.url or (settings.accounts.url if contract else "")
    answers = None
    if chosen.page and url:
        ca_file = chosen.ca_file or (settings.accounts.ca_file if contract else None)
        endpoint = Endpoint(name="veto page", url=url, ca_file=ca_file)
        answers = ContractVetoes(HttpSystem(endpoint, StaticToken(tokens["accounts:write"]), surroundings))
    # A link whose answer nobody reads would be a promise that is not kept.
    links = Links(seed, chosen.page if answers is not None else "")
    return Vetoes(warner(house_of(settings.mail)), links, answers)


async def mailbox_of(mail: MailSettings, secrets: Secrets) -> Mailbox:
    """Return the mailbox of the settings. Only the courier's process calls this."""
    if mail.kind == "maildir":
        from workstation.services.connectors.mailboxes.maildir import MaildirMailbox

        return MaildirMailbox(Path(mail.directory))
    from workstation.services.connectors.mailboxes.imap_smtp import ImapSmtpMailbox, Server

    password = await secret(secrets, f"mail:{mail.user}", f"The mailbox password of {mail.user}")
    return ImapSmtpMailbox(
        imap=Server(host=mail.imap_host, port=mail.imap_port, security=mail.imap_security),
        smtp=Server(host=mail.smtp_host, port=mail.smtp_port, security=mail.smtp_security),
        sender=mail.address,
        user=mail.user,
        secret=lambda: password,
    )
