"""Questions over a screen, each with a typed answer; None is always "leave it"."""
