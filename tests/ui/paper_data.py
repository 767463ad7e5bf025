"""A small world on paper: people, cases, an account, its events; hostile wherever a client can write."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta

from workstation.services.accounts.model import (
    Account,
    Contact,
    ContactKind,
    Factor,
    Hold,
    Lock,
    LockKind,
    Risk,
    RiskReason,
    Session,
    Standing,
    Status,
)
from workstation.services.clock import to_micros
from workstation.services.timeline.event import Event, Outcome
from workstation.services.timeline.source import Gap, SourceState
from workstation.services.views import (
    Alert,
    AuditRow,
    CaseRow,
    Label,
    Look,
    MailMessage,
    Mark,
    Note,
    Option,
    Person,
    Pin,
    Procedure,
    Proof,
    ProofNeed,
    Reveal,
    Review,
    SourceLine,
    Step,
    Template,
    WhyNot,
)

NOW = datetime(2025, 11, 3, 14, 2, 10, tzinfo=UTC)
#: Texts that a terminal, a markup reader or an eye would obey.
HOSTILE = (
    "\x1b]0;OWNED\x07\x1b]2;OWNED\x07",
    "\x1b]52;c;UFdORUQ=\x07",
    "\x1b]8;;https://evil.example\x1b\\safe\x1b]8;;\x1b\\",
    "[@click=app.leave]Invoice overdue[/]",
    "[@click=app.simulate_key('n')]press me[/]",
    "[/foo] [true, false] [link=https://evil.example]x[/link]",
    "\x1b[2J\x1b[1;1H\x1b[31mred\x9b31m\x90q\x9c",
    "invoice\u202efdp.exe\u2066x\u2069\u200b\u061c",
    "e\u0301\u0302\u0303\u0304\u0305\u0306\u0307 zalgo \u0338\u0338\u0338\u0338",
    "王小明の口座 👩\u200d👩\u200d👧 ａｂｃ ไทย עברית العربية",
    "a\x00b\nc\rd\te\x7f\u2028f",
    "=cmd|'/c calc'!A0",
    "x" * 3_000,
)

PEOPLE: dict[str, Person] = {
    "ana.k": Person(
        login="ana.k",
        person_id="p1",
        name="Ana Kovač",
        level=1,
        role="analyst",
        team="emea",
        languages=("pt", "en", "de"),
    ),
    "joao.m": Person(
        login="joao.m", person_id="p2", name="João Martins", level=2, role="analyst", team="emea", languages=("pt",)
    ),
    "mia.s": Person(
        login="mia.s", person_id="p3", name="Mia Sørensen", level=3, role="analyst", team="emea", languages=("en", "de")
    ),
    "lea.d": Person(
        login="lea.d", person_id="p4", name="Léa Dubois", level=3, role="lead", team="emea", languages=("fr",)
    ),
}

_KINDS = (
    "account_takeover",
    "second_factor_lost",
    "access_lost",
    "withdrawal_hold",
    "settings_lock",
    "contact_change",
    "phishing_report",
    "other",
)
_WHY = (
    ("new device + withdrawal 2.1 BTC", "deadline in 18 min"),
    ("first reply due",),
    ("waiting 3 h",),
    ("your language", "waiting 2 h"),
    ("high balance",),
    ("contact changed twice",),
)
_SUBJECTS = (
    "Someone withdrew from my account, I did not",
    "I lost my phone and cannot sign in",
    "Passwort vergessen und E-Mail geändert",
    "Não consigo levantar os meus fundos",
    "My settings are locked for 30 days?",
    "Please change my e-mail address",
    "出金できません。助けてください",
    "Is this mail from you?",
)
_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


def account_id(n: int) -> str:
    """Return the n-th account id."""
    if n == 0:
        return "AA71N84G"
    digest = hashlib.sha256(f"account {n}".encode()).digest()
    return "AA" + "".join(_ALPHABET[byte % 32] for byte in digest[:6])


def case_row(n: int, hostile: bool = True) -> CaseRow:
    """Return the n-th case of the queue."""
    risk = (92, 71, 22, 64, 38, 55, None, 12, 80, 5)[n % 10]
    due = NOW + timedelta(minutes=(18, 41, 130, -12, 300, 1500, 95, 20)[n % 8] + n * 3)
    bad = HOSTILE[n % len(HOSTILE)] if hostile and n >= 8 else ""
    return CaseRow(
        id=48_213 - n * 7,
        ref=f"CS-{48_213 - n * 7}",
        kind=_KINDS[n % len(_KINDS)],
        account=account_id(n),
        status="open",
        language=("pt", "de", "en", "pt", "fr", "en", "ja", "en")[n % 8],
        risk=risk,
        funds_usd=None if n % 4 == 3 else float(180_000 // (n + 1)),
        opened_at=NOW - timedelta(minutes=40 + n * 11),
        due_at=None if n % 11 == 10 else due,
        why=_WHY[n % len(_WHY)],
        subject=f"{_SUBJECTS[n % len(_SUBJECTS)]} {bad}".strip(),
        excerpt=f"Hello, since this morning I see a withdrawal that I did not make. Please stop it. {bad}".strip(),
        holder="joao.m" if n in (2, 9) else None,
        holder_name="João" if n in (2, 9) else "",
        lease_until=NOW + timedelta(minutes=10) if n in (2, 9) else None,
        escalated_to=None,
        waiting_since=NOW - timedelta(hours=5) if n % 9 == 6 else None,
        version=1,
    )


def account(n: int = 0) -> Account:
    """Return the n-th account as a desk shows it: contacts and name masked."""
    day = timedelta(days=1)
    return Account(
        id=account_id(n),
        etag="v7",
        status=Status.ACTIVE,
        name="M•••• S••••",
        username="m••••",
        language="pt",
        country="PT",
        created_at=NOW - 2300 * day,
        kyc_level=3,
        balance_usd=214_380.0,
        contacts=(
            Contact(kind=ContactKind.EMAIL, value="m••••@proton.me", verified_at=NOW - 2300 * day),
            Contact(kind=ContactKind.PHONE, value="••••42", verified_at=NOW - 700 * day),
        ),
        locks=(
            Lock(
                id="l-1", kind=LockKind.SECURITY, set_at=NOW - day / 4, reason="risk engine: new device and withdrawal"
            ),
        ),
        holds=(
            Hold(
                id="h-1",
                kind="withdrawal",
                set_at=NOW - day / 4,
                reason="48 h after a factor was removed",
                until=NOW + 2 * day,
            ),
        ),
        factors=(
            Factor(id="f-1", kind="totp", label="Pixel 7", enrolled_at=NOW - 400 * day),
            Factor(id="f-2", kind="passkey", label="MacBook [/b] \x1b]0;x\x07", enrolled_at=NOW - day / 3),
        ),
        sessions=(Session(id="s-9", started_at=NOW - day / 3, ip="185.220.101.7", device="d-77", country="NL"),),
        standing=(Standing(id="w-1", kind="withdrawal_address", label="bc1q…x9f4", created_at=NOW - day / 3),),
    )


def risk() -> Risk:
    """Return the risk of the account."""
    return Risk(
        score=92.0,
        scale="0-100",
        level="high",
        computed_at=NOW - timedelta(hours=7),
        reasons=(
            RiskReason(code="new_device", text="new device and country", points=40),
            RiskReason(code="factor_removed", text="second factor removed", points=30),
            RiskReason(code="withdrawal", text="withdrawal address added", points=22),
        ),
    )


def events(count: int = 180) -> tuple[Event, ...]:
    """Return events newest first: an intrusion at the end of an ordinary history, hostile texts among it."""
    start = NOW - timedelta(hours=8)
    found = [_intrusion(n, start) for n in range(12)]
    day = timedelta(days=1)
    for n in range(count - 12):
        at = start - timedelta(hours=2) - n * day / 3
        bad = HOSTILE[n % len(HOSTILE)] if n % 7 == 5 else ""
        found.append(_event(f"e-{n:04}", at, ("login", "login", "trade", "login", "logout")[n % 5], n, bad))
    return tuple(sorted(found, key=lambda event: -event.time_us))


def _event(key: str, at: datetime, action: str, n: int, bad: str) -> Event:
    outcome = Outcome.FAILURE if n % 13 == 4 else (Outcome.UNKNOWN if n % 17 == 3 else Outcome.SUCCESS)
    raw = f'{{"id":"{key}","action":"{action}","agent":"{bad}"}}'.encode()
    agent = bad or "Mozilla/5.0 (Linux; Android 14) Mobile"
    return Event(
        id=key,
        time_us=to_micros(at),
        source="signin-log",
        action=f"{action}{' ' + bad if n % 14 == 5 else ''}",
        category="authentication",
        outcome=outcome,
        account=account_id(0),
        actor=account_id(0),
        ip="85.243.10.4",
        country="PT",
        city="Lisboa",
        asn="AS2860",
        as_org="NOS",
        user_agent=agent,
        device="d-12",
        session=f"s-{n // 4}",
        raw=raw,
    )


def _intrusion(n: int, start: datetime) -> Event:
    steps = (
        "login",
        "login",
        "login",
        "second_factor.removed",
        "passkey.enrolled",
        "api_key.created",
        "withdrawal_address.added",
        "settings.viewed",
        "withdrawal.requested",
        "withdrawal.held",
        "support.mail",
        "login",
    )
    action = steps[n]
    target = {3: "totp", 4: "MacBook", 6: "bc1qar0srrr7xfkvy5l643lydnw9re59gtzzx9f4", 8: "2.1 BTC"}.get(n, "")
    outcome = Outcome.FAILURE if n in (0, 1) else Outcome.SUCCESS
    return Event(
        id=f"i-{n:02}",
        time_us=to_micros(start + timedelta(minutes=2 * n, seconds=3 * n)),
        source="signin-log" if n < 3 else "account-log",
        action=action,
        category="iam",
        outcome=outcome,
        account=account_id(0),
        actor=account_id(0),
        ip="185.220.101.7",
        country="NL",
        city="Amsterdam",
        asn="AS9009",
        as_org="M247",
        user_agent="python-requests/2.31",
        device="d-77",
        session="s-9",
        target=target,
        raw=f'{{"id":"i-{n:02}","action":"{action}","ip":"185.220.101.7","target":"{target}"}}'.encode(),
    )


def gaps() -> tuple[Gap, ...]:
    """Return a span that one source could not tell about."""
    since, until = to_micros(NOW - timedelta(hours=8, minutes=10)), to_micros(NOW - timedelta(hours=7, minutes=50))
    return (
        Gap(
            source="chain-watch", since_us=since, until_us=until, why="no answer within 10 s", hint="ctrl+r asks again"
        ),
    )


def source_lines(count: int) -> tuple[SourceLine, ...]:
    """Return the state of three sources."""
    return (
        SourceLine(name="signin-log", state=SourceState.LIVE, events=count - 9),
        SourceLine(name="account-log", state=SourceState.LIVE, events=9),
        SourceLine(name="chain-watch", state=SourceState.FAILED, events=0, why="no answer within 10 s"),
    )


def marks() -> tuple[Mark, ...]:
    """Return what the rules found."""
    return (
        Mark(
            rule="takeover.factor_then_withdrawal",
            title="factor removed, then a withdrawal address",
            severity="high",
            why="second factor removed and an address added within 6 minutes from a new network",
            innocent="the owner moved to a new phone abroad",
            events=("i-03", "i-06"),
        ),
        Mark(
            rule="novelty.country",
            title="first time from NL",
            severity="medium",
            why="no event of the last 90 days came from NL",
            innocent="travel or a VPN",
            events=("i-00",),
        ),
    )


def mails() -> tuple[MailMessage, ...]:
    """Return a thread with a mail from the address on record and one that pretends."""
    return (
        MailMessage(
            id=1,
            direction="in",
            state="received",
            at=NOW - timedelta(hours=6),
            sender="maria@proton.me",
            recipient="support@exchange.example",
            subject="Alguém levantou da minha conta",
            body="Bom dia,\n\nalguém levantou 2.1 BTC. Não fui eu.\n\nMaria",
            language="pt",
            from_record=True,
            authenticity="DKIM ✓ SPF ✓ DMARC ✓",
            attachments=("ecrã.png",),
        ),
        MailMessage(
            id=2,
            direction="in",
            state="received",
            at=NOW - timedelta(hours=5),
            sender="maria.s@proton-me.example",
            recipient="support@exchange.example",
            subject="URGENT unlock " + HOSTILE[0],
            body=f"Unlock now {HOSTILE[1]} {HOSTILE[3]}\n{HOSTILE[7]}",
            language="en",
            authenticity="DKIM ✗ DMARC ✗",
            attachments=("pdf\u202eexe.scr",),
        ),
    )


def templates() -> tuple[Template, ...]:
    """Return two templates in the client's language."""
    return (
        Template(
            key="ato.first",
            language="pt",
            title="First reply, takeover",
            subject="A sua conta está protegida",
            body="Olá Maria,\n\nbloqueámos a sua conta enquanto verificamos o que aconteceu.\n",
            english_subject="Your account is protected",
            english_body="Hello Maria,\n\nwe have locked your account while we find out what happened.\n",
        ),
        Template(
            key="ato.more",
            language="pt",
            title="Ask for a detail",
            subject="Precisamos de um detalhe",
            body="Olá Maria,\n\nquando usou o telemóvel pela última vez? {hole}\n",
            english_subject="We need a detail",
            english_body="Hello Maria,\n\nwhen did you last use your phone? {hole}\n",
        ),
    )


