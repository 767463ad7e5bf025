"""Places, networks, programs and people for :mod:`bench.strangers`; every choice is drawn from a seeded generator.

AS numbers and operators are the registries' own. Shares are rough readings of what is published: the columns of
das-group's risk-based-authentication data set (address, country, city, ASN, user agent, device type, attack address),
Microsoft's and Okta's yearly reports (pushes and SMS are the usual second factor, half of consumers have none).
"""

from __future__ import annotations

import random
from typing import NamedTuple

MINUTE = 60_000_000
HOUR, DAY = 60 * MINUTE, 24 * 60 * MINUTE
#: 2026-05-04T12:00:00Z, a Monday: the moment for which every history is looked at.
NOW_US = 1_777_896_000_000_000


class Place(NamedTuple):
    """A city, as databases of addresses name it, and hours by which it is ahead of UTC."""

    code: str
    country: str
    city: str
    lat: float
    lon: float
    ahead: int


class Net(NamedTuple):
    """An operator's network in one place. ``kind``: fixed, mobile, office, guest, vpn or hosting."""

    prefix: str
    asn: int
    org: str
    place: Place
    kind: str = "fixed"


class Agent(NamedTuple):
    """A program: what it runs on, what it is, and the user agent with ``{v}`` for its version."""

    os: str
    browser: str
    text: str

    def at(self, version: int) -> str:
        """Return the user agent of a version."""
        return self.text.replace("{v}", str(version))


class Seat(NamedTuple):
    """A device at an address."""

    ip: str
    net: Net
    agent: Agent
    version: int
    device: str

    @property
    def user_agent(self) -> str:
        """What the program calls itself."""
        return self.agent.at(self.version)


LISBON = Place("PT", "Portugal", "Lisbon", 38.72, -9.14, 0)
PORTO = Place("PT", "Portugal", "Porto", 41.15, -8.61, 0)
MUNICH = Place("DE", "Germany", "Munich", 48.14, 11.58, 1)
COLOGNE = Place("DE", "Germany", "Cologne", 50.94, 6.96, 1)
LEEDS = Place("GB", "United Kingdom", "Leeds", 53.8, -1.55, 0)
LONDON = Place("GB", "United Kingdom", "London", 51.51, -0.13, 0)
AUSTIN = Place("US", "United States", "Austin", 30.27, -97.74, -6)
DALLAS = Place("US", "United States", "Dallas", 32.78, -96.8, -6)
CURITIBA = Place("BR", "Brazil", "Curitiba", -25.43, -49.27, -3)
SAO_PAULO = Place("BR", "Brazil", "São Paulo", -23.55, -46.63, -3)
KRAKOW = Place("PL", "Poland", "Kraków", 50.06, 19.94, 1)
WARSAW = Place("PL", "Poland", "Warsaw", 52.23, 21.01, 1)
TOKYO = Place("JP", "Japan", "Tokyo", 35.68, 139.69, 9)
OSAKA = Place("JP", "Japan", "Osaka", 34.69, 135.5, 9)
AMSTERDAM = Place("NL", "Netherlands", "Amsterdam", 52.37, 4.9, 1)
BUCHAREST = Place("RO", "Romania", "Bucharest", 44.43, 26.1, 2)
ZURICH = Place("CH", "Switzerland", "Zurich", 47.37, 8.54, 1)
STOCKHOLM = Place("SE", "Sweden", "Stockholm", 59.33, 18.07, 1)
ASHBURN = Place("US", "United States", "Ashburn", 39.04, -77.49, -5)
LAGOS = Place("NG", "Nigeria", "Lagos", 6.45, 3.39, 1)
MOSCOW = Place("RU", "Russia", "Moscow", 55.75, 37.62, 3)
BANGKOK = Place("TH", "Thailand", "Bangkok", 13.75, 100.5, 7)
ANTALYA = Place("TR", "Turkey", "Antalya", 36.9, 30.7, 3)
DUBAI = Place("AE", "United Arab Emirates", "Dubai", 25.2, 55.27, 4)
CANCUN = Place("MX", "Mexico", "Cancún", 21.16, -86.85, -5)

