//! All variants and repetitions, on all cores, and where they are kept.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant as Clock};

use mdht_krpc::Instant;
use mdht_overlay::World;
use mdht_plugins::Registry;
use mdht_profiler::{NodeSpec, Options, Profile, Profiler};

use crate::outcome::{Outcome, VariantOutcome};
use crate::schedule::length;
use crate::script::{Keep, Script};
use crate::variant_run::{Job, RunError, live};

/// Strength of the compression of captures: they are read once, soon.
const COMPRESSION: i32 = 1;
/// Slowest lookups of each node that get a waterfall in the report.
const WATERFALLS: usize = 3;

/// An experiment that is to be run.
#[derive(Clone, Copy)]
pub struct Experiment<'e> {
    /// What to compare.
    pub script: &'e Script,
    /// The modules.
    pub registry: &'e Registry,
    /// The folder of everything that is kept.
    pub out: &'e Path,
    /// Take what an earlier, interrupted run in the same folder has finished.
    pub resume: bool,
    /// Variants that run at the same time, at least 1.
    pub threads: usize,
}

/// How far an experiment has come.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Progress {
    /// Lookups begun so far, over all variants and repetitions.
    pub lookups: u64,
    /// Lookups in all.
    pub lookups_total: u64,
    /// Virtual time that has passed, over all runs.
    pub virtual_time: Duration,
    /// Virtual time of all runs.
    pub virtual_total: Duration,
    /// Variants, times repetitions, done.
    pub runs: usize,
    /// Variants times repetitions.
    pub runs_total: usize,
}

