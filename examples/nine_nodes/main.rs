//! The thesis's measurement in the emulated overlay: eight combinations of
//! plug-ins, each profiled from its packets, beside the published figures
//! [thesis 8.VI]; and how the overlay's free parameters were fitted.
//!
//! ```text
//! cargo run --release --example nine_nodes -- [LOOKUPS [OVERLAY.toml]]
//! cargo run --release --example nine_nodes -- fit TRIALS [OVERLAY.toml]
//! ```

mod fit;
mod measure;
mod published;

use std::error::Error;
use std::sync::Arc;

use mdht_overlay::World;
use mdht_overlay::parameters::Parameters;
use measure::{Measured, Variant, measure_all};

/// Lookups of each node unless told otherwise: as many as in the thesis.
const LOOKUPS: usize = 3078;

fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let parameters = |path: Option<&String>| -> Result<Parameters, Box<dyn Error>> {
        Ok(match path {
            Some(path) => toml::from_str(&std::fs::read_to_string(path)?)?,
            None => Parameters::default(),
        })
    };
    if args.first().is_some_and(|arg| arg == "fit") {
        let trials = args.get(1).map_or(Ok(100), |trials| trials.parse())?;
        return fit::fit(parameters(args.get(2))?, trials);
    }
    let lookups = args
        .first()
        .map_or(Ok(LOOKUPS), |lookups| lookups.parse())?;
    let world = Arc::new(World::new(parameters(args.get(1))?)?);
    println!("{HEADER}");
    for measured in measure_all(&world, &variants(true), lookups)? {
        print_row(&measured);
    }
    Ok(())
}

/// The eight combinations, and BEP5 as the thesis's own code reads it.
fn variants(with_code: bool) -> Vec<Variant> {
    let code = "bep5:full_bucket_ping=newcomer,mended_by=any,judged_by=10";
    let routing = ["bep5", "nice", "nrtt", "nr128"].into_iter();
    let routing: Vec<_> = routing.chain(with_code.then_some(code)).collect();
    let pairs = ["standard", "aggressive"]
        .into_iter()
        .flat_map(|lookup| routing.iter().map(move |routing| (*routing, lookup)));
    (1..)
        .zip(pairs)
        .map(|(number, (routing, lookup))| Variant {
            routing: routing.to_owned(),
            lookup: lookup.to_owned(),
            number,
        })
        .collect()
}

const HEADER: &str = "\
combination   p50 ms (published)   p75           p98           p99           queries     answered %  closest  maintenance/min
";

fn print_row(measured: &Measured) {
    let is_code = !variants(false).iter().any(|_| true);
    let published = published::ROWS
        .iter()
        .find(|row| row.label == measured.label && !is_code);
    let pair = |own: f64, published: Option<f64>| {
        let published = published.map_or_else(String::new, |published| format!("({published:.0})"));
        format!("{own:5.0} {published:7}")
    };
    let latency: Vec<String> = ["p50", "p75", "p98", "p99"]
        .iter()
        .enumerate()
        .map(|(i, p)| {
            pair(
                measured.get("lookup_latency_ms", p),
                published.map(|row| row.latency[i]),
            )
        })
        .collect();
    let count =
        measured.get("lookup_latency_ms", "count") + measured.get("lookup_latency_ms", "no_value");
    println!(
        "{:11} {} {} {} {} {:5.0} none {:3} {}",
        measured.label,
        latency.join(" "),
        pair(
            measured.get("lookup_queries", "sent") / count,
            published.map(|row| row.queries / published::LOOKUPS)
        ),
        pair(
            measured.get("lookup_queries", "answered_pct"),
            published.map(|row| row.answered)
        ),
        pair(measured.get("maintenance", "per_minute"), None),
        measured.get("closest_ms", "p50"),
        measured.get("lookup_latency_ms", "no_value"),
        ["p2", "p25", "p50", "p75", "p98"]
            .map(|p| format!("{:.0}", measured.get("rtt_ms", p)))
            .join("/"),
    );
    if std::env::var_os("EXPLAIN").is_some() {
        println!("            {:?} {:?}", measured.table, measured.known);
    }
}
