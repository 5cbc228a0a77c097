//! All variants and repetitions, on all cores.

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::num::NonZero;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use mdht_krpc::Instant;
use mdht_overlay::World;
use mdht_profiler::{NodeProfile, NodeSpec, Options, Profiler};

use crate::experiment::{Error, Experiment};
use crate::folder::{Folder, at};
use crate::oracle::limits_ms;
use crate::progress::{Progress, Watch, Watched};
use crate::schedule::length;
use crate::script::Keep;
use crate::variant_run::{Job, RunError, live};
use crate::world_store::WorldStore;

/// Strength of the compression of captures: they are read once, soon.
const COMPRESSION: i32 = 1;
/// Slowest lookups of each node that get a waterfall in the report.
const WATERFALLS: usize = 3;

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
    jobs: Vec<Job>,
    next: AtomicUsize,
    is_stopped: AtomicBool,
    worlds: WorldStore<'e>,
    watched: Watched<'e>,
}

impl<'e> Runs<'e> {
    pub(crate) fn prepare(
        experiment: &'e Experiment<'e>,
        watch: &'e Watch<'e>,
    ) -> Result<Self, Error> {
        let script = experiment.script;
        let variants = 0..script.variants.len();
        let of_repetition = |repetition| {
            let job = move |variant| Job {
                variant,
                repetition,
            };
            variants.clone().map(job)
        };
        let jobs: Vec<_> = (0..script.repetitions).flat_map(of_repetition).collect();
        let (out, resume) = (experiment.out, experiment.resume);
        Ok(Self {
            experiment,
            folder: Folder::open(out, script, experiment.registry, resume)?,
            next: AtomicUsize::new(0),
            is_stopped: AtomicBool::new(false),
            worlds: WorldStore::new(script),
            watched: Watched::new(Progress::of(script, jobs.len()), watch),
            jobs,
        })
    }

    /// Whether so many results are all there are.
    pub(crate) const fn is_all(&self, results: usize) -> bool {
        results == self.jobs.len()
    }

    /// Does all jobs; those that were finished, in order.
    pub(crate) fn work(&self) -> Result<Vec<Finished>, Error> {
        let results = Mutex::new(Vec::new());
        let worker = || -> Result<(), Error> {
            while let Some(job) = self.take() {
                let done = self.run(job).inspect_err(|_| self.stop())?;
                self.worlds.done(job);
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
        results.sort_by_key(|run| (run.job.variant, run.job.repetition));
        Ok(results)
    }

    fn threads(&self) -> usize {
        self.experiment.threads.min(self.jobs.len()).max(1)
    }

    fn take(&self) -> Option<Job> {
        let next = self.next.fetch_add(1, Ordering::Relaxed);
        let is_stopped = self.is_stopped.load(Ordering::Relaxed);
        self.jobs.get(next).filter(|_| !is_stopped).copied()
    }

    fn stop(&self) {
        self.is_stopped.store(true, Ordering::Relaxed);
    }

    /// Runs and profiles a variant; `None` if it was ended.
    fn run(&self, job: Job) -> Result<Option<Finished>, Error> {
        let label = self.label(job);
        let world = self.worlds.world(job)?;
        // whatever is not to be used again was removed when the folder was opened
        let finished = self.folder.finished(&label);
        let is_finished = finished.is_some();
        let path = finished.unwrap_or_else(|| self.folder.capture(&label));
        if is_finished {
            self.skip();
        } else if !self.capture(job, &world, &path)? {
            return Ok(None);
        }
        let finished = self.profile(job, &world, &path, label)?;
        self.advance(|progress| progress.runs += 1);
        Ok(finished)
    }

    /// What the profiler makes of a capture, and the oracle of its lookups.
    fn profile(
        &self,
        job: Job,
        world: &World,
        path: &Path,
        label: String,
    ) -> Result<Option<Finished>, Error> {
        let script = self.experiment.script;
        let addr = world.free_addr(script.combination(job.variant) as u64);
        let node = NodeSpec {
            label: Some(label),
            ..NodeSpec::from(std::net::SocketAddr::from(addr))
        };
        let options = Options {
            nodes: vec![node],
            waterfalls: WATERFALLS,
            // the other cores have runs of their own
            threads: (self.threads() > 1).then_some(NonZero::<usize>::MIN),
            ..Options::default()
        };
        let profile = Profiler::new(options).run(&[path], &mut |_| {})?;
        Ok(profile.nodes.into_iter().next().map(|mut profile| {
            let limits_ms = limits_ms(world, addr, &profile);
            let wanted = |key: &str| script.report.iter().any(|wanted| wanted == key);
            if !script.report.is_empty() {
                profile.sections.retain(|section| wanted(section.key));
            }
            Finished {
                job,
                profile,
                limits_ms,
            }
        }))
    }

    /// Lets a variant live; whether it came to its end.
    fn capture(&self, job: Job, world: &Arc<World>, path: &Path) -> Result<bool, Error> {
        let part = self.folder.part(&self.label(job));
        let written = self.write_capture(job, world, &part);
        match written {
            Ok(true) => fs::rename(&part, path).map_err(at(path))?,
            // where there is no room, it is what takes the room; it may not
            // even be there
            Ok(false) | Err(_) => drop(fs::remove_file(&part)),
        }
        written
    }

    fn write_capture(&self, job: Job, world: &Arc<World>, part: &Path) -> Result<bool, Error> {
        let file = File::create(part).map_err(at(part))?;
        let file = BufWriter::new(file);
        if self.experiment.script.captures == Keep::Pcap {
            let (mut file, is_whole) = self.live(job, world, file, part)?;
            file.flush().map_err(at(part))?;
            return Ok(is_whole);
        }
        let encoder = zstd::Encoder::new(file, COMPRESSION).map_err(at(part))?;
        let (encoder, is_whole) = self.live(job, world, encoder, part)?;
        let mut file = encoder.finish().map_err(at(part))?;
        file.flush().map_err(at(part))?;
        Ok(is_whole)
    }

    /// Lets a variant live and writes its packets to `out`, the file `part`.
    fn live<W: Write + Send + 'static>(
        &self,
        job: Job,
        world: &Arc<World>,
        out: W,
        part: &Path,
    ) -> Result<(W, bool), Error> {
        let mut before = Instant::ZERO;
        let mut pace = |now: Instant, lookups: u64| {
            let passed = now.since(before);
            before = now;
            self.advance(|progress| {
                progress.lookups += lookups;
                progress.virtual_time += passed;
            })
        };
        let (script, registry) = (self.experiment.script, self.experiment.registry);
        live(script, registry, world, job, out, &mut pace).map_err(|error| match error {
            RunError::Capture(source) => at(part)(source),
            RunError::Module(error) => Error::Variant {
                label: self.label(job),
                reason: error.to_string(),
            },
        })
    }

    /// Counts a run that had been finished before.
    fn skip(&self) {
        let script = self.experiment.script;
        self.advance(|progress| {
            progress.lookups += u64::from(script.schedule.infohashes);
            progress.virtual_time += length(script);
            progress.virtual_before += length(script);
        });
    }

    /// Shows how far it is; whether to go on.
    fn advance(&self, change: impl FnOnce(&mut Progress)) -> bool {
        if !self.watched.advance(change) {
            self.stop();
        }
        !self.is_stopped.load(Ordering::Relaxed)
    }

    /// The variant's label, with the repetition where there are several.
    fn label(&self, job: Job) -> String {
        let script = self.experiment.script;
        let label = &script.variants[job.variant].label;
        match script.repetitions {
            1 => label.clone(),
            _ => format!("{label}.{}", job.repetition + 1),
        }
    }
}
