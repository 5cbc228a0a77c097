//! The life of nodes under test in the overlay, written down as captures.

use std::io::{self, Write};
use std::net::{SocketAddr, SocketAddrV4};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use mdht_krpc::{Instant, Rng};
use mdht_node::AnnouncePort;
use mdht_node::core::Config;
use mdht_overlay::{CaptureTap, FullNodeSetup, FullWorldError, NodeIndex, Simulation, Tap, World};
use mdht_plugins::{Registry, SpecError};

use crate::job::Job;
use crate::schedule::{length, plan};
use crate::script::Script;

/// Virtual time after which at the latest somebody looks whether to go on.
const STEP: Duration = Duration::from_secs(60);

/// Why nodes could not be run.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RunError {
    #[error(transparent)]
    Module(#[from] SpecError),
    #[error(transparent)]
    World(#[from] FullWorldError),
    #[error("the capture could not be written: {source}")]
    Capture {
        /// Number of the node in the list.
        node: usize,
        source: io::Error,
    },
}

/// Is told how far a run has come, and of how many more lookups; `false` ends
/// it.
pub(crate) type Pace<'p> = &'p mut dyn FnMut(Instant, u64) -> bool;

type SharedTap<W> = Arc<Mutex<CaptureTap<W>>>;

/// Nodes under test in one world.
struct Lives<'l, W: Write + Send + 'static> {
    script: &'l Script,
    world: &'l Arc<World>,
    simulation: Simulation,
    nodes: Vec<(Job, NodeIndex)>,
    taps: Vec<SharedTap<W>>,
}

/// Lets nodes live together in a world as the script says and writes the
/// packets of each to a writer of its own. Returns the writers and whether the
/// run came to its end.
pub(crate) fn live<W: Write + Send + 'static>(
    script: &Script,
    registry: &Registry,
    world: &Arc<World>,
    nodes: Vec<(Job, W)>,
    pace: Pace<'_>,
) -> Result<(Vec<W>, bool), RunError> {
    let mut lives = Lives {
        script,
        world,
        simulation: simulation(script, registry, world, &nodes)?,
        nodes: Vec::with_capacity(nodes.len()),
        taps: Vec::with_capacity(nodes.len()),
    };
    for (job, out) in nodes {
        lives.add(registry, job, out)?;
    }
    let is_whole = lives.go_on(pace);
    Ok((lives.finish()?, is_whole))
}

/// The world's own nodes.
fn simulation<W>(
    script: &Script,
    registry: &Registry,
    world: &Arc<World>,
    nodes: &[(Job, W)],
) -> Result<Simulation, RunError> {
    let first = nodes.first().map(|(job, _)| *job);
    let full = first.and_then(|job| script.world_of(job.variant).full_nodes.as_ref());
    let world = Arc::clone(world);
    Ok(match full {
        Some(full) => Simulation::of_full_nodes(world, 0, full.world(registry)?)?,
        None => Simulation::new(world, first.map_or(0, |job| script.seat(job) as u64)),
    })
}

impl<W: Write + Send + 'static> Lives<'_, W> {
    /// Adds a node that begins to join.
    fn add(&mut self, registry: &Registry, job: Job, out: W) -> Result<(), RunError> {
        let variant = &self.script.variants[job.variant];
        let seat = self.script.seat(job);
        let addr = self.world.free_addr(seat as u64);
        let routing = registry.routing(&variant.routing)?;
        let lookup = registry.lookup(&variant.lookup)?;
        // the second vantage point of thesis 7.4.3, for modules that ask for one
        let other = SocketAddrV4::new(*addr.ip(), addr.port() ^ 1);
        let mut config = Config::new(vec![addr.into(), other.into()], routing, lookup);
        // the modelled world sends no floods
        config.rate_limit = None;
        let mut rng = Rng::from_u64(self.script.seed_of(job.repetition));
        let mut seed = [0; 32];
        for _ in 0..=seat {
            rng.fill(&mut seed);
        }
        let tap = CaptureTap::new(out).map_err(|source| RunError::Capture {
            node: self.nodes.len(),
            source,
        })?;
        let tap = Arc::new(Mutex::new(tap));
        let mut setup = FullNodeSetup::new(addr, config, seed);
        setup.tap = Some(Box::new(shared(&tap)));
        let node = self.simulation.add(setup);
        self.simulation.bootstrap(node);
        self.nodes.push((job, node));
        self.taps.push(tap);
        Ok(())
    }

