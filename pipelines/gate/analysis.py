"""Presidio without a language model: our recognisers, called one by one, or by its engine.

Importing this module imports Presidio, which takes three seconds.
"""

from __future__ import annotations

import logging
import os
from bisect import bisect_left
from collections.abc import Collection, Iterable, Sequence
from functools import cache
from itertools import groupby

# Before Presidio imports tldextract, which would fetch its list of suffixes from the network for
# the first address, and keep a copy in the user's home. It has a list of its own.
os.environ["TLDEXTRACT_PUBLIC_SUFFIX_LIST_URLS"] = ""
os.environ["TLDEXTRACT_CACHE"] = ""

from presidio_analyzer import (
    AnalyzerEngine,
    EntityRecognizer,
    RecognizerRegistry,
    RecognizerResult,
)
from presidio_analyzer.nlp_engine import NlpArtifacts, NlpEngineProvider

from pipelines.gate.kinds import Kind
from pipelines.gate.recognizers import LANGUAGE, RECOGNIZERS

# Its recognisers quote texts in what they log.
logging.getLogger("presidio-analyzer").setLevel(logging.CRITICAL + 1)

THRESHOLD = 0.4
RANKS = {
    kind: rank
    for rank, kinds in enumerate(
        (
            (Kind.IBAN,),
            (Kind.EMAIL,),
            (Kind.URL,),
            # A number may pass the checks of several: nobody knows which it is.
            (Kind.CARD, Kind.NATIONAL_NUMBER, Kind.PHONE),
            (Kind.COORDINATES, Kind.IP_ADDRESS),
            # A street may be called after somebody.
            (Kind.ADDRESS,),
            (Kind.NAME,),
            (Kind.DOCUMENT,),
            (Kind.POSTCODE,),
        )
    )
    for kind in kinds
}
NOTHING = NlpArtifacts([], [], [], [], None, LANGUAGE)  # type: ignore[arg-type]  # no engine
Finding = tuple[Kind, int, int, float]
Span = tuple[int, int]


def kinds_in(folded: str, kinds: Collection[Kind]) -> list[Kind]:
    """Return the kinds, of these, that a folded text contains."""
    return meant(routed(folded, kinds))


def routed(folded: str, kinds: Collection[Kind]) -> frozenset[Finding]:
    """Return what the recognisers of these kinds find in a folded text."""
    return _findings(
        result
        for kind in kinds
        for result in _recognizer(kind).analyze(folded, [kind.name], NOTHING)
    )


def analysed(folded: str) -> frozenset[Finding]:
    """Return what Presidio's engine finds in a folded text with all our recognisers."""
    return _findings(engine().analyze(folded, language=LANGUAGE, score_threshold=THRESHOLD))


def _findings(results: Iterable[RecognizerResult]) -> frozenset[Finding]:
    return frozenset(
        (Kind[result.entity_type], result.start, result.end, result.score)
        for result in results
        if result.score >= THRESHOLD
    )


def meant(found: Iterable[Finding]) -> list[Kind]:
    """Return the kinds that are meant: what touches a finding of an earlier rank is part of it."""
    kept: set[Kind] = set()
    earlier: list[Span] = []
    by_rank = sorted(found, key=lambda one: RANKS[one[0]])
    for _, alike in groupby(by_rank, key=lambda one: RANKS[one[0]]):
        findings = list(alike)
        kept |= {kind for kind, start, end, _ in findings if not _touch(start, end, earlier)}
        earlier = _merged([*earlier, *((start, end) for _, start, end, _ in findings)])
    return [kind for kind in Kind if kind in kept]


def _touch(start: int, end: int, spans: Sequence[Span]) -> bool:
    """Say whether any of some spans, apart and in order, has a sign of the text between."""
    before = bisect_left(spans, (end, 0)) - 1
    return before >= 0 and spans[before][1] > start


def _merged(spans: Iterable[Span]) -> list[Span]:
    """Return what spans cover, as spans apart, in order: a long text has very many."""
    apart: list[Span] = []
    for start, end in sorted(spans):
        if apart and start < apart[-1][1]:
            apart[-1] = apart[-1][0], max(end, apart[-1][1])
        else:
            apart.append((start, end))
    return apart


@cache
def _recognizer(kind: Kind) -> EntityRecognizer:
    return RECOGNIZERS[kind]()


@cache
def engine() -> AnalyzerEngine:
    """Return Presidio's engine with no language model and our recognisers alone."""
    nothing = {
        "nlp_engine_name": "no_op",
        "models": [{"lang_code": LANGUAGE, "model_name": "no_op"}],
    }
    registry = RecognizerRegistry(
        recognizers=[_recognizer(kind) for kind in RECOGNIZERS], supported_languages=[LANGUAGE]
    )
    return AnalyzerEngine(
        registry=registry,
        nlp_engine=NlpEngineProvider(nlp_configuration=nothing).create_engine(),
        supported_languages=[LANGUAGE],
    )
