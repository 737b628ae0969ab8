"""What identifies somebody, by kind."""

from __future__ import annotations

from enum import StrEnum


class Kind(StrEnum):
    """A kind of identifier, as it is named in a message."""

    IBAN = "IBAN"
    """With the country's length and valid check digits."""
    EMAIL = "e-mail address"
    URL = "web address"
    CARD = "card number"
    """With an issuer's beginning and length and a valid check digit."""
    NATIONAL_NUMBER = "national number"
    """With a valid check digit or, where a country has none, a valid date within."""
    PHONE = "phone number"
    """With a country code, or as it is dialled in the region."""
    COORDINATES = "coordinates"
    """Of a place to a hundred metres or better."""
    IP_ADDRESS = "IP address"
    ADDRESS = "street address"
    """A street, called one in a language of the region, German or English, and a house's number."""
    NAME = "name of a person"
    """A first name and a surname that many people bear, or one that ends like one, side by side."""
    DOCUMENT = "document number"
    """Six digits or more, with or without letters before them, of which no more is known."""
    POSTCODE = "postcode"
