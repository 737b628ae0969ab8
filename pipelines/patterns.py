"""What looks like an identifier of a person: the last gate of a written release.

Every published string is in a closed vocabulary already; this finds a vocabulary that was built
from people. Presidio decides, on the few strings in which anything could match at all: it takes
seconds to import, and a release of plain categories never needs it.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from presidio_analyzer import AnalyzerEngine, EntityRecognizer

_CAN_MATCH = re.compile(r"@|\d{6}|(?:\d[ ./-]?){8}|[A-Za-z]{2}\d{2}[ ]?\w{4}|(?:\d{1,3}\.){3}\d")

_LANGUAGE = "xx"


def identifiers_in(strings: Iterable[str]) -> frozenset[str]:
    """Return the kinds of identifiers found in the strings, never the strings."""
    suspects = [text for text in strings if _CAN_MATCH.search(text)]
    if not suspects:
        return frozenset()
    analyzer = _analyzer()
    return frozenset(
        finding.entity_type
        # Presidio's IBANs are in capitals.
        for text in {form for suspect in suspects for form in (suspect, suspect.upper())}
        for finding in analyzer.analyze(text, language=_LANGUAGE, score_threshold=0.4)
    )


def _analyzer() -> AnalyzerEngine:
    # The list of public suffixes would be fetched from the network for the first e-mail.
    os.environ["TLDEXTRACT_PUBLIC_SUFFIX_LIST_URLS"] = ""
    from presidio_analyzer import AnalyzerEngine, RecognizerRegistry
    from presidio_analyzer.nlp_engine import NlpEngineProvider

    engine = NlpEngineProvider(
        nlp_configuration={
            "nlp_engine_name": "no_op",
            "models": [{"lang_code": _LANGUAGE, "model_name": "no_op"}],
        }
    ).create_engine()
    registry = RecognizerRegistry(recognizers=list(_recognizers()), supported_languages=[_LANGUAGE])
    return AnalyzerEngine(registry=registry, nlp_engine=engine, supported_languages=[_LANGUAGE])


def _recognizers() -> Iterator[EntityRecognizer]:
    from presidio_analyzer import Pattern, PatternRecognizer
    from presidio_analyzer.predefined_recognizers import (
        CreditCardRecognizer,
        EmailRecognizer,
        IbanRecognizer,
        IpRecognizer,
        PhoneRecognizer,
    )

    for recognizer in (CreditCardRecognizer, EmailRecognizer, IbanRecognizer, IpRecognizer):
        yield recognizer(supported_language=_LANGUAGE)
    yield PhoneRecognizer(
        supported_language=_LANGUAGE,
        supported_regions=("XK", "AL", "RS", "MK", "ME", "LT", "LV", "EE"),
    )
    yield PatternRecognizer(
        supported_entity="NATIONAL_NUMBER_OR_DOCUMENT",
        supported_language=_LANGUAGE,
        patterns=[
            # Any run of six or more digits is suspect: numbers of people, cards, documents.
            Pattern("long number", r"(?<![\d.,])\d{6,}(?![\d.,])", 0.5),
            Pattern("lettered number", r"\b[A-Z]{1,2}\d{6,9}[A-Z]?\b", 0.5),
        ],
    )