#: At home, the city that databases take the same region for, and who sells lines and SIM cards there.
HOMES: tuple[tuple[Net, Net, Net, Place], ...] = (
    (
        Net("81.193", 3243, "MEO Residencial", LISBON),
        Net("148.69", 12353, "Vodafone Portugal", LISBON, "mobile"),
        Net("188.37", 2860, "NOS Comunicacoes", LISBON),
        PORTO,
    ),
    (
        Net("93.104", 8767, "M-net Telekommunikations GmbH", MUNICH),
        Net("80.187", 3320, "Deutsche Telekom AG", MUNICH, "mobile"),
        Net("88.217", 6805, "Telefonica Germany", MUNICH),
        COLOGNE,
    ),
    (
        Net("82.10", 5089, "Virgin Media Limited", LEEDS),
        Net("92.40", 206067, "H3G UK", LEEDS, "mobile"),
        Net("86.150", 2856, "British Telecommunications PLC", LEEDS),
        LONDON,
    ),
    (
        Net("70.112", 11427, "Charter Communications", AUSTIN),
        Net("172.58", 21928, "T-Mobile USA", AUSTIN, "mobile"),
        Net("99.13", 7018, "AT&T Internet", AUSTIN),
        DALLAS,
    ),
    (
        Net("177.220", 18881, "TELEFONICA BRASIL S.A", CURITIBA),
        Net("191.176", 26615, "TIM SA", CURITIBA, "mobile"),
        Net("189.60", 28573, "Claro NXT", CURITIBA),
        SAO_PAULO,
    ),
    (
        Net("83.11", 5617, "Orange Polska", KRAKOW),
        Net("37.47", 8374, "Polkomtel Sp. z o.o.", KRAKOW, "mobile"),
        Net("89.64", 6830, "UPC Polska", KRAKOW),
        WARSAW,
    ),
    (
        Net("126.77", 17676, "SoftBank Corp.", TOKYO),
        Net("49.98", 9605, "NTT DOCOMO, INC.", TOKYO, "mobile"),
        Net("119.106", 2516, "KDDI CORPORATION", TOKYO),
        OSAKA,
    ),
)
#: Where people travel: a guest network and a local SIM card.
AWAY = (
    (
        Net("171.96", 17552, "True Online", BANGKOK, "guest"),
        Net("49.228", 131445, "Advanced Wireless Network", BANGKOK, "mobile"),
    ),
    (Net("88.230", 47331, "TTNet A.S.", ANTALYA, "guest"), Net("5.24", 20978, "TT Mobil", ANTALYA, "mobile")),
    (
        Net("94.200", 15802, "Emirates Integrated Telecommunications", DUBAI, "guest"),
        Net("86.96", 5384, "Etisalat", DUBAI, "mobile"),
    ),
    (Net("189.204", 8151, "UNINET", CANCUN, "guest"), Net("200.68", 28403, "RadioMovil Dipsa", CANCUN, "mobile")),
    (
        Net("62.167", 6730, "Sunrise GmbH", ZURICH, "guest"),
        Net("178.197", 3303, "Swisscom (Schweiz) AG", ZURICH, "mobile"),
    ),
)
#: Exits of consumer VPNs: machines in data centres.
VPN = (
    Net("146.70", 9009, "M247 Europe SRL", AMSTERDAM, "vpn"),
    Net("89.187", 60068, "Datacamp Limited", LONDON, "vpn"),
    Net("185.65", 39351, "31173 Services AB", STOCKHOLM, "vpn"),
    Net("156.146", 212238, "Datacamp Limited", ASHBURN, "vpn"),
    Net("37.19", 212238, "Datacamp Limited", ZURICH, "vpn"),
)
#: Where intruders come from: rented machines, and people's lines that are sold as proxies.
HOSTING = (
    Net("164.92", 14061, "DIGITALOCEAN-ASN", AMSTERDAM, "hosting"),
    Net("45.77", 20473, "The Constant Company, LLC", ASHBURN, "hosting"),
    Net("51.89", 16276, "OVH SAS", LONDON, "hosting"),
    Net("193.42", 9009, "M247 Europe SRL", BUCHAREST, "hosting"),
    Net("94.131", 44477, "Stark Industries Solutions Ltd", MOSCOW, "hosting"),
)
ABROAD = (
    Net("105.112", 36873, "Airtel Networks Limited", LAGOS, "mobile"),
    Net("86.120", 8708, "RCS & RDS", BUCHAREST),
    Net("95.24", 3216, "PJSC Vimpelcom", MOSCOW),
)
_BLINK = "AppleWebKit/537.36 (KHTML, like Gecko) Chrome/{v}.0.0.0"
_WEBKIT = "AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.{v}"
_MAC = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7)"
_WINDOWS = "Mozilla/5.0 (Windows NT 10.0; Win64; x64)"
_IOS = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_4 like Mac OS X)"
_DROID = "Mozilla/5.0 (Linux; Android 10; K)"
WINDOWS_CHROME = Agent("Windows 10", "Chrome", f"{_WINDOWS} {_BLINK} Safari/537.36")
WINDOWS_EDGE = Agent("Windows 10", "Edge", f"{_WINDOWS} {_BLINK} Safari/537.36 Edg/{{v}}.0.0.0")
MAC_CHROME = Agent("Mac OS X", "Chrome", f"{_MAC} {_BLINK} Safari/537.36")
MAC_SAFARI = Agent("Mac OS X", "Safari", f"{_MAC} {_WEBKIT} Safari/605.1.15")
LINUX_FIREFOX = Agent("Linux", "Firefox", "Mozilla/5.0 (X11; Linux x86_64; rv:{v}.0) Gecko/20100101 Firefox/{v}.0")
IPHONE = Agent("iOS", "Mobile Safari", f"{_IOS} {_WEBKIT} Mobile/15E148 Safari/604.1")
ANDROID = Agent("Android", "Chrome Mobile", f"{_DROID} {_BLINK} Mobile Safari/537.36")
PYTHON = Agent("Other", "Python Requests", "python-requests/2.31.{v}")
LAPTOPS = (WINDOWS_CHROME, WINDOWS_EDGE, MAC_CHROME, MAC_SAFARI, LINUX_FIREFOX)
PHONES = (IPHONE, ANDROID)
#: Applications behind the single sign-on.
APPS = ("Slack", "Salesforce", "Google Workspace", "Trading Desk", "Box", "Zendesk", "Office 365 Exchange Online")


def address(rng: random.Random, net: Net) -> str:
    """Return an address of a network."""
    return f"{net.prefix}.{rng.randint(0, 255)}.{rng.randint(1, 254)}"


def near(rng: random.Random, net: Net, ip: str) -> str:
    """Return another address of the pool that `ip` is from: what a line gets after it was cut."""
    block = int(ip.split(".")[2])
    return f"{net.prefix}.{block // 8 * 8 + rng.randint(0, 7)}.{rng.randint(1, 254)}"


def token(rng: random.Random, length: int, letters: str = "0123456789abcdef") -> str:
    """Return a made-up id."""
    return "".join(rng.choice(letters) for _ in range(length))
