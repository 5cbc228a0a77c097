//! The nodes of a live script, one repetition after the other.

use std::cell::Cell;
use std::fs::{self, File};
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use mdht_krpc::{Id, Instant as Moment};
use mdht_profiler::{NodeSpec, Options};
use tokio::runtime::Runtime;
use tokio::time::{Instant, sleep};

use super::{Live, LiveNode, captured, infohashes};
use crate::capture_file::CaptureFile;
use crate::experiment::{Ended, Error, Experiment};
use crate::folder::{Folder, at, write_whole};
use crate::job::{Job, batches};
use crate::profiling::profiled;
use crate::progress::{Progress, Watch, Watched};
use crate::runs::Finished;
use crate::schedule::{length, times};
use crate::script::{Keep, LiveSection};
use crate::unique::Counting;

/// Between two looks at how far it is.
const PAUSE: Duration = Duration::from_millis(200);

/// Runs all nodes of a script on real sockets. When `watch` ends it, what was
/// measured up to then is in the outcome: all nodes of a repetition live at the
/// same time, and so can be compared at any.
pub(crate) fn run(
    experiment: &Experiment<'_>,
    section: &LiveSection,
    watch: &Watch<'_>,
) -> Result<Ended, Error> {
    let script = experiment.script;
    let wanted = script.schedule.infohashes as usize;
    let mut runs = LiveRuns {
        experiment,
        section,
        infohashes: infohashes::read(&section.infohashes, wanted)?,
        runtime: Runtime::new().map_err(at(experiment.out))?,
        folder: Folder::open(
            experiment.out,
            script,
            experiment.registry,
            experiment.resume,
        )?,
        watched: Watched::new(Progress::of(script), watch),
        unique: Counting::new(script),
        finished: Vec::new(),
    };
    let mut is_whole = true;
    for batch in batches(script) {
        is_whole = runs.batch(&batch)?;
        if !is_whole {
            break;
        }
    }
    if is_whole && script.captures == Keep::None {
        runs.folder.forget()?;
    }
    runs.finished.sort_by_key(|run| run.job);
    Ok(Ended {
        finished: runs.finished,
        unique: runs.unique.finish(),
        is_whole,
    })
}

struct LiveRuns<'e> {
    experiment: &'e Experiment<'e>,
    section: &'e LiveSection,
    infohashes: Vec<Id>,
    runtime: Runtime,
    folder: Folder,
    watched: Watched<'e>,
    unique: Counting<'e>,
    finished: Vec<Finished>,
}

