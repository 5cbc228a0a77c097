//! `--read-only[=WHEN]`.

use std::str::FromStr;
use std::time::Duration;

use mdht_node::core::ReachabilityWatch;

use crate::check::parse_time;

/// When a node answers nobody [BEP 43].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ReadOnly {
    Always,
    /// While it finds that nobody reaches it.
    IfUnreachable(ReachabilityWatch),
}

/// What `WHEN` can be, for an error.
const FORMS: &str = "it takes always, if-unreachable, or if-unreachable:KEY=VALUE,... with the \
                     keys quiet, watch, pause, longest_pause (times such as 10m), hosts and proofs";
/// Shortest and longest time.
const TIMES: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(7 * 86_400));

impl FromStr for ReadOnly {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (when, settings) = text.split_once(':').unwrap_or((text, ""));
        match when {
            "always" if !text.contains(':') => Ok(Self::Always),
            "if-unreachable" => {
                let mut watch = ReachabilityWatch::default();
                for setting in settings.split(',').filter(|setting| !setting.is_empty()) {
                    take(&mut watch, setting)?;
                }
                Ok(Self::IfUnreachable(watch))
            }
            _ => Err(FORMS.to_owned()),
        }
    }
}

fn take(watch: &mut ReachabilityWatch, setting: &str) -> Result<(), String> {
    let (key, value) = setting.split_once('=').ok_or(FORMS)?;
    let count = |most| count(key, value, most);
    match key {
        "quiet" => watch.quiet = time(key, value)?,
        "watch" => watch.watch = time(key, value)?,
        "pause" => watch.pause = time(key, value)?,
        "longest_pause" => watch.longest_pause = time(key, value)?,
        "hosts" => watch.hosts = count(1024)?,
        "proofs" => watch.proofs = count(64)?,
        _ => return Err(format!("there is no {key}: {FORMS}")),
    }
    Ok(())
}

fn time(key: &str, value: &str) -> Result<Duration, String> {
    let time = parse_time(value).map_err(|error| format!("{key}: {error}"))?;
    match (TIMES.0..=TIMES.1).contains(&time) {
        true => Ok(time),
        false => Err(format!("{key}: it takes a time from 1s to 168h")),
    }
}

fn count(key: &str, value: &str, most: usize) -> Result<usize, String> {
    let count = value.parse().ok().filter(|n| (1..=most).contains(n));
    count.ok_or_else(|| format!("{key}: it takes a number from 1 to {most}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn when_and_how_it_is_found_out() {
        let default = ReachabilityWatch::default();
        assert_eq!("always".parse(), Ok(ReadOnly::Always));
        let plain = ReadOnly::IfUnreachable(default);
        assert_eq!("if-unreachable".parse(), Ok(plain));
        let scaled = ReadOnly::IfUnreachable(ReachabilityWatch {
            watch: Duration::from_secs(90),
            hosts: 4,
            ..default
        });
        assert_eq!("if-unreachable:watch=90s,hosts=4".parse(), Ok(scaled));
        for (bad, told) in [
            ("never", "if-unreachable"),
            ("always:hosts=3", "if-unreachable"),
            ("if-unreachable:hosts", "KEY=VALUE"),
            (
                "if-unreachable:hosts=0",
                "hosts: it takes a number from 1 to 1024",
            ),
            ("if-unreachable:watch=soon", "watch: it takes a time"),
            ("if-unreachable:quiet=0s", "quiet: it takes a time from 1s"),
            ("if-unreachable:hots=3", "there is no hots"),
        ] {
            let error = bad.parse::<ReadOnly>().unwrap_err();
            assert!(error.contains(told), "{bad}: {error}");
        }
    }
}
