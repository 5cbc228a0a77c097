//! A node's counters as Prometheus and OpenMetrics read them.
//!
//! Names follow the custom of that ecosystem: a prefix, base units (seconds,
//! bytes), `_total` for what only grows.

use std::fmt;

use mdht_krpc::Family;
use mdht_node::core::ByMethod;
use mdht_node::{LookupReport, OverlayStatus, Status};
use mdht_plugins::routing::Standing;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::text::encode;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric as _, MetricEncoder};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::{ConstCounter, Counter};
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

/// The media type of what [`text`] gives.
pub(super) const MEDIA_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Upper bounds of the latency histogram, seconds: from a neighbour's round
/// trip to a lookup that waited for many timeouts.
const LATENCY_BOUNDS: [f64; 12] = [
    0.01, 0.025, 0.05, 0.1, 0.2, 0.3, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0,
];

/// What is summed up over lookups.
#[derive(Clone, Debug)]
pub(super) struct LookupSums {
    latency: Histogram,
    with_value: Counter,
    without: Counter,
}

impl Default for LookupSums {
    fn default() -> Self {
        Self {
            latency: Histogram::new(LATENCY_BOUNDS),
            with_value: Counter::default(),
            without: Counter::default(),
        }
    }
}

impl LookupSums {
    pub(super) fn add(&self, report: &LookupReport) {
        match report.latency {
            Some(latency) => {
                self.latency.observe(latency.as_secs_f64());
                self.with_value.inc();
            }
            None => {
                self.without.inc();
            }
        }
    }
}

/// The exposition of a node's state.
pub(super) fn text(status: Status, sums: &LookupSums) -> Result<String, fmt::Error> {
    let mut registry = Registry::default();
    let sums = sums.clone();
    registry.register_collector(Box::new(Scrape { status, sums }));
    let mut text = String::new();
    encode(&mut text, &registry)?;
    Ok(text)
}

#[derive(Debug)]
struct Scrape {
    status: Status,
    sums: LookupSums,
}

impl Collector for Scrape {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let mut out = Out(&mut encoder);
        self.traffic(&mut out)?;
        self.refused(&mut out)?;
        self.state(&mut out)?;
        self.tables(&mut out)?;
        self.lookups(&mut out)
    }
}

impl Scrape {
    fn traffic(&self, out: &mut Out<'_, '_>) -> fmt::Result {
        let stats = &self.status.stats;
        let sent = by_method(&stats.queries_sent);
        out.counters("mdht_queries_sent", "Queries sent", "method", &sent)?;
        let received = by_method(&stats.queries_received);
        let help = "Queries received, those left unanswered included";
        out.counters("mdht_queries_received", help, "method", &received)?;
        let kinds = [
            ("response", stats.responses_sent),
            ("error", stats.errors_sent),
        ];
        out.counters("mdht_answers_sent", "Answers sent", "kind", &kinds)?;
        let kinds = [
            ("response", stats.responses_received),
            ("error", stats.errors_received),
        ];
        out.counters("mdht_answers_received", "Answers received", "kind", &kinds)?;
        let help = "Queries of ours that nobody answered in time";
        out.counter("mdht_timeouts", help, stats.timeouts)?;
        let help = "UDP payload sent";
        out.counter("mdht_sent_bytes", help, stats.bytes_sent)?;
        let help = "UDP payload received";
        out.counter("mdht_received_bytes", help, stats.bytes_received)
    }

    fn refused(&self, out: &mut Out<'_, '_>) -> fmt::Result {
        let stats = &self.status.stats;
        let reasons = [
            ("malformed", stats.malformed),
            ("oversized", stats.oversized),
            ("bad_source", stats.bad_source),
            ("unmatched", stats.unmatched),
            ("bad_response", stats.refused_responses),
            ("bad_token", stats.bad_tokens),
            ("rate_limit", stats.rate_limited),
        ];
        let help = "Datagrams refused or left unanswered";
        out.counters("mdht_refused_datagrams", help, "reason", &reasons)?;
        let help = "Queries or datagrams not sent because a queue was full";
        out.counter("mdht_dropped", help, stats.dropped)?;
        let table = &stats.table;
        let changes = [
            ("quarantined", table.quarantined),
            ("admitted", table.admitted),
            ("evicted", table.evicted),
            ("replaced", table.replaced),
            ("refused", table.refused),
        ];
        let help = "Changes of the routing tables";
        out.counters("mdht_table_changes", help, "change", &changes)
    }

