"""How the opt-out list is kept, and how its senders write."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from transforms.fields import Name, Strict, TimeFormat

ImportColumn = Literal[
    "reference",
    "customer_id",
    "personal_number",
    "email",
    "phone",
    "iban",
    "name",
    "born",
    "text",
    "channel",
    "received_at",
    "identity_verified",
    "right",
    "event",
]
ChannelWord = Literal["email", "letter", "phone", "counter", "app", "crm", "other"]
RightWord = Literal["objection", "erasure", "restriction", "marketing", "automated decision"]
EventWord = Literal["objection", "withdrawal"]


class Import(Strict):
    """How a sender's files of objections are written; nothing is guessed.

    columns: our name of a column → the sender's, or several that are joined by a blank; channels,
    rights, events: the sender's word → ours, which is known too; yes, no: the words of
    identity_verified; channel: of a line that names none; encoding, separator: of CSV files; date,
    timestamp: strptime formats beside ISO 8601, which is always read; timezone: of times that do
    not say theirs.
    """

    columns: dict[ImportColumn, Name | Annotated[tuple[Name, ...], Field(min_length=1)]] = {}
    channels: dict[str, ChannelWord] = {}
    rights: dict[str, RightWord] = {}
    events: dict[str, EventWord] = {}
    yes: tuple[str, ...] = ("yes", "true", "1", "po", "da")
    no: tuple[str, ...] = ("no", "false", "0", "jo", "ne")
    channel: ChannelWord = "crm"
    encoding: str = "utf-8"
    separator: str = Field(default=",", pattern=r"^[ -~\t]$")
    date: TimeFormat = "%Y-%m-%d"
    timestamp: TimeFormat = "%Y-%m-%d %H:%M:%S%.f"
    timezone: str = Field(default="Europe/Belgrade", pattern=r"^[A-Za-z0-9_+/-]{1,64}$")

    @model_validator(mode="after")
    def _words_differ(self) -> Self:
        if {word.lower() for word in self.yes} & {word.lower() for word in self.no}:
            message = "a word of identity_verified means yes and no"
            raise ValueError(message)
        return self

    def senders(self, column: ImportColumn) -> tuple[str, ...]:
        """Return what the sender calls a column: our name where nothing is said."""
        named = self.columns.get(column, column)
        return (named,) if isinstance(named, str) else named


class Objections(Strict):
    """How the opt-out list is kept.

    region: of phone numbers without a country code (ISO 3166); decide_within: days until an
    objection of whom nobody is found demands a decision; review_within: months after which an
    override is reviewed at the latest; keep_ended: months after which what identifies the person
    of an ended one is erased; keep_files: days that a file which was taken in is kept;
    look_again_within: hours after which everybody on the list is looked for in the source again,
    before anything is released.
    """

    region: str = Field(default="XK", pattern=r"^[A-Z]{2}$")
    decide_within: int = Field(default=30, ge=1, le=365)
    review_within: int = Field(default=12, ge=1, le=36)
    keep_ended: int = Field(default=12, ge=0, le=120)
    keep_files: int = Field(default=30, ge=0, le=365)
    look_again_within: int = Field(default=24, ge=1, le=168)
    imports: Import = Field(default=Import(), alias="import")
