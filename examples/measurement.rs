//! A measurement of one's own beside the standard ones: how large the answers
//! to a node's queries are, and how long those with values take.
//!
//! ```text
//! cargo run --release --example measurement -- 192.0.2.7:6881 CAPTURE...
//! ```

use std::error::Error;

use mdht_krpc::Body;
use mdht_profiler::measurement::{Measurement, Row, Section, Span};
use mdht_profiler::{Direction, Distribution, Exchange, Observed, Options, Outcome, Profiler};
use serde_json::json;

/// What nodes answer to the node under test.
#[derive(Clone)]
struct Answers {
    bytes: Distribution,
    with_values: Distribution,
}

impl Default for Answers {
    fn default() -> Self {
        Self {
            bytes: Distribution::of_counts(),
            with_values: Distribution::of_durations(),
        }
    }
}

impl Measurement for Answers {
    /// Called for every message of the node, in the order of the capture.
    fn on_message(&mut self, observed: &Observed<'_>) {
        let is_response = matches!(observed.message.body, Body::Response(_));
        if is_response && observed.direction == Direction::Received {
            self.bytes.add(observed.ip_len as u64);
        }
    }

    /// Called for every query of the node, once its fate is known.
    fn on_exchange(&mut self, exchange: &Exchange<'_>) {
        if let Outcome::Answered(answer) = &exchange.outcome
            && let Body::Response(response) = &answer.message.body
            && response.values.is_some_and(|values| !values.is_empty())
        {
            self.with_values.add_duration(answer.rtt);
        }
    }

    fn finish(mut self: Box<Self>, _: &Span) -> Section {
        Section {
            key: "answers",
            json: json!({
                "bytes": self.bytes.percentiles_json(&[50, 98]),
                "with_values_ms": self.with_values.percentiles_json(&[50, 98]),
            }),
            rows: vec![
                Row::spread("answers, bytes", &mut self.bytes),
                Row::spread("answers with values, ms", &mut self.with_values),
            ],
            ..Section::default()
        }
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let node = arguments
        .next()
        .ok_or("usage: measurement IP[:PORT] CAPTURE...")?;
    let options = Options {
        nodes: vec![node.parse()?],
        ..Options::default()
    };
    let profiler = Profiler::new(options).with_measurement(|_| Box::<Answers>::default());
    let captures: Vec<_> = arguments.collect();
    let profile = profiler.run(&captures, &mut |_| {})?;
    println!("{profile}");
    Ok(())
}