def procedure() -> Procedure:
    """Return the procedure of a takeover with two steps done."""
    done = NOW - timedelta(minutes=20)
    texts = (
        "Lock the account",
        "End all sessions",
        "Pin the first event of the intruder",
        "Label the intruder's device",
        "Write to the address on record",
        "Ask what the client did and saw",
        "Compare the claims with the log",
        "List what is left standing",
        "Commit to a verdict",
    )
    steps = tuple(
        Step(
            key=f"s{n}",
            text=text,
            needs_pin=n == 2,
            required=n != 5,
            done_by="ana.k" if n < 2 else "",
            done_at=done if n < 2 else None,
        )
        for n, text in enumerate(texts)
    )
    return Procedure(kind="account_takeover", version=7, title="Suspected takeover", steps=steps)


def pins() -> tuple[Pin, ...]:
    """Return one piece of evidence."""
    event = next(event for event in events() if event.id == "i-03")
    return (
        Pin(
            id=1,
            event_id=event.id,
            source=event.source,
            sha256=event.sha256,
            summary="second_factor.removed totp from NL AS9009",
            added_by="ana.k",
            added_at=NOW - timedelta(minutes=15),
        ),
    )


def labels() -> tuple[Label, ...]:
    """Return a device of the owner and one of the intruder."""
    return (
        Label(kind="device", value="d-77", verdict="intruder", by="ana.k"),
        Label(kind="device", value="d-12", verdict="owner", by="ana.k"),
    )


