//! Writes the seeds of the fuzz target `captures` into a directory, one
//! capture a file: the bad captures of the tests, and some good ones.
//!
//! ```text
//! cargo run -p mdht-profiler --example capture_seeds -- fuzz/seeds/captures
//! ```

#[path = "../tests/inputs/mod.rs"]
mod inputs;
#[path = "../tests/synthetic/mod.rs"]
mod synthetic;

use std::io;
use std::path::PathBuf;

fn main() -> io::Result<()> {
    let Some(directory) = std::env::args_os().nth(1).map(PathBuf::from) else {
        return Err(io::Error::other("usage: capture_seeds DIRECTORY"));
    };
    std::fs::create_dir_all(&directory)?;
    let captures = inputs::bad::captures();
    for capture in captures.iter().chain(&inputs::bad::good()) {
        std::fs::write(directory.join(capture.name), &capture.bytes)?;
    }
    Ok(())
}
