//! The live view as a JSON document: what the page draws.

use std::time::Duration;

use mdht_node::{Logged, OverlayStatus};
use mdht_plugins::routing::Standing;
use serde_json::{Value, json};

use super::model::{Lookup, Model, Query, Rates};
use crate::joining::stats_document;
use crate::output::ms;

/// Buckets by how many leading bits they share with us: beyond the last, all
/// together.
const MOST_BUCKETS: usize = 64;

/// The model as a document; addresses of others whole only if asked for.
pub(super) fn document(model: &Model, whole_addresses: bool) -> Value {
    let status = model.status.as_ref();
    let overlays = status.map(|status| {
        let overlays = status.overlays.iter();
        overlays.map(overlay_document).collect::<Vec<_>>()
    });
    let lookups = model.lookups.iter().rev();
    let lookups = lookups.map(|lookup| lookup_document(lookup, whole_addresses));
    json!({
        "node": status.map(|status| stats_document("status", status)),
        "overlays": overlays,
        "rates": model.rates.iter().map(rates_document).collect::<Vec<_>>(),
        "lookups": lookups.collect::<Vec<_>>(),
        "notices": model.notices,
    })
}

/// How full each bucket is, by standing: good, questionable, bad, waiting.
pub(super) fn buckets(overlay: &OverlayStatus) -> Vec<[usize; 4]> {
    let mut buckets: Vec<[usize; 4]> = Vec::new();
    for entry in &overlay.table {
        let bucket = entry.bucket.min(MOST_BUCKETS - 1);
        if buckets.len() <= bucket {
            buckets.resize(bucket + 1, [0; 4]);
        }
        let standing = match entry.standing {
            Standing::Good => 0,
            Standing::Questionable => 1,
            Standing::Bad => 2,
            _ => 3,
        };
        buckets[bucket][standing] += 1;
    }
    buckets
}

/// Round-trip times measured of contacts in the table: 10th, 50th and 90th
/// percentile.
pub(super) fn rtt_percentiles(overlay: &OverlayStatus) -> Option<[Duration; 3]> {
    let mut rtts: Vec<_> = overlay.table.iter().filter_map(|entry| entry.rtt).collect();
    rtts.sort_unstable();
    let last = rtts.len().checked_sub(1)?;
    Some([10, 50, 90].map(|percent| rtts[last * percent / 100]))
}

fn overlay_document(overlay: &OverlayStatus) -> Value {
    let rtt = rtt_percentiles(overlay).map(|rtts| rtts.map(ms));
    json!({
        "family": format!("{:?}", overlay.family),
        "id": overlay.id.to_string(),
        "joined": overlay.joined,
        "buckets": buckets(overlay),
        "rtt_ms": rtt,
    })
}

fn rates_document(rates: &Rates) -> Value {
    json!([
        rates.queries_sent,
        rates.queries_received,
        rates.bytes_sent,
        rates.bytes_received,
    ])
}

fn lookup_document(lookup: &Lookup, whole: bool) -> Value {
    let report = lookup.report.as_ref();
    let queries = lookup.queries.iter();
    let queries = queries.map(|query| query_document(query, whole));
    json!({
        "infohash": lookup.target.to_string(),
        "begun_s": lookup.begun.as_secs_f64(),
        "over": lookup.is_over(),
        "given_up": lookup.given_up,
        "first_peer_ms": lookup.first_peer.map(ms),
        "latency_ms": report.and_then(|report| report.latency).map(ms),
        "cost": report.and_then(|report| report.cost),
        "sent": lookup.sent,
        "answered": lookup.answered(),
        "peers": lookup.peers,
        "queries": queries.collect::<Vec<_>>(),
    })
}

fn query_document(query: &Query, whole: bool) -> Value {
    let addr = query.to;
    json!({
        "to": Logged { addr, whole }.to_string(),
        "id": query.id.to_string()[..8],
        "sent_ms": ms(query.sent),
        "ended_ms": query.ended.map(ms),
        "end": query.end.name(),
    })
}
