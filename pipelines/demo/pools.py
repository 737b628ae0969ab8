"""What records are put together from: names, streets, employers, institutions.

Each pool is drawn or composed once (a few thousand values); records pick positions in it.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum
from functools import cache
from typing import Final

import numpy as np
import polars as pl
from faker import Faker

from pipelines import names
from pipelines.demo.draws import Bools, Ints, skewed
from pipelines.demo.leaves import MUNICIPALITIES, SECTORS

# The pools are those of one country: the same for every bank, whatever its seed.
_FAKER_SEED: Final = 16

_FOREIGN_LOCALES: Final = ("de_DE", "it_IT", "fr_FR", "en_US", "hr_HR", "tr_TR")


class Community(IntEnum):
    """Whose names a person bears."""

    ALBANIAN = 0
    SERBIAN = 1
    BOSNIAK_TURKISH = 2
    FOREIGN = 3


def pick(pool: pl.Series, position: Ints) -> pl.Series:
    """Return the pool's values at the positions."""
    return pool.gather(position)


def hide(values: pl.Series, missing: Bools) -> pl.Series:
    """Return the values with NULL where they are missing."""
    return pl.select(pl.when(pl.Series(~missing)).then(values)).to_series()


def joined(*pieces: pl.Series | str) -> pl.Series:
    """Return the pieces put together, record by record."""
    return pl.select(
        pl.concat_str(pl.lit(piece, dtype=pl.String) if isinstance(piece, str) else piece
                      for piece in pieces)
    ).to_series()  # fmt: skip


def digits(numbers: Ints, width: int) -> pl.Series:
    """Return non-negative numbers as text of a fixed width, with leading zeros."""
    return pl.Series(numbers + 10**width).cast(pl.String).str.slice(1)


_NETWORKS: Final = pl.Series(["46.99", "84.22", "185.67", "213.163", "80.80", "178.132", "37.26"])


def internet_addresses(rng: np.random.Generator, size: int) -> pl.Series:
    """Return IP addresses (version 4) of networks that serve the country."""
    return joined(
        pick(_NETWORKS, rng.integers(0, len(_NETWORKS), size)),
        ".", pl.Series(rng.integers(0, 256, size)).cast(pl.String),
        ".", pl.Series(rng.integers(1, 255, size)).cast(pl.String),
    )  # fmt: skip


def by_hand(rng: np.random.Generator, values: pl.Series, dirt: float = 0.03) -> pl.Series:
    """Return the values, a share of them in other cases or with stray blanks."""
    style = pl.Series(rng.random(len(values)) / dirt * 3)
    return pl.select(
        pl.when(style < 1)
        .then(values.str.to_uppercase())
        .when(style < 2)  # noqa: PLR2004 - the second third
        .then(pl.concat_str(pl.lit(" "), values, pl.lit(" ")))
        .when(style < 3)  # noqa: PLR2004 - the last third
        .then(values.str.to_lowercase())
        .otherwise(values)
    ).to_series()


_NO_MARK_TO_DROP: Final = str.maketrans({"đ": "dj", "Đ": "Dj", "ß": "ss", "\u0131": "i", "ø": "o"})


def plain(text: str) -> str:
    """Return text as people type it: without the marks on its letters."""
    apart = unicodedata.normalize("NFKD", text.translate(_NO_MARK_TO_DROP))
    return "".join(letter for letter in apart if not unicodedata.combining(letter))


@dataclass(frozen=True, slots=True)
class NamePool:
    """First names and surnames of all communities, one after the other.

    ``first`` has a stretch for each (community, sex), ``last`` one for each community.
    """

    first: pl.Series
    last: pl.Series
    first_plain: pl.Series
    last_plain: pl.Series
    first_start: Ints
    first_count: Ints
    last_start: Ints
    last_count: Ints

    def draw_first(self, rng: np.random.Generator, community: Ints) -> Ints:
        """Return positions in ``first`` for people of the communities, women and men alike."""
        stretch = community * 2 + rng.integers(0, 2, len(community))
        chosen = skewed(rng, self.first_count[stretch], len(community))
        return np.asarray(self.first_start[stretch] + chosen)

    def draw_last(self, rng: np.random.Generator, community: Ints) -> Ints:
        """Return positions in ``last`` for people of the communities."""
        chosen = skewed(rng, self.last_count[community], len(community))
        return np.asarray(self.last_start[community] + chosen)