    /// Everything that the schedule has; whether it came to its end.
    fn go_on(&mut self, pace: Pace<'_>) -> bool {
        let mut planned = Vec::new();
        for (job, node) in &self.nodes {
            let of_node = plan(self.script, *job).into_iter();
            planned.extend(of_node.map(|planned| (planned, *node)));
        }
        planned.sort_by_key(|(planned, _)| planned.at);
        for (planned, node) in planned {
            if !self.pass(planned.at, pace) || !pace(planned.at, 1) {
                return false;
            }
            let key = self.world.swarms().top_infohash(planned.swarm);
            self.simulation.with(node, |core, now| {
                core.announce(now, key, AnnouncePort::Implied)
            });
        }
        self.pass(Instant::ZERO + length(self.script), pace)
    }

    /// Lets time pass up to `until`; whether to go on then.
    fn pass(&mut self, until: Instant, pace: Pace<'_>) -> bool {
        loop {
            let next = until.min(self.simulation.now() + STEP);
            self.simulation.run_until(next);
            self.simulation.take_events();
            if self.has_failed() || !pace(next, 0) {
                return false;
            }
            if next == until {
                return true;
            }
        }
    }

    /// Whether a capture cannot be written any more.
    fn has_failed(&self) -> bool {
        let failed = |tap: &SharedTap<W>| tap.lock().is_ok_and(|tap| tap.has_failed());
        self.taps.iter().any(failed)
    }

    fn finish(self) -> Result<Vec<W>, RunError> {
        drop(self.simulation);
        let taps = self.taps.into_iter().enumerate();
        let finished = taps.map(|(node, tap)| {
            let tap = Arc::into_inner(tap).and_then(|tap| tap.into_inner().ok());
            let tap = tap.ok_or_else(|| io::Error::other("the tap is held elsewhere"));
            let out = tap.and_then(CaptureTap::finish);
            out.map_err(|source| RunError::Capture { node, source })
        });
        finished.collect()
    }
}

/// A tap into a capture that is wanted back.
fn shared<W: Write + Send + 'static>(
    tap: &SharedTap<W>,
) -> impl FnMut(Instant, SocketAddr, SocketAddr, &[u8]) + Send + 'static {
    let tap = Arc::clone(tap);
    move |at, from, to, payload| {
        if let Ok(mut tap) = tap.lock() {
            tap.datagram(at, from, to, payload);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Has room for so many bytes.
    struct Small(usize);

    impl Write for Small {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0 = (self.0.checked_sub(bytes.len())).ok_or(io::ErrorKind::StorageFull)?;
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    const SCRIPT: &str = "name = 'a'\noverlay.nodes = 500\n\
        schedule = { infohashes = 50, warm_up_s = 600, interval_s = 60, nodes_each = 2 }\n\
        matrix = { routing = ['nr128'], lookup = ['standard'] }\n";

    /// How far a run with so much room came, and what it ended in.
    fn run(room: [usize; 2]) -> (Instant, Result<bool, RunError>) {
        let registry = Registry::builtin();
        let script = Script::parse(SCRIPT, &registry).unwrap();
        let world = World::new(script.overlay.clone()).unwrap();
        let nodes = [0, 1].map(|node| {
            let job = Job {
                variant: 0,
                repetition: 0,
                node,
            };
            (job, Small(room[node as usize]))
        });
        let mut last = Instant::ZERO;
        let mut pace = |now, _| {
            last = now;
            true
        };
        let ended = live(
            &script,
            &registry,
            &Arc::new(world),
            nodes.into(),
            &mut pace,
        );
        (last, ended.map(|(_, is_whole)| is_whole))
    }

    #[test]
    fn a_run_that_cannot_be_written_down_ends_soon_and_names_the_node() {
        let (whole, ended) = run([usize::MAX; 2]);
        assert!(ended.unwrap());
        let (last, ended) = run([usize::MAX, 20_000]);
        assert!(matches!(ended, Err(RunError::Capture { node: 1, .. })));
        // the start alone writes as much
        assert!(last < Instant::ZERO + Duration::from_secs(600) && last < whole);
    }
}
