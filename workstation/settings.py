"""One typed settings file; unknown keys are errors.

``$XDG_CONFIG_HOME/workstation/settings.toml``, or the file that ``--settings`` names. It holds addresses and
names, never a secret: those are in the keyring (docs/operations.md).
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import msgspec
from platformdirs import user_config_path, user_state_path

from workstation.services.errors import Invalid
from workstation.services.timeline.event import FIELDS


class Base(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A table of the file."""


class StoreSettings(Base, frozen=True):
    """``[store]``: a libpq URL or connection string without user and password."""

    url: str


class AccountSettings(Base, frozen=True):
    """``[accounts]``: the account system, for reading and, by the broker alone, for acts."""

    kind: Literal["contract", "keycloak"] = "contract"
    url: str = ""
    realm: str = ""
    client: str = ""
    writer_client: str = ""
    #: Keycloak: nobody signs in to this realm with an address that was not verified (docs/connectors.md).
    verifies_email: bool = False
    ca_file: str | None = None


#: What a [[logs]] table may be; each has a connector of its own (docs/connectors.md).
LogKind = Literal[
    "contract", "keycloak", "opensearch", "clickhouse", "loki", "victorialogs", "okta", "postgres", "files"
]
#: A unit of times that are numbers; texts are read as ISO 8601 whatever it says.
TimeUnit = Literal["s", "ms", "us", "ns"]


class MappingSettings(Base, frozen=True):
    """``[logs.mapping]``: what the records of a store are, where no connector knows it by itself (docs/connectors.md).

    `records` is ``ecs`` (nested or dotted names), ``flat`` (one level of columns), or a format of `workstation map`
    (``ocsf``, ``okta``, ``cloudtrail`` …). `fields` says where one of our fields is in a record, as a dotted path or
    several of which the first that holds a value counts; what is not named is where the format has it. `values` says
    what a value of a field means, such as ``{"event.outcome" = {ok = "success"}}``; `constants` what holds for every
    record that says nothing else. `narrow` names fields that the store holds just as our events have them, one value a
    record, and as what (``text``, ``ip``, ``number``): for these the store is asked, the rest of a query is asked here.
    """

    records: str = "ecs"
    #: Path of the time, and its unit where it is a number; "" is where the format has it.
    time: str = ""
    time_unit: TimeUnit = "ms"
    ingested: str = ""
    fields: dict[str, str | tuple[str, ...]] = {}
    values: dict[str, dict[str, str]] = {}
    constants: dict[str, str] = {}
    narrow: dict[str, Literal["text", "ip", "number"]] = {}


class OpenSearchSettings(Base, frozen=True):
    """``[logs.opensearch]``: an index, alias or pattern of OpenSearch or Elasticsearch; which of them shows itself."""

    index: str
    #: Fields of the index of which one must hold the account's id.
    account_fields: tuple[str, ...] = ("user.target.id", "user.id")
    #: The field that events are ordered by, a date or a number of `mapping.time_unit`.
    time_field: str = "@timestamp"
    #: A field that differs between any two events of one millisecond.
    tie_break: str = "event.id"
    #: Events of one request at most; the store's own limit is `index.max_result_window`, 10,000 by default.
    page: int = 5_000


class ClickHouseSettings(Base, frozen=True):
    """``[logs.clickhouse]``: a table or view over ClickHouse's HTTP interface; `user` of the source is its user."""

    table: str
    database: str = "default"
    #: Columns of which one must hold the account's id.
    account_columns: tuple[str, ...] = ("account",)
    #: The columns that a place in the table is known by: the time, and what is unique together with it.
    time_column: str = "time"
    id_column: str = "id"
    #: A column that holds the record as JSON text; without one the row itself is the record.
    record_column: str = ""
    page: int = 10_000


class LokiSettings(Base, frozen=True):
    """``[logs.loki]``: the streams of a selector, of which lines about an account are read."""

    #: Such as ``{app="auth"}``.
    selector: str
    #: The parser stage that makes labels of a line. With ``json`` a line is the record; without one, or with
    #: ``logfmt``, the labels and the line (as ``message``) are.
    parser: Literal["json", "logfmt", "none"] = "json"
    #: Labels, after that stage, of which one must hold the account's id.
    account_labels: tuple[str, ...] = ("user_target_id", "user_id")
    #: Labels of a stream, or structured metadata, that belong to a record of ``json`` where its line has no such field.
    labels: tuple[str, ...] = ()
    #: The ``X-Scope-OrgID``; "" sends none.
    tenant: str = ""
    #: Lines of one request at most; the server's own limit is 5,000 by default.
    page: int = 5_000


