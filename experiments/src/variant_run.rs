//! One variant's life in the overlay, written down as a capture.

use std::io::{self, Write};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use mdht_krpc::{Instant, Rng};
use mdht_node::AnnouncePort;
use mdht_node::core::Config;
use mdht_overlay::{CaptureTap, FullNodeSetup, Simulation, Tap, World};
use mdht_plugins::{Registry, SpecError};

use crate::schedule::{length, plan};
use crate::script::Script;

/// Which variant in which repetition.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Job {
    /// Number of the variant in the script.
    pub(crate) variant: usize,
    /// Number of the repetition, from 0.
    pub(crate) repetition: u32,
}

/// Why a variant could not be run.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RunError {
    #[error(transparent)]
    Module(#[from] SpecError),
    #[error("the capture could not be written: {0}")]
    Capture(#[from] io::Error),
}

/// Is told how far a run has come, and of how many more lookups; `false` ends
/// it.
pub(crate) type Pace<'p> = &'p mut dyn FnMut(Instant, u64) -> bool;

/// Lets a node live as the script says and writes its packets to `out`.
/// Returns the writer and whether the run came to its end.
pub(crate) fn live<W: Write + Send + 'static>(
    script: &Script,
    registry: &Registry,
    world: &Arc<World>,
    job: Job,
    out: W,
    pace: Pace<'_>,
) -> Result<(W, bool), RunError> {
    let variant = &script.variants[job.variant];
    let number = script.combination(job.variant);
    let addr = world.free_addr(number as u64);
    let routing = registry.routing(&variant.routing)?;
    let lookup = registry.lookup(&variant.lookup)?;
    let mut config = Config::new(vec![addr.into()], routing, lookup);
    // the modelled world sends no floods
    config.rate_limit = None;
    let mut rng = Rng::from_u64(script.seed_of(job.repetition));
    let mut seed = [0; 32];
    for _ in 0..=number {
        rng.fill(&mut seed);
    }
    let tap = Arc::new(Mutex::new(CaptureTap::new(out)?));
    let mut setup = FullNodeSetup::new(addr, config, seed);
    setup.tap = Some(Box::new(shared(&tap)));
    let mut simulation = Simulation::new(Arc::clone(world), number as u64);
    let node = simulation.add(setup);
    simulation.bootstrap(node);
    let mut is_whole = true;
    for planned in plan(script, job.repetition, job.variant) {
        is_whole = pace(planned.at, 1);
        if !is_whole {
            break;
        }
        simulation.run_until(planned.at);
        simulation.take_events();
        let key = world.swarms().top_infohash(planned.swarm);
        simulation.with(node, |core, now| {
            core.announce(now, key, AnnouncePort::Implied)
        });
    }
    if is_whole {
        let end = Instant::ZERO + length(script);
        simulation.run_until(end);
        pace(end, 0);
    }
    drop(simulation);
    let tap = Arc::into_inner(tap).and_then(|tap| tap.into_inner().ok());
    let tap = tap.ok_or_else(|| io::Error::other("the tap is held elsewhere"))?;
    Ok((tap.finish()?, is_whole))
}

/// A tap into a capture that is wanted back.
fn shared<W: Write + Send + 'static>(
    tap: &Arc<Mutex<CaptureTap<W>>>,
) -> impl FnMut(Instant, SocketAddr, SocketAddr, &[u8]) + Send + 'static {
    let tap = Arc::clone(tap);
    move |at, from, to, payload| {
        if let Ok(mut tap) = tap.lock() {
            tap.datagram(at, from, to, payload);
        }
    }
}
