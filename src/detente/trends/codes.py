"""Which country a code or a name means. Three lists that must never be mixed up.

Actors of CAMEO go by ISO 3166-1 alpha-3 with a few of their own; places of GDELT go by FIPS 10-4,
where RS is Russia and AS Australia; ICEWS, ACLED and UCDP write names. The table of this folder
holds all three, one country a line.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib.resources import files
from typing import Final

# CAMEO's own codes for states that ISO has since renamed.
RENAMED: Final[Mapping[str, str]] = {"ROM": "ROU", "TMP": "TLS", "ZAR": "COD", "KSV": "XKX"}
# Parts of one territory that CAMEO tells apart.
PARTS: Final[Mapping[str, str]] = {"WSB": "PSE", "GZS": "PSE", "BAG": "IRQ"}
# Regions are known and are no country: they become "", not a reject.
REGIONS: Final[frozenset[str]] = frozenset(
    "AFR ASA BLK CAS CAU CEU CFR CRB EAF EEU EIN EUR LAM MDT MEA NAF NMR PGS SAF SAM SAS SCN SEA"
    " WAF WST".split()
)
# FIPS places that are nobody's: open sea, islands without people, disputed reefs.
NOBODYS: Final[frozenset[str]] = frozenset(
    "OS OC BQ DQ FQ HQ JQ KQ LQ MQ WQ IP BS EU GO JU NO1 PF PG TE IQ DX AX".split()
)


def _table() -> tuple[tuple[str, tuple[str, ...], tuple[str, ...]], ...]:
    lines = (files(__package__) / "countries.tsv").read_text(encoding="utf-8").splitlines()
    rows = (line.split("\t") for line in lines)
    return tuple((iso3, tuple(fips.split()), tuple(names.split("|"))) for iso3, fips, names in rows)


COUNTRIES: Final = _table()

# What each list makes of a key: ISO3, or "" for what is known and is no country.
ACTORS: Final[Mapping[str, str]] = {
    **{iso3: iso3 for iso3, _, _ in COUNTRIES},
    **RENAMED,
    **PARTS,
    **dict.fromkeys(REGIONS, ""),
}
PLACES: Final[Mapping[str, str]] = {
    **dict.fromkeys(NOBODYS, ""),
    **{code: iso3 for iso3, fips, _ in COUNTRIES for code in fips},
}
NAMES: Final[Mapping[str, str]] = {
    name.lower(): iso3 for iso3, _, names in COUNTRIES for name in names
}

# The name of each list, as readers ask for it.
LISTS: Final[Mapping[str, Mapping[str, str]]] = {
    "cameo": ACTORS,
    "fips": PLACES,
    "name": NAMES,
    "either": {**NAMES, **{code.lower(): iso3 for code, iso3 in ACTORS.items()}},
}

_USUAL: Final[Mapping[str, str]] = {iso3: names[0] for iso3, _, names in COUNTRIES}


def name_of(iso3: str) -> str:
    """The usual English name of a country, or the code itself where the table lacks it."""
    return _USUAL.get(iso3, iso3)
