"""Country names of sources that write no code (Okta, Duo), as ISO 3166-1 alpha-2 codes.

The names are those of the time-zone database (``iso3166.tab``, public domain), some in the form that geolocation
services use, with the spellings that were met beside them.
"""

from __future__ import annotations

import functools
import unicodedata

_NAMES = """
AD Andorra|AE United Arab Emirates|AF Afghanistan|AG Antigua & Barbuda|AI Anguilla|AL Albania|AM Armenia|AO Angola
AQ Antarctica|AR Argentina|AS American Samoa|AT Austria|AU Australia|AW Aruba|AX Åland Islands|AZ Azerbaijan
BA Bosnia & Herzegovina|BB Barbados|BD Bangladesh|BE Belgium|BF Burkina Faso|BG Bulgaria|BH Bahrain|BI Burundi
BJ Benin|BL St Barthelemy|BM Bermuda|BN Brunei|BO Bolivia|BQ Caribbean Netherlands|BR Brazil|BS Bahamas|BT Bhutan
BV Bouvet Island|BW Botswana|BY Belarus|BZ Belize|CA Canada|CC Cocos (Keeling) Islands
CD Democratic Republic of the Congo|CF Central African Republic|CG Republic of the Congo|CH Switzerland
CI Côte d'Ivoire|CK Cook Islands|CL Chile|CM Cameroon|CN China|CO Colombia|CR Costa Rica|CU Cuba|CV Cape Verde
CW Curaçao|CX Christmas Island|CY Cyprus|CZ Czechia|DE Germany|DJ Djibouti|DK Denmark|DM Dominica
DO Dominican Republic|DZ Algeria|EC Ecuador|EE Estonia|EG Egypt|EH Western Sahara|ER Eritrea|ES Spain|ET Ethiopia
FI Finland|FJ Fiji|FK Falkland Islands|FM Micronesia|FO Faroe Islands|FR France|GA Gabon|GB United Kingdom|GD Grenada
GE Georgia|GF French Guiana|GG Guernsey|GH Ghana|GI Gibraltar|GL Greenland|GM Gambia|GN Guinea|GP Guadeloupe
GQ Equatorial Guinea|GR Greece|GS South Georgia & the South Sandwich Islands|GT Guatemala|GU Guam|GW Guinea-Bissau
GY Guyana|HK Hong Kong|HM Heard Island & McDonald Islands|HN Honduras|HR Croatia|HT Haiti|HU Hungary|ID Indonesia
IE Ireland|IL Israel|IM Isle of Man|IN India|IO British Indian Ocean Territory|IQ Iraq|IR Iran|IS Iceland|IT Italy
JE Jersey|JM Jamaica|JO Jordan|JP Japan|KE Kenya|KG Kyrgyzstan|KH Cambodia|KI Kiribati|KM Comoros|KN St Kitts & Nevis
KP North Korea|KR South Korea|KW Kuwait|KY Cayman Islands|KZ Kazakhstan|LA Laos|LB Lebanon|LC St Lucia
LI Liechtenstein|LK Sri Lanka|LR Liberia|LS Lesotho|LT Lithuania|LU Luxembourg|LV Latvia|LY Libya|MA Morocco|MC Monaco
MD Moldova|ME Montenegro|MF Saint Martin|MG Madagascar|MH Marshall Islands|MK North Macedonia|ML Mali|MM Myanmar
MN Mongolia|MO Macau|MP Northern Mariana Islands|MQ Martinique|MR Mauritania|MS Montserrat|MT Malta|MU Mauritius
MV Maldives|MW Malawi|MX Mexico|MY Malaysia|MZ Mozambique|NA Namibia|NC New Caledonia|NE Niger|NF Norfolk Island
NG Nigeria|NI Nicaragua|NL Netherlands|NO Norway|NP Nepal|NR Nauru|NU Niue|NZ New Zealand|OM Oman|PA Panama|PE Peru
PF French Polynesia|PG Papua New Guinea|PH Philippines|PK Pakistan|PL Poland|PM St Pierre & Miquelon|PN Pitcairn
PR Puerto Rico|PS Palestine|PT Portugal|PW Palau|PY Paraguay|QA Qatar|RE Réunion|RO Romania|RS Serbia|RU Russia
RW Rwanda|SA Saudi Arabia|SB Solomon Islands|SC Seychelles|SD Sudan|SE Sweden|SG Singapore|SH St Helena|SI Slovenia
SJ Svalbard & Jan Mayen|SK Slovakia|SL Sierra Leone|SM San Marino|SN Senegal|SO Somalia|SR Suriname|SS South Sudan
ST Sao Tome & Principe|SV El Salvador|SX Sint Maarten|SY Syria|SZ Eswatini|TC Turks and Caicos Islands|TD Chad
TF French Southern Territories|TG Togo|TH Thailand|TJ Tajikistan|TK Tokelau|TL East Timor|TM Turkmenistan|TN Tunisia
TO Tonga|TR Turkey|TT Trinidad & Tobago|TV Tuvalu|TW Taiwan|TZ Tanzania|UA Ukraine|UG Uganda
UM U.S. Minor Outlying Islands|US United States|UY Uruguay|UZ Uzbekistan|VA Vatican City|VC St Vincent|VE Venezuela
VG British Virgin Islands|VI U.S. Virgin Islands|VN Vietnam|VU Vanuatu|WF Wallis & Futuna|WS Samoa|YE Yemen|YT Mayotte
ZA South Africa|ZM Zambia|ZW Zimbabwe
"""
_ALSO = """
BO Plurinational State of Bolivia|BN Brunei Darussalam|CI Ivory Coast|CV Cabo Verde|CZ Czech Republic|CD Congo-Kinshasa
CG Congo|CG Congo-Brazzaville|FK Falkland Islands (Malvinas)|FM Federated States of Micronesia|GB Great Britain|GB UK
HK Hong Kong SAR|IR Islamic Republic of Iran|KR Republic of Korea|KR Korea|KP Democratic People's Republic of Korea
LA Lao People's Democratic Republic|MD Republic of Moldova|MK Macedonia|MM Burma|MO Macao|NL The Netherlands
PS Palestinian Territory|PS State of Palestine|RU Russian Federation|SZ Swaziland|SY Syrian Arab Republic|TL Timor-Leste
TR Türkiye|TR Turkiye|TW Taiwan, Province of China|TZ United Republic of Tanzania|US United States of America|US USA
VA Holy See|VC Saint Vincent and the Grenadines|VE Bolivarian Republic of Venezuela|VN Viet Nam|BS The Bahamas
GM The Gambia
"""


@functools.lru_cache(maxsize=4_096)
def country_code(name: str) -> str:
    """Return the ISO code of an English country name; what is a code already, or not known, as it is."""
    if len(name) == 2:
        return name.upper()
    return _CODES.get(_folded(name), name)


def _folded(name: str) -> str:
    letters = unicodedata.normalize("NFKD", name.lower().replace("&", "and"))
    words = "".join(char if char.isalnum() else " " for char in letters if not unicodedata.combining(char)).split()
    return " ".join("saint" if word == "st" else word for word in words)


_CODES = {_folded(entry[3:]): entry[:2] for line in (_NAMES + _ALSO).splitlines() for entry in line.split("|") if entry}
