"""Rows of customers and of their identity documents, with the dirt of real ones."""

from __future__ import annotations

from typing import Final

import numpy as np
import polars as pl

from pipelines.demo.chunk import Chunk
from pipelines.demo.draws import Bools, Floats, Ints, Numbering, Stream, chance, repeated, weighted
from pipelines.demo.leaves import CITIZENSHIPS, EDUCATION, MUNICIPALITIES, OCCUPATION_TITLES
from pipelines.demo.people import (
    ADULT,
    CONSENT_AGE,
    KINDS,
    TODAY,
    CustomerNumbers,
    Kind,
    People,
    Work,
)
from pipelines.demo.pools import Pools, digits, hide, joined, pick


def days(numbers: Ints, missing: Bools | None = None) -> pl.Series:
    """Return dates from days since 1970-01-01, NULL where they are missing."""
    dates = pl.Series(numbers).cast(pl.Int32).cast(pl.Date)
    return dates if missing is None else hide(dates, missing)


def customer_rows(chunk: Chunk, people: People, identifiers: CustomerNumbers) -> pl.DataFrame:
    """Return the table ``customers``."""
    rng, pool = chunk.rng(Stream.CIRCUMSTANCES), chunk.pool
    size = len(people)
    company = people.kind == Kind.COMPANY
    natural = people.kind == Kind.NATURAL_PERSON
    number_text = pl.Series(people.customer_id).cast(pl.String)
    works = (people.work == Work.WORKING) & ~company
    return pl.DataFrame(
        {
            "customer_id": people.customer_id,
            "kind": pick(pl.Series(KINDS), people.kind),
            "first_name": hide(pick(pool.people.first, people.first), company),
            "last_name": hide(pick(pool.people.last, people.last), company),
            "company_name": hide(people.display_name, natural),
            "personal_number": hide(
                personal_numbers(rng, identifiers.personal.number(chunk.position)), company
            ),
            "business_number": hide(
                pl.Series(identifiers.business.number(chunk.position)).cast(pl.String), natural
            ),
            "date_of_birth": days(people.born, company | chance(rng, 0.002, size)),
            "citizenship": hide(
                pick(pl.Series(list(CITIZENSHIPS)), people.citizenship),
                company | chance(rng, 0.003, size),
            ),
            "street": people.street,
            "house_number": people.house_number,
            "flat": hide(pl.Series(rng.integers(1, 60, size)).cast(pl.String),
                         ~chance(rng, 0.28, size)),
            "postcode": _postcodes(rng, people.municipality),
            "municipality": hide(
                _written_by_hand(
                    rng, [place.name for place in MUNICIPALITIES], people.municipality, 0.04
                ),
                chance(rng, 0.005, size),
            ),
            "email": _emails(rng, people, pool),
            "phone": hide(people.phone, chance(rng, np.where(people.age < CONSENT_AGE, 0.3, 0.04),
                                               size)),
            "occupation": hide(
                _written_by_hand(rng, OCCUPATION_TITLES, people.occupation, 0.015),
                company | chance(rng, np.where(people.age < CONSENT_AGE, 0.3, 0.025), size),
            ),
            "employer": hide(pick(pool.employers, people.employer),
                             ~works | chance(rng, 0.02, size)),
            "position": hide(_positions(rng, people), ~works | chance(rng, 0.06, size)),
            "years_of_experience": hide(_experience(rng, people), ~works),
            "education": hide(
                _written_by_hand(rng, EDUCATION, people.education, 0.015),
                company | chance(rng, 0.03, size),
            ),
            "income": hide(pl.Series(people.income), people.no_income),
            "assets": _assets(rng, people),
            "public_function": _public_functions(rng, people),
            "photo_reference": hide(joined("photos/", number_text.str.slice(0, 2), "/",
                                           number_text, ".jpg"),
                                    company | chance(rng, 0.03, size)),
            "guardian_consent": _consents(rng, people),
            "opened_on": days(people.opened),
            "closed_on": days(people.closed, people.open),
        }
    )  # fmt: skip


_NO_DIGIT: Final = 10


