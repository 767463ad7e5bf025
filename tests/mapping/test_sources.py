"""What each source's record becomes, and the traps that real samples hold."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.mapping.samples import SAMPLES, raw_of
from workstation.services.clock import from_micros, parse_instant, to_micros
from workstation.services.timeline.event import Event, Outcome
from workstation.services.timeline.mapping import SOURCES, Unmapped, map_line
from workstation.services.timeline.mapping.keycloak import map_record
from workstation.services.timeline.mapping.words import WORDS

ROOT = Path(__file__).resolve().parents[2]


def mapped(source: str, record: Any) -> Event:
    raw = record if isinstance(record, bytes) else json.dumps(record).encode()
    event = map_line(source, raw)
    assert isinstance(event, Event), event
    assert event.raw == raw
    return event


def changed(source: str, **changes: Any) -> Event:
    return mapped(source, {**SAMPLES[source], **changes})


def test_every_source_has_a_sample_or_is_text() -> None:
    assert set(SOURCES) == {*SAMPLES, "openssh"}


@pytest.mark.parametrize(
    ("source", "identifier", "time", "action", "native", "outcome"),
    [
        ("cloudtrail", "e-1", "06:12:40.000000", "second_factor.removed", "DeactivateMFADevice", "success"),
        ("okta", "o-1", "06:12:40.123000", "second_factor.removed", "user.mfa.factor.deactivate", "success"),
        ("auth0", "a-1", "06:12:40.123000", "sapi", "sapi", "success"),
        ("entra", "m-1", "06:12:40.123456", "sign_in", "Sign-in activity", "failure"),
        ("google", "-7", "06:12:40.123456", "sign_in", "login_failure, risky_sensitive_action_blocked", "failure"),
        ("duo", "t-1", "06:12:40.123456", "second_factor.checked", "authentication", "failure"),
        ("keycloak", "k-1", "06:12:40.123000", "sign_in", "LOGIN_ERROR", "failure"),
        ("o365", "p-1", "06:12:40.000000", "sign_in", "UserLoginFailed", "failure"),
        ("ping", "g-1", "06:12:40.123000", "second_factor.removed", "DEVICE.DELETED", "success"),
        ("jumpcloud", "j-1", "06:12:40.495000", "account.locked", "user_lockout", "success"),
        ("ocsf", "f-1", "06:12:40.123000", "second_factor.removed", "mfa.off", "success"),
        ("ecs", "x-1", "06:12:40.123456", "second_factor.removed", "second_factor.removed", "success"),
    ],
)
def test_what_happened_when_and_what_came_of_it(
    source: str, identifier: str, time: str, action: str, native: str, outcome: str
) -> None:
    event = mapped(source, raw_of(source))
    assert event.id == identifier
    assert event.time_us == to_micros(parse_instant(f"2026-03-01T{time}"))
    assert (event.action, event.native_action, event.outcome) == (action, native, outcome)


@pytest.mark.parametrize("source", ["cloudtrail", "okta", "auth0", "ping", "jumpcloud", "ocsf", "ecs"])
def test_who_was_acted_on_is_not_who_acted(source: str) -> None:
    event = mapped(source, raw_of(source))
    account = {event.account, event.account_name}
    actor = {event.actor, event.actor_name}
    assert account & {"maria", "maria@ex.example", "00uMARIA", "auth0|maria", "u-1"}
    assert actor & {"staff", "staff@ex.example", "00uSTAFF", "auth0|staff", "u-9", "AROAEXAMPLE:ana"}
    assert not (account & actor - {""})


@pytest.mark.parametrize("source", ["entra", "google", "duo", "keycloak", "o365"])
def test_who_signs_in_acts_on_their_own_account(source: str) -> None:
    event = mapped(source, raw_of(source))
    assert (event.account, event.account_name) == (event.actor, event.actor_name)
    assert event.account_name.startswith("maria")


@pytest.mark.parametrize("source", sorted(SAMPLES))
def test_where_it_came_from(source: str) -> None:
    event = mapped(source, raw_of(source))
    assert event.ip in ("198.51.100.7", "2001:db8::1")
    if source not in ("cloudtrail", "keycloak", "o365", "ping"):
        assert event.country == "PT"
    if source not in ("google", "keycloak"):
        assert event.user_agent


def test_the_rest_that_only_some_can_say() -> None:
    assert mapped("okta", raw_of("okta")).risk == "medium"
    assert mapped("okta", raw_of("okta")).device == "guoDEVICE"
    assert mapped("okta", raw_of("okta")).target == "Vault"
    assert mapped("entra", raw_of("entra")).risk == "high"
    assert mapped("google", raw_of("google")).asn == "9009"
    assert mapped("cloudtrail", raw_of("cloudtrail")).session == "ASIAEXAMPLE"
    assert mapped("cloudtrail", raw_of("cloudtrail")).actor_name == "Support/ana"
    assert mapped("o365", raw_of("o365")).session == "s-1"
    assert mapped("ecs", raw_of("ecs")).category == "iam, authentication"
    assert from_micros(mapped("ecs", raw_of("ecs")).ingested_us).second == 41
    assert from_micros(mapped("ocsf", raw_of("ocsf")).ingested_us).second == 41


# -- traps -------------------------------------------------------------------------------------------


def test_okta_null_texts_are_absent() -> None:
    client = {**SAMPLES["okta"]["client"], "ipAddress": "null", "geographicalContext": {"country": "null"}}
    event = changed("okta", client=client)
    assert (event.ip, event.country) == ("", "")


@pytest.mark.parametrize(
    ("debug", "risk"),
    [
        ({"risk": "{level=LOW}"}, "low"),
        ({"risk": '{"level": "HIGH", "reasons": "x"}'}, "high"),
        ({"risk": {"level": "HIGH"}}, "high"),
        ({"logOnlySecurityData": '{"risk":{"level":"MEDIUM"},"behaviors":{"New IP":"POSITIVE"}}'}, "medium"),
        ({"behaviors": "{New IP=POSITIVE}"}, ""),
        ("", ""),
        (None, ""),
    ],
)
def test_okta_risk_in_its_several_forms(debug: Any, risk: str) -> None:
    assert changed("okta", debugContext={"debugData": debug}).risk == risk


@pytest.mark.parametrize(
    ("result", "outcome"),
    [
        ("SUCCESS", "success"),
        ("ALLOW", "success"),
        ("FAILURE", "failure"),
        ("DENY", "failure"),
        ("CHALLENGE", "unknown"),
        ("SKIPPED", "unknown"),
        ("UNKNOWN", "unknown"),
        (None, "unknown"),
    ],
)
def test_okta_outcomes_have_three_values(result: str | None, outcome: str) -> None:
    assert changed("okta", outcome={"result": result}).outcome == outcome


def test_names_in_lower_case_are_read_too() -> None:
    folded = {name.lower(): value for name, value in SAMPLES["okta"].items()}
    assert mapped("okta", folded).native_action == "user.mfa.factor.deactivate"


def test_auth0_empty_ids_are_absent_and_the_name_stays() -> None:
    event = mapped(
        "auth0", {"log_id": "1", "date": "2026-03-01T06:12:40Z", "type": "fu", "user_id": "", "user_name": "m@x"}
    )
    assert (event.account, event.account_name, event.outcome) == ("", "m@x", Outcome.FAILURE)


@pytest.mark.parametrize(
    ("code", "action", "outcome"),
    [
        ("s", "sign_in", "success"),
        ("fp", "sign_in", "failure"),
        ("slo", "sign_out", "success"),
        ("scp", "password.changed", "success"),
        ("signup_pwd_leak", "account.created", "failure"),
        ("pwd_leak", "leaked_password.used", "failure"),
        ("limit_wc", "account.locked", "success"),
        ("gd_unenroll", "second_factor.removed", "success"),
        ("w", "w", "unknown"),
        ("sys_os_update_start", "sys_os_update_start", "unknown"),
        ("brand_new_code", "brand_new_code", "unknown"),
    ],
)
def test_auth0_codes(code: str, action: str, outcome: str) -> None:
    event = mapped("auth0", {"log_id": "1", "date": "2026-03-01T06:12:40Z", "type": code})
    assert (event.action, event.native_action, event.outcome) == (action, code, outcome)


@pytest.mark.parametrize("code", ["50074", 50140, "50076"])
def test_an_interrupted_sign_in_is_neither_success_nor_failure(code: Any) -> None:
    properties = {**SAMPLES["entra"]["properties"], "status": {"errorCode": code}}
    assert changed("entra", properties=properties).outcome is Outcome.UNKNOWN


def test_entra_audit_records_tell_the_user_from_the_administrator() -> None:
    event = mapped(
        "entra",
        {
            "id": "1",
            "activityDateTime": "2026-03-01T06:12:40Z",
            "activityDisplayName": "Reset user password",
            "result": "success",
            "initiatedBy": {"user": {"id": "s", "userPrincipalName": "staff@x", "ipAddress": "198.51.100.7"}},
            "targetResources": [{"id": "m", "type": "User", "userPrincipalName": "maria@x"}],
        },
    )
    assert (event.action, event.account, event.actor, event.outcome) == ("password.reset", "m", "s", Outcome.SUCCESS)


def test_office_names_a_failure_even_where_the_status_says_success() -> None:
    assert changed("o365", LogonError=None).outcome is Outcome.FAILURE
    assert changed("o365", Operation="UserLoggedIn", LogonError=None).outcome is Outcome.SUCCESS
    assert changed("o365", Operation="UserLoggedIn", LogonError=None, ResultStatus="").outcome is Outcome.UNKNOWN


def test_google_parameters_may_be_an_object_and_affect_somebody_else() -> None:
    event = mapped(
        "google",
        {
            "id": {"time": "2026-03-01 06:12:40.693000000", "uniqueQualifier": "9", "applicationName": "admin"},
            "actor": {"email": "staff@x", "profileId": "1"},
            "name": "CHANGE_PASSWORD",
            "parameters": {"USER_EMAIL": "maria@x"},
        },
    )
    assert (event.action, event.account, event.account_name) == ("password.changed", "", "maria@x")
    assert (event.actor, event.outcome) == ("1", Outcome.UNKNOWN)


def test_duo_administrators_describe_in_json_that_may_be_broken() -> None:
    record = {"action": "admin_2fa_error", "username": "Ana", "isotimestamp": "2026-03-01 06:12:40"}
    good = mapped("duo", {**record, "description": '{"ip_address": "198.51.100.7", "error": "reported"}'})
    assert (good.ip, good.reason, good.outcome) == ("198.51.100.7", "reported", Outcome.FAILURE)
    broken = mapped("duo", {**record, "action": "admin_lockout", "description": '"message": "locked"'})
    assert (broken.action, broken.outcome) == ("account.locked", Outcome.UNKNOWN)


def signed_in(answer: Any) -> dict[str, Any]:
    return {"eventName": "ConsoleLogin", "eventType": "AwsConsoleSignIn", "responseElements": answer}


@pytest.mark.parametrize(
    ("changes", "outcome"),
    [
        ({}, "success"),
        ({"errorCode": "AccessDenied"}, "failure"),
        ({"eventType": "AwsServiceEvent"}, "unknown"),
        ({"eventType": None}, "unknown"),
        (signed_in({"ConsoleLogin": "Failure"}), "failure"),
        (signed_in({"ConsoleLogin": "Success"}), "success"),
        (signed_in(None), "unknown"),
    ],
)
def test_cloudtrail_outcomes(changes: dict[str, Any], outcome: str) -> None:
    assert changed("cloudtrail", **changes).outcome == outcome


def test_cloudtrail_service_names_are_no_addresses_and_no_identity_acts() -> None:
    assert changed("cloudtrail", sourceIPAddress="AWS Internal").ip == ""
    database = changed("cloudtrail", eventSource="rds.amazonaws.com", eventName="CreateUser")
    assert (database.action, database.account) == ("CreateUser", "AROAEXAMPLE:ana")


@pytest.mark.parametrize("category", ["iam", ["iam"], [["nested"], "iam"]])
def test_ecs_category_is_a_text_or_a_list(category: Any) -> None:
    assert mapped("ecs", {"@timestamp": "2026-03-01T06:12:40Z", "event": {"category": category}}).category == "iam"


@pytest.mark.parametrize(
    "record",
    [
        {"source": {"geo": {"country_iso_code": "PT"}}},
        {"source.geo.country_iso_code": "PT"},
        {"source.geo": {"country_iso_code": "PT"}},
        {"source": {"geo.country_iso_code": "PT"}},
        {"source": {"ip": "198.51.100.7"}, "source.geo.country_iso_code": "PT"},
    ],
)
def test_ecs_names_are_nested_dotted_or_both(record: dict[str, Any]) -> None:
    assert mapped("ecs", {"@timestamp": "2026-03-01T06:12:40Z", **record}).country == "PT"


def test_ecs_hits_of_a_search_are_unwrapped() -> None:
    event = mapped("ecs", {"_id": "h-1", "_source": {"@timestamp": 1772345560123, "user": {"id": "u"}}})
    assert (event.id, event.account, event.actor, event.source) == ("h-1", "u", "u", "ecs")


def test_keycloak_null_texts_and_log_lines() -> None:
    line = (
        b'2026-03-01 06:12:40,123 WARN  [org.keycloak.events] (executor-thread-1) type="LOGIN_ERROR", realmId="r", '
        b'clientId="web", userId="null", sessionId="null", ipAddress="198.51.100.7", error="user_not_found", '
        b'auth_method="openid-connect", username="ma\\"ria"'
    )
    event = mapped("keycloak", line)
    assert (event.account, event.session, event.ip) == ("", "", "198.51.100.7")
    assert (event.account_name, event.reason, event.outcome) == ('ma"ria', "user_not_found", Outcome.FAILURE)
    assert event.time_us == to_micros(parse_instant("2026-03-01T06:12:40.123Z"))
    wrapped = {"timestamp": "2026-03-01T06:12:40.123Z", "loggerName": "org.keycloak.events", "message": line.decode()}
    assert mapped("keycloak", wrapped).account_name == 'ma"ria'


@pytest.mark.parametrize(
    ("operation", "path", "action"),
    [
        ("ACTION", "users/u-1/credentials/c-1", "credential.removed"),
        ("DELETE", "attack-detection/brute-force/users/u-1", "account.unlocked"),
        ("ACTION", "users/u-1/reset-password", "password.changed"),
        ("ACTION", "users/u-1/logout", "session.ended"),
        ("CREATE", "users/u-1/role-mappings/realm", "role.granted"),
        ("UPDATE", "users/u-1", "account.changed"),
        ("UPDATE", "users/u-1/credentials/c-1/userLabel", "UPDATE USER"),
    ],
)
def test_keycloak_administrators(operation: str, path: str, action: str) -> None:
    record = {
        "id": "1",
        "time": 1772345560123,
        "operationType": operation,
        "resourceType": "USER",
        "resourcePath": path,
        "authDetails": {"userId": "s", "clientId": "admin-cli", "ipAddress": "198.51.100.7"},
        "representation": '{"enabled":false}',
    }
    event = map_record(record, b"raw")
    assert (event.action, event.account, event.actor, event.raw) == (action, "u-1", "s", b"raw")
    assert event.outcome is Outcome.SUCCESS
    assert event.reason == "written with enabled: false"
    assert map_record({**record, "error": "no"}, b"raw").outcome is Outcome.FAILURE


@pytest.mark.parametrize(
    ("kind", "details", "action"),
    [
        ("UPDATE_CREDENTIAL", {"credential_type": "password"}, "password.changed"),
        ("UPDATE_CREDENTIAL", {"credential_type": "otp"}, "second_factor.added"),
        ("REMOVE_CREDENTIAL", {"credential_type": "webauthn"}, "second_factor.removed"),
        ("UPDATE_CREDENTIAL", {}, "UPDATE_CREDENTIAL"),
        ("UPDATE_PROFILE", {"updated_email": "n@x"}, "email.changed"),
        ("UPDATE_PROFILE", {}, "profile.changed"),
        ("SOMETHING_NEW", {}, "SOMETHING_NEW"),
    ],
)
def test_keycloak_users(kind: str, details: dict[str, str], action: str) -> None:
    event = map_record({"id": "1", "time": 1772345560123, "type": kind, "userId": "u", "details": details}, b"raw")
    assert (event.action, event.native_action) == (action, kind)


def test_an_admin_event_without_an_id_gets_one_of_its_bytes() -> None:
    record = {"time": 1772345560123, "operationType": "UPDATE", "resourcePath": "users/u-1"}
    assert map_record(record, b"raw").id.startswith("sha256:")


# -- every source ------------------------------------------------------------------------------------


@pytest.mark.parametrize("source", sorted(SAMPLES))
def test_a_record_without_a_time_is_not_dropped(source: str) -> None:
    lines = [
        b"{}",
        b'{"id": {"time": null}, "time": "", "date": "soon"}',
        b"[]",
        b"3",
        b"nonsense",
        b"\xff",
        b"{" * 99_999,
    ]
    for raw in lines:
        result = map_line(source, raw, 0)
        assert isinstance(result, Unmapped), (source, raw)
        assert result.raw == raw
        assert result.error


def test_our_words_are_all_explained_and_documented() -> None:
    said: set[str] = set()
    for module in (f"workstation.services.timeline.mapping.{name}" for name in SOURCES):
        words = getattr(__import__(module, fromlist=["WORDS"]), "WORDS", {})
        said |= set(words.values())
    assert said <= set(WORDS)
    documented = (ROOT / "docs" / "mapping.md").read_text()
    for word, (category, meaning) in WORDS.items():
        assert f"| `{word}` | {category or '–'} | {meaning} |" in documented
    for source in SOURCES:
        assert f"`{source}`" in documented
