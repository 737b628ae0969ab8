"""An objection under clause 16: at any time and in any form."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Channel(StrEnum):
    """How an objection arrived; the form does not matter."""

    EMAIL = "email"
    LETTER = "letter"
    PHONE = "phone"
    COUNTER = "counter"
    APP = "app"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Objection:
    """Who objected, how and when. Honoured whether or not the identity was verified."""

    customer_id: str
    channel: Channel
    received_at: datetime
    identity_verified: bool
    number: int = 0