    #[allow(clippy::cast_precision_loss)] // counts of what is in memory
    fn state(&self, out: &mut Out<'_, '_>) -> fmt::Result {
        let status = &self.status;
        let help = "Time since the node was started";
        out.gauge("mdht_uptime_seconds", help, status.uptime.as_secs_f64())?;
        let help = "Swarms that others announced to us";
        out.gauge("mdht_stored_swarms", help, status.stored_swarms as f64)?;
        let help = "Peers that others announced to us";
        out.gauge("mdht_stored_peers", help, status.stored_peers as f64)?;
        let help = "Queries that wait for an answer";
        out.gauge("mdht_queries_in_flight", help, status.in_flight as f64)?;
        let help = "Lookups running";
        out.gauge("mdht_lookups_running", help, status.lookups as f64)
    }

    #[allow(clippy::cast_precision_loss)] // a routing table
    fn tables(&self, out: &mut Out<'_, '_>) -> fmt::Result {
        let overlays = &self.status.overlays;
        let help = "Whether the DHT of a family has answered, and still does";
        let mut family = out.family("mdht_joined", help, MetricType::Gauge)?;
        for overlay in overlays {
            let joined = ConstGauge::new(u32::from(overlay.joined));
            let labels = [("family", name(overlay.family))];
            joined.encode(family.encode_family(&labels)?)?;
        }
        let help = "Contacts in the routing table, by standing";
        let mut family = out.family("mdht_contacts", help, MetricType::Gauge)?;
        for overlay in overlays {
            for (standing, count) in standings(overlay) {
                let labels = [("family", name(overlay.family)), ("standing", standing)];
                ConstGauge::new(count as f64).encode(family.encode_family(&labels)?)?;
            }
        }
        Ok(())
    }

    fn lookups(&self, out: &mut Out<'_, '_>) -> fmt::Result {
        let results = [
            ("value", self.sums.with_value.get()),
            ("none", self.sums.without.get()),
        ];
        let help = "Lookups that ended, by what they found";
        out.counters("mdht_lookups", help, "result", &results)?;
        let name = "mdht_lookup_latency_seconds";
        let help = "From the first query to the first response with peers";
        let histogram = out.family(name, help, MetricType::Histogram)?;
        self.sums.latency.encode(histogram)
    }
}

/// Writes metrics of one descriptor each.
struct Out<'a, 'b>(&'a mut DescriptorEncoder<'b>);

impl Out<'_, '_> {
    fn family<'s>(
        &'s mut self,
        name: &'s str,
        help: &str,
        kind: MetricType,
    ) -> Result<MetricEncoder<'s>, fmt::Error> {
        self.0.encode_descriptor(name, help, None, kind)
    }

    fn counter(&mut self, name: &str, help: &str, value: u64) -> fmt::Result {
        let metric = self.family(name, help, MetricType::Counter)?;
        ConstCounter::new(value).encode(metric)
    }

    fn counters(
        &mut self,
        name: &str,
        help: &str,
        label: &str,
        values: &[(&str, u64)],
    ) -> fmt::Result {
        let mut family = self.family(name, help, MetricType::Counter)?;
        for (value, count) in values {
            let labels = [(label, *value)];
            ConstCounter::new(*count).encode(family.encode_family(&labels)?)?;
        }
        Ok(())
    }

    fn gauge(&mut self, name: &str, help: &str, value: f64) -> fmt::Result {
        let metric = self.family(name, help, MetricType::Gauge)?;
        ConstGauge::new(value).encode(metric)
    }
}

const fn name(family: Family) -> &'static str {
    match family {
        Family::V4 => "ipv4",
        Family::V6 => "ipv6",
    }
}

const fn by_method(queries: &ByMethod) -> [(&'static str, u64); 5] {
    [
        ("ping", queries.ping),
        ("find_node", queries.find_node),
        ("get_peers", queries.get_peers),
        ("announce_peer", queries.announce_peer),
        ("other", queries.other),
    ]
}

fn standings(overlay: &OverlayStatus) -> [(&'static str, usize); 4] {
    let count = |wanted: Standing| {
        let table = overlay.table.iter();
        table.filter(|entry| entry.standing == wanted).count()
    };
    [
        ("good", count(Standing::Good)),
        ("questionable", count(Standing::Questionable)),
        ("bad", count(Standing::Bad)),
        ("waiting", count(Standing::Waiting)),
    ]
}
