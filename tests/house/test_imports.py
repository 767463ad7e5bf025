"""The house keeps its directions, and nothing heavy is loaded before the first frame."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
HEAVY = (
    *("sqlmodel", "sqlalchemy", "psycopg", "keyring", "httpx", "fido2", "cryptography", "alembic", "pydantic"),
    *("numpy", "sigma", "zstandard"),
)


def loaded_by(statement: str) -> set[str]:
    """Return the top-level modules that a fresh interpreter holds after `statement`."""
    code = f"import sys; {statement}; print('\\n'.join({{m.partition('.')[0] for m in sys.modules}}))"
    return set(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split())


def test_the_app_loads_nothing_heavy_before_the_first_frame() -> None:
    loaded = loaded_by("import workstation.cli, workstation.app, workstation.commands.run, workstation.commands.demo")
    assert loaded & set(HEAVY) == set()
    assert "textual" in loaded


def core_modules() -> list[str]:
    services = ROOT / "workstation" / "services"
    return sorted(
        ".".join(p.relative_to(ROOT).with_suffix("").parts)
        for p in services.rglob("*.py")
        if "migrations" not in p.parts and p.name != "__init__.py"
    )


def test_the_core_runs_without_textual() -> None:
    loaded = loaded_by("; ".join(f"import {name}" for name in core_modules()))
    # httpx brings rich along; that ours imports neither is a contract of `lint-imports`
    assert "textual" not in loaded
    assert "sqlmodel" in loaded  # the import list did reach the store


def test_the_core_never_loads_the_sandbox() -> None:
    code = "; ".join(f"import {name}" for name in core_modules())
    out = subprocess.run(
        [
            sys.executable,
            "-c",
            f"import sys; {code}; print([m for m in sys.modules if m.startswith('workstation.sandbox')])",
        ],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert out.strip() == "[]"


@pytest.mark.parametrize("path", sorted((ROOT / "workstation").rglob("*.py")), ids=lambda p: str(p.relative_to(ROOT)))
def test_every_module_says_what_it_is(path: Path) -> None:
    first = path.read_text(encoding="utf-8").lstrip()
    assert first.startswith(('"""', 'r"""')), "a module starts with one sentence about itself"
