"""One running demo for the stories."""

from tests.story.running import demo

__all__ = ["demo"]