class VictoriaLogsSettings(Base, frozen=True):
    """``[logs.victorialogs]``: the streams of a selector, of which events of an account are read."""

    #: A LogsQL filter such as ``{app="auth"}``; "" is every stream.
    selector: str = ""
    #: Fields of which one must hold the account's id.
    account_fields: tuple[str, ...] = ("user.target.id", "user.id")
    #: The ``AccountID`` and ``ProjectID`` of a tenant, as ``12:34``; "" sends none.
    tenant: str = ""
    page: int = 5_000


class PostgresSettings(Base, frozen=True):
    """``[logs.postgres]``: a table or view of a PostgreSQL database; `url` is a libpq URL, `user` its user."""

    #: ``table`` or ``schema.table``.
    table: str
    #: Columns of which one must hold the account's id.
    account_columns: tuple[str, ...] = ("account",)
    #: The columns that a place in the table is known by: the time, and what is unique together with it.
    time_column: str = "time"
    id_column: str = "id"
    #: A json or jsonb column that holds the record; without one the row itself is the record.
    record_column: str = ""
    page: int = 10_000


class FilesSettings(Base, frozen=True):
    """``[logs.files]``: a file, or the files of a directory, as `workstation map` reads them."""

    path: str
    #: Which files of a directory, below it too where the pattern begins with ``**/``.
    pattern: str = "*"
    #: Whether everything in them is about whatever account is looked at; else an account is found by id or name.
    whole: bool = False


class LogSettings(Base, frozen=True):
    """``[[logs]]``: a source of events under a name that rows and gaps show.

    Its secret is ``logs:NAME:read``, or ``logs:read`` where there is none of its own. `auth` is how it is sent, by
    default as the kind has it: ``basic`` with `user`, ``bearer`` without, ``ssws`` for Okta. ``api_key`` is
    Elasticsearch's (the id and key in base64), ``none`` sends nothing.
    """

    name: str
    kind: LogKind = "contract"
    url: str = ""
    dataset: str = ""
    ca_file: str | None = None
    user: str = ""
    auth: Literal["", "bearer", "basic", "api_key", "ssws", "none"] = ""
    #: Seconds that one call may take, retries included.
    deadline_s: float = 30.0
    mapping: MappingSettings = MappingSettings()
    opensearch: OpenSearchSettings | None = None
    clickhouse: ClickHouseSettings | None = None
    loki: LokiSettings | None = None
    victorialogs: VictoriaLogsSettings | None = None
    postgres: PostgresSettings | None = None
    files: FilesSettings | None = None


class RiskSettings(Base, frozen=True):
    """``[risk]``: the risk engine."""

    kind: Literal["contract", "none"] = "none"
    url: str = ""
    ca_file: str | None = None


class MailSettings(Base, frozen=True):
    """``[mail]``: who we are in mail, and the mailbox that the courier uses."""

    brand: str = "the exchange"
    address: str = "support@example.invalid"
    authserv: str = ""
    hosts: tuple[str, ...] = ()
    kind: Literal["maildir", "imap"] = "imap"
    directory: str = ""
    imap_host: str = ""
    imap_port: int = 993
    smtp_host: str = ""
    smtp_port: int = 465
    imap_security: Literal["tls", "starttls", "none"] = "tls"
    smtp_security: Literal["tls", "starttls", "none"] = "tls"
    user: str = ""


class ProviderSettings(Base, frozen=True):
    """``[step_up.provider]``: the staff's identity provider, for step-ups by RFC 9470 (docs/people.md)."""

    issuer: str
    client_id: str
    #: The levels (`acr`) that are enough, as the provider names them; the first is asked for.
    acr: tuple[str, ...]
    #: Seconds since the sign-in at most. It is asked for anew every time, so this is about the way and the clocks.
    max_age_s: float = 180.0
    ca_file: str | None = None


class VetoSettings(Base, frozen=True):
    """``[veto]``: the page on which a client stops what was asked for in his name (docs/policy.md).

    `page` is the address that mails carry, empty where there is none. `url` is where its answers are read by the
    contract; empty where the account system keeps them.
    """

    page: str = ""
    url: str = ""
    ca_file: str | None = None


