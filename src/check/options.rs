//! The options of every command that checks others.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use mdht_connectivity::{SearchLimits, Timing};

use crate::node_args::parse_bind;
use crate::output::Format;

#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Checks")]
pub(crate) struct CheckArgs {
    /// Second IP address of ours for the remotechecker; without one the remote
    /// letters are `?`
    #[arg(long, value_name = "ADDR[:PORT]", value_parser = parse_bind)]
    pub(crate) remote_bind: Option<SocketAddr>,

    /// Most pings in a burst
    #[arg(long, value_name = "N", default_value_t = 5)]
    pings: u8,

    /// From one ping of a burst to the next
    #[arg(long, value_name = "TIME", default_value = "5s", value_parser = parse_time)]
    interval: Duration,

    /// From the start of a burst to the end of waiting for an answer
    #[arg(long, value_name = "TIME", default_value = "60s", value_parser = parse_time)]
    timeout: Duration,

    /// From the start of the first burst to the start of the second
    #[arg(long, value_name = "TIME", default_value = "300s", value_parser = parse_time)]
    second_burst: Duration,

    /// Ages at which our own socket asks again, such as 1m,5m,15m,60m: a
    /// survival curve, and what tells a full cone NAT from a node that left
    #[arg(long, value_name = "TIMES", value_delimiter = ',', value_parser = parse_time)]
    survival: Vec<Duration>,

    /// Send all pings of a burst, also after an answer, for more samples
    /// behind each letter
    #[arg(long)]
    every_ping: bool,

    /// Search for the lifetime of NATs' mappings, by bisection over silent gaps
    #[arg(long)]
    mapping_lifetime: bool,

    /// First gap of that search
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = parse_time, requires = "mapping_lifetime")]
    first_gap: Duration,

    /// Write every packet sent and received to this pcap file
    #[arg(long, value_name = "FILE")]
    pub(crate) capture: Option<PathBuf>,

    /// How results are written: json is one document a line
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub(crate) format: Format,
}

impl CheckArgs {
    pub(crate) fn timing(&self) -> Timing {
        Timing {
            pings: self.pings,
            interval: self.interval,
            timeout: self.timeout,
            second_burst: self.second_burst,
            survival: self.survival.clone(),
            every_ping: self.every_ping,
        }
    }

    pub(crate) fn search(&self) -> Option<SearchLimits> {
        self.mapping_lifetime.then(|| SearchLimits {
            first: self.first_gap,
            ..SearchLimits::default()
        })
    }
}

/// A length of time, such as `5`, `0.5s`, `200ms`, `5m` or `1h`; seconds where
/// no unit is given.
pub(crate) fn parse_time(text: &str) -> Result<Duration, String> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let seconds = match &text[digits.len()..] {
        "ms" => 0.001,
        "" | "s" => 1.0,
        "m" | "min" => 60.0,
        "h" => 3600.0,
        _ => f64::NAN,
    };
    let time = digits.parse::<f64>().map(|number| number * seconds);
    let time = time.ok().filter(|seconds| seconds.is_finite());
    time.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
        .ok_or_else(|| "it takes a time such as 5s, 0.5s, 200ms, 5m or 1h".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_with_and_without_units() {
        for (text, ms) in [
            ("5", 5000),
            ("0.5s", 500),
            ("200ms", 200),
            ("5m", 300_000),
            ("1h", 3_600_000),
        ] {
            assert_eq!(parse_time(text), Ok(Duration::from_millis(ms)), "{text}");
        }
        for bad in ["", "s", "5x", "-1s", "1e400", "nan", "5 s s"] {
            assert!(parse_time(bad).is_err(), "{bad}");
        }
    }
}
