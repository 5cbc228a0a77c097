//! `mdht sample`.

use std::net::SocketAddr;
use std::time::Duration;

use mdht_krpc::{Contact, Id};
use mdht_node::{Crawl, CrawlReport, Dht, QueryOutcome};
use mdht_plugins::Registry;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::joining::{Troubles, finish, with_node};
use crate::node_args::NodeArgs;
use crate::output::{Failure, Format, document, line, ms, note};
use crate::ping::resolve;

/// Ask nodes which infohashes they hold peers of [BEP 51]: the nodes named,
/// or, without any, many of the DHT, spread evenly over its ID space. Each is
/// asked once, so that none is asked more often than it wants to be.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  mdht sample --nodes 500
  mdht sample 192.0.2.7:6881 --format json
  mdht sample --nodes 100 --format json | jq -r 'select(.event == \"sample\").infohashes[]'")]
pub(crate) struct Args {
    /// Nodes to ask; none is a walk over the ID space
    #[arg(value_name = "HOST:PORT")]
    nodes_named: Vec<String>,

    /// Most nodes that the walk asks
    #[arg(long = "nodes", value_name = "N", default_value_t = 100)]
    #[arg(value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    #[arg(conflicts_with = "nodes_named")]
    most_nodes: u32,

    /// How long to wait for each answer, in milliseconds
    #[arg(long, value_name = "MS", default_value_t = 2000)]
    timeout_ms: u64,

    #[command(flatten)]
    node: NodeArgs,
}

/// Nodes that are asked at once: the walk is in no hurry.
const AT_ONCE: usize = 16;

pub(crate) async fn run(args: &Args, registry: &Registry) -> Result<(), Failure> {
    if args.nodes_named.is_empty() {
        return with_node(&args.node, registry, async |dht, troubles| {
            walk(dht, args, troubles).await
        })
        .await;
    }
    let mut addrs = Vec::new();
    for host in &args.nodes_named {
        addrs.push(resolve(host).await?);
    }
    // asking named nodes does not need the overlay, and they may be private
    let node = NodeArgs {
        no_default_bootstrap: true,
        allow_private: true,
        ..args.node.clone()
    };
    let dht = node.start(registry).await?;
    let _ = Troubles::watch_unjoined(&dht);
    let mut crawl = Crawl::new(addrs.len());
    for addr in &addrs {
        let outcome = ask(&dht, *addr, Id::default(), args).await?;
        print(*addr, &outcome, &crawl.take_in(&outcome), &args.node)?;
    }
    finish(&dht, &args.node).await?;
    match addrs.len() - crawl.report().sampled {
        0 => Ok(()),
        n => Err(Failure::Failed(format!(
            "{n} of {} nodes gave no sample",
            addrs.len()
        ))),
    }
}

async fn ask(
    dht: &Dht,
    addr: SocketAddr,
    target: Id,
    args: &Args,
) -> Result<QueryOutcome, Failure> {
    let timeout = Duration::from_millis(args.timeout_ms);
    let outcome = dht.sample_infohashes(addr, target, timeout).await;
    outcome.map_err(Failure::failed)
}

async fn walk(dht: &Dht, args: &Args, troubles: &Troubles) -> Result<(), Failure> {
    let report = dht
        .find_node(Id::default())
        .await
        .map_err(Failure::failed)?;
    if !report.joined {
        return Err(troubles.not_joined(&args.node));
    }
    let status = dht.status().await.map_err(Failure::failed)?;
    let tables = status.overlays.iter().flat_map(|overlay| &overlay.table);
    let most = usize::try_from(args.most_nodes).unwrap_or(usize::MAX);
    let mut crawl = Crawl::new(most);
    crawl.add(report.closest);
    crawl.add(tables.map(|entry| entry.contact));
    let mut asked = JoinSet::new();
    loop {
        while asked.len() < AT_ONCE
            && let Some((Contact { addr, .. }, target)) = crawl.next_query()
        {
            let (dht, timeout) = (dht.clone(), Duration::from_millis(args.timeout_ms));
            asked.spawn(async move { (addr, dht.sample_infohashes(addr, target, timeout).await) });
        }
        let Some(done) = asked.join_next().await else {
            break;
        };
        let (addr, outcome) = done.map_err(Failure::failed)?;
        let outcome = outcome.map_err(Failure::failed)?;
        print(addr, &outcome, &crawl.take_in(&outcome), &args.node)?;
    }
    let report = crawl.report();
    match args.node.format {
        Format::Json => document(&report_document(&report)),
        Format::Text => {
            note(&format!(
                "{} infohashes from {} nodes that know BEP 51, of {} that answered, of {} asked; \
                 they say they hold {} in all",
                report.distinct, report.sampled, report.answered, report.asked, report.held
            ));
            Ok(())
        }
    }
}

/// One node's answer: for programs as a whole, for people the infohashes that
/// are new.
fn print(
    addr: SocketAddr,
    outcome: &QueryOutcome,
    fresh: &[Id],
    args: &NodeArgs,
) -> Result<(), Failure> {
    match args.format {
        Format::Json => document(&sample_document(addr, outcome, fresh.len())),
        Format::Text => fresh.iter().try_for_each(|id| line(&id.to_string())),
    }
}

fn sample_document(addr: SocketAddr, outcome: &QueryOutcome, fresh: usize) -> Value {
    let node = addr.to_string();
    match outcome {
        QueryOutcome::Response {
            id, rtt, sample, ..
        } => {
            let sample = sample.as_deref();
            let info_hashes = sample.map(|sample| {
                let texts = sample.info_hashes.iter().map(ToString::to_string);
                texts.collect::<Vec<_>>()
            });
            json!({
                "event": "sample",
                "node": node,
                "id": id.to_string(),
                "rtt_ms": ms(*rtt),
                "infohashes": info_hashes,
                "new": fresh,
                "num": sample.and_then(|sample| sample.num),
                "interval_s": sample.map(|sample| sample.interval.as_secs()),
            })
        }
        QueryOutcome::Error { code, message } => json!({
            "event": "sample",
            "node": node,
            "id": null,
            "rtt_ms": null,
            "infohashes": null,
            "error": {"code": code, "message": message},
        }),
        QueryOutcome::NoAnswer => json!({
            "event": "sample",
            "node": node,
            "id": null,
            "rtt_ms": null,
            "infohashes": null,
        }),
    }
}

fn report_document(report: &CrawlReport) -> Value {
    json!({
        "event": "done",
        "asked": report.asked,
        "answered": report.answered,
        "sampled": report.sampled,
        "samples": report.samples,
        "distinct": report.distinct,
        "held": report.held,
    })
}
