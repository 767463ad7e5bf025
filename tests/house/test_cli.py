"""The command line: names that scripts rely on, and clear words for a wrong call."""

from __future__ import annotations

import subprocess
import sys

import pytest

from workstation.cli import COMMANDS, main

STABLE = {
    "run",
    "demo",
    "broker",
    "courier",
    "notary",
    "map",
    "import",
    "timeline",
    "audit",
    "doctor",
    "admin",
    "login",
    "logout",
}


def test_the_stable_commands_are_there() -> None:
    assert set(COMMANDS) >= STABLE


@pytest.mark.parametrize("name", sorted(STABLE))
def test_every_command_explains_itself(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main([name, "--help"])
    assert ended.value.code == 0
    assert f"workstation {name}" in capsys.readouterr().out


def test_an_unknown_command_is_told_the_nearest(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["timelin"]) == 2
    assert "workstation timeline" in capsys.readouterr().err


def test_hostile_command_names_reach_no_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["\x1b]0;owned\x07"]) == 2
    assert "\x1b" not in capsys.readouterr().err


def test_help_lists_every_command() -> None:
    out = subprocess.run(
        [sys.executable, "-m", "workstation.cli", "--help"], capture_output=True, text=True, check=True
    )
    assert all(name in out.stdout for name in COMMANDS)


def test_a_missing_settings_file_says_what_to_do(tmp_path, capsys, monkeypatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    assert main(["broker"]) == 1
    err = capsys.readouterr().err
    assert "no settings file" in err
    assert "workstation demo" in err


def test_an_unknown_setting_is_an_error(tmp_path, capsys) -> None:
    path = tmp_path / "settings.toml"
    path.write_text('[store]\nurl = "x"\n[sandbox]\nurl = "y"\n')
    assert main(["broker", "--settings", str(path)]) == 1
    assert "sandbox" in capsys.readouterr().err


def test_a_directory_without_a_demo_says_so(tmp_path, capsys) -> None:
    assert main(["doctor", "--dir", str(tmp_path), "--json"]) == 1
    assert "No demo runs" in capsys.readouterr().out


def test_the_roster_names_the_demo_s_people() -> None:
    from workstation.sandbox.people import PEOPLE
    from workstation.sandbox.roster import LOGINS

    assert tuple(p.login for p in PEOPLE) == LOGINS
