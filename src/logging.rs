//! The log on standard error: what `tracing` is told, as far as it was asked
//! for with `--log`.

use std::io::{IsTerminal as _, stderr};

use tracing_subscriber::Layer as _;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

/// Starts logging. Notices are left out: they are printed anyway.
pub(crate) fn start(filter: &Targets) {
    let filter = filter
        .clone()
        .with_target("mdht_node::notice", LevelFilter::OFF);
    let has_colours = stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    let lines = tracing_subscriber::fmt::layer()
        .with_writer(stderr)
        .with_ansi(has_colours)
        .with_filter(filter);
    // a program that uses this command as a function may log already
    let _ = tracing_subscriber::registry().with(lines).try_init();
}

/// Reads `--log`.
pub(crate) fn parse_filter(text: &str) -> Result<Targets, String> {
    let parsed = text.parse::<Targets>();
    parsed.map_err(|error| {
        format!("{error}; it takes a level (error, warn, info, debug, trace) or PART=LEVEL,…, such as mdht_node=debug")
    })
}
