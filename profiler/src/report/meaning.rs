//! Each metric in a line.

/// What the figures under `key` of the JSON mean, and its heading.
pub(super) fn of(key: &str) -> Option<(&'static str, &'static str)> {
    let mut known = MEANINGS.iter();
    let found = known.find(|(known, ..)| *known == key);
    found.map(|&(_, heading, meaning)| (heading, meaning))
}

/// Key, heading, meaning.
pub(super) const MEANINGS: &[(&str, &str, &str)] = &[
    (
        "lookup_latency_ms",
        "Lookup latency, ms",
        "From the first get_peers query of a lookup to the first response with values. \
         A lookup without a value is counted apart and is in no percentile.",
    ),
    (
        "lookup_cost",
        "Lookup cost, queries",
        "get_peers queries sent until the first response with values came, \
         those not yet answered included.",
    ),
    (
        "lookup_queries",
        "Lookup queries",
        "get_peers queries of lookups; answered: within the timeout, by a response or an error; \
         answered late: after it.",
    ),
    (
        "closest_ms",
        "Time to closest, ms",
        "From the first query of a lookup to the response of the node that is closest to the \
         infohash by XOR among all that answered.",
    ),
    (
        "maintenance",
        "Maintenance",
        "ping and find_node queries sent; startup: those of the node's first 10 minutes; \
         get_peers_refresh: get_peers groups that were no lookup, not in the total.",
    ),
    (
        "all_queries",
        "All queries and traffic",
        "Queries of every kind that the node sent, and the bytes of its messages each way, \
         headers of IP and UDP included.",
    ),
    (
        "rtt_ms",
        "RTT, ms",
        "From a query to its answer, of queries answered within the timeout.",
    ),
    (
        "received",
        "Queries received",
        "Queries that other nodes sent to the node, by kind.",
    ),
    (
        "clients",
        "Market share",
        "Remote IP addresses by the two-letter client code of their messages; one that never \
         sent a code has no version.",
    ),
    (
        "stray_answers",
        "Stray answers",
        "Answers to a query that was answered before, and answers to no query at all.",
    ),
    (
        "swarm_replicas",
        "Replicas and swarm size",
        "Distinct nodes that returned values, and distinct peers they returned, of each lookup \
         that got a value.",
    ),
    (
        "swarm_latency_ms",
        "Latency by swarm size, ms",
        "Lookup latency by the number of distinct peers that the lookup found.",
    ),
    (
        "hops",
        "Hops",
        "Hop count to the first node that returned values and to the closest node: a node of \
         the routing table is at 0, one that it named at 1.",
    ),
    (
        "get_lookups",
        "Lookups by get",
        "The same figures for get queries, which some clients send before they announce.",
    ),
    (
        "needless_queries",
        "Needless queries",
        "Doubled: the same query to the same address again within doubled_within_s seconds. \
         Needless pings: to an address that was sent a lookup query within \
         needless_ping_within_s seconds before or after.",
    ),
    (
        "timeouts",
        "Timeouts by cause",
        "Queries of any kind that were never answered, by what else came from the address.",
    ),
    (
        "client_responses",
        "Response rate by client",
        "Queries by the client that was queried, as its address names it at any time, and how \
         many it answered.",
    ),
    (
        "protocol_violations",
        "Protocol violations",
        "Received messages that depart from BEP 5 and were read all the same.",
    ),
    (
        "bep42_ids",
        "BEP 42 node IDs",
        "Public IP addresses by whether their node ID is derived from the address; exempt: \
         private and local addresses.",
    ),
    (
        "connectivity",
        "Connectivity",
        "Addresses that queried the node and were queried by it. open: answered though nothing had \
         come from there for ten minutes, or ever; guarded: silent though it was there, but for answers \
         within 30 s of a packet of its own; unreachable: silent then too.",
    ),
    (
        "distinct_nodes",
        "Distinct nodes",
        "Distinct remote IP addresses that sent something.",
    ),
    (
        "query_rate",
        "Query rate",
        "Queries each way over time, and the most within one second.",
    ),
    (
        "traffic_over_time",
        "Traffic over time",
        "Bytes of the node's messages each way, by interval, headers of IP and UDP included.",
    ),
    (
        "lookups",
        "Lookups",
        "All get_peers queries for one infohash with no pause longer than the lookup gap. \
         Replicas: nodes that returned values; peers: the distinct peers they returned.",
    ),
];

/// What the page says beside the measurements.
pub(super) const OF_THE_PAGE: &[(&str, &str)] = &[
    (
        "Percentiles",
        "p50 is the median; p98 and p99 are the slow tail. They interpolate linearly between \
         samples. A dash means that there is no figure, never that it is 0.",
    ),
    (
        "CDF",
        "At each value, the share of all samples that are at or below it.",
    ),
    (
        "Waterfall",
        "Each query of a lookup from sending to its answer or timeout, in the order of sending. \
         d is the number of bits of the XOR distance from the queried node to the infohash: \
         160 is far, one less halves it.",
    ),
    (
        "Malformed",
        "UDP datagrams that start like a KRPC message and cannot be read. They enter no figure.",
    ),
    (
        "Truncated",
        "The capture ends inside a record. Everything before it was read.",
    ),
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::Options;
    use crate::measurement::{Connectivity, Measurement, STANDARD, Span};

    /// A measurement that is added needs a line here, or the page shows
    /// figures that it does not define.
    #[test]
    fn every_section_has_a_definition() {
        let on_demand: Box<dyn Measurement> = Box::<Connectivity>::default();
        let standard = STANDARD.iter().map(|make| make(&Options::default()));
        let sections = standard.chain([on_demand]);
        let keys: Vec<_> = sections.map(|s| s.finish(&Span::default()).key).collect();
        for key in &keys {
            let meaning = of(key);
            assert!(meaning.is_some_and(|(_, m)| m.ends_with('.')), "{key}");
        }
        let defined: BTreeSet<_> = MEANINGS.iter().map(|(key, ..)| *key).collect();
        assert_eq!(defined, keys.into_iter().collect());
        assert_eq!(defined.len(), MEANINGS.len(), "a key is defined twice");
    }
}
