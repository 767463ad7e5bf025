"""What each rule's refusal means to a person: what happened, and what to do next.

The rules themselves are SQL; the database answers with the rule's short name and these are its words.
"""

from __future__ import annotations

from workstation.services.errors import Refused

_SENTENCES: dict[str, tuple[str, str]] = {
    "account_changed": ("The account changed after the request was made.", "Look at the difference and ask again."),
    "already_approved": ("You approved this request already.", "It waits for somebody else now."),
    "approvals": ("The request does not have the approvals it needs.", "It stays open until its deadline."),
    "cooling_down": ("The cool-down has not ended.", "The broker takes it by itself when it has."),
    "closed": ("The case is closed.", "Open a new one if the client's problem is back."),
    "closed_or_expired": (
        "The request is closed, or its time to be approved has run out.",
        "Ask again if it is needed.",
    ),
    "disabled": ("This login is disabled.", "Speak to your lead."),
    "escalated": ("The case was forwarded to a higher level.", "Its packet is under Escalations."),
    "evidence_changed": ("Evidence was added after the request was made.", "Ask again, so that the request covers it."),
    "expired": ("The step-up took longer than 60 seconds.", "Start it again."),
    "forbidden_for_everyone": (
        "Nobody can do this: the client's own lock binds staff too.",
        "It ends by itself at the client's time.",
    ),
    "guidance_open": ("A question about this case is not answered yet.", "Wait for the answer; it comes as a note."),
    "hash_mismatch": ("What you saw is not what would be done.", "Open the request again and compare."),
    "held_by_other": (
        "Somebody else holds this case.",
        "Take another, or steal it with a reason of at least 20 characters.",
    ),
    "lease_lost": (
        "Your lease on this case ended and somebody else has it.",
        "Your drafts are kept; claim it again when it is free.",
    ),
    "level": ("Your level does not allow this.", "Forward the case with a packet."),
    "locked": ("Too many failed step-ups.", "Wait 15 minutes, or speak to your lead."),
    "mail_malformed": ("The mail has no text, no subject, or not exactly one address.", "Correct it and send again."),
    "not_elevated": ("This needs elevated mode.", "Press ctrl+e to step up."),
    "not_fresh": ("This needs a step-up of its own, not older than 60 seconds.", "Step up again for exactly this."),
    "not_holder": ("You do not hold this case.", "Claim it first (n takes the next one)."),
    "not_opened": ("The case is not open for you.", "Open it again; that is put on record."),
    "not_pending": ("The request is not waiting any more.", "Its outcome is in the requests pane."),
    "outcome_too_short": ("The outcome needs at least 10 characters.", "Say what came of the case."),
    "packet_incomplete": ("The packet is not complete.", "Fill in what is named and forward again."),
    "param_missing": ("The act needs to name what it is about.", "Choose the hold or the factor."),
    "pin_needed": ("This step needs a pinned event.", "Pin the event that shows it, then tick."),
    "rate_limit": ("Thirty protective acts in an hour are the limit.", "Speak to your lead if an attack is going on."),
    "reason_too_short": ("The reason is too short.", "Say in at least 20 characters why."),
    "reason_unknown": ("That reason code is not on the list.", "Choose one of the listed codes."),
    "reciprocal_24h": ("The requester approved for you within 24 hours.", "Somebody else must approve."),
    "replayed_counter": ("This code or touch was used before.", "Wait for the next code and try again."),
    "request_open": ("Another request on this account is still open.", "Wait for it, or stop it first."),
    "requester_revoked": ("The requester may no longer ask for this.", "Somebody else must ask."),
    "self": (
        "Nobody approves an own request; a second login of the same person is the same person.",
        "Ask a colleague.",
    ),
    "sent_already": ("This very mail was queued already.", "Look at the thread."),
    "time_out_of_range": ("That time is in the past or more than 30 days ahead.", "Choose another."),
    "unknown": ("There is no such thing that you may see.", "Read the list again."),
    "unknown_challenge": ("The step-up was not known or was too old.", "Start it again."),
    "version_changed": ("Somebody saved the packet in between.", "Read it again; your text is kept as a draft."),
    "worked_on_case": ("You worked on this case, so you cannot approve in it.", "Somebody who did not must."),
}

_BY_PREFIX: dict[str, tuple[str, str]] = {
    "bad_": ("The proof was not accepted.", "Try again; five failures lock the step-up for 15 minutes."),
    "backend_gone": ("The connection that asked was gone when the proof came.", "Start the step-up again."),
}


def sentence(rule: str) -> tuple[str, str]:
    """Return what happened and what to do, for a rule's short name; an unknown one is shown as it is."""
    if rule in _SENTENCES:
        return _SENTENCES[rule]
    for prefix, words in _BY_PREFIX.items():
        if rule.startswith(prefix):
            return words
    return f"Refused by the rule “{rule}”.", "Read docs/security.md, or ask your lead."


def refused(rule: str, missing: tuple[str, ...] = ()) -> Refused:
    """Return the error for a rule; `missing` sentences are put between what happened and what to do."""
    what, hint = sentence(rule)
    return Refused(rule, " ".join((what, *missing)), hint)
