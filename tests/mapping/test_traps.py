"""The traps that real samples hold, source by source."""

from __future__ import annotations

from typing import Any

import pytest

from tests.mapping.samples import SAMPLES, changed, mapped
from workstation.services.clock import from_micros, parse_instant, to_micros
from workstation.services.timeline.event import Outcome
from workstation.services.timeline.mapping import Unmapped, map_line
from workstation.services.timeline.mapping.keycloak import map_record


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


@pytest.mark.parametrize(
    ("kind", "status", "outcome", "action"),
    [
        ("PASSWORD.CHECK_FAILED", "SUCCESS", "failure", "sign_in"),
        ("PASSWORD.CHECK_SUCCEEDED", "SUCCESS", "success", "sign_in"),
        ("USER.ACCESS_DENIED", "SUCCESS", "failure", "application.opened"),
        ("USER.UPDATED", "FAILED", "failure", "profile.changed"),
        ("POLICY.UPDATED", "", "unknown", "POLICY.UPDATED"),
    ],
)
def test_pingone_names_a_failure_even_where_the_status_says_success(
    kind: str, status: str, outcome: str, action: str
) -> None:
    event = changed("ping", action={"type": kind}, result={"status": status})
    assert (event.outcome, event.action) == (outcome, action)
    alone = changed("ping", action={"type": kind}, actors=None)
    assert (alone.actor, alone.actor_name) == ("u-1", "maria")


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        ("None", "success"),
        ("InvalidUserNameOrPassword", "unknown"),
        ("UserStrongAuthClientAuthNRequiredInterrupt", "unknown"),
    ],
)
def test_office_sign_ins_that_contradict_themselves_are_unknown(error: str, outcome: str) -> None:
    assert changed("o365", Operation="UserLoggedIn", LogonError=error).outcome == outcome


def test_office_sign_outs_are_written_as_sign_ins() -> None:
    event = changed(
        "o365", Operation="UserLoggedIn", ExtendedProperties=[{"Name": "RequestType", "Value": "OAuth2:Logout"}]
    )
    assert (event.action, event.native_action) == ("sign_out", "UserLoggedIn")


@pytest.mark.parametrize(
    ("operation", "said", "action"),
    [
        ("Set-Mailbox", {"Parameters": [{"Name": "ForwardingSmtpAddress", "Value": "smtp:a@evil.example"}]}, "forward"),
        ("Set-Mailbox", {"Parameters": [{"Name": "ForwardingSmtpAddress", "Value": ""}]}, ""),
        ("New-InboxRule", {"Parameters": [{"Name": "ForwardTo", "Value": "a@evil.example"}]}, "forward"),
        ("New-InboxRule", {"Parameters": [{"Name": "DeleteMessage", "Value": "True"}]}, "rule"),
        (
            "UpdateInboxRules",
            {"OperationProperties": [{"Name": "RuleActions", "Value": '[{"Type":"Forward"}]'}]},
            "forward",
        ),
        ("UpdateInboxRules", {"OperationProperties": [{"Name": "RuleName", "Value": "Forward"}]}, "rule"),
    ],
)
def test_office_rules_say_whether_mail_is_sent_on(operation: str, said: dict[str, Any], action: str) -> None:
    words = {"forward": "forwarding.changed", "rule": "mail_rule.changed", "": operation}
    event = changed("o365", Operation=operation, MailboxOwnerUPN="owner@ex.example", **said)
    assert (event.action, event.account_name, event.actor_name) == (
        words[action],
        "owner@ex.example",
        "maria@ex.example",
    )


def test_entra_risk_records() -> None:
    detection = {
        "time": "8/22/2022 6:07:16 PM",
        "category": "UserRiskEvents",
        "operationName": "User Risk Detection",
        "properties": {
            "id": "r-1",
            "userId": "u-1",
            "userPrincipalName": "maria@ex.example",
            "riskEventType": "anonymizedIPAddress",
            "riskState": "atRisk",
            "riskLevel": "high",
            "riskDetail": "none",
            "ipAddress": "198.51.100.7",
            "activityDateTime": "2022-08-22T18:05:06.133Z",
            "location": {"city": "Lisbon", "countryOrRegion": "PT", "geoCoordinates": {"latitude": 0, "longitude": 0}},
        },
    }
    event = mapped("entra", detection)
    assert (event.action, event.native_action, event.account, event.risk) == (
        *("risk.detected", "User Risk Detection", "u-1", "high"),
    )
    assert (event.reason, event.outcome, event.location) == ("anonymizedIPAddress, atRisk", Outcome.UNKNOWN, "")
    assert from_micros(event.ingested_us).isoformat() == "2022-08-22T18:07:16+00:00"
    user = {
        "id": "u-1",
        "riskState": "remediated",
        "riskLevel": "none",
        "riskLastUpdatedDateTime": "2022-08-23T00:00:00Z",
    }
    event = mapped("entra", user)
    assert (event.action, event.account, event.id[:7], event.risk) == ("", "u-1", "sha256:", "")
    noon, midnight = (mapped("entra", {**detection, "time": f"1/2/2023 12:00:00 {half}M"}) for half in "PA")
    assert (from_micros(noon.ingested_us).hour, from_micros(midnight.ingested_us).hour) == (12, 0)


