from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workstation.services.mail.authenticity import Authenticity, judge, vouched

from .samples import mail, read

US = "mx.exchange.example"
GOOD = f"{US}; dmarc=pass (p=reject) header.from=proton.example; dkim=pass header.d=proton.example; spf=pass"


def judged(*values: str, sender: str = "proton.example", us: str = US) -> Authenticity:
    return judge([("authentication-results", value) for value in values], us, sender)


class TestWhoseWord:
    def test_our_server(self) -> None:
        found = judged(GOOD)
        assert (found.dmarc, found.dkim, found.spf) == ("pass", "pass", "pass")
        assert (found.dkim_domain, found.from_domain, found.origin) == ("proton.example", "proton.example", "ours")
        assert found.summary() == "DMARC pass · DKIM pass · SPF pass"

    def test_none_is_unknown_never_pass(self) -> None:
        assert judged() == Authenticity()
        assert judged(f"{US}; none") == Authenticity(origin="ours")
        assert judged(f"{US}; spf=pass").dmarc == "unknown"

    @pytest.mark.parametrize(
        "forged",
        [
            "mx.evil.example; dmarc=pass header.from=proton.example",
            "mx.exchange.example.evil.example; dmarc=pass",
            "evil (mx.exchange.example); dmarc=pass",
            "(mx.exchange.example); dmarc=pass",
            "dmarc=pass header.from=proton.example",
            "",
        ],
    )
    def test_somebody_elses_word(self, forged: str) -> None:
        assert judged(forged).dmarc == "unknown"

    def test_only_the_topmost_of_ours(self) -> None:
        assert judged(f"{US}; dmarc=fail header.from=proton.example", GOOD).dmarc == "fail"
        assert judged("mx.elsewhere.example; dmarc=fail", GOOD).dmarc == "pass"

    def test_no_name_configured_trusts_nobody(self) -> None:
        assert judged(GOOD, us="").dmarc == "unknown"

    def test_name_without_case_and_with_version(self) -> None:
        assert judged(GOOD.replace(US, "MX.Exchange.Example 1")).dmarc == "pass"
        assert judged(GOOD.replace(US, f'"{US}"')).dmarc == "pass"


class TestWhatItSays:
    def test_a_result_about_another_domain_is_none(self) -> None:
        assert judged(GOOD, sender="evil.example").dmarc == "unknown"
        assert judged(GOOD, sender="mail.proton.example").dmarc == "unknown"
        assert judged(GOOD, sender="").dmarc == "unknown"
        assert judged(f"{US}; dmarc=pass", sender="").dmarc == "unknown"

    def test_the_line_that_a_screen_shows(self) -> None:
        raw = mail(From="security@exchange.example <maria@proton.example>", Authentication_Results=GOOD)
        line = read(raw).standing()
        assert line.startswith("DMARC pass · DKIM pass · SPF pass ⚠ The sender's name carries our own")
        assert vouched(line)
        assert vouched(judged(GOOD).summary())
        assert not any(vouched(a.summary()) for a in (judged(), judged(GOOD, sender="x.example")))
        assert not any(vouched(text) for text in ("", "DMARC passed", "x DMARC pass", "DMARC fail ⚠ DMARC pass"))

    def test_many_signatures(self) -> None:
        signatures = ("fail header.d=list.example", "pass header.d=relay.example", "pass header.d=proton.example")
        found = judged("; dkim=".join((US, *signatures)))
        assert (found.dkim, found.dkim_domain) == ("pass", "proton.example")

    def test_contradiction_is_unknown(self) -> None:
        assert (
            judged(f"{US}; dmarc=pass header.from=proton.example; dmarc=fail header.from=proton.example").dmarc
            == "unknown"
        )

    @pytest.mark.parametrize(
        ("word", "meaning"),
        [
            ("hardfail", "fail"),
            ("temperror", "temperror"),
            ("bestguesspass", "unknown"),
            ("PASS", "pass"),
            ("passed", "unknown"),
        ],
    )
    def test_words(self, word: str, meaning: str) -> None:
        assert judged(f"{US}; spf={word} smtp.mailfrom=x.example").spf == meaning

    def test_microsoft_365_names_no_server(self) -> None:
        found = judged(
            "spf=fail (sender IP is 192.0.2.1) smtp.mailfrom=x.example; dkim=none (message not signed) header.d=none;"
            "dmarc=fail action=quarantine header.from=x.example;compauth=fail reason=000"
        )
        assert found == Authenticity(origin="unnamed")

    def test_gmail(self) -> None:
        found = judged(
            f"{US};    dkim=pass header.i=@proton.example header.s=s1 header.b=abc+/=;    spf=pass ({US}: domain of"
            " maria@proton.example designates 192.0.2.1 as permitted sender) smtp.mailfrom=maria@proton.example;       "
            "dmarc=pass (p=QUARANTINE sp=QUARANTINE dis=NONE) header.from=proton.example"
        )
        assert (found.spf, found.dkim, found.dmarc, found.dkim_domain) == ("pass", "pass", "pass", "proton.example")

    def test_a_malformed_header_of_ours_is_read_tolerantly(self) -> None:
        found = judged(
            f"{US}; spf=softfail (a;b) reason; dmarc=fail action=none header.from=proton.example;compauth=x y"
        )
        assert (found.spf, found.dmarc, found.origin) == ("softfail", "fail", "ours, tolerant")

    @pytest.mark.parametrize(
        "chosen",
        [
            '"x; dmarc=pass header.from=proton.example;"@evil.example',
            "(a (b) ; dmarc=pass header.from=proton.example )",
            "(a (b (c (d (e (f (g ; dmarc=pass header.from=proton.example ; )))))))",
            '"open ; dmarc=pass header.from=proton.example',
            "(open ; dmarc=pass header.from=proton.example",
        ],
    )
    def test_what_a_sender_chose_is_no_result(self, chosen: str) -> None:
        for junk in ("", "=;=broken;"):
            assert judged(f"{US}; {junk} spf=fail smtp.mailfrom={chosen}").dmarc == "unknown"

    @given(st.text(max_size=300))
    @settings(max_examples=200, deadline=None)
    def test_never_raises_and_never_passes_by_accident(self, text: str) -> None:
        found = judged(f"{US}; {text}")
        assert found.dmarc != "pass" or "dmarc" in text.lower()
