//! Profiles captures and prints the text table, or JSON.
//!
//! ```text
//! cargo run --release -p mdht-profiler --example profile [--json] CAPTURE... [--node IP:PORT]... \
//!     [--threads N]
//! ```

use std::error::Error;

use mdht_profiler::{Options, Profiler};

fn main() -> Result<(), Box<dyn Error>> {
    let mut options = Options::default();
    let (mut captures, mut json) = (Vec::new(), false);
    let mut args = std::env::args().skip(1);
    while let Some(arg) = args.next() {
        match arg.as_str() {
            "--json" => json = true,
            "--node" => options.nodes.push(args.next().unwrap_or_default().parse()?),
            "--threads" => options.threads = Some(args.next().unwrap_or_default().parse()?),
            _ => captures.push(arg),
        }
    }
    let profile = Profiler::new(options).run(&captures, &mut |progress| {
        let percent = 100 * progress.bytes_done / progress.bytes_total.max(1);
        eprintln!("{percent} %, {} packets", progress.packets);
    })?;
    match json {
        true => println!("{}", serde_json::to_string_pretty(&profile)?),
        false => print!("{profile}"),
    }
    Ok(())
}
