"""The values of the four columns that have hierarchies, with what they are drawn by.

The hierarchy files in ``data/hierarchies`` hold the same leaves; a test compares the two.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Municipality:
    """One of the 38 municipalities: population in thousands, first postcode, who lives there.

    ``communities`` are the shares of Albanian, Serbian and Bosniak or Turkish names.
    """

    name: str
    population: float
    postcode: int
    communities: tuple[float, float, float] = (0.97, 0.01, 0.02)


_SERBIAN: Final = (0.06, 0.92, 0.02)

MUNICIPALITIES: Final = (
    Municipality("Prishtinë", 227.5, 10000, (0.965, 0.015, 0.02)),
    Municipality("Drenas", 48.0, 13000),
    Municipality("Fushë Kosovë", 64.1, 12000),
    Municipality("Graçanicë", 18.5, 10500, (0.16, 0.82, 0.02)),
    Municipality("Lipjan", 55.0, 14000),
    Municipality("Novobërdë", 5.8, 16000, (0.55, 0.44, 0.01)),
    Municipality("Obiliq", 22.8, 15000, (0.92, 0.07, 0.01)),
    Municipality("Podujevë", 71.0, 11000),
    Municipality("Leposaviq", 9.0, 43500, _SERBIAN),
    Municipality("Mitrovicë", 64.7, 40000, (0.96, 0.01, 0.03)),
    Municipality("Mitrovicë e Veriut", 7.9, 40650, (0.15, 0.77, 0.08)),
    Municipality("Skënderaj", 40.7, 41000),
    Municipality("Vushtrri", 61.5, 42000),
    Municipality("Zubin Potok", 4.6, 40640, _SERBIAN),
    Municipality("Zveçan", 3.9, 40660, _SERBIAN),
    Municipality("Pejë", 82.7, 30000, (0.93, 0.01, 0.06)),
    Municipality("Istog", 33.0, 31000, (0.93, 0.02, 0.05)),
    Municipality("Klinë", 30.6, 32000),
    Municipality("Gjakovë", 78.8, 50000),
    Municipality("Deçan", 27.8, 51000),
    Municipality("Junik", 4.2, 51050),
    Municipality("Rahovec", 41.8, 21000),
    Municipality("Prizren", 147.2, 20000, (0.85, 0.002, 0.148)),
    Municipality("Dragash", 28.9, 22000, (0.6, 0.0, 0.4)),
    Municipality("Mamushë", 5.6, 20500, (0.07, 0.0, 0.93)),
    Municipality("Malishevë", 43.9, 24000),
    Municipality("Suharekë", 45.7, 23000),
    Municipality("Ferizaj", 109.3, 70000),
    Municipality("Hani i Elezit", 8.5, 71510),
    Municipality("Kaçanik", 27.7, 71000),
    Municipality("Shtime", 24.3, 72000),
    Municipality("Shtërpcë", 10.8, 73000, (0.35, 0.64, 0.01)),
    Municipality("Gjilan", 82.9, 60000, (0.96, 0.02, 0.02)),
    Municipality("Kamenicë", 22.9, 62000, (0.93, 0.06, 0.01)),
    Municipality("Kllokot", 2.6, 61020, (0.45, 0.55, 0.0)),
    Municipality("Partesh", 1.7, 61030, _SERBIAN),
    Municipality("Ranillug", 2.5, 62010, _SERBIAN),
    Municipality("Viti", 35.6, 61000),
)

# Citizens of each country among a hundred thousand customers.
CITIZENSHIPS: Final = {
    "XK": 93_000, "AL": 1_500, "RS": 1_150, "MK": 700, "TR": 480, "DE": 560, "CH": 430,
    "ME": 330, "BA": 260, "US": 200, "AT": 190, "IT": 160, "SE": 130, "SI": 120, "HR": 110,
    "GB": 95, "FR": 85, "NO": 70, "BE": 55, "NL": 40, "FI": 35, "DK": 30, "BG": 25, "PL": 22,
    "RO": 20, "CA": 18, "HU": 16, "GR": 14, "CZ": 13, "ES": 12, "AU": 11, "UA": 11, "RU": 10,
    "IN": 9, "CN": 8, "PK": 8, "PT": 7, "IE": 7, "SK": 6, "BD": 6, "SY": 5, "AF": 5, "EG": 4,
    "BR": 3, "LU": 3, "JP": 2, "NG": 2, "LT": 2,
}  # fmt: skip

EDUCATION: Final = (
    "no formal education",
    "primary",
    "lower secondary",
    "upper secondary",
    "vocational",
    "bachelor",
    "master",
    "doctorate",
)


@dataclass(frozen=True, slots=True)
class Occupation:
    """A title, how many have it, monthly pay (EUR, median), schooling, and who employs.

    ``schooling`` is a place on the scale of ``EDUCATION``; ``sector`` one of ``SECTORS``.
    """

    title: str
    share: float
    pay: int
    schooling: float
    sector: str = "private"


SECTORS: Final = ("private", "school", "health", "state", "own")

OCCUPATIONS: Final = (
    Occupation("managing director", 6, 1400, 5.3),
    Occupation("restaurant manager", 9, 780, 3.8),
    Occupation("retail trade manager", 12, 800, 4.2),
    Occupation("construction manager", 6, 1100, 5.0),
    Occupation("senior government official", 3, 1250, 5.8, "state"),
    Occupation("civil engineer", 9, 950, 5.6),
    Occupation("electrical engineer", 5, 980, 5.6),
    Occupation("architect", 5, 920, 5.7),
    Occupation("physician", 8, 1350, 6.3, "health"),
    Occupation("dentist", 4, 1250, 6.0, "health"),
    Occupation("pharmacist", 6, 750, 5.5, "health"),
    Occupation("university lecturer", 3, 1300, 7.0, "school"),
    Occupation("secondary school teacher", 18, 620, 5.6, "school"),
    Occupation("primary school teacher", 34, 580, 5.0, "school"),
    Occupation("kindergarten teacher", 7, 450, 4.9, "school"),
    Occupation("software developer", 12, 1300, 5.4),
    Occupation("lawyer", 7, 1000, 5.9),
    Occupation("judge or prosecutor", 1, 1950, 6.2, "state"),
    Occupation("journalist", 3, 600, 5.2),
    Occupation("economist", 10, 850, 5.6),
    Occupation("accountant", 20, 700, 5.0),
    Occupation("nurse", 24, 560, 4.6, "health"),
    Occupation("laboratory technician", 4, 520, 4.6, "health"),
    Occupation("computer technician", 9, 680, 4.4),
    Occupation("insurance agent", 6, 520, 4.2),
    Occupation("real estate agent", 3, 650, 4.2),
    Occupation("customs officer", 3, 700, 4.9, "state"),
    Occupation("football coach", 1, 480, 3.9),
    Occupation("translator", 2, 620, 5.3),
    Occupation("office clerk", 30, 480, 4.2, "state"),
    Occupation("bank teller", 9, 600, 4.9),
    Occupation("call centre agent", 18, 520, 4.1),
    Occupation("receptionist", 8, 420, 3.8),
    Occupation("postal worker", 3, 460, 3.3, "state"),
    Occupation("shop sales assistant", 62, 400, 3.1),
    Occupation("waiter", 46, 400, 3.0),
    Occupation("cook", 24, 480, 3.0),
    Occupation("hairdresser", 20, 420, 3.4, "own"),
    Occupation("security guard", 26, 420, 2.8),
    Occupation("police officer", 15, 640, 4.0, "state"),
    Occupation("firefighter", 3, 560, 3.6, "state"),
    Occupation("childcare worker", 6, 350, 3.4),
    Occupation("farmer", 26, 330, 2.0, "own"),
    Occupation("beekeeper", 2, 320, 2.6, "own"),
    Occupation("forestry worker", 2, 380, 1.8, "state"),
    Occupation("bricklayer", 32, 560, 2.2),
    Occupation("carpenter", 16, 540, 2.7),
    Occupation("electrician", 18, 560, 3.6),
    Occupation("plumber", 12, 560, 3.2),
    Occupation("car mechanic", 18, 520, 3.2, "own"),
    Occupation("welder", 13, 560, 3.0),
    Occupation("painter and decorator", 12, 520, 2.4),
    Occupation("baker", 13, 430, 2.6),
    Occupation("tailor", 8, 360, 2.8, "own"),
    Occupation("taxi driver", 13, 420, 2.8, "own"),
    Occupation("bus driver", 8, 500, 2.8),
    Occupation("truck driver", 20, 680, 2.7),
    Occupation("machine operator", 18, 450, 2.8),
    Occupation("miner", 7, 620, 2.6, "state"),
    Occupation("construction labourer", 44, 420, 1.6),
    Occupation("cleaner", 32, 330, 1.4),
    Occupation("warehouse worker", 20, 400, 2.4),
    Occupation("refuse collector", 4, 360, 1.0, "state"),
    Occupation("soldier", 6, 680, 3.6, "state"),
)  # fmt: skip

# What stands in the place of an occupation for those who have none.
NOT_WORKING: Final = ("student", "retired", "unemployed", "homemaker")

OCCUPATION_TITLES: Final = (*(job.title for job in OCCUPATIONS), *NOT_WORKING)
