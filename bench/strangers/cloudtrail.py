"""AWS CloudTrail records (AWS: "CloudTrail record contents") of one IAM user."""

from __future__ import annotations

from bench.strangers.lives import Step
from bench.strangers.said import SECOND, Pen, Record, stamp, uuid
from bench.strangers.world import token

_CALLS = (
    ("ec2", "DescribeInstances"),
    ("s3", "ListBuckets"),
    ("cloudwatch", "GetMetricData"),
    ("lambda", "ListFunctions"),
    ("rds", "DescribeDBInstances"),
    ("ec2", "DescribeSecurityGroups"),
)
_SERVICE = {
    "GetCallerIdentity": "sts",
    "ListUsers": "iam",
    "ListAttachedUserPolicies": "iam",
    "GetAccountSummary": "iam",
    "ListBuckets": "s3",
    "DescribeInstances": "ec2",
}


class Cloudtrail(Pen):
    """An address and a user agent; the console's session is a temporary key, the command line's a lasting one."""

    @property
    def _name(self) -> str:
        return self.life.login.partition("@")[0]

    def _record(
        self,
        step: Step,
        service: str,
        name: str,
        *,
        later: int = 0,
        asked: Record | None = None,
        answered: Record | None = None,
        kind: str = "AwsApiCall",
    ) -> Record:
        seat = step.seat
        identity: Record = {
            "type": "IAMUser",
            "principalId": "AIDA" + self.life.user_id[:16].upper(),
            "arn": f"arn:aws:iam::111122223333:user/{self._name}",
            "accountId": "111122223333",
            "userName": self._name,
        }
        if kind == "AwsApiCall":
            lasting = step.session in ("", "key")
            identity["accessKeyId"] = (
                ("AKIA" + self.life.user_id[:16].upper()) if lasting else "ASIA" + step.session[:16]
            )
            if not lasting:
                mfa = "true" if self.life.ways.factor else "false"
                identity["sessionContext"] = {
                    "attributes": {"creationDate": stamp(step.at, 0), "mfaAuthenticated": mfa}
                }
        agent = seat.user_agent if seat else "AWS Internal"
        if step.session == "key":
            agent = (
                "aws-cli/2.15.30 Python/3.11.8 Linux/5.15 botocore/2.4.5"
                if not step.hostile
                else "Boto3/1.26.3 Python/3.8.10"
            )
        return {
            "eventVersion": "1.09",
            "userIdentity": identity,
            "eventTime": stamp(step.at + later, 0),
            "eventSource": f"{service}.amazonaws.com",
            "eventName": name,
            "awsRegion": "eu-west-1",
            "sourceIPAddress": seat.ip if seat else "AWS Internal",
            "userAgent": agent,
            "requestParameters": asked,
            "responseElements": answered,
            "requestID": uuid(self.rng),
            "eventID": uuid(self.rng),
            "readOnly": not answered,
            "eventType": kind,
            "managementEvent": True,
            "recipientAccountId": "111122223333",
            "eventCategory": "Management",
        }

    def _login(self, step: Step, answer: str) -> Record:
        record = self._record(
            step, "signin", "ConsoleLogin", answered={"ConsoleLogin": answer}, kind="AwsConsoleSignIn"
        )
        used = "Yes" if step.factor and answer == "Success" else "No"
        record["additionalEventData"] = {"MobileVersion": "No", "MFAUsed": used}
        if answer == "Failure":
            record["errorMessage"] = "Failed authentication"
        return record

    def sign_in(self, step: Step) -> list[Record]:
        """The console."""
        return [self._login(step, "Success")]

    def refused(self, step: Step) -> list[Record]:
        """A wrong password."""
        return [self._login(step, "Failure")]

    def use(self, step: Step) -> list[Record]:
        """A page of the console asks for several things."""
        return [self._record(step, *self.rng.choice(_CALLS), later=n * SECOND) for n in range(self.rng.randint(2, 5))]

    def call(self, step: Step) -> list[Record]:
        """One call by the lasting key."""
        return [self._record(step, _SERVICE.get(step.what, "ec2"), step.what)]

    def password_changed(self, step: Step) -> list[Record]:
        """One's own."""
        return [self._record(step, "iam", "ChangePassword", answered={})]

    def factor_added(self, step: Step) -> list[Record]:
        """A virtual device is switched on."""
        return [
            self._record(
                step,
                "iam",
                "EnableMFADevice",
                answered={},
                asked={"userName": self._name, "serialNumber": f"arn:aws:iam::111122223333:mfa/{self._name}"},
            )
        ]

    def factor_removed(self, step: Step) -> list[Record]:
        """And off."""
        return [
            self._record(
                step,
                "iam",
                "DeactivateMFADevice",
                answered={},
                asked={"userName": self._name, "serialNumber": f"arn:aws:iam::111122223333:mfa/{self._name}"},
            )
        ]

    def key_made(self, step: Step) -> list[Record]:
        """A key of one's own."""
        key = "AKIA" + token(self.rng, 16, "ABCDEFGHIJKLMNOP234567")
        return [
            self._record(
                step,
                "iam",
                "CreateAccessKey",
                asked={"userName": self._name},
                answered={"accessKey": {"accessKeyId": key, "status": "Active", "userName": self._name}},
            )
        ]

    def key_removed(self, step: Step) -> list[Record]:
        """The old one."""
        return [
            self._record(
                step, "iam", "DeleteAccessKey", answered={}, asked={"accessKeyId": "AKIAOLD", "userName": self._name}
            )
        ]

    def door(self, step: Step) -> list[Record]:
        """A user of one's own, with rights and a key."""
        name = {"userName": step.what}
        return [
            self._record(
                step, "iam", "CreateUser", asked=name, answered={"user": {"userName": step.what, "userId": "AIDAX"}}
            ),
            self._record(
                step,
                "iam",
                "AttachUserPolicy",
                later=40 * SECOND,
                answered={},
                asked={**name, "policyArn": "arn:aws:iam::aws:policy/AdministratorAccess"},
            ),
            self._record(
                step,
                "iam",
                "CreateAccessKey",
                later=70 * SECOND,
                asked=name,
                answered={"accessKey": {"accessKeyId": "AKIADOOR", "userName": step.what}},
            ),
        ]

    def password_other(self, step: Step) -> list[Record]:
        """A console password for another user."""
        return [
            self._record(
                step, "iam", "CreateLoginProfile", asked={"userName": step.what}, answered={"loginProfile": {}}
            )
        ]
