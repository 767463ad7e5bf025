"""How accounts are taken over, as published cases tell it; each names its source.

What the owner does is not hostile, nor is what staff were talked into: those steps are the intruder's all the same and
are marked so, because an analyst would put them into the intruder's lane.
"""

from __future__ import annotations

from bench.strangers import world
from bench.strangers.lives import Life
from bench.strangers.world import DAY, HOUR, MINUTE, NOW_US, Seat


def _begin(life: Life) -> int:
    """Return when the intruder comes; before it the owner's life, which goes on behind him."""
    at = NOW_US - life.rng.randint(6, 40) * HOUR - life.rng.randint(0, 59) * MINUTE
    life.live(at - HOUR)
    if life.rng.random() < 0.5:
        life.visit(at + life.rng.randint(200, 340) * MINUTE, life.at_phone(at))
    return at


def settle(life: Life, at: int, seat: Seat, session: str, least: int = 1) -> int:
    """Stay: what intruders do to keep an account, and (where there is money) to empty it; return when it is done.

    MITRE ATT&CK: T1098.005 device or factor, T1098.001 keys, T1528 consent, T1114.003 forwarding, T1531 owner shut out.
    """
    rng = life.rng
    ways = ["factor_added", "key_made", "consent", "email_changed", "password_changed", "forwarding"]
    for kind in rng.sample(ways, rng.randint(least, 3)):
        at += rng.randint(1, 12) * MINUTE
        if kind == "factor_added" and life.ways.factor and rng.random() < 0.4:
            life.do(at - MINUTE // 2, "factor_removed", seat, session, hostile=True, factor=life.ways.factor)
        life.do(at, kind, seat, session, hostile=True, factor="totp", what="Backup Sync")
    if rng.random() < 0.6:
        at += rng.randint(2, 15) * MINUTE
        life.do(at, "payee", seat, session, hostile=True, what="bc1q" + world.token(rng, 20))
        life.do(at + 3 * MINUTE, "money", seat, session, hostile=True, what=life.steps[-1].what)
    return at


def credential_stuffing(life: Life) -> None:
    """A list of leaked passwords is tried, one fits (NYAG 2022; Okta 2024-04: from residential proxies)."""
    life.ways = life.ways._replace(factor="")
    at = _begin(life)
    for _ in range(life.rng.randint(1, 9)):
        life.do(at - life.rng.randint(1, 90) * MINUTE, "refused", life.stranger(at), hostile=True)
    seat = life.stranger(at)
    session = life.enter(at, seat, "", hostile=True)
    life.use(at + MINUTE, seat, session, life.rng.randint(1, 3), hostile=True)
    settle(life, at + 5 * MINUTE, seat, session)


def mfa_fatigue(life: Life) -> None:
    """Pushes until one is accepted (Uber 2022, Cisco 2022: then a device of the intruder's own is enrolled)."""
    life.ways = life.ways._replace(factor="push")
    at = _begin(life)
    seat = life.stranger(at)
    for n in range(life.rng.randint(3, 14)):
        life.do(
            at - (15 - n) * MINUTE - life.rng.randint(0, 30) * 1_000_000,
            "push_denied",
            seat,
            hostile=True,
            factor="push",
        )
    session = life.enter(at, seat, hostile=True)
    life.do(at + 4 * MINUTE, "factor_added", seat, session, hostile=True, factor="push")
    life.use(at + 6 * MINUTE, seat, session, life.rng.randint(2, 6), hostile=True)
    if life.rng.random() < 0.5:
        settle(life, at + 20 * MINUTE, seat, session)


def aitm(life: Life) -> None:
    """A page in between signs in with the factor; the cookie goes on elsewhere (Microsoft 2022-07, Storm-1167)."""
    life.ways = life.ways._replace(factor=life.ways.factor or "push")
    at = _begin(life)
    trap = life.stranger(at, world.HOSTING)
    trap = trap._replace(agent=life.laptop[0], version=life.version(at))
    session = life.enter(at, trap, hostile=True)
    seat = life.stranger(at)
    life.use(at + life.rng.randint(2, 60) * MINUTE, seat, session, life.rng.randint(2, 6), hostile=True)
    settle(life, at + 70 * MINUTE, seat, session)


def sim_swap(life: Life) -> None:
    """The number is moved, the password reset by SMS (SEC's X account 2024; FBI IC3's yearly figures)."""
    life.ways = life.ways._replace(factor="sms")
    at = _begin(life)
    seat = life.stranger(at, (life.carrier, life.other_line, *world.HOSTING[:2]))
    seat = seat._replace(agent=life.rng.choice(world.PHONES))
    life.do(at, "reset_asked", seat, hostile=True, factor="sms")
    life.do(at + 2 * MINUTE, "reset", seat, hostile=True, factor="sms")
    session = life.enter(at + 4 * MINUTE, seat, "sms", hostile=True)
    settle(life, at + 6 * MINUTE, seat, session, least=2)


def mailbox_first(life: Life) -> None:
    """Who holds the mailbox holds the reset link (CISA AA22-074A tells the way; most consumer cases)."""
    life.ways = life.ways._replace(factor=life.rng.choice(("", "", "sms")))
    at = _begin(life)
    seat = life.stranger(at)
    life.do(at, "reset_asked", seat, hostile=True)
    life.do(at + life.rng.randint(1, 8) * MINUTE, "reset", seat, hostile=True)
    session = life.enter(at + 9 * MINUTE, seat, "", hostile=True)
    life.use(at + 10 * MINUTE, seat, session, 2, hostile=True)
    settle(life, at + 14 * MINUTE, seat, session)


def help_desk(life: Life) -> None:
    """Staff are talked into a reset (Okta 2023-08, MGM 2023, CISA AA23-320A: Scattered Spider)."""
    life.ways = life.ways._replace(factor="push")
    at = _begin(life)
    if life.rng.random() < 0.7:
        life.do(at - 12 * MINUTE, "staff_reset_password", hostile=True, by="helpdesk.4@example.org")
    life.do(at - 8 * MINUTE, "staff_reset_factors", hostile=True, by="helpdesk.4@example.org")
    seat = life.stranger(at)
    session = life.enter(at, seat, "", hostile=True)
    life.do(at + 2 * MINUTE, "factor_added", seat, session, hostile=True, factor="push")
    life.use(at + 4 * MINUTE, seat, session, life.rng.randint(2, 6), hostile=True)
    if life.rng.random() < 0.5:
        settle(life, at + 30 * MINUTE, seat, session)


def consent_phish(life: Life) -> None:
    """Who has the password leaves an application and a key behind (T1528; Microsoft 2022-09: OAuth spam)."""
    at = _begin(life)
    seat = life.stranger(at)
    session = life.enter(at, seat, hostile=True)
    life.do(at + 3 * MINUTE, "consent", seat, session, hostile=True, what="eM Client")
    life.do(at + 6 * MINUTE, "key_made", seat, session, hostile=True, what="backup")
    life.use(at + 8 * MINUTE, seat, session, 2, hostile=True)


def token_replay(life: Life) -> None:
    """An infostealer's cookie, with the owner's own user agent, through a proxy (CircleCI 2023; Lumma's logs)."""
    at = _begin(life)
    own = life.at_laptop(at)
    session = life.visit(at - 90 * MINUTE, own)
    seat = life.stranger(at)._replace(agent=own.agent, version=own.version)
    if life.rng.random() < 0.5:
        seat = seat._replace(device=own.device)
    life.use(at, seat, session, life.rng.randint(3, 8), hostile=True)
    settle(life, at + 30 * MINUTE, seat, session)


def patient(life: Life) -> None:
    """He looks for days before he does anything (Midnight Blizzard 2024 by residential proxies; APT29)."""
    life.ways = life.ways._replace(days=max(30, life.ways.days))
    at = NOW_US - life.rng.randint(9, 16) * DAY
    life.live(NOW_US - 3 * HOUR)
    seat = life.stranger(at)
    last = NOW_US - life.rng.randint(8, 30) * HOUR
    while at < last:
        seat = seat._replace(ip=world.near(life.rng, seat.net, seat.ip))
        life.use(at + MINUTE, seat, life.enter(at, seat, hostile=True), 2, hostile=True)
        at += life.rng.randint(40, 100) * HOUR
    session = life.enter(last, seat, hostile=True)
    settle(life, last + 5 * MINUTE, seat, session)


def key_theft(life: Life) -> None:
    """A leaked access key (Unit 42: EleKtra-Leak; invictus-ir's and Expel's cases): who am I, what may I, a door."""
    at = _begin(life)
    rng = life.rng
    seat = life.stranger(at, world.HOSTING)._replace(agent=world.PYTHON)
    for n, call in enumerate(
        (
            "GetCallerIdentity",
            "ListUsers",
            "ListBuckets",
            "ListAttachedUserPolicies",
            "DescribeInstances",
            "GetAccountSummary",
        )[: rng.randint(2, 6)]
    ):
        life.do(at + n * 20_000_000, "call", seat, "key", hostile=True, what=call)
    for kind in rng.sample(("key_made", "door", "factor_removed", "password_other"), rng.randint(1, 3)):
        at += rng.randint(3, 9) * MINUTE
        life.do(at, kind, seat, "key", hostile=True, what="support-svc")


def console(life: Life) -> None:
    """A phished console password without a second factor; then keys (T1078.004, T1098.001)."""
    life.ways = life.ways._replace(factor="")
    at = _begin(life)
    seat = life.stranger(at)
    session = life.enter(at, seat, "", hostile=True)
    life.use(at + MINUTE, seat, session, 4, hostile=True)
    life.do(at + 12 * MINUTE, "key_made", seat, session, hostile=True)
    if life.rng.random() < 0.5:
        life.do(at + 15 * MINUTE, "door", seat, session, hostile=True, what="support-svc")
