"""How the simulated exchange says no."""

from __future__ import annotations


class Problem(Exception):
    """A refusal as RFC 9457 writes it; nothing was done.

    Args:
        status: the HTTP status.
        code: a word for programs, the last part of ``type``.
        detail: a sentence for people.
    """

    def __init__(self, status: int, code: str, detail: str) -> None:
        super().__init__(detail)
        self.status, self.code, self.detail = status, code, detail
