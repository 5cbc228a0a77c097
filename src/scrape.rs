//! `mdht scrape`.

use mdht_node::{Dht, LookupReport};
use mdht_plugins::Registry;
use serde_json::{Value, json};

use crate::output::{Failure, Format, document, line};
use crate::swarms::Swarms;

/// Find out how many seeds and other peers swarms have, without joining them
/// [BEP 33]. The nodes closest to each infohash are asked for filters of whom
/// they hold; the filters of all are united, and the sizes estimated from the
/// bits that are set. Nobody is counted twice.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  mdht scrape 2c6b6858d61da9543d4231a71db4b1c9264b0685
  mdht scrape 2c6b6858d61da9543d4231a71db4b1c9264b0685 --bind 0.0.0.0 --bind :: --format json")]
pub(crate) struct Args {
    #[command(flatten)]
    swarms: Swarms,
}

pub(crate) async fn run(args: &Args, registry: &Registry) -> Result<(), Failure> {
    let scrape = async |dht: &Dht, info_hash, _| {
        let peers = dht.scrape(info_hash).await.map_err(Failure::failed)?;
        peers.report().await.map_err(Failure::failed)
    };
    args.swarms.each(registry, scrape, print_report).await
}

fn print_report(report: &LookupReport, format: Format) -> Result<(), Failure> {
    match format {
        Format::Json => document(&scrape_document(report)),
        Format::Text => line(&scrape_line(report)),
    }
}

fn scrape_document(report: &LookupReport) -> Value {
    let scrape = report.scrape.as_deref();
    json!({
        "event": "scrape",
        "infohash": report.target.to_string(),
        "seeds": scrape.and_then(|scrape| scrape.seed_count()),
        "peers": scrape.and_then(|scrape| scrape.leech_count()),
        "nodes_with_filters": scrape.map(|scrape| scrape.nodes_with_filters),
        "nodes_with_values_only": scrape.map(|scrape| scrape.nodes_with_values_only),
        "refused_filters": scrape.map(|scrape| scrape.refused),
        "peers_named": report.peers,
        "queries": report.queries,
        "responses": report.responses,
    })
}

fn scrape_line(report: &LookupReport) -> String {
    let Some(scrape) = report.scrape.as_deref() else {
        return format!("{}: nobody answered", report.target);
    };
    let about = |count: Option<f64>| {
        count.map_or_else(
            || "an unknown number of".to_owned(),
            |n| format!("about {n:.0}"),
        )
    };
    let mut text = format!(
        "{}: {} seeds and {} other peers; filters of {} nodes",
        report.target,
        about(scrape.seed_count()),
        about(scrape.leech_count()),
        scrape.nodes_with_filters,
    );
    if scrape.nodes_with_values_only > 0 {
        let n = scrape.nodes_with_values_only;
        text.push_str(&format!(", {n} more named peers only"));
    }
    if scrape.refused > 0 {
        text.push_str(&format!(", {} sent filters that cannot be", scrape.refused));
    }
    text.push_str(&format!(
        "; {} queries, {} answered",
        report.queries, report.responses
    ));
    text
}