def notes() -> tuple[Note, ...]:
    """Return a colleague's note."""
    return (Note(id=1, by="joao.m", at=NOW - timedelta(hours=1), text=f"Called back, no answer.\n{HOSTILE[3]}"),)


def _blocked() -> tuple[WhyNot, ...]:
    """Return three reasons against a reset: one of the person, two of the account, one of which ends by itself."""
    return (
        WhyNot(code="level", what="Your level does not allow this.", do="Forward the case with a packet."),
        WhyNot(
            code="sim_swap",
            what="The client's SIM card was changed lately.",
            do="Whoever holds the number now may not be the client: wait, or protect the account.",
            until=NOW + timedelta(days=9, hours=3),
        ),
        WhyNot(
            code="evidence_missing",
            what="Evidence is missing: proofing.",
            do="Pin what shows it, and record what it proves.",
        ),
    )


def options(person: Person, proofs: tuple[Proof, ...] = (), blocked: bool = False) -> tuple[Option, ...]:
    """Return every act with whether `person` may ask for it; `blocked`: facts of the account stand against a reset."""
    loosen = person.level >= 2
    why = "" if loosen else "Level 1 protects; loosening takes Level 2 or a grant."
    hour = 3600.0
    return (
        Option(
            act="lock",
            title="Lock the account",
            effect="Nobody can sign in.",
            tier=0,
            loosening=False,
            reversible=True,
            approvals=0,
            cooldown_s=0,
            allowed=True,
            why_not="",
            needs_elevation=False,
        ),
        Option(
            act="freeze_withdrawals",
            title="Freeze withdrawals",
            effect="Funds cannot leave; the client can sign in.",
            tier=0,
            loosening=False,
            reversible=True,
            approvals=0,
            cooldown_s=0,
            allowed=True,
            why_not="",
            needs_elevation=False,
        ),
        Option(
            act="end_sessions",
            title="End all sessions",
            effect="Everybody is signed out.",
            tier=0,
            loosening=False,
            reversible=False,
            approvals=0,
            cooldown_s=0,
            allowed=True,
            why_not="",
            needs_elevation=False,
        ),
        Option(
            act="unlock",
            title="Unlock the account",
            effect="The client can sign in again.",
            tier=2,
            loosening=True,
            reversible=True,
            approvals=1,
            cooldown_s=0,
            allowed=loosen,
            why_not=why,
            needs_elevation=True,
        ),
        Option(
            act="remove_factor",
            title="Remove a second factor",
            effect="The factor is gone; the client enrols a new one.",
            tier=3,
            loosening=True,
            reversible=False,
            approvals=1,
            cooldown_s=24 * hour,
            allowed=loosen and not blocked,
            why_not=why,
            reasons=() if loosen and not blocked else _blocked()[loosen:],
            proof_needs=proof_needs("remove_factor", proofs),
            reason_codes=("LOST_DEVICE", "LOST_PASSKEY", "CLIENT_REQUEST_VERIFIED"),
            vetoable=True,
            hold_s=48 * hour,
            needs_elevation=True,
            params=(("f-1", "totp Pixel 7"), ("f-2", "passkey MacBook [/b]")),
            param_name="factor",
        ),
        Option(
            act="remove_client_lock",
            title="Remove the client's own lock",
            effect="–",
            tier=4,
            loosening=True,
            reversible=False,
            approvals=2,
            cooldown_s=0,
            allowed=False,
            why_not="Nobody may: the client's own lock binds staff too.",
            needs_elevation=True,
        ),
    )


