//! The modelled world against one of full nodes only: the same size, the same
//! parameters, the same nodes under test, each profiled from its packets. And
//! how lookups grow with the size of a modelled world.
//!
//! ```text
//! cargo run --release --example overlay_validation -- [LOOKUPS [NODES [PLUGINS]]]
//! cargo run --release --example overlay_validation -- growth [LOOKUPS [LARGEST]]
//! ```
//!
//! PLUGINS are the full nodes' modules with their shares, such as
//! `bep5=0.6,nice=0.4`; default `bep5=1`.

#![allow(clippy::unwrap_used)] // it ends with a message either way

mod comparison;
mod growth;
mod measured;
mod statistics;

use std::error::Error;

fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<_> = std::env::args().skip(1).collect();
    let number = |place: usize, default: u32| {
        args.get(place)
            .map_or(Ok(default), |number| number.parse::<u32>())
    };
    if args.first().is_some_and(|arg| arg == "growth") {
        growth::print(number(1, 100)?, number(2, 10_000_000)?);
        return Ok(());
    }
    let plugins = args.get(2).map_or("bep5=1", String::as_str);
    comparison::print(number(0, 300)?, number(1, 20_000)?, plugins)
}
