"""An empty Textual app: the floor that the first frame is compared with."""

from textual.app import App, ComposeResult
from textual.widgets import Static


class Empty(App[None]):
    """Shows one word."""

    def compose(self) -> ComposeResult:
        """Return the word."""
        yield Static("ready")


if __name__ == "__main__":
    Empty().run()