/// Why an experiment has no outcome.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The world of the script cannot be.
    #[error(transparent)]
    World(#[from] mdht_overlay::parameters::ParameterError),
    /// A file cannot be written or read.
    #[error("{path}: {source}")]
    File {
        /// The file or folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A variant cannot be run.
    #[error("{label}: {reason}")]
    Variant {
        /// Which.
        label: String,
        /// Why.
        reason: String,
    },
    /// A capture that was just written cannot be read.
    #[error(transparent)]
    Capture(#[from] mdht_profiler::Error),
}

/// Looks at the progress; `false` ends the experiment.
type Watch<'w> = dyn Fn(&Progress) -> bool + Sync + 'w;

/// Runs an experiment. What was finished when `watch` ended it is in the
/// outcome and, for [`Experiment::resume`], in the folder.
///
/// # Errors
/// See [`Error`]. What other variants finished before stays in the folder.
pub fn run(experiment: &Experiment<'_>, watch: &Watch<'_>) -> Result<Outcome, Error> {
    let clock = Clock::now();
    let runs = Runs::prepare(experiment, watch)?;
    let results = runs.work()?;
    let is_whole = results.len() == runs.jobs.len();
    if is_whole && experiment.script.captures == Keep::None {
        let captures = runs.captures();
        fs::remove_dir_all(&captures).map_err(at(&captures))?;
    }
    Ok(runs.outcome(results, is_whole, clock.elapsed()))
}

/// The runs of an experiment, shared by its workers.
struct Runs<'e> {
    experiment: &'e Experiment<'e>,
    watch: &'e Watch<'e>,
    jobs: Vec<Job>,
    next: AtomicUsize,
    is_stopped: AtomicBool,
    /// One for each repetition, made by whoever comes first.
    worlds: Vec<OnceLock<Arc<World>>>,
    lookups: AtomicU64,
    virtual_micros: AtomicU64,
    done: AtomicUsize,
}

impl<'e> Runs<'e> {
    fn prepare(experiment: &'e Experiment<'e>, watch: &'e Watch<'e>) -> Result<Self, Error> {
        let script = experiment.script;
        let variants = 0..script.variants.len();
        let jobs = (0..script.repetitions).flat_map(|repetition| {
            variants.clone().map(move |variant| Job {
                variant,
                repetition,
            })
        });
        let runs = Self {
            experiment,
            watch,
            jobs: jobs.collect(),
            next: AtomicUsize::new(0),
            is_stopped: AtomicBool::new(false),
            worlds: (0..script.repetitions).map(|_| OnceLock::new()).collect(),
            lookups: AtomicU64::new(0),
            virtual_micros: AtomicU64::new(0),
            done: AtomicUsize::new(0),
        };
        let captures = runs.captures();
        if !experiment.resume && captures.exists() {
            fs::remove_dir_all(&captures).map_err(at(&captures))?;
        }
        fs::create_dir_all(&captures).map_err(at(&captures))?;
        Ok(runs)
    }

    fn captures(&self) -> PathBuf {
        self.experiment.out.join("captures")
    }

    /// Does all jobs; those that were finished, in order.
    fn work(&self) -> Result<Vec<(Job, Profile)>, Error> {
        let results = Mutex::new(Vec::new());
        let worker = || -> Result<(), Error> {
            while let Some(job) = self.take() {
                let done = self.run(job).inspect_err(|_| self.stop())?;
                if let Some(profile) = done {
                    let mut results = results.lock().unwrap_or_else(PoisonError::into_inner);
                    results.push((job, profile));
                }
            }
            Ok(())
        };
        let finished: Vec<_> = std::thread::scope(|scope| {
            let threads = self.experiment.threads.clamp(1, self.jobs.len());
            let workers: Vec<_> = (0..threads).map(|_| scope.spawn(worker)).collect();
            workers
                .into_iter()
                .map(std::thread::ScopedJoinHandle::join)
                .collect()
        });
        for result in finished {
            result.unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
        }
        let mut results = results.into_inner().unwrap_or_else(PoisonError::into_inner);
        results.sort_by_key(|(job, _)| (job.variant, job.repetition));
        Ok(results)
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
    fn run(&self, job: Job) -> Result<Option<Profile>, Error> {
        let (script, label) = (self.experiment.script, self.label(job));
        let path = self.captures().join(format!("{label}.pcap.zst"));
        let world = self.world(job.repetition)?;
        let is_there = self.experiment.resume && path.exists();
        if !is_there && !self.capture(job, &world, &path)? {
            return Ok(None);
        }
        let addr = world.free_addr(job.variant as u64);
        let node = NodeSpec {
            label: Some(label),
            ..NodeSpec::from(std::net::SocketAddr::from(addr))
        };
        let options = Options {
            nodes: vec![node],
            waterfalls: WATERFALLS,
            ..Options::default()
        };
        let profile = Profiler::new(options).run(&[path], &mut |_| {})?;
        self.done.fetch_add(1, Ordering::Relaxed);
        let total = length(script);
        self.report(Instant::ZERO + total, Instant::ZERO + total, 0);
        Ok(Some(profile))
    }

    /// Lets a variant live; whether it came to its end.
    fn capture(&self, job: Job, world: &Arc<World>, path: &Path) -> Result<bool, Error> {
        let experiment = self.experiment;
        let part = path.with_extension("part");
        let file = File::create(&part).map_err(at(&part))?;
        let encoder = zstd::Encoder::new(BufWriter::new(file), COMPRESSION).map_err(at(&part))?;
        let mut before = Instant::ZERO;
        let mut pace = |now: Instant, _: u32| {
            let goes_on = self.report(before, now, 1);
            before = now;
            goes_on
        };
        let (script, registry) = (experiment.script, experiment.registry);
        let lived = live(script, registry, world, job, encoder, &mut pace);
        let (encoder, is_whole) = lived.map_err(|error| match error {
            RunError::Capture(source) => at(&part)(source),
            RunError::Module(error) => Error::Variant {
                label: self.label(job),
                reason: error.to_string(),
            },
        })?;
        let mut file = encoder.finish().map_err(at(&part))?;
        file.flush().map_err(at(&part))?;
        if is_whole {
            fs::rename(&part, path).map_err(at(path))?;
        } else {
            fs::remove_file(&part).map_err(at(&part))?;
        }
        Ok(is_whole)
    }

    /// Counts what a run has done since and tells the watcher; whether to go on.
    fn report(&self, before: Instant, now: Instant, lookups: u64) -> bool {
        let script = self.experiment.script;
        let passed = u64::try_from(now.since(before).as_micros()).unwrap_or(0);
        let runs_total = self.jobs.len();
        let total = u32::try_from(runs_total).unwrap_or(u32::MAX);
        let progress = Progress {
            lookups: self.lookups.fetch_add(lookups, Ordering::Relaxed) + lookups,
            lookups_total: u64::from(script.schedule.infohashes) * u64::from(total),
            virtual_time: Duration::from_micros(
                self.virtual_micros.fetch_add(passed, Ordering::Relaxed) + passed,
            ),
            virtual_total: length(script) * total,
            runs: self.done.load(Ordering::Relaxed),
            runs_total,
        };
        if !(self.watch)(&progress) {
            self.stop();
        }
        !self.is_stopped.load(Ordering::Relaxed)
    }

    fn world(&self, repetition: u32) -> Result<Arc<World>, Error> {
        let world = &self.worlds[repetition as usize];
        if let Some(world) = world.get() {
            return Ok(Arc::clone(world));
        }
        let script = self.experiment.script;
        let mut parameters = script.overlay.clone();
        parameters.seed = script.seed_of(repetition);
        // two workers may make it at once; both make the same
        let made = Arc::new(World::new(parameters)?);
        Ok(Arc::clone(world.get_or_init(|| made)))
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

    fn outcome(&self, results: Vec<(Job, Profile)>, is_whole: bool, wall: Duration) -> Outcome {
        let script = self.experiment.script;
        let variants = script.variants.iter().enumerate().map(|(number, variant)| {
            let own = results.iter().filter(|(job, _)| job.variant == number);
            VariantOutcome {
                variant: variant.clone(),
                repetitions: own
                    .filter_map(|(_, profile)| profile.nodes.first().cloned())
                    .collect(),
            }
        });
        Outcome {
            script: script.clone(),
            is_whole,
            wall,
            virtual_time: length(script),
            variants: variants.collect(),
        }
    }
}

fn at(path: &Path) -> impl Fn(io::Error) -> Error {
    let path = path.to_owned();
    move |source| Error::File {
        path: path.clone(),
        source,
    }
}
