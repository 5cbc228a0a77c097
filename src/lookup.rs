//! `mdht lookup`.

use mdht_krpc::Id;
use mdht_node::{Dht, LookupReport, Peers};
use mdht_plugins::Registry;
use serde_json::{Value, json};

use crate::live::LiveLine;
use crate::output::{Failure, Format, document, line, ms, ms_text};
use crate::swarms::Swarms;

/// Find peers of swarms: join the DHT, print peers as they come, then a
/// summary of each lookup.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  mdht lookup 2c6b6858d61da9543d4231a71db4b1c9264b0685
  mdht lookup 2c6b6858d61da9543d4231a71db4b1c9264b0685 --routing nice --lookup standard
  mdht lookup 2c6b6858d61da9543d4231a71db4b1c9264b0685 --bind 0.0.0.0 --bind :: --format json
  mdht lookup 2c6b6858d61da9543d4231a71db4b1c9264b0685 --capture own.pcap")]
pub(crate) struct Args {
    #[command(flatten)]
    swarms: Swarms,
}

pub(crate) async fn run(args: &Args, registry: &Registry) -> Result<(), Failure> {
    let look_up = async |dht: &Dht, info_hash, format| {
        let live = LiveLine::follow(dht);
        let peers = dht.get_peers(info_hash).await.map_err(Failure::failed)?;
        print_peers(peers, &live, info_hash, format).await
    };
    args.swarms.each(registry, look_up, print_report).await
}

/// Prints peers as they come; returns the report of the finished lookup.
pub(crate) async fn print_peers(
    mut peers: Peers,
    live: &LiveLine,
    info_hash: Id,
    format: Format,
) -> Result<LookupReport, Failure> {
    while let Some(found) = live.next(&mut peers).await {
        match format {
            Format::Json => document(&json!({
                "event": "peer",
                "infohash": info_hash.to_string(),
                "peer": found.peer.to_string(),
                "from": found.from.to_string(),
                "elapsed_ms": ms(found.elapsed),
            }))?,
            Format::Text => {
                let elapsed = ms(found.elapsed);
                line(&format!(
                    "{elapsed:>9.1} ms  {:<21}  from {}",
                    found.peer, found.from
                ))?;
            }
        }
    }
    peers.report().await.map_err(Failure::failed)
}

pub(crate) fn print_report(report: &LookupReport, format: Format) -> Result<(), Failure> {
    match format {
        Format::Json => document(&report_document(report)),
        Format::Text => line(&report_line(report)),
    }
}

fn report_document(report: &LookupReport) -> Value {
    json!({
        "event": "done",
        "infohash": report.target.to_string(),
        "latency_ms": report.latency.map(ms),
        "cost": report.cost,
        "queries": report.queries,
        "responses": report.responses,
        "nodes_with_values": report.nodes_with_values,
        "peers": report.peers,
        "closest_ms": report.closest_time.map(ms),
        "announces": report.announces,
        "announced": report.announced,
    })
}

fn report_line(report: &LookupReport) -> String {
    let cost = report
        .cost
        .map_or_else(|| "-".to_owned(), |cost| cost.to_string());
    let mut text = format!(
        "{}: {} peers from {} nodes; first after {} and {cost} queries; closest node after {}; {} queries, {} answered",
        report.target,
        report.peers,
        report.nodes_with_values,
        ms_text(report.latency),
        ms_text(report.closest_time),
        report.queries,
        report.responses,
    );
    if report.announces > 0 {
        text.push_str(&format!(
            "; announced to {} of {} nodes",
            report.announced, report.announces
        ));
    }
    text
}
