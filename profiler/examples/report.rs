//! Profiles captures into one HTML page, and into figures.
//!
//! ```text
//! cargo run --release -p mdht-profiler --example report CAPTURE... \
//!     [--node IP:PORT=LABEL]... [--report FILE.html] [--plots DIR]
//! ```

use std::error::Error;
use std::path::PathBuf;

use mdht_profiler::{Options, Profiler, plot, report};

fn main() -> Result<(), Box<dyn Error>> {
    let mut options = Options {
        waterfalls: 10,
        ..Options::default()
    };
    let (mut captures, mut page, mut figures) = (Vec::new(), None, None);
    let mut args = std::env::args().skip(1);
    while let Some(arg) = args.next() {
        let mut value = || args.next().ok_or(format!("{arg} needs a value"));
        match arg.as_str() {
            "--node" => options.nodes.push(value()?.parse()?),
            "--report" => page = Some(PathBuf::from(value()?)),
            "--plots" => figures = Some(PathBuf::from(value()?)),
            _ => captures.push(arg),
        }
    }
    let profile = Profiler::new(options).run(&captures, &mut |_| {})?;
    if let Some(file) = page {
        report::write(&profile, &file)?;
        println!("{}", file.display());
    }
    if let Some(directory) = figures {
        for file in plot::write_all(&profile, &directory)? {
            println!("{}", file.display());
        }
    }
    Ok(())
}
