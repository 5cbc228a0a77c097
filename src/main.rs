//! The `mdht` command with the modules that come with it.

use std::process::ExitCode;

fn main() -> ExitCode {
    mdht::run(&mdht_plugins::Registry::builtin())
}