def proof_needs(act: str, proofs: tuple[Proof, ...]) -> tuple[ProofNeed, ...]:
    """Return the needs of a tier-3 act, and which of them `proofs` meet."""
    if act != "remove_factor":
        return ()
    have = {proof.proof_class for proof in proofs}
    needs = (("proofing",), ("possession", "callback"))
    return tuple(ProofNeed(any_of=classes, met=bool(have & set(classes))) for classes in needs)


def alerts() -> tuple[Alert, ...]:
    """Return what a lead must see: one over budget, one who looked at a colleague."""
    return (
        Alert(
            id=2,
            at=NOW - timedelta(minutes=3),
            kind="view_budget",
            about="joao.m",
            about_name="João Martins",
            case_id=None,
            text="João Martins opened 31 accounts within an hour; the 31st was refused.",
        ),
        Alert(
            id=1,
            at=NOW - timedelta(hours=2),
            kind="colleague_account",
            about="ana.k",
            about_name="Ana Kovač",
            case_id=48_213,
            text=f"Ana Kovač opened the account of a colleague: {HOSTILE[3]}",
        ),
    )


def looks(account: str) -> tuple[Look, ...]:
    """Who looked at an account: the analyst of the case, and somebody for a reason of his own."""
    return (
        Look(
            id=2,
            account=account,
            login="joao.m",
            name="João M.",
            level=1,
            role="analyst",
            kind="reason",
            case_id=None,
            case_ref="",
            reason="He rang twice and I wanted to see whether there is a case.",
            first_at=NOW - timedelta(hours=2),
            last_at=NOW - timedelta(hours=2),
            looked=("account", "events sign-in log"),
        ),
        Look(
            id=1,
            account=account,
            login="ana.k",
            name="Ana K.",
            level=1,
            role="analyst",
            kind="case",
            case_id=48_213,
            case_ref="CS-48213",
            reason="",
            first_at=NOW - timedelta(hours=5),
            last_at=NOW - timedelta(hours=4),
            looked=("account", "risk", "events sign-in log", "pin sign-in log e-17"),
            reveals=(Reveal(field="email", reason="The client rang and I compare.", at=NOW - timedelta(hours=4)),),
        ),
    )


