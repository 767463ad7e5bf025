"""A policy file, its canonical form and hash, and signatures over a change of policy.

The database computes the same hash over its tables (``wsd.policy_hash``): what two people sign offline is
what comes into force, and a policy in force whose hash nobody signed shows.
"""

from __future__ import annotations

import hashlib
import tomllib
from importlib.resources import files
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from workstation.services.acts.control import Act
from workstation.services.errors import Invalid

Seconds = Annotated[int, Meta(ge=0, le=366 * 86_400)]
Level = Annotated[int, Meta(ge=1, le=3)]
Count = Annotated[int, Meta(ge=0, le=9)]
Word = Annotated[str, Meta(pattern=r"^[A-Z][A-Z_]{2,40}$")]
Class = Literal["proofing", "possession", "callback"]
Code = Literal["sim_swap", "contact_change", "password_change", "mailbox", "never_wrote", "no_channel"]
DAY_S = 86_400


class _Table(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A table of the file; an unknown key refuses the whole file."""


class Blocker(_Table, frozen=True):
    """A fact that stops an act: for how many days, and which class of evidence it needs where it is not known."""

    days: Annotated[int, Meta(ge=0, le=366)] = 0
    unknown_needs: Literal["", "proofing", "possession", "callback"] = ""


class ActPolicy(_Table, frozen=True):
    """What one act needs. Times in seconds."""

    title: Annotated[str, Meta(min_length=3, max_length=80)]
    effect: Annotated[str, Meta(min_length=3, max_length=200)]
    tier: Annotated[int, Meta(ge=0, le=4)]
    approvals: Count
    min_level: Level
    approver_level: Level
    reversible: bool
    reasons: tuple[Word, ...]
    approvals_more: Count | None = None
    cooldown_s: Seconds = 0
    approve_within_s: Seconds = 3_600
    execute_within_s: Seconds = 900
    hold_s: Seconds = 0
    param: Literal["", "hold", "factor"] = ""
    vetoable: bool = False
    needs: tuple[tuple[Class, ...], ...] = ()
    blockers: dict[Code, Blocker] = msgspec.field(default_factory=dict)

    @property
    def more(self) -> int:
        """Approvals where much is at stake."""
        return self.approvals if self.approvals_more is None else self.approvals_more


class Limits(_Table, frozen=True):
    """Numbers; the unit is in the name."""

    high_balance_usd: Annotated[int, Meta(ge=0)]
    protective_per_hour: Annotated[int, Meta(ge=1)]
    facts_max_age_s: Annotated[int, Meta(ge=10, le=3600)]
    callback_number_days: Annotated[int, Meta(ge=1)]
    tell_within_s: Annotated[int, Meta(ge=10)]
    views_per_hour: Annotated[int, Meta(ge=1)]


class Policy(_Table, frozen=True):
    """The whole file."""

    version: Annotated[int, Meta(ge=1)]
    text: Annotated[str, Meta(min_length=3, max_length=200)]
    limits: Limits
    acts: dict[Act, ActPolicy]

    def rows(self) -> list[tuple[str, ...]]:
        """Return the canonical form: rows of texts, in the order in which they are hashed."""
        acts = sorted((str(act), found) for act, found in self.acts.items())
        needs = [("need", a, str(n), c) for a, p in acts for n, any_of in enumerate(p.needs, 1) for c in sorted(any_of)]
        blockers = [
            ("blocker", a, str(c), str(b.days * DAY_S), b.unknown_needs)
            for a, p in acts
            for c, b in sorted(p.blockers.items())
        ]
        limits = sorted(msgspec.structs.asdict(self.limits).items())
        return [
            ("ws-policy-v1", str(self.version), self.text),
            *(_act_row(act, found) for act, found in acts),
            *(("reason", act, code) for act, found in acts for code in sorted(found.reasons)),
            *needs,
            *blockers,
            *(("limit", name, str(value)) for name, value in limits),
        ]

    @property
    def hash(self) -> bytes:
        """SHA-256 over the canonical form, every field with its length before it; the twin of ``wsd.policy_hash``."""
        return hashlib.sha256(b"".join(lp(*row) for row in self.rows())).digest()

    def as_json(self) -> str:
        """Return the rows as the database takes them."""
        return msgspec.json.encode(self.rows()).decode()


def _act_row(act: str, p: ActPolicy) -> tuple[str, ...]:
    return (
        "act",
        act,
        str(p.tier),
        str(p.approvals),
        str(p.more),
        str(p.cooldown_s),
        str(p.min_level),
        str(p.approver_level),
        p.title,
        p.effect,
        _bool(p.reversible),
        p.param,
        str(p.approve_within_s),
        str(p.execute_within_s),
        _bool(p.vetoable),
        str(p.hold_s),
    )


def _bool(value: bool) -> str:
    return "true" if value else "false"


def lp(*fields: str) -> bytes:
    """Return fields with their lengths (UTF-8 bytes) before them; the twin of ``wsd.lp``."""
    return b"".join(b"%d:%s" % (len(raw), raw) for raw in (field.encode() for field in fields))


def parse(text: str) -> Policy:
    """Read a policy file.

    Raises:
        Invalid: it is not TOML, or says something that no policy may; the sentence names it.
    """
    try:
        found = msgspec.convert(tomllib.loads(text), Policy)
    except (tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        raise Invalid(f"This is no policy: {error}", "Correct that line; docs/policy.md lists every key.") from error
    if missing := [str(act) for act in Act if act not in found.acts]:
        raise Invalid(f"The policy does not say what {', '.join(missing)} needs.", "Every act has to be in it.")
    for act, asked in found.acts.items():
        _check(str(act), asked)
    return found


def _check(act: str, asked: ActPolicy) -> None:
    """Refuse what the design does not let a policy say (docs/security.md, "Tiers")."""
    wrong = {
        "loosening needs somebody else's approval": asked.tier in (2, 3) and asked.approvals < 1,
        "more approvals cannot be fewer": asked.more < asked.approvals,
        "a client can stop what resets his account": asked.tier == 3 and not asked.vetoable,
        "it needs evidence of a class": asked.tier == 3 and not asked.needs,
        "nobody removes the client's own lock": act == Act.REMOVE_CLIENT_LOCK and asked.tier != 4,
        "it needs a reason that can be given": not asked.reasons,
    }
    for what, broken in wrong.items():
        if broken:
            raise Invalid(f"The policy of {act} is refused: {what}.", "See docs/security.md.")


def standard() -> Policy:
    """Return the policy that this release brings."""
    return parse(files(__package__).joinpath("standard.toml").read_text(encoding="utf-8"))


#: Hashes (hexadecimal) of the policies that earlier releases brought: valid without signatures, as the present one.
RELEASED_BEFORE: frozenset[str] = frozenset()


def message(prev_hash: bytes, new_hash: bytes, version: int) -> bytes:
    """Return what both people sign: this policy in place of that one, as that version."""
    return lp("ws-policy-change-v1", prev_hash.hex(), new_hash.hex(), str(version))


class Signature(msgspec.Struct, frozen=True, kw_only=True):
    """One person's word for a change. Keys and signatures in hexadecimal."""

    key: str
    signature: str


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """The file beside the policy: which policy it replaces, and who signed. Hashes in hexadecimal."""

    replaces: str
    hash: str
    version: int
    signatures: tuple[Signature, ...] = ()


def sign(change: Change, private_key: Any) -> Change:
    """Return `change` with one more signature.

    Args:
        change: what is signed.
        private_key: an ``Ed25519PrivateKey``.
    """
    what = message(bytes.fromhex(change.replaces), bytes.fromhex(change.hash), change.version)
    made = Signature(key=private_key.public_key().public_bytes_raw().hex(), signature=private_key.sign(what).hex())
    others = tuple(s for s in change.signatures if s.key != made.key)
    return msgspec.structs.replace(change, signatures=(*others, made))


def signed(change: Change) -> bool:
    """Return whether two different keys signed exactly this change, and no signature in it is wrong."""
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    what = message(bytes.fromhex(change.replaces), bytes.fromhex(change.hash), change.version)
    try:
        for one in change.signatures:
            Ed25519PublicKey.from_public_bytes(bytes.fromhex(one.key)).verify(bytes.fromhex(one.signature), what)
    except (InvalidSignature, ValueError):
        return False
    return len({one.key for one in change.signatures}) == 2 == len(change.signatures)