@dataclass(frozen=True, slots=True)
class Pools:
    """All the pools.

    ``employers`` has a stretch for each sector, ``institutions`` one for each line of business.
    """

    people: NamePool
    streets: pl.Series
    employers: pl.Series
    employer_start: Ints
    employer_count: Ints
    institutions: pl.Series
    institution_start: Ints
    institution_count: Ints


@cache
def pools() -> Pools:
    """Return the pools, made once in a process."""
    faker = Faker("en_US")
    faker.seed_instance(_FAKER_SEED)
    employers = _employers(faker)
    institutions = _institutions()
    return Pools(
        people=_people(),
        streets=pl.Series(_streets(faker)),
        employers=_laid_end_to_end(employers),
        employer_start=_starts(employers),
        employer_count=_counts(employers),
        institutions=_laid_end_to_end(institutions),
        institution_start=_starts(institutions),
        institution_count=_counts(institutions),
    )


def _counts(stretches: list[list[str]]) -> Ints:
    return np.array([len(stretch) for stretch in stretches], dtype=np.int64)


def _starts(stretches: list[list[str]]) -> Ints:
    counts = _counts(stretches)
    return np.asarray(np.cumsum(counts) - counts)


def _laid_end_to_end(stretches: list[list[str]]) -> pl.Series:
    return pl.Series([value for stretch in stretches for value in stretch])


def _people() -> NamePool:
    """Return the names of all communities, foreign ones drawn by Faker."""
    women, men, surnames = _foreign_names()
    first = [
        [*names.ALBANIAN_WOMEN], [*names.ALBANIAN_MEN],
        [*names.SERBIAN_WOMEN], [*names.SERBIAN_MEN],
        [*names.BOSNIAK_TURKISH_WOMEN], [*names.BOSNIAK_TURKISH_MEN],
        women, men,
    ]  # fmt: skip
    last = [
        [*names.ALBANIAN_SURNAMES],
        [*names.SERBIAN_SURNAMES],
        [*names.BOSNIAK_TURKISH_SURNAMES],
        surnames,
    ]
    return NamePool(
        first=_laid_end_to_end(first),
        last=_laid_end_to_end(last),
        first_plain=pl.Series([plain(name) for stretch in first for name in stretch]),
        last_plain=pl.Series([plain(name) for stretch in last for name in stretch]),
        first_start=_starts(first),
        first_count=_counts(first),
        last_start=_starts(last),
        last_count=_counts(last),
    )


def _foreign_names() -> tuple[list[str], list[str], list[str]]:
    """Return first names of women, of men, and surnames of a few foreign countries."""
    women: list[str] = []
    men: list[str] = []
    surnames: list[str] = []
    for locale in _FOREIGN_LOCALES:
        faker = Faker(locale)
        faker.seed_instance(_FAKER_SEED)
        women += [faker.first_name_female() for _ in range(60)]
        men += [faker.first_name_male() for _ in range(60)]
        surnames += [faker.last_name() for _ in range(120)]
    return women, men, surnames


def _streets(faker: Faker) -> list[str]:
    """Return names of streets: of people, of days, and invented ones."""
    remembered = [
        f"Rr. {first} {last}"
        for first, last in zip(
            names.ALBANIAN_MEN * 4 + names.ALBANIAN_WOMEN * 2,
            names.ALBANIAN_SURNAMES[20:] * 3,
            strict=False,
        )
    ]
    known = [
        "Rr. Nëna Terezë", "Rr. Skënderbeu", "Rr. Adem Jashari", "Rr. 28 Nëntori",
        "Rr. Bill Klinton", "Rr. Dëshmorët e Kombit", "Rr. Ismail Qemali", "Rr. Fehmi Agani",
        "Rr. 17 Shkurti", "Rr. Luan Haradinaj", "Rr. e Dëshmorëve", "Bulevardi i Pavarësisë",
        "Rr. Lidhja e Prizrenit", "Ul. Kralja Petra", "Ul. Cara Dušana", "Ul. Vidovdanska",
        "Ul. Save Kovačevića", "Fshati i Epërm", "Fshati i Poshtëm", "Lagjja e Re",
    ]  # fmt: skip
    invented = [f"Rr. {faker.unique.last_name()}" for _ in range(40)]
    return known + remembered + invented


