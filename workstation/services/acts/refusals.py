"""What each rule's refusal means to a person: what happened, and what to do next.

The rules themselves are SQL; the database answers with the rule's short name and these are its words.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from workstation.services.clock import parse_instant
from workstation.services.errors import Refused
from workstation.services.views import Remark, WhyNot

_SENTENCES: dict[str, tuple[str, str]] = {
    "account_changed": ("The account changed after the request was made.", "Look at the difference and ask again."),
    "already_approved": ("You approved this request already.", "It waits for somebody else now."),
    "approvals": ("The request does not have the approvals it needs.", "It stays open until its deadline."),
    "busy": ("Another terminal of yours holds this open.", "End what is open there, then step up again."),
    "client_not_told": (
        "The client was not told yet that he can stop this.",
        "The courier sends the mail; the broker goes on by itself.",
    ),
    "auditors_only": ("Only an auditor takes the audit out of the house.", "Ask yours; the own chain is under Audit."),
    "closed": ("The case is closed.", "Open a new one if the client's problem is back."),
    "closed_or_expired": (
        "The request is closed, or its time to be approved has run out.",
        "Ask again if it is needed.",
    ),
    "contact_change": (
        "A contact of the account was changed lately.",
        "Whoever changed it may be the one who asks: wait, or protect the account.",
    ),
    "contact_change_unknown": ("It is not known since when the contacts stand.", "Record a {detail} first."),
    "cooling_down": ("The cool-down has not ended.", "The broker takes it by itself when it has."),
    "copy_malformed": ("That is too long, or of no kind that may be copied.", "Copy less, or export the case."),
    "disabled": ("This login is disabled.", "Speak to your lead."),
    "escalated": ("The case was forwarded to a higher level.", "Its packet is under Escalations."),
    "evidence_changed": ("Evidence was added after the request was made.", "Ask again, so that the request covers it."),
    "evidence_missing": ("Evidence is missing: {detail}.", "Pin what shows it, and record what it proves."),
    "expired": ("The step-up took longer than 60 seconds.", "Start it again."),
    "facts_unread": (
        "The broker has not read the account within five minutes.",
        "It is asked to now; look again in a second.",
    ),
    "forbidden_for_everyone": (
        "Nobody can do this: the client's own lock binds staff too.",
        "It ends by itself at the client's time.",
    ),
    "glass_over": ("The broken glass was over before it was done.", "Ask again with an approver."),
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
    "link_expired": ("The client's link has run out.", "Nothing was stopped by it."),
    "link_forged": ("A link was not signed by us.", "Nothing was stopped by it; tell your lead."),
    "link_of_another_request": ("A link is of another request.", "Nothing was stopped by it; tell your lead."),
    "link_replayed": ("A link was used before.", "What it stopped stays stopped."),
    "link_unknown": ("A link names a request that does not exist.", "Nothing was stopped by it; tell your lead."),
    "locked": (
        "Five step-ups failed: no more until a lead unlocks it.",
        "Speak to a lead, in person or on a known line.",
    ),
    "mail_malformed": ("The mail has no text, no subject, or not exactly one address.", "Correct it and send again."),
    "mailbox": (
        "The only mailbox that asks is the one that would confirm it ({detail}).",
        "Reach the client another way: a number or address that an intruder in his mailbox does not have.",
    ),
    "never_wrote": (
        "The client never wrote to us from an address that the account has.",
        "Who never asked cannot be helped: wait for his mail.",
    ),
    "never_wrote_unknown": (
        "Nothing vouches for the mailbox that wrote to us.",
        "Record a {detail} first.",
    ),
    "no_account": ("The case has no account yet.", "Assign one first."),
    "no_case": ("There is no open case of this account.", "Open one: nothing is done to an account without a case."),
    "no_channel": ("The client cannot be told: no verified e-mail address.", "Have an address verified first."),
    "not_due": ("No withdrawal hold is due for this request.", "Read the request again."),
    "not_elevated": ("This needs elevated mode.", "Press ctrl+e to step up."),
    "not_fresh": ("This needs a step-up of its own, not older than 60 seconds.", "Step up again for exactly this."),
    "not_granted": ("You have no grant for this act now.", "A lead grants it for a time; a second lead agrees."),
    "not_holder": ("You do not hold this case.", "Claim it first (n takes the next one)."),
    "not_opened": ("The case is not open for you.", "Open it again; that is put on record."),
    "not_pending": ("The request is not waiting any more.", "Its outcome is in the requests pane."),
    "note_too_short": ("The note needs at least 10 characters.", "Say what the item shows."),
    "too_many": ("There are as many of these as are kept.", "Take one away that is no longer needed."),
    "claim_length": (
        "This text is empty or too long.",
        "A claim is one statement of at most 500 characters.",
    ),
    "outcome_too_short": ("The outcome needs at least 10 characters.", "Say what came of the case."),
    "packet_incomplete": ("The packet is not complete.", "Fill in what is named and forward again."),
    "param_missing": ("The act needs to name what it is about.", "Choose the hold or the factor."),
    "param_unknown": (
        "The act is about something that the account does not have.",
        "Read the account again and choose.",
    ),
    "password_change": (
        "The password was changed lately.",
        "Whoever changed it may be the one who asks: wait, or protect the account.",
    ),
    "password_change_unknown": ("It is not known when the password was changed.", "Record a {detail} first."),
    "pin_needed": ("This step needs a pinned event.", "Pin the event that shows it, then tick."),
    "policy_changed": ("The policy was changed after the request was made.", "Ask again, under the policy in force."),
    "proof_pin_used": (
        "This pin stands for a class already.",
        "Two classes need two items that do not rest on each other.",
    ),
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
    "sim_swap": (
        "The client's SIM card was changed lately.",
        "Whoever holds the number now may not be the client: wait, or protect the account.",
    ),
    "sim_swap_unknown": ("The carrier does not say whether the SIM card was changed.", "Record a {detail} first."),
    "time_out_of_range": ("That time is in the past or more than 30 days ahead.", "Choose another."),
    "told_late": ("The client was told too late to have his time to stop it.", "Ask again."),
    "too_late": ("The client said no after it was done.", "Protect the account and call him."),
    "unknown": ("There is no such thing that you may see.", "Read the list again."),
    "unknown_challenge": ("The step-up was not known or was too old.", "Start it again."),
    "version_changed": ("Somebody saved the packet in between.", "Read it again; your text is kept as a draft."),
    "worked_on_case": ("You worked on this case, so you cannot approve in it.", "Somebody who did not must."),
    "disabled_already": ("This login is disabled already.", "Nothing is left to do."),
    "factor_known": (
        "This key or account is enrolled already, or was once.",
        "Use another one; a factor that ended does not come back.",
    ),
    "factor_malformed": (
        "That is no method, level or label that can be used.",
        "Read `workstation admin --help` and try again.",
    ),
    "founded_already": ("People are enrolled here already.", "Founding is the first thing that is done, or nothing."),
    "recovery_needs_new_keys": ("Each sealed key that is used needs a new one.", "Run the ceremony again."),
    "glass_broken_already": ("You broke the glass already and it is still open.", "One at a time: end it first."),
    "glass_whole": ("No glass is broken.", "There is nothing to end."),
    "grant_not_needed": (
        "A grant is for somebody of Level 2 and for a loosening act only.",
        "Look at the person's level and at the act's tier.",
    ),
    "grant_too_long": ("A grant ends, at the latest in 186 days.", "Name a day before that."),
    "incident_malformed": ("An incident is named like INC-1234.", "Open an incident first, then name it here."),
    "login_taken": ("That login exists already.", "Choose another."),
    "method_not_allowed": ("This method is not allowed for you.", "Use another one; a lead sees and changes which."),
    "method_own_key": ("You own a security key, so a code does not count.", "Plug in the key."),
    "method_person": ("A lead has switched this method off for you.", "Use another one, or speak to your lead."),
    "method_policy": ("The policy allows this method for nobody of your level.", "Use another one."),
    "method_no_factor": (
        "None is enrolled for you.",
        "Offer one with `workstation admin factor add`; a lead confirms it.",
    ),
    "method_too_weak": (
        "This method does not count for an act of this weight.",
        "Use a security key or what your policy names.",
    ),
    "key_blocked": (
        "A security key is plugged in, but this account may not open it.",
        "Have the udev rule for FIDO keys installed (package libfido2-1 or its like), and plug it in again.",
    ),
    "no_key_here": ("No security key is plugged in here.", "Plug it in and try again."),
    "no_provider": ("No identity provider is configured here.", "Use another method."),
    "not_locked": ("This login's step-up is not locked.", "Nothing is left to do."),
    "person_malformed": (
        "Login, person, name, standing, team or address is not one that can be used.",
        "Read `workstation admin invite --help`.",
    ),
    "provider_away": ("The identity provider does not answer the broker.", "Use another method, or try again later."),
    "rate_limit_changes": ("Ten factors in an hour are the limit.", "Wait, or speak to your lead."),
    "leads_and_auditors_only": ("Only leads and auditors see who looked at a client.", "Ask your lead."),
    "own_account": (
        "This is your own account: nobody works on his own.",
        "A colleague takes the case; your lead was told.",
    ),
    "reader_only": ("Client data comes through the reader here.", "Use the workstation; it pins through the reader."),
    "not_revealed": ("This field is not revealed now.", "Reveal it for a reason; it shows for a minute."),
    "recipient_unknown": (
        "The reader has not said within ten minutes where this client's mail goes.",
        "Open the reply again; if it stays, see whether the reader runs (`workstation doctor`).",
    ),
    "ticket_backend_gone": ("The connection that the view was granted to is gone.", "Open the account again."),
    "ticket_expired": ("The view has run out.", "Open the account again."),
    "ticket_other_account": (
        "The view was granted for another account.",
        "Open this account for a purpose of its own.",
    ),
    "ticket_other_peer": ("The view was granted to somebody else.", "Open the account under your own login."),
    "ticket_unknown": ("There is no such view.", "Open the account again."),
    "ticket_used": ("That one look was taken.", "Ask again."),
    "view_budget": (
        "{detail} different accounts within an hour are the limit; your lead was told.",
        "Work on what is open. If this is an incident, speak to your lead.",
    ),
    "view_no_purpose": (
        "You hold no case of this account, and none waits for your level.",
        "Claim the case, or open the account for a reason of at least 20 characters that your lead sees.",
    ),
    "recovery_needs_two": ("Two sealed keys of two different people are needed.", "Bring both envelopes."),
    "review_due": (
        "Your break-glass was not reviewed within 24 hours, so there is no elevated mode.",
        "A lead who is somebody else must review it.",
    ),
}

_BY_PREFIX: dict[str, tuple[str, str]] = {
    "bad_token:acr": (
        "The identity provider did not ask for the second factor.",
        "Sign in again with it, or tell your lead.",
    ),
    "bad_token:auth_time": ("That sign-in was not of this moment.", "Sign in anew when the page asks."),
    "bad_token:subject": (
        "Somebody else signed in there.",
        "Sign in as yourself; your account there must be enrolled here.",
    ),
    "bad_": ("The proof was not accepted.", "Try again; five failures lock the step-up until a lead unlocks it."),
    "backend_gone": ("The connection that asked was gone when the proof came.", "Start the step-up again."),
}


def sentence(rule: str, detail: str = "") -> tuple[str, str]:
    """Return what happened and what to do, for a rule's short name; an unknown one is shown as it is.

    Args:
        rule: the short name.
        detail: what it is about, where the sentence has a place for it.
    """
    words = _SENTENCES.get(rule) or next((w for prefix, w in _BY_PREFIX.items() if rule.startswith(prefix)), None)
    if words is not None:
        return words[0].replace("{detail}", detail), words[1].replace("{detail}", detail)
    return f"Refused by the rule “{rule}”.", "Read docs/security.md, or ask your lead."


def why_nots(rows: Iterable[dict[str, Any]]) -> tuple[WhyNot, ...]:
    """Return the reasons of the store in words, in its order."""
    found = []
    for row in rows:
        what, do = sentence(row["code"], row.get("detail") or "")
        until = row.get("until")
        found.append(WhyNot(code=row["code"], what=what, do=do, until=parse_instant(until) if until else None))
    return tuple(found)


def in_words(reasons: tuple[WhyNot, ...]) -> str:
    """Return all reasons in one text, each with when it ends by itself."""
    return " ".join(_said(reason) for reason in reasons)


def _said(reason: WhyNot) -> str:
    ends = f"This ends by itself on {reason.until:%Y-%m-%d at %H:%M} UTC. " if reason.until else ""
    return f"{reason.what} {ends}{reason.do}".strip()


def refused(rule: str, missing: tuple[str, ...] = ()) -> Refused:
    """Return the error for a rule; `missing` sentences are put between what happened and what to do."""
    what, hint = sentence(rule)
    return Refused(rule, " ".join((what, *missing)), hint)


def refusal(answer: dict[str, Any]) -> Refused:
    """Return the error for a denial of the store: the rule, and all other reasons that there are at once."""
    reasons = why_nots(answer.get("reasons", ()))
    if not reasons:
        return refused(answer["denied"], tuple(answer.get("missing", ())))
    said = [f"{r.what} (ends by itself on {r.until:%Y-%m-%d at %H:%M} UTC)" if r.until else r.what for r in reasons]
    return Refused(answer["denied"], " ".join(said), " ".join(dict.fromkeys(r.do for r in reasons)))


#: What is thin in a team: how grave, what it means, what helps. `{names}` is whom it is about.
_REMARKS: dict[str, tuple[str, str, str]] = {
    "no_senior": (
        "broken",
        "No senior works here: nobody can approve a loosening act.",
        "Raise somebody, or ask another team's lead.",
    ),
    "no_lead": (
        "broken",
        "No lead works here: nobody grants, unlocks or reviews.",
        "Two people recover or invite one: docs/people.md.",
    ),
    "review_due": (
        "broken",
        "A break-glass was not reviewed in time: {names}.",
        "A lead who is somebody else reviews it.",
    ),
    "step_up_locked": ("broken", "Five failed step-ups: {names}.", "A lead speaks to them and unlocks."),
    "no_factor": ("broken", "Nothing to step up with: {names}.", "They offer a factor, a second person confirms it."),
    "last_senior": (
        "warning",
        "{names} is the only senior: nobody can approve what that senior asks for.",
        "Raise a second one.",
    ),
    "two_seniors": (
        "warning",
        "Two seniors only, {names}: after one approved for the other, the other way is shut for 24 hours.",
        "A third one keeps the team working.",
    ),
    "last_lead": (
        "warning",
        "{names} is the only lead: grants and levels need a senior as second person.",
        "Name a second lead.",
    ),
    "no_strong_factor": ("warning", "No factor that counts for tier 3: {names}.", "A security key is best."),
    "one_factor": ("warning", "One factor and no spare: {names}.", "Enrol a second key before the first is lost."),
    "lead_without_address": (
        "warning",
        "No mail address, so no page reaches: {names}.",
        "Have their address put on record.",
    ),
    "grants_end": ("warning", "Grants end within a week: {names}.", "Grant them again, or let them end."),
    "not_founded": (
        "warning",
        "Fewer than two people here have a sealed recovery key.",
        "Two make theirs with `workstation admin sealed-key`.",
    ),
}


def remark(code: str, names: tuple[str, ...]) -> Remark:
    """Return what is thin in a team, in words."""
    severity, said, do = _REMARKS.get(code, ("warning", f"“{code}”: {{names}}", ""))
    return Remark(code=code, severity=severity, said=said.replace("{names}", ", ".join(names)), do=do)
