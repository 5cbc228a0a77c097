//! `mdht ping`.

use std::net::SocketAddr;
use std::time::Duration;

use mdht_node::QueryOutcome;
use mdht_plugins::Registry;
use serde_json::{Value, json};

use crate::joining::{Troubles, finish};
use crate::node_args::NodeArgs;
use crate::output::{Failure, Format, document, line, ms};

/// Ask nodes whether they are there. Exit code 0 if every one answers.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  mdht ping router.bittorrent.com:6881
  mdht ping 192.0.2.7:6881 192.0.2.8:6881 --timeout-ms 500 --format json")]
pub(crate) struct Args {
    /// Nodes to ask
    #[arg(required = true, value_name = "HOST:PORT")]
    nodes: Vec<String>,

    /// How long to wait for each answer, in milliseconds
    #[arg(long, value_name = "MS", default_value_t = 2000)]
    timeout_ms: u64,

    #[command(flatten)]
    node: NodeArgs,
}

pub(crate) async fn run(args: &Args, registry: &Registry) -> Result<(), Failure> {
    let mut addrs = Vec::new();
    for host in &args.nodes {
        addrs.push((host, resolve(host).await?));
    }
    // pinging named nodes does not need the overlay
    let node = NodeArgs {
        no_default_bootstrap: true,
        ..args.node.clone()
    };
    let dht = node.start(registry).await?;
    let _ = Troubles::watch_unjoined(&dht);
    let mut silent = 0;
    for (host, addr) in addrs {
        let outcome = dht.ping(addr, Duration::from_millis(args.timeout_ms)).await;
        let outcome = outcome.map_err(Failure::failed)?;
        silent += usize::from(!matches!(outcome, QueryOutcome::Response { .. }));
        match args.node.format {
            Format::Json => document(&outcome_document(addr, &outcome))?,
            Format::Text => line(&format!("{}: {}", name(host, addr), outcome_text(&outcome)))?,
        }
    }
    finish(&dht, &args.node).await?;
    match silent {
        0 => Ok(()),
        n => Err(Failure::Failed(format!(
            "{n} of {} nodes did not answer",
            args.nodes.len()
        ))),
    }
}

pub(crate) async fn resolve(host: &str) -> Result<SocketAddr, Failure> {
    let usage = || {
        Failure::Usage(format!(
            "`{host}` is no node: it takes HOST:PORT, such as 192.0.2.7:6881"
        ))
    };
    let port = host
        .rsplit_once(':')
        .and_then(|(_, port)| port.parse::<u16>().ok());
    if port.is_none_or(|port| port == 0) {
        return Err(usage());
    }
    let addrs = tokio::net::lookup_host(host).await;
    let mut addrs = addrs.map_err(|error| Failure::Failed(format!("{host}: {error}")))?;
    addrs.next().ok_or_else(usage)
}

fn outcome_document(addr: SocketAddr, outcome: &QueryOutcome) -> Value {
    let node = addr.to_string();
    match outcome {
        QueryOutcome::Response {
            id, rtt, version, ..
        } => json!({
            "node": node,
            "id": id.to_string(),
            "rtt_ms": ms(*rtt),
            "version": version.as_deref().map(version_text),
        }),
        QueryOutcome::Error { code, message } => {
            json!({"node": node, "id": null, "rtt_ms": null, "error": {"code": code, "message": message}})
        }
        QueryOutcome::NoAnswer => json!({"node": node, "id": null, "rtt_ms": null}),
    }
}

/// A node as it was named, with its address if that was not the name.
fn name(host: &str, addr: SocketAddr) -> String {
    let addr = addr.to_string();
    match host == addr {
        true => addr,
        false => format!("{host} ({addr})"),
    }
}

fn outcome_text(outcome: &QueryOutcome) -> String {
    match outcome {
        QueryOutcome::Response {
            id, rtt, version, ..
        } => {
            let version = version
                .as_deref()
                .map_or_else(|| "none".to_owned(), version_text);
            format!("id {id}, {:.1} ms, version {version}", ms(*rtt))
        }
        QueryOutcome::Error { code, message } => format!("error {code} {message}"),
        QueryOutcome::NoAnswer => "no answer".to_owned(),
    }
}

fn version_text(version: &[u8]) -> String {
    version.escape_ascii().to_string()
}
