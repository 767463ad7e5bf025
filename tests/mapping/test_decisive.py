"""Records on which a case turns have a word of ours, and belong to the account they were done to."""

from __future__ import annotations

import json
from typing import Any

import pytest

from workstation.services.timeline.event import Event
from workstation.services.timeline.mapping import map_line

AT = "2026-03-01T06:12:40.000Z"


def mapped(source: str, record: dict[str, Any]) -> Event:
    event = map_line(source, json.dumps(record).encode())
    assert isinstance(event, Event)
    return event


def okta(kind: str) -> dict[str, Any]:
    return {"uuid": "o", "published": AT, "eventType": kind, "actor": {"id": "00u1", "type": "User"}}


def managed(method: str, below: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
    request = {
        "method": method,
        "path": f"/api/v2/users/auth0%7Cmaria{below}",
        "auth": {"user": {"user_id": "auth0|staff"}},
    }
    details = {"request": request | ({"body": body} if body else {})}
    return {"log_id": "a", "date": AT, "type": "sapi", "details": details}


def audited(name: str, target: dict[str, Any], by: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": "e",
        "activityDateTime": AT,
        "activityDisplayName": name,
        "initiatedBy": by,
        "targetResources": [target],
    }


@pytest.mark.parametrize(
    ("kind", "word"),
    [
        ("system.push.send_factor_verify_push", "sign_in.challenged"),
        ("system.email.password_reset.sent_message", "password.reset_requested"),
        ("system.sms.send_password_reset_message", "password.reset_requested"),
        ("user.session.context.change", "session.resumed"),
    ],
)
def test_okta(kind: str, word: str) -> None:
    assert mapped("okta", okta(kind)).action == word


@pytest.mark.parametrize(
    ("method", "below", "body", "word"),
    [
        ("delete", "/authenticators", None, "second_factor.removed"),
        ("delete", "/multifactor/duo", None, "second_factor.removed"),
        ("delete", "/authentication-methods/totp%7C1", None, "second_factor.removed"),
        ("post", "/authentication-methods", None, "second_factor.added"),
        ("post", "/recovery-code-regeneration", None, "recovery_codes.created"),
        ("patch", "", {"password": "*****"}, "password.reset"),
        ("patch", "", {"email": "b@ex.example", "connection": "db"}, "email.changed"),
        ("patch", "", {"user_metadata": {}}, "account.changed"),
        ("get", "", None, "sapi"),
        ("post", "/identities", None, "identity.linked"),
    ],
)
def test_the_management_api_of_auth0(method: str, below: str, body: dict[str, Any] | None, word: str) -> None:
    event = mapped("auth0", managed(method, below, body))
    assert (event.action, event.account, event.actor) == (word, "auth0|maria", "auth0|staff")
    assert event.native_action == "sapi"


def test_a_sure_owner_is_a_small_risk_to_auth0() -> None:
    record = {"log_id": "a", "date": AT, "type": "s", "details": {"riskAssessment": {"confidence": "low"}}}
    assert mapped("auth0", record).risk == "high"


@pytest.mark.parametrize(
    ("name", "word"),
    [
        ("Consent to application", "consent.granted"),
        ("Update application – Certificates and secrets management ", "api_key.created"),
    ],
)
def test_what_entra_says_of_an_application_is_of_the_account_that_did_it(name: str, word: str) -> None:
    thing = {"id": "sp", "type": "ServicePrincipal", "displayName": "Mail Sync"}
    event = mapped("entra", audited(name, thing, {"user": {"id": "u1", "userPrincipalName": "maria@ex.example"}}))
    assert (event.action, event.account, event.actor) == (word, "u1", "u1")
    by_program = mapped("entra", audited(name, thing, {"app": {"appId": "app"}}))
    assert (by_program.account, by_program.actor) == ("", "app")


@pytest.mark.parametrize(
    ("path", "word"),
    [("/execute-actions-email", "password.reset_requested"), ("/reset-password", "password.changed")],
)
def test_keycloak(path: str, word: str) -> None:
    event = mapped(
        "keycloak", {"time": 1_772_000_000_000, "operationType": "ACTION", "resourcePath": "users/u1" + path}
    )
    assert (event.action, event.account) == (word, "u1")


@pytest.mark.parametrize(
    ("name", "word"),
    [
        ("user_signed_out_due_to_suspicious_session_cookie", "risk.detected"),
        ("risky_sensitive_action_allowed", "risk.detected"),
        ("CREATE_EMAIL_MONITOR", "forwarding.changed"),
    ],
)
def test_google(name: str, word: str) -> None:
    record = {
        "id": {"time": AT, "uniqueQualifier": "1"},
        "actor": {"email": "a@ex.example"},
        "events": [{"name": name}],
    }
    assert mapped("google", record).action == word
