//! All nodes under test of an emulated experiment, on all cores.

use std::fs;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use mdht_krpc::Instant;
use mdht_overlay::World;
use mdht_profiler::{NodeProfile, NodeSpec};

use crate::capture_file::CaptureFile;
use crate::experiment::{Error, Experiment};
use crate::folder::{Folder, at};
use crate::job::{Job, batches};
use crate::oracle::limits_ms;
use crate::profiling::profiled;
use crate::progress::{Progress, Watch, Watched};
use crate::schedule::length;
use crate::unique::{Counting, UniqueAddresses};
use crate::variant_run::{RunError, live};
use crate::world_store::WorldStore;

/// A run that came to its end.
pub(crate) struct Finished {
    pub(crate) job: Job,
    pub(crate) profile: NodeProfile,
    /// See [`VariantOutcome::limits_ms`](crate::VariantOutcome::limits_ms).
    pub(crate) limits_ms: Vec<f64>,
}

/// The runs of an experiment, shared by its workers.
pub(crate) struct Runs<'e> {
    experiment: &'e Experiment<'e>,
    pub(crate) folder: Folder,
    batches: Vec<Vec<Job>>,
    next: AtomicUsize,
    is_stopped: AtomicBool,
    worlds: WorldStore<'e>,
    unique: Counting<'e>,
    watched: Watched<'e>,
}

impl<'e> Runs<'e> {
    pub(crate) fn prepare(
        experiment: &'e Experiment<'e>,
        watch: &'e Watch<'e>,
    ) -> Result<Self, Error> {
        let script = experiment.script;
        let (out, resume) = (experiment.out, experiment.resume);
        Ok(Self {
            experiment,
            folder: Folder::open(out, script, experiment.registry, resume)?,
            batches: batches(script),
            next: AtomicUsize::new(0),
            is_stopped: AtomicBool::new(false),
            worlds: WorldStore::new(script),
            unique: Counting::new(script),
            watched: Watched::new(Progress::of(script), watch),
        })
    }

    /// Does all batches; what was finished, in order.
    pub(crate) fn work(&self) -> Result<Vec<Finished>, Error> {
        let results = Mutex::new(Vec::new());
        let worker = || -> Result<(), Error> {
            while let Some(batch) = self.take() {
                let done = self.run(batch).inspect_err(|_| self.stop())?;
                batch.iter().for_each(|job| self.worlds.done(*job));
                let mut results = results.lock().unwrap_or_else(PoisonError::into_inner);
                results.extend(done);
            }
            Ok(())
        };
        let finished: Vec<_> = std::thread::scope(|scope| {
            let workers: Vec<_> = (0..self.threads()).map(|_| scope.spawn(worker)).collect();
            workers
                .into_iter()
                .map(std::thread::ScopedJoinHandle::join)
                .collect()
        });
        for result in finished {
            result.unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
        }
        let mut results: Vec<Finished> =
            results.into_inner().unwrap_or_else(PoisonError::into_inner);
        results.sort_by_key(|run| run.job);
        Ok(results)
    }

    /// The addresses that the nodes met together, once all is done.
    pub(crate) fn unique(self) -> Vec<UniqueAddresses> {
        self.unique.finish()
    }

    fn threads(&self) -> usize {
        self.experiment.threads.min(self.batches.len()).max(1)
    }

    fn take(&self) -> Option<&[Job]> {
        let next = self.next.fetch_add(1, Ordering::Relaxed);
        let is_stopped = self.is_stopped.load(Ordering::Relaxed);
        let batch = self.batches.get(next).filter(|_| !is_stopped);
        batch.map(Vec::as_slice)
    }

    fn stop(&self) {
        self.is_stopped.store(true, Ordering::Relaxed);
    }

    /// Runs and profiles nodes that live together; none if they were ended.
    fn run(&self, batch: &[Job]) -> Result<Vec<Finished>, Error> {
        let Some(first) = batch.first() else {
            return Ok(Vec::new());
        };
        let world = self.worlds.world(*first)?;
        // whatever is not to be used again was removed when the folder was opened
        let finished = batch.iter();
        let finished = finished.map(|job| self.folder.finished(&self.label(*job)));
        let paths = match finished.collect() {
            Some(paths) => {
                batch.iter().for_each(|_| self.skip());
                Some(paths)
            }
            None => self.capture(batch, &world)?,
        };
        let mut results = Vec::new();
        for (job, path) in batch.iter().zip(paths.iter().flatten()) {
            results.extend(self.profile(*job, &world, path)?);
            self.advance(|progress| progress.runs += 1);
        }
        Ok(results)
    }

