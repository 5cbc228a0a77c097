//! What a world is made of, and whether what was planted is what one observes.

mod checker;
mod lifetimes;
mod make_up;
mod text;
mod validation;

pub use make_up::{ClassRow, MakeUp, SessionRows, SwarmRows, TableRows};
pub use validation::{Comparison, Row, validate};

/// Percentiles of round-trip times that the thesis gives [8.VI, Fig. 2].
const RTT_PERCENTILES: [f64; 5] = [2.0, 25.0, 50.0, 75.0, 98.0];
/// Percentiles of session lengths that are told; the published ones are the
/// 50th and the 97th.
const SESSION_PERCENTILES: [f64; 4] = [25.0, 50.0, 75.0, 97.0];
