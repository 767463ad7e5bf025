"""The command line: each command is a module that is imported only when it is called."""

from __future__ import annotations

import argparse
import difflib
import importlib
import sys

#: command → (module, what it does)
COMMANDS: dict[str, tuple[str, str]] = {
    "run": ("run", "the workstation itself (the default)"),
    "demo": ("demo", "everything on this machine, with a simulated exchange"),
    "login": ("login", "put credentials into this machine's keyring"),
    "logout": ("login", "take credentials out of this machine's keyring"),
    "import": ("import_events", "raw events of a file into an account's timeline"),
    "map": ("map", "raw records of a log source into our events, as NDJSON"),
    "timeline": ("timeline", "an account's timeline as JSON"),
    "audit": ("audit", "verify the audit"),
    "doctor": ("doctor", "what is configured, reachable, permitted, and what to do about what is not"),
    "admin": ("admin", "people, migrations, backup and restore"),
    "broker": ("broker", "daemon: holds the write credential, verifies step-ups, executes acts"),
    "courier": ("courier", "daemon: mail in and out"),
    "reader": ("reader", "daemon: holds the read credentials, gives client data for view tickets only"),
    "notary": ("notary", "daemon: signs where the audit stands, or co-signs it as a witness"),
}


def main(argv: list[str] | None = None) -> int:
    """Run the command that `argv` names; return the exit code (2 for a wrong call, 1 for a failure)."""
    words = sys.argv[1:] if argv is None else argv
    if words and words[0] in ("-h", "--help", "help"):
        return _help()
    if words and words[0] == "--version":
        from workstation import __version__

        print(f"workstation {__version__}")
        return 0
    name, rest = (words[0], words[1:]) if words and not words[0].startswith("-") else ("run", words)
    if name not in COMMANDS:
        near = difflib.get_close_matches(name, COMMANDS, 1)
        hint = f"Did you mean `workstation {near[0]}`?" if near else "See `workstation --help`."
        print(f"workstation: there is no command “{ascii(name)[1:-1]}”. {hint}", file=sys.stderr)
        return 2
    module = importlib.import_module(f"workstation.commands.{COMMANDS[name][0]}")
    parser = argparse.ArgumentParser(prog=f"workstation {name}", description=COMMANDS[name][1].capitalize() + ".")
    parser.set_defaults(command=name)
    module.configure(parser)
    return _run(module, parser.parse_args(rest))


def _run(module: object, args: argparse.Namespace) -> int:
    from workstation.services.daemon import leave_no_memory
    from workstation.services.errors import WorkstationError

    leave_no_memory()
    try:
        code: int = module.run(args)  # type: ignore[attr-defined]
    except WorkstationError as error:
        print(f"workstation: {error.sentence()}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return code


def _help() -> int:
    print("usage: workstation [COMMAND] [--dir DEMO] [--as PERSON] …\n\ncommands:")
    for name, (_, what) in COMMANDS.items():
        print(f"  {name:10} {what}")
    print("\n`workstation COMMAND --help` says more. `workstation demo` needs no set-up.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
