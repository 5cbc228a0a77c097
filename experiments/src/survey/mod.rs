//! The thesis's survey of connectivity, in the overlay [thesis 7.4, 7.5].
//!
//! Instrumented nodes live among modelled ones; a checker beside them pings
//! everybody who queries them, from the instrumented node's socket, from
//! another port of its host and from another host. What it finds stands beside
//! what was planted, which the thesis could not know.

mod agreement;
mod outcome;
mod page;
mod passive;
mod script;
mod station;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use mdht_connectivity::Event;
use mdht_krpc::Instant;
use mdht_overlay::World;
use mdht_plugins::Registry;

pub use agreement::{Agreement, Verdict};
pub use outcome::{PlantedClass, SurveyOutcome};
pub use page::survey_html;
pub use script::SurveyScript;
use station::Station;

/// Why a survey could not be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SurveyError {
    /// The world of the script cannot be.
    #[error(transparent)]
    World(#[from] mdht_overlay::parameters::ParameterError),
    /// The instrumented nodes' modules are not in the registry.
    #[error(transparent)]
    Module(#[from] mdht_plugins::SpecError),
    /// The checker's configuration contradicts itself.
    #[error(transparent)]
    Checker(#[from] mdht_connectivity::ConfigError),
    /// The instrumented nodes' traffic cannot be handed to the profiler.
    #[error("the instrumented nodes' traffic cannot be looked at: {0}")]
    Listening(#[from] std::io::Error),
    /// The profiler cannot read it.
    #[error(transparent)]
    Profile(#[from] mdht_profiler::Error),
}

/// Runs a survey. `watch` is told the virtual time that has passed and the
/// nodes checked so far; `false` ends the survey with what it has.
///
/// # Errors
/// See [`SurveyError`].
pub fn survey(
    script: &SurveyScript,
    registry: &Registry,
    watch: &dyn Fn(Duration, u64) -> bool,
) -> Result<SurveyOutcome, SurveyError> {
    let world = Arc::new(World::new(script.overlay.clone())?);
    let mut station = Station::new(script, registry, &world)?;
    let mut outcome = SurveyOutcome::new(script);
    let end = Instant::ZERO + script.length;
    loop {
        station.pass(STEP);
        while let Some(event) = station.checker.poll_event() {
            if let Event::Finished(report) = event {
                let SocketAddr::V4(node) = report.node else {
                    continue;
                };
                outcome.add(&report, station.planted(node));
                station.compare(&report);
            }
        }
        let now = station.now();
        if now >= end {
            station.checker.stop_taking_in();
        }
        outcome.is_whole = now >= end && station.checker.open() == 0;
        let goes_on = watch(now.since(Instant::ZERO), outcome.tally.nodes());
        if outcome.is_whole || !goes_on {
            outcome.stats = *station.checker.stats();
            outcome.passive = station.end_listening()?;
            return Ok(outcome);
        }
    }
}

/// The checker is told of datagrams at most so much later, and sends as much
/// later: little beside the 5 s between two of its pings.
const STEP: Duration = Duration::from_millis(100);
