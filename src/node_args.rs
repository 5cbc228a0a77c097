//! The options of every command that runs a node.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use mdht_krpc::Id;
use mdht_node::{DEFAULT_BOOTSTRAP, Dht, DhtBuilder};
use mdht_plugins::Registry;

use crate::output::{Failure, Format};

#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Node")]
pub(crate) struct NodeArgs {
    /// Address to bind, ADDR or ADDR:PORT; repeat for IPv6 or a second port
    #[arg(long, value_name = "ADDR[:PORT]", value_parser = parse_bind)]
    pub(crate) bind: Vec<SocketAddr>,

    /// Node to join by; repeat for more
    #[arg(long, value_name = "HOST:PORT", value_parser = parse_host)]
    pub(crate) bootstrap: Vec<String>,

    /// Do not join by the public routers
    #[arg(long)]
    pub(crate) no_default_bootstrap: bool,

    /// Routing module and its parameters (see `mdht plugins`); default: nr128,
    /// and harvest of `mdht node`
    #[arg(long, value_name = "MODULE")]
    pub(crate) routing: Option<String>,

    /// Lookup module and its parameters (see `mdht plugins`); default: aggressive,
    /// and hedged of `mdht node`
    #[arg(long, value_name = "MODULE")]
    pub(crate) lookup: Option<String>,

    /// Whether the node stays on: what it learns pays
    #[arg(skip)]
    pub(crate) stays: bool,

    /// Folder that keeps node ID and routing table from run to run
    #[arg(long, value_name = "DIR")]
    pub(crate) state: Option<PathBuf>,

    /// Ask, but answer nobody [BEP 43]
    #[arg(long)]
    pub(crate) read_only: bool,

    /// Accept private and loopback addresses from public nodes too
    #[arg(long)]
    pub(crate) allow_private: bool,

    /// Write every packet sent and received to this pcap file
    #[arg(long, value_name = "FILE")]
    pub(crate) capture: Option<PathBuf>,

    /// Node ID, 40 hexadecimal digits (default: random, or the saved one)
    #[arg(long, value_name = "HEX")]
    pub(crate) id: Option<Id>,

    /// Answer every query, however many come (for tests and benches)
    #[arg(long)]
    pub(crate) no_rate_limit: bool,

    /// How long to wait for the first answer of the DHT, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 30)]
    pub(crate) join_timeout: u64,

    /// How results are written
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub(crate) format: Format,
}

/// Routing module of a command that soon ends, where none is chosen. It has no
/// time to learn; from an empty table the pair is as fast as any, and finds the
/// most peers (`docs/results.md`).
pub(crate) const BRIEF_ROUTING: &str = "nr128";
/// Lookup module of such a command.
pub(crate) const BRIEF_LOOKUP: &str = "aggressive";

impl NodeArgs {
    /// Starts the node. Needs a tokio runtime.
    pub(crate) async fn start(&self, registry: &Registry) -> Result<Dht, Failure> {
        let usage = |error: mdht_plugins::SpecError| Failure::Usage(error.to_string());
        let (routing, lookup) = match self.stays {
            true => (DhtBuilder::DEFAULT_ROUTING, DhtBuilder::DEFAULT_LOOKUP),
            false => (BRIEF_ROUTING, BRIEF_LOOKUP),
        };
        let routing = self.routing.as_deref().unwrap_or(routing);
        let lookup = self.lookup.as_deref().unwrap_or(lookup);
        let mut builder = Dht::builder()
            .routing(registry.routing(routing).map_err(usage)?)
            .lookup(registry.lookup(lookup).map_err(usage)?)
            .read_only(self.read_only)
            .allow_private(self.allow_private)
            .join_timeout(Duration::from_secs(self.join_timeout));
        builder = self
            .bind
            .iter()
            .fold(builder, |builder, addr| builder.bind(*addr));
        builder = self
            .bootstrap
            .iter()
            .fold(builder, |builder, host| builder.bootstrap(host));
        if self.no_default_bootstrap {
            builder = builder.no_default_bootstrap();
        }
        if self.no_rate_limit {
            builder = builder.rate_limit(None);
        }
        if let Some(dir) = &self.state {
            builder = builder.state(dir);
        }
        if let Some(file) = &self.capture {
            builder = builder.capture(file);
        }
        if let Some(id) = self.id {
            builder = builder.id(id);
        }
        builder.build().await.map_err(Failure::failed)
    }

    /// The names of all nodes to join by, for a person.
    pub(crate) fn sources(&self) -> Vec<&str> {
        let default = DEFAULT_BOOTSTRAP
            .into_iter()
            .filter(|_| !self.no_default_bootstrap);
        self.bootstrap
            .iter()
            .map(String::as_str)
            .chain(default)
            .collect()
    }
}

pub(crate) fn parse_bind(text: &str) -> Result<SocketAddr, String> {
    if let Ok(addr) = text.parse() {
        return Ok(addr);
    }
    let bare = text.trim_start_matches('[').trim_end_matches(']');
    let ip: IpAddr = bare.parse().map_err(|_| {
        "it takes an IP address with or without a port, such as 0.0.0.0:6881, [::]:6881 or 192.0.2.1"
    })?;
    Ok(SocketAddr::new(ip, 0))
}

pub(crate) fn parse_host(text: &str) -> Result<String, String> {
    let port = text.rsplit_once(':').filter(|(host, _)| !host.is_empty());
    match port
        .and_then(|(_, port)| port.parse::<u16>().ok())
        .filter(|port| *port != 0)
    {
        Some(_) => Ok(text.to_owned()),
        None => Err(
            "it takes a name or address and a port, such as router.bittorrent.com:6881".to_owned(),
        ),
    }
}

/// An infohash, for clap.
pub(crate) fn parse_info_hash(text: &str) -> Result<Id, String> {
    text.parse().map_err(|error| format!("{error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bind_addresses() {
        for (text, addr) in [
            ("0.0.0.0:6881", "0.0.0.0:6881"),
            ("127.0.0.5", "127.0.0.5:0"),
            ("[::1]:7", "[::1]:7"),
            ("::1", "[::1]:0"),
            ("[::1]", "[::1]:0"),
        ] {
            assert_eq!(parse_bind(text), Ok(addr.parse().unwrap()), "{text}");
        }
        assert!(parse_bind("localhost").is_err());
        assert!(parse_bind("1.2.3.4:99999").is_err());
    }

    #[test]
    fn bootstrap_hosts_need_a_port() {
        assert!(parse_host("router.bittorrent.com:6881").is_ok());
        assert!(parse_host("[::1]:6881").is_ok());
        for bad in ["router.bittorrent.com", ":6881", "host:0", "host:x", ""] {
            assert!(parse_host(bad).is_err(), "{bad}");
        }
    }
}