def test_google_challenges_that_were_passed_are_a_success() -> None:
    parameters = [{"name": "login_challenge_status", "value": "Challenge Passed."}]
    event = changed("google", events=[{"type": "login", "name": "login_verification", "parameters": parameters}])
    assert (event.action, event.outcome) == ("second_factor.checked", Outcome.SUCCESS)


LINE = (
    "2021-10-22 21:20:42,120 WARN  [org.keycloak.events] (default task-2) type={}, realmId=test, clientId=web,"
    " userId={}, ipAddress=198.51.100.7, {}auth_method=openid-connect, redirect_uri=http://127.0.0.1:8080, username={}"
)


def test_keycloak_lines_of_older_servers_have_no_quotation_marks() -> None:
    failed = mapped("keycloak", LINE.format("LOGIN_ERROR", "u-1", "error=invalid_user_credentials, ", "maria").encode())
    assert (failed.action, failed.native_action, failed.outcome) == ("sign_in", "LOGIN_ERROR", Outcome.FAILURE)
    assert (failed.account, failed.account_name, failed.ip) == ("u-1", "maria", "198.51.100.7")
    assert failed.reason == "invalid_user_credentials"
    admin = (
        b"2021-10-22 22:12:09,871 DEBUG [org.keycloak.events] (task-3) operationType=CREATE, realmId=test, clientId=c,"
        b" userId=s, ipAddress=198.51.100.7, resourceType=USER, resourcePath=users/u-2"
    )
    event = mapped("keycloak", admin)
    assert (event.action, event.native_action, event.account, event.actor) == (
        "account.created",
        "CREATE USER",
        "u-2",
        "s",
    )
    other = b"2021-10-22 21:01:43,208 INFO  [org.jboss.as.server] (pool) Deployed type=LOGIN, userId=u-1"
    assert isinstance(map_line("keycloak", other), Unmapped)


@pytest.mark.parametrize(
    "name", ["x, userId=victim, type=LOGOUT", "x, error=oh, ipAddress=192.0.2.1", 'x" type="LOGOUT']
)
def test_no_user_name_moves_a_keycloak_line(name: str) -> None:
    event = mapped("keycloak", LINE.format("LOGIN", "u-1", "", name).encode())
    assert (event.action, event.account, event.ip) == ("sign_in", "u-1", "198.51.100.7")
    assert event.outcome is Outcome.SUCCESS


@pytest.mark.parametrize(
    ("source", "record", "action", "outcome"),
    [
        ("github", {"action": "user.failed_login"}, "sign_in", "failure"),
        ("github", {"action": "user.two_factor_challenge_success"}, "second_factor.checked", "success"),
        ("github", {"action": "repo.create"}, "repo.create", "unknown"),
        ("slack", {"action": "user_login"}, "sign_in", "success"),
        ("slack", {"action": "user_login_failed"}, "sign_in", "failure"),
        ("1password", {"category": "success"}, "sign_in", "success"),
        ("1password", {"category": None, "action": "reveal"}, "password.viewed", "unknown"),
        ("1password", {"category": None, "item_uuid": "i-1"}, "item usage", "unknown"),
    ],
)
def test_audit_logs_of_services(source: str, record: dict[str, Any], action: str, outcome: str) -> None:
    event = changed(source, **record)
    assert (event.action, event.outcome) == (action, outcome)


def test_github_names_a_user_twice_where_nobody_else_is_meant() -> None:
    event = changed("github", actor="maria", actor_id=None)
    assert (event.account, event.actor, event.account_name, event.actor_name) == ("1", "1", "maria", "maria")


def test_cloudtrail_sees_identity_center_and_early_records() -> None:
    event = changed(
        "cloudtrail",
        eventSource="sso-directory.amazonaws.com",
        eventName="DeleteMfaDeviceForUser",
        requestParameters={"userId": "9067-maria"},
    )
    assert (event.action, event.account, event.account_name) == ("second_factor.removed", "9067-maria", "")
    assert changed("cloudtrail", eventVersion="1.0", eventType=None).outcome is Outcome.SUCCESS
    signed = {"eventType": "AwsServiceEvent", "eventName": "UserAuthentication"}
    assert changed("cloudtrail", **signed, serviceEventDetails={"UserAuthentication": "Success"}).outcome == "success"


def test_duo_telephony_and_times_that_cannot_be_read() -> None:
    event = mapped(
        "duo", {"context": "enrollment", "type": "sms", "phone": "+15550100", "isotimestamp": "2026-03-01T06:12:40Z"}
    )
    assert (event.native_action, event.category, event.target, event.factor) == (
        "sms",
        "authentication",
        "+15550100",
        "sms",
    )
    broken = mapped(
        "duo", {"action": "user_update", "isotimestamp": "2021-07-20T11: 41: 31+00: 00", "timestamp": 1626781291}
    )
    assert from_micros(broken.time_us).year == 2021


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