class WitnessPlace(Base, frozen=True):
    """``[[notary.witnesses]]``: who co-signs, by the C2SP protocol tlog-witness; `key` is its verifier key.

    `url` is an https address, one on this machine, or ``unix:/path/of/socket``.
    """

    url: str
    key: str
    ca_file: str | None = None


class NotarySettings(Base, frozen=True):
    """``[notary]``: the log of checkpoints (docs/audit.md). Its own machine knows all, an auditor's only the `keys`."""

    #: The log's name, a URL without scheme; also the name of its key.
    origin: str = ""
    #: The notary's own directory, and the directories that get every checkpoint.
    state: str = ""
    sinks: tuple[str, ...] = ()
    witnesses: tuple[WitnessPlace, ...] = ()
    #: What `workstation audit verify` trusts here: keys of the notary, with their sizes, and of witnesses.
    keys: tuple[str, ...] = ()


class WitnessSettings(Base, frozen=True):
    """``[witness]``: this machine co-signs the checkpoints of the logs whose verifier keys are listed."""

    name: str
    state: str
    #: ``host:port``, or ``unix:/path/of/socket``.
    listen: str
    logs: tuple[str, ...]


class ReaderSettings(Base, frozen=True):
    """``[reader]``: the process through which client data is read (docs/viewing.md). Without `url`, directly.

    `url` is ``unix:/path/of/socket`` on one machine, or the https address of the reader. The reader's own machine also
    says where it listens: `listen` as ``host:port`` with `cert_file` and `key_file` (PEM), or the socket of `url`,
    which the members of `group` may use.
    """

    url: str = ""
    ca_file: str | None = None
    listen: str = ""
    cert_file: str = ""
    key_file: str = ""
    group: str = ""


class TimelineSettings(Base, frozen=True):
    """``[timeline]``: how much of an account's history one person's workstation holds."""

    #: Events of one account that are held; a million take about 350 MB. Older ones are shown as not loaded.
    events: int = 2_000_000
    #: Seconds between two looks for what is new; 0 looks once.
    live_s: float = 15.0
    #: Megabytes of raw records held in memory; more of them lie encrypted in a file of this session.
    raw_mb: int = 64
    #: A directory of the team's own Sigma rules (docs/marks.md).
    rules: str = ""
    #: The team's own column sets by name: ECS fields (docs/screens.md).
    columns: dict[str, tuple[str, ...]] = {}

    def __post_init__(self) -> None:
        """Refuse a column that is no field. Raises ValueError."""
        for name, fields in self.columns.items():
            unknown = [field for field in fields if field not in FIELDS]
            if unknown or not fields:
                raise ValueError(f"column set {name}: {', '.join(unknown) or 'nothing'} is no field (docs/query.md)")


class StepUpSettings(Base, frozen=True):
    """``[step_up]``: the WebAuthn relying-party id of this installation, and the identity provider if there is one."""

    rp_id: str = "workstation.invalid"
    provider: ProviderSettings | None = None


class Settings(Base, frozen=True):
    """The whole file."""

    store: StoreSettings
    accounts: AccountSettings = AccountSettings()
    logs: tuple[LogSettings, ...] = ()
    risk: RiskSettings = RiskSettings()
    mail: MailSettings = MailSettings()
    step_up: StepUpSettings = StepUpSettings()
    veto: VetoSettings = VetoSettings()
    notary: NotarySettings = NotarySettings()
    reader: ReaderSettings = ReaderSettings()
    timeline: TimelineSettings = TimelineSettings()
    witness: WitnessSettings | None = None


def default_path() -> Path:
    """Return where the settings are looked for when no flag names a file."""
    return user_config_path("workstation") / "settings.toml"


def state_dir() -> Path:
    """Return the directory for drafts and crash notes of this OS user."""
    return user_state_path("workstation")


def read(path: Path) -> Settings:
    """Read a settings file.

    Raises:
        Invalid: it is not there, not TOML, or has a key or value that is not known; the sentence names it.
    """
    try:
        return msgspec.toml.decode(path.read_bytes(), type=Settings)
    except FileNotFoundError as error:
        raise Invalid(
            f"There is no settings file at {path}.",
            "Write one as docs/operations.md shows, or try `workstation demo`, which needs none.",
        ) from error
    except OSError as error:
        raise Invalid(f"{path} cannot be read: {error.strerror}.", "Mend its rights and try again.") from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Invalid(
            f"{path} is not right: {error}", "Correct that line; docs/operations.md lists every key."
        ) from error