def personal_numbers(rng: np.random.Generator, serial: Ints) -> pl.Series:
    """Return ten digits: the serial's eight, one at random, and a check digit modulo 11.

    The weights 4 3 2 7 6 5 4 3 2 are what is believed of Kosovo's personal number.
    """
    ninth = rng.integers(0, 10, len(serial))
    check = _check_digits(serial * 10 + ninth)
    # Another ninth digit moves the sum by 2 or -18: never from one remainder of ten to another.
    ninth = np.where(check == _NO_DIGIT, (ninth + 1) % 10, ninth)
    first_nine = serial * 10 + ninth
    return digits(first_nine * 10 + _check_digits(first_nine), 10)


def _check_digits(first_nine: Ints) -> Ints:
    """Return what makes the weighted sum divisible by 11; ten where no digit does."""
    place = 10 ** np.arange(8, -1, -1)
    total = sum(
        weight * (first_nine // power % 10)
        for weight, power in zip((4, 3, 2, 7, 6, 5, 4, 3, 2), place, strict=True)
    )
    return np.asarray(-total % 11)


def _written_by_hand(rng: np.random.Generator, leaves: list[str] | tuple[str, ...],
                     position: Ints, dirt: float) -> pl.Series:  # fmt: skip
    """Return the leaves, a share of them in other cases and with stray blanks."""
    written = [
        variant
        for leaf in leaves
        for variant in (leaf, leaf.upper(), f" {leaf.lower()} ", f"{leaf.title()} ",
                        leaf.upper().replace(" ", "  ") + " ")
    ]  # fmt: skip
    hand = weighted(rng, (1 - dirt, *[dirt / 4] * 4), len(position))
    return pick(pl.Series(written), position * 5 + hand)


def _postcodes(rng: np.random.Generator, municipality: Ints) -> pl.Series:
    """Return postcodes: the municipality's first, or one of a few after it."""
    first = np.array([place.postcode for place in MUNICIPALITIES])
    return digits(first[municipality] + 10 * weighted(rng, (6, 2, 1, 1), len(municipality)), 5)


def _emails(rng: np.random.Generator, people: People, pool: Pools) -> pl.Series:
    """Return e-mail addresses made of names; a tenth has none, most children neither."""
    size = len(people)
    domains = pl.Series(["gmail.com", "hotmail.com", "yahoo.com", "outlook.com", "live.com"])
    address = joined(
        pick(pool.people.first_plain, people.first).str.to_lowercase(),
        pick(pl.Series([".", "", "_"]), weighted(rng, (7, 2, 1), size)),
        pick(pool.people.last_plain, people.last).str.to_lowercase().str.replace_all(" ", ""),
        pick(pl.Series(["", *(str(number) for number in range(1, 100))]),
             weighted(rng, (0.25, *[0.75 / 99] * 99), size)),
        "@",
        pick(domains, weighted(rng, (70, 14, 9, 5, 2), size)),
    )  # fmt: skip
    return hide(address, chance(rng, np.where(people.age < CONSENT_AGE, 0.75, 0.11), size))


_POSITIONS: Final = ("assistant", "junior specialist", "specialist", "senior specialist",
                     "team leader", "head of department", "director", "owner")  # fmt: skip


def _positions(rng: np.random.Generator, people: People) -> pl.Series:
    """Return positions at work: higher with age and education; traders own their shop."""
    rank = (people.age - ADULT) / 22 + people.education / 3.2 - 1 + rng.normal(0, 0.9, len(people))
    step = np.clip(rank, 0, len(_POSITIONS) - 2).astype(np.int64)
    owner = len(_POSITIONS) - 1
    return pick(pl.Series(_POSITIONS), np.where(people.kind == Kind.SOLE_TRADER, owner, step))


_AGE_AT_FIRST_JOB: Final = np.array([16, 16, 17, 19, 19, 22, 24, 28])


def _experience(rng: np.random.Generator, people: People) -> pl.Series:
    """Return years of work: most of those since school."""
    since_school = np.clip(people.age - _AGE_AT_FIRST_JOB[people.education], 0, 48)
    return pl.Series((since_school * rng.beta(5, 1.3, len(people))).astype(np.int64))


def _assets(rng: np.random.Generator, people: People) -> pl.Series:
    """Return assets in cents, heavy-tailed: they grow with income and age."""
    size = len(people)
    company = people.kind == Kind.COMPANY
    income = np.maximum(people.income / 100, 60)
    scale = np.where(company, 60_000, 14 * income * np.clip(people.age - 16, 0.5, 50) / 20)
    euros: Floats = scale * np.exp(rng.normal(0, 1.35, size)) + 2_000 * rng.pareto(1.15, size)
    nothing = chance(rng, np.where(people.age < ADULT, 0.9, 0.12), size)
    return pl.Series(np.where(nothing & ~company, 0, np.minimum(euros, 4e8) * 100).astype(np.int64))


_YOUNGEST_OFFICIAL: Final = 25
_PUBLIC_FUNCTIONS: Final = ("municipal councillor", "mayor", "member of parliament", "judge",
                            "minister", "ambassador",
                            "board member of a public enterprise")  # fmt: skip


def _public_functions(rng: np.random.Generator, people: People) -> pl.Series:
    """Return public functions: one adult in seven hundred has one."""
    size = len(people)
    which = weighted(rng, (50, 2, 8, 15, 2, 2, 21), size)
    holds = people.is_person & (people.age >= _YOUNGEST_OFFICIAL) & chance(rng, 0.0018, size)
    return hide(pick(pl.Series(_PUBLIC_FUNCTIONS), which), ~holds)


def _consents(rng: np.random.Generator, people: People) -> pl.Series:
    """Return whether a guardian consented: asked of persons under 14 only."""
    # Of a hundred, 15 have no answer on file, 15 were refused, 70 have the consent.
    answer = weighted(rng, (0.15, 0.15, 0.7), len(people))
    asked = people.is_person & (people.age < CONSENT_AGE)
    return hide(pl.Series(answer > 1), ~asked | (answer == 0))


# Identity cards are for those of sixteen and more; children have passports.
_CARD_AGE: Final = 16
_DOCUMENTS: Final = ("identity card", "passport", "residence permit", "driving licence")
_LETTERS: Final = pl.Series(["", "P", "RP", "DL"])
_ISSUER: Final = "Civil Registration Agency of Kosovo"


def document_rows(chunk: Chunk, people: People, documents: Numbering) -> pl.DataFrame:
    """Return the table ``identity_documents``: one or two of each person."""
    rng = chunk.rng(Stream.DOCUMENTS)
    another = chance(rng, 0.35, len(people)) & (people.age >= _CARD_AGE)
    count = np.where(people.is_person, 1 + another, 0)
    owner, second = repeated(count)
    size = len(owner)
    number = documents.number(chunk.position[owner] * 2 + second)
    which = _document_types(rng, people, owner, second)
    valid = np.where(people.age[owner] < ADULT, 5, 10)
    # The latest papers were shown while the person was a customer.
    known = np.where(people.open[owner], TODAY, people.closed[owner])
    issued = known - 1 - rng.integers(0, np.maximum(valid * 365 * 11 // 10, 1), size)
    issued = np.maximum(issued, people.born[owner] + 200)
    expires = (issued.astype("datetime64[D]").astype("datetime64[M]") + valid * 12).astype(
        "datetime64[D]"
    ).astype(np.int64) + issued % 27
    foreign = people.citizenship[owner] != 0
    issuers = pl.Series([_ISSUER, *(f"authority of {code}" for code in CITIZENSHIPS)])
    abroad = foreign & (which == 1)
    number_text = pl.Series(number).cast(pl.String)
    return pl.DataFrame(
        {
            "document_id": number,
            "customer_id": people.customer_id[owner],
            "document_type": pick(pl.Series(_DOCUMENTS), which),
            "document_number": joined(pick(_LETTERS, which),
                                      digits(rng.integers(0, 10**8, size), 8)),
            "issuer": pick(issuers, np.where(abroad, 1 + people.citizenship[owner], 0)),
            "issued_on": days(issued),
            "expires_on": days(expires),
            "scan_reference": joined("scans/", number_text.str.slice(0, 3), "/",
                                     number_text, ".pdf"),
        }
    )  # fmt: skip


def _document_types(rng: np.random.Generator, people: People, owner: Ints,
                    second: Ints) -> Ints:  # fmt: skip
    """Return positions in the types: the second one differs from the first."""
    foreign = people.citizenship[owner] != 0
    child = people.age[owner] < _CARD_AGE
    main = np.where(child | foreign, 1, 0)
    driver = (people.age[owner] >= ADULT) & chance(rng, 0.6, len(owner))
    other = np.select([driver, foreign], [3, 2], 1)
    return np.where(second == 0, main, other)
