"""The tree of errors that a person may see.

::

    WorkstationError
    ├── Refused            a rule says no; `rule` names it
    ├── Invalid            input that cannot be used
    ├── NotSignedIn        no credential, or the store refused it
    ├── StoreError         the database is away, of another version, or full
    ├── SourceError        an outside system did not give what was asked
    │   ├── SourceDown         no answer within the deadline, or a refused connection
    │   ├── SourceBusy         429 or 503; `retry_after` seconds where it was said
    │   ├── SourceDenied       401 or 403
    │   ├── SourceMissing      404: the thing is not there
    │   ├── SourceChanged      412: it changed since it was read
    │   └── SourceGarbled      HTML, cut-off, too large, too deep, of another shape
    ├── KeyringUnavailable no keyring service, locked, or no answer in time
    └── StepUpFailed       no elevation; `why` says what to do

Each says what happened, to what, and in `hint` what the analyst can do next.
"""

from __future__ import annotations


class WorkstationError(Exception):
    """Something that the analyst is told in a sentence.

    Args:
        what: what happened and to what, one sentence.
        hint: what to do next, one sentence; may be empty.
    """

    def __init__(self, what: str, hint: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.hint = hint

    def sentence(self) -> str:
        """Return what happened and what to do, as one line."""
        return f"{self.what} {self.hint}".strip()


class Refused(WorkstationError):
    """A rule says no."""

    def __init__(self, rule: str, what: str, hint: str = "") -> None:
        super().__init__(what, hint)
        self.rule = rule


class Invalid(WorkstationError):
    """Input that cannot be used."""


class NotSignedIn(WorkstationError):
    """There is no credential, or the store refused it."""


class StoreError(WorkstationError):
    """The database is away, of another version, or full."""


class SourceError(WorkstationError):
    """An outside system did not give what was asked."""


class SourceDown(SourceError):
    """No answer within the deadline, or a refused connection."""


class SourceBusy(SourceError):
    """The system asks us to wait (429 or 503)."""

    def __init__(self, what: str, hint: str = "", retry_after: float | None = None) -> None:
        super().__init__(what, hint)
        self.retry_after = retry_after


class SourceDenied(SourceError):
    """The credential was refused (401 or 403)."""


class SourceMissing(SourceError):
    """The thing asked for is not there (404)."""


class SourceChanged(SourceError):
    """It changed since it was read (412)."""


class SourceGarbled(SourceError):
    """An answer that is not what the contract promises."""


class KeyringUnavailable(WorkstationError):
    """The operating system's keyring cannot be used now."""


class StepUpFailed(WorkstationError):
    """The elevation was not granted."""