def _employers(faker: Faker) -> list[list[str]]:
    """Return employers by sector, in the order of ``SECTORS``.

    Those of school, health and state are laid out by municipality, as many for each.
    """
    places = [place.name for place in MUNICIPALITIES]
    by_sector = {
        "private": _companies(faker),
        "school": [name for place in places for name in _schools(place)],
        "health": [name for place in places for name in _clinics(place)],
        "state": [name for place in places for name in _offices(place)],
        "own": ["self-employed"],
    }
    return [by_sector[sector] for sector in SECTORS]


def _companies(faker: Faker) -> list[str]:
    """Return names of companies, the large ones first."""
    trades = (
        "Ndërtimi", "Trade", "Kompani", "Tregtia", "Market", "Logistika", "Agro", "Tekstil",
        "Petrol", "Com", "Group", "Invest", "Transport", "Mobileria", "Soft", "Impex",
    )  # fmt: skip
    forms = ("Sh.p.k.", "L.L.C.", "N.T.P.", "Sh.A.", "B.I.")
    own = [
        f"{surname} {trades[number % len(trades)]} {forms[number % len(forms)]}"
        for number, surname in enumerate(names.ALBANIAN_SURNAMES * 8)
    ]
    foreign = [f"{faker.company()} L.L.C." for _ in range(600)]
    mixed = own + foreign
    shuffled = np.random.Generator(np.random.PCG64(_FAKER_SEED)).permutation(len(mixed))
    return list(dict.fromkeys(mixed[number] for number in shuffled))


def _schools(place: str) -> Iterable[str]:
    return (
        f"SHFMU Naim Frashëri, {place}", f"SHFMU Dardania, {place}",
        f"Gjimnazi Sami Frashëri, {place}", f"SHMT 7 Shtatori, {place}",
    )  # fmt: skip


def _clinics(place: str) -> Iterable[str]:
    return (
        f"QKMF {place}", f"Spitali i Përgjithshëm {place}",
        f"Poliklinika Shëndeti, {place}", f"Barnatore Jeta, {place}",
    )  # fmt: skip


def _offices(place: str) -> Iterable[str]:
    return (
        f"Komuna {place}", f"Stacioni Policor {place}",
        "Administrata Shtetërore e Kosovës", "Ministria e Punëve Publike",
    )  # fmt: skip


class Business(IntEnum):
    """Lines of business of the institutions that are paid by many."""

    GROCERY = 0
    UTILITY = 1
    LENDER = 2
    TAX = 3
    TUITION = 4
    HEALTH = 5
    OTHER = 6
    PENSION = 7


def _institutions() -> list[list[str]]:
    """Return institutions by line of business, in the order of ``Business``."""
    labels = names.ALBANIAN_SURNAMES[::3] + names.ALBANIAN_WOMEN[::2]
    return [
        [f"{kind} {label}" for label in labels for kind in ("Market", "Furra", "Minimarket")],
        ["Ujësjellësi Rajonal", "Drita Energji Sh.A.", "Ngrohtorja e Qytetit",
         "Telekom Dardania", "Rrjeti Net L.L.C.", "Pastrimi Sh.A."],
        ["Mikrofinanca Besa", "Kredia Rurale", "Qiraja Financiare Dardania", "Fondi i Kursimeve"],
        ["Administrata Tatimore", "Dogana", *(f"Komuna {place.name}" for place in MUNICIPALITIES)],
        ["Universiteti i Prishtinës", "Kolegji Rinia", "Kolegji Dija", "Shkolla e Gjuhëve Lingua",
         "Çerdhja Yllka", "Çerdhja Gëzimi"],
        [f"{kind} {label}" for label in labels for kind in ("Barnatore", "Ordinanca", "Dentist")],
        [f"{kind} {label}" for label in labels
         for kind in ("Kafe", "Butik", "Pompa", "Auto Servis", "Restorant", "Teknika")],
        ["Ministria e Mirëqenies Sociale", "Fondi i Kursimeve Pensionale", "Rentenkasse Süd"],
    ]  # fmt: skip
