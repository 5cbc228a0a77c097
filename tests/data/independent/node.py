"""One node's queries, their answers, and its lookups, by the definitions that the profiler's help and report give."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

from .packets import Message

SECOND = 1_000_000_000
# An answer that comes later belongs to no query.
LATE_LIMIT_NS = 60 * SECOND


@dataclass(frozen=True)
class Rules:
    """What the options of `mdht profile` change, with their defaults."""

    timeout_ns: int = 2 * SECOND
    lookup_gap_ns: int = 30 * SECOND
    # A get_peers group of no more queries, without a value and without an announce, is refresh and no lookup.
    refresh_max_queries: int = 1

    def options(self) -> list[str]:
        return [
            *("--timeout", f"{self.timeout_ns / SECOND:g}"),
            *("--lookup-gap", f"{self.lookup_gap_ns / SECOND:g}"),
            *("--refresh-max-queries", str(self.refresh_max_queries)),
        ]


@dataclass
class Query:
    number: int  # of its packet in the capture
    time_ns: int
    remote: str
    kind: str
    timeout_ns: int
    answer: Message | None = None

    @property
    def rtt_ns(self) -> int | None:
        return self.answer.time_ns - self.time_ns if self.answer else None

    @property
    def in_time(self) -> bool:
        return self.rtt_ns is not None and self.rtt_ns <= self.timeout_ns

    @property
    def late(self) -> bool:
        return self.rtt_ns is not None and self.rtt_ns > self.timeout_ns


@dataclass
class Group:
    """get_peers queries for one infohash without a long pause."""

    infohash: bytes
    queries: list[Query] = field(default_factory=list)
    announced: bool = False

    @property
    def start_ns(self) -> int:
        return self.queries[0].time_ns

    def responses(self) -> list[tuple[Query, Message]]:
        """The responses (no errors) with the queries that they answer, in the order in which they came."""
        answers = [(query, query.answer) for query in self.queries if query.answer]
        responses = [(query, answer) for query, answer in answers if answer.kind == "response"]
        return sorted(responses, key=lambda pair: pair[1].number)

    def with_values(self) -> list[tuple[Query, Message]]:
        """Those that hold values. An empty list, which some clients always send, holds none."""
        return [(query, response) for query, response in self.responses() if values_of(response)]

    def is_lookup(self, rules: Rules) -> bool:
        return bool(self.with_values()) or self.announced or len(self.queries) > rules.refresh_max_queries


def values_of(response: Message) -> list[bytes]:
    values: list[bytes] = response.body[b"r"].get(b"values", [])
    return values


class Node:
    """What one node sent and received."""

    def __init__(self, address: str, messages: list[Message], rules: Rules) -> None:
        self.address = address
        self.rules = rules
        self.sent = [one for one in messages if one.source == address]
        self.received = [one for one in messages if one.destination == address]
        self.queries: list[Query] = []
        self.groups: list[Group] = []
        self.duplicate_answers = 0
        self.unmatched_answers = 0
        self._latest: dict[bytes, Group] = {}
        self._asked: defaultdict[tuple[str, bytes], list[Query]] = defaultdict(list)
        for one in messages:
            if one.source == address:
                self._on_sent(one)
            if one.destination == address and one.kind in ("response", "error"):
                self._on_answer(one)

    @property
    def first_ns(self) -> int:
        return min(one.time_ns for one in self.sent + self.received)

    def of_kind(self, kind: str) -> list[Query]:
        return [query for query in self.queries if query.kind == kind]

    def lookups(self) -> list[Group]:
        return [group for group in self.groups if group.is_lookup(self.rules)]

    def refreshes(self) -> list[Group]:
        return [group for group in self.groups if not group.is_lookup(self.rules)]

    def _on_sent(self, sent: Message) -> None:
        if sent.kind in ("response", "error"):
            return
        arguments: dict[bytes, Any] = sent.body[b"a"]
        group = None
        if sent.kind == "get_peers":
            group = self._group(arguments[b"info_hash"], sent.time_ns)
        elif sent.kind == "announce_peer" and arguments[b"info_hash"] in self._latest:
            self._latest[arguments[b"info_hash"]].announced = True
        query = Query(sent.number, sent.time_ns, sent.destination, sent.kind, self.rules.timeout_ns)
        if group:
            group.queries.append(query)
        self.queries.append(query)
        self._asked[sent.destination, sent.body[b"t"]].append(query)

    def _group(self, infohash: bytes, now_ns: int) -> Group:
        group = self._latest.get(infohash)
        if group is None or now_ns - group.queries[-1].time_ns > self.rules.lookup_gap_ns:
            group = Group(infohash)
            self._latest[infohash] = group
            self.groups.append(group)
        return group

    def _on_answer(self, answer: Message) -> None:
        """To the oldest query that is open and within the timeout; if there is none, to the newest that is open."""
        asked = self._asked[answer.source, answer.body[b"t"]]
        asked = [query for query in asked if answer.time_ns - query.time_ns <= LATE_LIMIT_NS]
        still_open = [query for query in asked if query.answer is None]
        in_time = [query for query in still_open if answer.time_ns - query.time_ns <= self.rules.timeout_ns]
        if in_time:
            in_time[0].answer = answer
        elif still_open:
            still_open[-1].answer = answer
        elif asked:
            self.duplicate_answers += 1
        else:
            self.unmatched_answers += 1
