"""How customers come in: how they were identified, and where they log in from."""

from __future__ import annotations

from datetime import date
from typing import Final

import numpy as np
import polars as pl

from pipelines.demo.chunk import Chunk
from pipelines.demo.draws import Ints, Stream, chance, repeated, weighted
from pipelines.demo.people import TODAY, People, day_number
from pipelines.demo.pools import digits, hide, internet_addresses, joined, pick
from pipelines.demo.times import (
    DAYTIME,
    OFFICE_HOURS,
    moments,
    relationships,
    timestamps,
)

# Customers can be identified by video since then.
_VIDEO_SINCE: Final = day_number(date(2019, 4, 1))
_SOURCES_OF_FUNDS: Final = ("salary", "business", "pension", "remittances", "savings",
                            "sale of property")  # fmt: skip


def identification_rows(chunk: Chunk, people: People) -> pl.DataFrame:
    """Return the table ``identifications``: of each person, when the relationship began."""
    rng = chunk.rng(Stream.IDENTIFICATIONS)
    owner = np.flatnonzero(people.is_person)
    size, opened = len(owner), people.opened[owner]
    by_video = (opened >= _VIDEO_SINCE) & chance(rng, 0.6, size)
    begun = np.where(by_video, moments(rng, opened, DAYTIME), moments(rng, opened, OFFICE_HOURS))
    key = chunk.keys(Stream.IDENTIFICATIONS, owner, np.zeros(size, dtype=np.int64), 1)
    key_text = pl.Series(key).cast(pl.String)
    funds = pick(pl.Series(_SOURCES_OF_FUNDS), weighted(rng, (50, 12, 12, 16, 8, 2), size))
    risk = pick(pl.Series(["low", "medium", "high"]), weighted(rng, (78, 19, 3), size))
    return pl.DataFrame(
        {
            "identification_id": key,
            "customer_id": people.customer_id[owner],
            "identified_at": timestamps(begun),
            "method": pick(pl.Series(["branch", "live video"]), by_video.astype(np.int64)),
            "live_video_reference": hide(
                joined("live-videos/", key_text.str.slice(0, 3), "/", key_text, ".webm"),
                ~by_video | chance(rng, 0.01, size)),
            "source_of_funds": hide(funds, chance(rng, 0.05, size)),
            "risk_class": hide(risk, chance(rng, 0.01, size)),
            "sanctions_match": hide(pl.Series(chance(rng, 0.002, size)),
                                    chance(rng, 0.01, size)),
        }
    )  # fmt: skip


# Logins are kept for ninety days.
_LOGINS_SINCE: Final = 90
_ON_LINE: Final = 0.62
_MOST_LOGINS: Final = 24
_DEVICES: Final = (
    "Samsung SM-A546B, Android 14", "Samsung SM-A155F, Android 13", "Xiaomi 2201117TY, Android 12",
    "Apple iPhone13,2, iOS 17.5", "Apple iPhone15,3, iOS 18.1", "Apple iPhone10,6, iOS 16.7",
    "Huawei ANE-LX1, Android 9", "Chrome 129, Windows 10", "Chrome 130, Windows 11",
    "Firefox 131, Windows 10", "Safari 17, macOS 14", "Edge 129, Windows 11",
)  # fmt: skip
_DEVICE_SHARES: Final = (14, 11, 9, 8, 9, 5, 4, 11, 9, 6, 3, 4)
_FIRST_IN_BROWSER: Final = 7


def login_rows(chunk: Chunk, people: People) -> pl.DataFrame:
    """Return the table ``logins``: those of the last months, from usual and other places."""
    rng = chunk.rng(Stream.LOGINS)
    size = len(people)
    recent = relationships(people, since=TODAY - _LOGINS_SINCE)
    usual = np.exp(rng.normal(1.2, 0.9, size)) * chance(rng, _ON_LINE, size)
    count = np.minimum(rng.poisson(usual), _MOST_LOGINS) * recent.some
    owner, slot = repeated(count)
    at = moments(rng, recent.of(owner).days(rng.random(len(owner))), DAYTIME)
    device = _devices(rng, size, owner)
    model = weighted(rng, _DEVICE_SHARES, 2 * size)[device]
    address = internet_addresses(rng, size + size // 4 + 1)
    away = chance(rng, 0.25, len(owner))
    place = np.where(away, rng.integers(0, len(address), len(owner)), owner)
    identity = joined("dev-", digits(rng.integers(0, 10**12, 2 * size), 12))
    return pl.DataFrame(
        {
            "login_id": chunk.keys(Stream.LOGINS, owner, slot, _MOST_LOGINS),
            "customer_id": people.customer_id[owner],
            "logged_in_at": timestamps(at),
            "channel": pick(pl.Series(["mobile", "web"]),
                            (model >= _FIRST_IN_BROWSER).astype(np.int64)),
            "ip_address": hide(pick(address, place), chance(rng, 0.005, len(owner))),
            "device": pick(pl.Series(_DEVICES), model),
            "device_id": hide(pick(identity, device), chance(rng, 0.02, len(owner))),
            "succeeded": pl.Series(~chance(rng, 0.06, len(owner))),
        }
    )  # fmt: skip


def _devices(rng: np.random.Generator, customers: int, owner: Ints) -> Ints:
    """Return the number of each login's device: every customer has two, one of them mostly."""
    return np.where(chance(rng, 0.15, len(owner)), owner + customers, owner)