    /// What the profiler makes of a capture, and the oracle of its lookups.
    fn profile(&self, job: Job, world: &World, path: &Path) -> Result<Option<Finished>, Error> {
        let script = self.experiment.script;
        let addr = world.free_addr(script.seat(job) as u64);
        let node = NodeSpec {
            label: Some(self.label(job)),
            // all its sockets are the node
            ip: IpAddr::V4(*addr.ip()),
            port: None,
        };
        let is_alone = self.threads() == 1;
        let Some((mut profile, met)) = profiled(path, Some(node), is_alone, None)? else {
            return Ok(None);
        };
        self.unique.add(job, &met);
        // full nodes hold what other nodes under test announced, too
        let limits_ms = match script.world_of(job.variant).full_nodes {
            None => limits_ms(world, addr, &profile),
            Some(_) => Vec::new(),
        };
        script.keep_reported(&mut profile);
        Ok(Some(Finished {
            job,
            profile,
            limits_ms,
        }))
    }

    /// Lets nodes live; their captures, `None` if they were ended.
    fn capture(&self, batch: &[Job], world: &Arc<World>) -> Result<Option<Vec<PathBuf>>, Error> {
        let labels: Vec<_> = batch.iter().map(|job| self.label(*job)).collect();
        let parts: Vec<_> = labels.iter().map(|label| self.folder.part(label)).collect();
        let written = self.write_captures(batch, world, &parts);
        if !matches!(written, Ok(true)) {
            // where there is no room, they are what takes the room; they may
            // not even be there
            parts.iter().for_each(|part| drop(fs::remove_file(part)));
            return written.map(|_| None);
        }
        let paths = labels.iter().map(|label| self.folder.capture(label));
        let paths: Vec<_> = paths.collect();
        for (part, path) in parts.iter().zip(&paths) {
            fs::rename(part, path).map_err(at(path))?;
        }
        Ok(Some(paths))
    }

    /// Whether nodes came to their end.
    fn write_captures(
        &self,
        batch: &[Job],
        world: &Arc<World>,
        parts: &[PathBuf],
    ) -> Result<bool, Error> {
        let keep = self.experiment.script.captures;
        let mut nodes = Vec::with_capacity(batch.len());
        for (job, part) in batch.iter().zip(parts) {
            let file = CaptureFile::create(part, keep).map_err(at(part))?;
            nodes.push((*job, file));
        }
        let (files, is_whole) = self.live(batch, world, nodes, parts)?;
        for (file, part) in files.into_iter().zip(parts) {
            file.finish().map_err(at(part))?;
        }
        Ok(is_whole)
    }

    /// Lets nodes live and writes their packets to the files `parts`.
    fn live(
        &self,
        batch: &[Job],
        world: &Arc<World>,
        nodes: Vec<(Job, CaptureFile)>,
        parts: &[PathBuf],
    ) -> Result<(Vec<CaptureFile>, bool), Error> {
        let mut before = Instant::ZERO;
        let together = u32::try_from(batch.len()).unwrap_or(u32::MAX);
        let mut pace = |now: Instant, lookups: u64| {
            let passed = now.since(before) * together;
            before = now;
            self.advance(|progress| {
                progress.lookups += lookups;
                progress.virtual_time += passed;
            })
        };
        let (script, registry) = (self.experiment.script, self.experiment.registry);
        let label = || {
            batch
                .first()
                .map_or_else(String::new, |job| self.label(*job))
        };
        live(script, registry, world, nodes, &mut pace).map_err(|error| match error {
            RunError::Capture { node, source } => match parts.get(node) {
                Some(part) => at(part)(source),
                None => at(self.experiment.out)(source),
            },
            RunError::Module(_) | RunError::World(_) => Error::Variant {
                label: label(),
                reason: error.to_string(),
            },
        })
    }

    /// Counts a run that had been finished before.
    fn skip(&self) {
        let script = self.experiment.script;
        self.advance(|progress| progress.skip(script.schedule.infohashes, length(script)));
    }

    /// Shows how far it is; whether to go on.
    fn advance(&self, change: impl FnOnce(&mut Progress)) -> bool {
        if !self.watched.advance(change) {
            self.stop();
        }
        !self.is_stopped.load(Ordering::Relaxed)
    }

    fn label(&self, job: Job) -> String {
        job.label(self.experiment.script)
    }
}