impl LiveRuns<'_> {
    /// A repetition, unless it was finished before; whether it came to its end.
    fn batch(&mut self, batch: &[Job]) -> Result<bool, Error> {
        let script = self.experiment.script;
        let labels: Vec<_> = batch.iter().map(|job| job.label(script)).collect();
        let finished = labels.iter().map(|label| self.folder.finished(label));
        if let Some(paths) = finished.collect::<Option<Vec<_>>>() {
            for ((job, path), label) in batch.iter().zip(&paths).zip(&labels) {
                let lookups = script.schedule.infohashes;
                let is_wanted = self.watched.advance(|p| p.skip(lookups, length(script)));
                let spec = fs::read_to_string(self.folder.node(label));
                let spec = spec.ok().and_then(|text| text.trim().parse().ok());
                self.profile(*job, path, spec)?;
                if !is_wanted {
                    return Ok(false);
                }
            }
            return Ok(true);
        }
        let parts: Vec<_> = labels.iter().map(|label| self.folder.part(label)).collect();
        let (specs, is_whole) = self.live(batch, &parts)?;
        for ((job, part), spec) in batch.iter().zip(&parts).zip(&specs) {
            self.profile(*job, part, spec.clone())?;
        }
        if is_whole {
            for ((label, part), spec) in labels.iter().zip(&parts).zip(&specs) {
                self.keep(label, part, spec.as_ref())?;
            }
        }
        Ok(is_whole)
    }

    /// Lets nodes live, with their captures in `parts`; their addresses, and
    /// whether they came to their end.
    fn live(
        &self,
        batch: &[Job],
        parts: &[PathBuf],
    ) -> Result<(Vec<Option<NodeSpec>>, bool), Error> {
        let nodes = batch.iter().zip(parts);
        let nodes = nodes.map(|(job, part)| self.node(*job, part));
        let live = Live {
            nodes: nodes.collect::<Result<_, _>>()?,
            bootstrap: self.section.bootstrap.clone(),
            length: length(self.experiment.script),
            announce: self.section.announce,
            profile: Options::default(),
        };
        let is_stopped = Cell::new(false);
        let specs = self.runtime.block_on(async {
            let stop = async {
                self.pace(&live).await;
                is_stopped.set(true);
            };
            captured(&live, stop).await
        })?;
        Ok((specs, !is_stopped.get()))
    }

    fn node(&self, job: Job, part: &Path) -> Result<LiveNode, Error> {
        let script = self.experiment.script;
        let variant = &script.variants[job.variant];
        let label = job.label(script);
        let unknown = |error: mdht_plugins::SpecError| Error::Variant {
            label: label.clone(),
            reason: error.to_string(),
        };
        let registry = self.experiment.registry;
        let times = times(script, job).into_iter();
        let times = times.map(|time| time.since(Moment::ZERO));
        Ok(LiveNode {
            routing: registry.routing(&variant.routing).map_err(unknown)?,
            lookup: registry.lookup(&variant.lookup).map_err(unknown)?,
            bind: SocketAddr::new(self.section.bind, 0),
            capture: part.to_owned(),
            lookups: times.zip(self.infohashes.iter().copied()).collect(),
            label,
        })
    }

    /// Shows how far it is; ready when it is to end.
    async fn pace(&self, live: &Live) {
        let begun = Instant::now();
        let mut times: Vec<_> = live.nodes.iter().flat_map(|node| &node.lookups).collect();
        times.sort_by_key(|(at, _)| *at);
        let together = u32::try_from(live.nodes.len()).unwrap_or(u32::MAX);
        let (mut lookups, mut before) = (0, Duration::ZERO);
        loop {
            sleep(PAUSE).await;
            let passed = begun.elapsed();
            let so_far = times.partition_point(|(at, _)| *at <= passed) as u64;
            let is_wanted = self.watched.advance(|progress| {
                progress.lookups += so_far - lookups;
                progress.virtual_time += (passed - before) * together;
            });
            (lookups, before) = (so_far, passed);
            if !is_wanted {
                return;
            }
        }
    }

    fn profile(&mut self, job: Job, path: &Path, spec: Option<NodeSpec>) -> Result<(), Error> {
        let script = self.experiment.script;
        let looked_up = self.infohashes.iter().copied().collect();
        let found = profiled(path, spec, true, Some(looked_up))?
            .filter(|(profile, _)| profile.messages > 0);
        if let Some((mut profile, met)) = found {
            profile.node.label = Some(job.label(script));
            self.unique.add(job, &met);
            script.keep_reported(&mut profile);
            self.finished.push(Finished {
                job,
                profile,
                // nobody knows who holds what
                limits_ms: Vec::new(),
            });
        }
        self.watched.advance(|progress| progress.runs += 1);
        Ok(())
    }

    /// Puts a capture that is finished in its place.
    fn keep(&self, label: &str, part: &Path, spec: Option<&NodeSpec>) -> Result<(), Error> {
        if let Some(spec) = spec {
            let node = self.folder.node(label);
            write_whole(&node, spec.to_string().as_bytes()).map_err(at(&node))?;
        }
        let keep = self.experiment.script.captures;
        if keep != Keep::Zst {
            let path = self.folder.plain(label);
            return fs::rename(part, &path).map_err(at(&path));
        }
        let packed = self.folder.part(&format!("{label}.zst"));
        let copied = CaptureFile::create(&packed, keep).and_then(|mut file| {
            io::copy(&mut File::open(part)?, &mut file)?;
            file.finish()
        });
        copied.map_err(at(&packed))?;
        let path = self.folder.capture(label);
        fs::rename(&packed, &path).map_err(at(&path))?;
        fs::remove_file(part).map_err(at(part))
    }
}
