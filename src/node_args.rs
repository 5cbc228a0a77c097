//! The options of every command that runs a node.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use mdht_krpc::Id;
use mdht_node::{Budget, DEFAULT_BOOTSTRAP, Dht, DhtBuilder};
use mdht_plugins::Registry;
use tracing_subscriber::filter::Targets;

pub(crate) use crate::info_hash::parse_info_hash;
use crate::logging::{self, parse_filter};
use crate::output::{Failure, Format};
use crate::read_only::ReadOnly;

#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Node")]
pub(crate) struct NodeArgs {
    /// Address to bind, ADDR or ADDR:PORT; repeat for IPv6, or for further sockets, each with a
    /// node ID of its own [BEP 45]
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

    /// Save them every so many seconds, beside at the end
    #[arg(long, value_name = "SECONDS", default_value_t = DhtBuilder::SAVE_EVERY.as_secs(), value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) save_every: u64,

    /// Ask, but answer nobody [BEP 43]: always, or if-unreachable, which is while
    /// the node finds that nobody reaches it (how: docs/connectivity.md;
    /// if-unreachable:watch=30m,hosts=64 and so on)
    #[arg(long, value_name = "WHEN", num_args = 0..=1, require_equals = true, default_missing_value = "always")]
    pub(crate) read_only: Option<ReadOnly>,

    /// Accept private and loopback addresses from public nodes too
    #[arg(long)]
    pub(crate) allow_private: bool,

    /// Write every packet sent and received to this pcap file
    #[arg(long, value_name = "FILE")]
    pub(crate) capture: Option<PathBuf>,

    /// Serve metrics for Prometheus, and /status, by HTTP
    #[arg(long, value_name = "ADDR:PORT", value_parser = parse_listen)]
    pub(crate) metrics: Option<SocketAddr>,

    /// Log to standard error: a level, or PART=LEVEL,… such as mdht_node=debug
    #[arg(long, value_name = "FILTER", value_parser = parse_filter)]
    pub(crate) log: Option<Targets>,

    /// Show addresses of others whole in the log, not their networks alone
    #[arg(long)]
    pub(crate) log_addresses: bool,

    /// Node ID that stays, 40 hexadecimal digits (default: the saved or a random one, until
    /// others agree that it does not fit our address [BEP 42])
    #[arg(long, value_name = "HEX")]
    pub(crate) id: Option<Id>,

    /// Answer every query, however many come (for tests and benches)
    #[arg(long)]
    pub(crate) no_rate_limit: bool,

    /// Send at most so many packets a second in the long run; as with the two
    /// below, answers to others are left out first, then maintenance waits, then
    /// lookups (default: no limit)
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=10_000_000))]
    pub(crate) packets_per_second: Option<u32>,

    /// Send at most so many bytes in 24 hours, headers included, such as 50M
    #[arg(long, value_name = "BYTES", value_parser = parse_bytes)]
    pub(crate) bytes_per_day: Option<u64>,

    /// Send to at most so many distinct addresses in a minute: each is an entry
    /// in the connection tracking of a home router
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=i64::from(Budget::MOST_REMOTES)))]
    pub(crate) remotes_per_minute: Option<u32>,

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
pub(crate) const BRIEF_ROUTING: &str = "nr128:bep42=prefer";
/// Lookup module of such a command.
pub(crate) const BRIEF_LOOKUP: &str = "aggressive";

impl NodeArgs {
    /// Starts the node. Needs a tokio runtime.
    pub(crate) async fn start(&self, registry: &Registry) -> Result<Dht, Failure> {
        self.log.iter().for_each(logging::start);
        let usage = |error: mdht_plugins::SpecError| Failure::Usage(error.to_string());
        let registry = registry.live();
        let (routing, lookup) = match self.stays {
            true => (DhtBuilder::DEFAULT_ROUTING, DhtBuilder::DEFAULT_LOOKUP),
            false => (BRIEF_ROUTING, BRIEF_LOOKUP),
        };
        let routing = self.routing.as_deref().unwrap_or(routing);
        let lookup = self.lookup.as_deref().unwrap_or(lookup);
        let mut builder = Dht::builder()
            .routing(registry.routing(routing).map_err(usage)?)
            .lookup(registry.lookup(lookup).map_err(usage)?)
            .read_only(self.read_only == Some(ReadOnly::Always))
            .allow_private(self.allow_private)
            .log_addresses(self.log_addresses)
            .budget(self.budget())
            .save_every(Duration::from_secs(self.save_every))
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
        if let Some(ReadOnly::IfUnreachable(watch)) = self.read_only {
            builder = builder.read_only_if_unreachable(Some(watch));
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

    const fn budget(&self) -> Budget {
        Budget {
            packets_per_second: self.packets_per_second,
            bytes_per_day: self.bytes_per_day,
            remotes_per_minute: self.remotes_per_minute,
        }
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

/// An address to listen at: loopback if only a port is given.
pub(crate) fn parse_listen(text: &str) -> Result<SocketAddr, String> {
    let port = text.strip_prefix(':').unwrap_or(text).parse::<u16>();
    if let Ok(port) = port {
        return Ok(SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port));
    }
    text.parse().map_err(|_| {
        "it takes an IP address and a port, such as 127.0.0.1:9881, or a port".to_owned()
    })
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

/// A number of bytes, for clap.
fn parse_bytes(text: &str) -> Result<u64, String> {
    let (digits, unit) = match text.strip_suffix(['k', 'M', 'G']) {
        Some(digits) => (digits, text.as_bytes()[text.len() - 1]),
        None => (text, 0),
    };
    let unit = match unit {
        b'k' => 1000,
        b'M' => 1_000_000,
        b'G' => 1_000_000_000,
        _ => 1,
    };
    let bytes = digits.parse::<u64>().ok().and_then(|n| n.checked_mul(unit));
    let bytes = bytes.filter(|bytes| (Budget::LEAST_BYTES..=1 << 50).contains(bytes));
    bytes.ok_or_else(|| {
        format!(
            "it takes a number of bytes from {}, such as 500000, 50M or 2G",
            Budget::LEAST_BYTES
        )
    })
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
    fn numbers_of_bytes() {
        for (text, bytes) in [
            ("100000", 100_000),
            ("50M", 50_000_000),
            ("2G", 2_000_000_000),
        ] {
            assert_eq!(parse_bytes(text), Ok(bytes), "{text}");
        }
        for bad in [
            "",
            "M",
            "99999",
            "-1",
            "1T",
            "1.5M",
            "99999999999999999999G",
        ] {
            assert!(parse_bytes(bad).is_err(), "{bad}");
        }
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
