"""One record of each source with every field that the source can fill, written by hand after the vendor's documents."""

from __future__ import annotations

import json
from typing import Any

from workstation.services.timeline.event import Event
from workstation.services.timeline.mapping import map_line

SAMPLES: dict[str, dict[str, Any]] = {
    "cloudtrail": {
        "eventVersion": "1.08",
        "userIdentity": {
            "type": "AssumedRole",
            "principalId": "AROAEXAMPLE:ana",
            "arn": "arn:aws:sts::111122223333:assumed-role/Support/ana",
            "accountId": "111122223333",
            "accessKeyId": "ASIAEXAMPLE",
            "sessionContext": {"attributes": {"mfaAuthenticated": "true"}, "sessionIssuer": {"userName": "Support"}},
        },
        "eventTime": "2026-03-01T06:12:40Z",
        "eventSource": "iam.amazonaws.com",
        "eventName": "DeactivateMFADevice",
        "sourceIPAddress": "198.51.100.7",
        "userAgent": "aws-cli/2",
        "requestParameters": {"userName": "maria", "serialNumber": "arn:aws:iam::111122223333:mfa/maria"},
        "responseElements": None,
        "eventID": "e-1",
        "eventType": "AwsApiCall",
    },
    "okta": {
        "uuid": "o-1",
        "published": "2026-03-01T06:12:40.123Z",
        "eventType": "user.mfa.factor.deactivate",
        "actor": {"id": "00uSTAFF", "type": "User", "alternateId": "staff@ex.example", "displayName": "Staff"},
        "outcome": {"result": "SUCCESS", "reason": "admin did it"},
        "client": {
            "ipAddress": "198.51.100.7",
            "zone": "null",
            "geographicalContext": {
                "city": "Lisbon",
                "country": "Portugal",
                "geolocation": {"lat": 38.7223, "lon": -9.1393},
            },
            "userAgent": {"rawUserAgent": "Mozilla/5.0"},
        },
        "securityContext": {"asNumber": 9009, "asOrg": "m247"},
        "device": {"id": "guoDEVICE"},
        "authenticationContext": {"externalSessionId": "s-1"},
        "debugContext": {"debugData": {"risk": "{reasons=Anomalous Device, level=MEDIUM}", "factor": "totp"}},
        "target": [
            {"id": "00uMARIA", "type": "User", "alternateId": "maria@ex.example", "displayName": "Maria"},
            {"id": "app", "type": "AppInstance", "alternateId": "unknown", "displayName": "Vault"},
        ],
    },
    "auth0": {
        "log_id": "a-0",
        "data": {
            "log_id": "a-1",
            "date": "2026-03-01T06:12:40.123Z",
            "type": "sapi",
            "description": "Delete a user's multifactor provider",
            "client_id": "c-1",
            "ip": "2001:db8::1",
            "user_agent": "Mozilla/5.0",
            "user_id": "",
            "location_info": {
                "country_code": "PT",
                "city_name": "Lisbon",
                "latitude": 38.7223,
                "longitude": -9.1393,
            },
            "details": {
                "request": {
                    "auth": {"user": {"user_id": "auth0|staff", "email": "staff@ex.example"}},
                    "path": "/api/v2/users/auth0%7Cmaria/multifactor/duo",
                }
            },
        },
    },
    "entra": {
        "time": "2026-03-01T06:13:00Z",
        "category": "SignInLogs",
        "operationName": "Sign-in activity",
        "resultType": "50126",
        "properties": {
            "id": "m-1",
            "createdDateTime": "2026-03-01T06:12:40.1234567Z",
            "userId": "u-1",
            "userPrincipalName": "maria@ex.example",
            "ipAddress": "198.51.100.7",
            "userAgent": "Mozilla/5.0",
            "sessionId": "s-1",
            "deviceDetail": {"deviceId": "d-1"},
            "location": {
                "city": "Lisbon",
                "countryOrRegion": "PT",
                "geoCoordinates": {"latitude": 38.7223, "longitude": -9.1393},
            },
            "autonomousSystemNumber": 9009,
            "mfaDetail": {"authMethod": "totp"},
            "status": {"errorCode": 50126, "failureReason": "Invalid username or password."},
            "appDisplayName": "Vault",
            "riskLevelDuringSignIn": "high",
        },
    },
    "github": {
        "_document_id": "h-1",
        "@timestamp": 1772345560123,
        "created_at": 1772345560123,
        "action": "two_factor_authentication.remove_factor",
        "actor": "staff",
        "actor_id": 9,
        "user": "maria",
        "user_id": 1,
        "org": "example",
        "actor_ip": "198.51.100.7",
        "actor_location": {"country_code": "PT"},
        "user_agent": "Mozilla/5.0",
    },
    "slack": {
        "id": "l-1",
        "date_create": 1772345560,
        "action": "role_change_to_admin",
        "actor": {"type": "user", "user": {"id": "u-9", "name": "Staff", "email": "staff@ex.example"}},
        "entity": {"type": "user", "user": {"id": "u-1", "name": "Maria", "email": "maria@ex.example"}},
        "context": {"ip_address": "198.51.100.7", "ua": "Mozilla/5.0", "session_id": 77},
    },
    "1password": {
        "uuid": "w-1",
        "session_uuid": "s-1",
        "timestamp": "2026-03-01T06:12:40.123Z",
        "category": "mfa_failed",
        "type": "totp_bad_code",
        "country": "PT",
        "target_user": {"uuid": "u-1", "name": "Maria", "email": "maria@ex.example"},
        "client": {
            "app_name": "1Password for Web",
            "app_version": "1093",
            "os_name": "Windows",
            "ip_address": "198.51.100.7",
        },
        "location": {"country": "PT", "city": "Lisbon", "latitude": 38.7223, "longitude": -9.1393},
    },
    "google": {
        "kind": "admin#reports#activity",
        "id": {"time": "2026-03-01T06:12:40.123456789Z", "uniqueQualifier": "-7", "applicationName": "login"},
        "actor": {"email": "maria@ex.example", "profileId": "113"},
        "ipAddress": "198.51.100.7",
        "networkInfo": {"ipAsn": [9009], "regionCode": "PT"},
        "events": [
            {
                "type": "login",
                "name": "login_failure",
                "parameters": [
                    {"name": "login_type", "value": "google_password"},
                    {"name": "login_challenge_method", "multiValue": ["password"]},
                    {"name": "is_suspicious", "boolValue": True},
                    {"name": "login_failure_type", "value": "login_failure_invalid_password"},
                ],
            },
            {"type": "login", "name": "risky_sensitive_action_blocked"},
        ],
    },
    "duo": {
        "txid": "t-1",
        "isotimestamp": "2026-03-01T06:12:40.123456+00:00",
        "timestamp": 1772345560,
        "event_type": "authentication",
        "result": "fraud",
        "reason": "user_marked_fraud",
        "factor": "duo_push",
        "user": {"key": "DU1", "name": "maria"},
        "access_device": {
            "ip": "198.51.100.7",
            "epkey": "EP1",
            "browser": "Chrome",
            "os": "Windows",
            "location": {"city": "Lisbon", "country": "Portugal"},
        },
        "application": {"name": "Vault"},
    },
    "keycloak": {
        "id": "k-1",
        "time": 1772345560123,
        "type": "LOGIN_ERROR",
        "userId": "u-1",
        "sessionId": "s-1",
        "clientId": "web",
        "ipAddress": "198.51.100.7",
        "error": "invalid_user_credentials",
        "details": {"username": "maria", "credential_type": "otp"},
    },
    "o365": {
        "Id": "p-1",
        "CreationTime": "2026-03-01T06:12:40",
        "Operation": "UserLoginFailed",
        "ResultStatus": "Success",
        "UserId": "maria@ex.example",
        "UserKey": "10030000",
        "ClientIP": "[2001:db8::1]:4711",
        "LogonError": "InvalidUserNameOrPassword",
        "ObjectId": "app-1",
        "ExtendedProperties": [{"Name": "UserAgent", "Value": "Mozilla/5.0"}],
        "DeviceProperties": [{"Name": "SessionId", "Value": "s-1"}, {"Name": "Id", "Value": "d-1"}],
    },
    "ping": {
        "id": "g-1",
        "recordedAt": "2026-03-01T06:12:40.123Z",
        "createdAt": "2026-03-01T06:12:41.000Z",
        "action": {"type": "DEVICE.DELETED", "description": "Device Deleted"},
        "actors": {"client": {"id": "c-1", "name": "adminui"}, "user": {"id": "u-9", "name": "staff"}},
        "resources": [
            {"type": "USER", "id": "u-1", "name": "maria"},
            {"type": "DEVICE", "id": "d-1", "name": "phone"},
        ],
        "result": {"status": "SUCCESS", "description": "Deleted Device"},
        "source": {"ipAddress": "198.51.100.7", "userAgent": "Mozilla/5.0"},
    },
    "jumpcloud": {
        "id": "j-1",
        "timestamp": "2026-03-01T06:12:40.495Z",
        "event_type": "user_lockout",
        "initiated_by": {"id": "u-9", "type": "admin", "email": "staff@ex.example"},
        "resource": {"id": "u-1", "type": "user", "username": "maria"},
        "client_ip": "198.51.100.7",
        "geoip": {"country_code": "PT", "region_name": "Lisbon", "latitude": 38.7223, "longitude": -9.1393},
        "success": True,
        "mfa": True,
        "useragent": {"name": "Chrome", "os_full": "Mac OS X 10.15.7"},
    },
    "ocsf": {
        "class_uid": 3001,
        "class_name": "Account Change",
        "activity_id": 11,
        "time": 1772345560123,
        "status_id": 1,
        "metadata": {"uid": "f-1", "event_code": "mfa.off", "logged_time": 1772345561000},
        "user": {"uid": "u-1", "name": "maria"},
        "actor": {"user": {"uid": "u-9", "name": "staff"}, "session": {"uid": "s-1"}},
        "src_endpoint": {
            "ip": "198.51.100.7",
            "location": {"country": "PT", "city": "Lisbon", "lat": 38.7223, "long": -9.1393},
            "autonomous_system": {"number": 9009, "name": "m247"},
        },
        "http_request": {"user_agent": "Mozilla/5.0"},
        "device": {"uid": "d-1"},
        "risk_level": "High",
    },
    "ecs": {
        "@timestamp": "2026-03-01T06:12:40.123456Z",
        "event": {
            "id": "x-1",
            "action": "second_factor.removed",
            "category": ["iam", "authentication"],
            "outcome": "success",
            "ingested": "2026-03-01T06:12:41Z",
        },
        "event.dataset": "account-log",
        "user": {"id": "u-9", "name": "staff", "target": {"id": "u-1", "name": "maria"}},
        "source": {
            "ip": "198.51.100.7",
            "geo.country_iso_code": "PT",
            "geo": {"location": {"lat": 38.7223, "lon": -9.1393}},
            "as": {"number": 9009},
        },
        "user_agent.original": "Mozilla/5.0",
        "session": {"id": "s-1"},
    },
}


def raw_of(source: str) -> bytes:
    """Return the sample of a source as the bytes of one line."""
    return json.dumps(SAMPLES[source]).encode()


def mapped(source: str, record: Any) -> Event:
    """Return the event of a record, which must give one."""
    raw = record if isinstance(record, bytes) else json.dumps(record).encode()
    event = map_line(source, raw)
    assert isinstance(event, Event), event
    assert event.raw == raw
    return event


def changed(source: str, **changes: Any) -> Event:
    """Return the event of a sample with other values at its top."""
    return mapped(source, {**SAMPLES[source], **changes})