def reviews() -> tuple[Review, ...]:
    """Return broken glass that waits to be judged."""
    return (
        Review(
            id=1,
            login="mia.s",
            name="Mia Sørensen",
            case_id=48_213,
            case_ref="CS-48213",
            incident="INC-7781",
            reason="Our own lock keeps a hospital from paying its staff tonight; nobody else is on shift.",
            drill=False,
            started_at=NOW - timedelta(hours=3),
            due_at=NOW + timedelta(hours=21),
            late=False,
            acts=("unlock on AA71 N84G, executed 11:04Z",),
        ),
    )


def audit_rows(count: int = 60) -> tuple[AuditRow, ...]:
    """Return audit records newest first."""
    kinds = (
        ("case.open", "ok"),
        ("account.read", "ok"),
        ("act.request", "denied"),
        ("mail.send", "ok"),
        ("label", "ok"),
    )
    return tuple(
        AuditRow(
            chain="ana.k",
            seq=count - n,
            at=NOW - timedelta(minutes=3 * n),
            actor=("ana.k", "joao.m", "mia.s")[n % 3],
            level=1 + n % 3,
            event=kinds[n % 5][0],
            outcome=kinds[n % 5][1],
            object=f"CS-{48_213 - n * 7}",
            payload=f'{{"why": "{HOSTILE[n % len(HOSTILE)][:200]}"}}',
            hash=hashlib.sha256(str(n).encode()).hexdigest(),
        )
        for n in range(count)
    )
