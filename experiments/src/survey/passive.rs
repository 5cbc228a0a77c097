//! The instrumented nodes' own traffic, looked at by the profiler while it
//! passes: what one place alone can tell, beside what the checker finds.
//!
//! The packets of the instrumented nodes' own sockets go as one capture, by a
//! pipe, to a profiler in a thread of its own: nothing is kept on disk, and no
//! more than a pipe and a buffer hold is in memory. The checker's pings leave by
//! those sockets as well; they are left out, since they are no questions of the
//! node's own. The answers to them are in, as something that came: they renew
//! no less of what a NAT remembers for being unasked.

use std::collections::HashMap;
use std::io::{self, BufWriter, PipeWriter, Write};
use std::net::{SocketAddr, SocketAddrV4};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};

use foldhash::fast::FixedState;
use mdht_connectivity::{Pattern, Report};
use mdht_krpc::Instant;
use mdht_overlay::{CaptureTap, Tap};
use mdht_profiler::measurement::Connectivity;
use mdht_profiler::{Input, NodeProfile, NodeSpec, Options, Profile, Profiler};

use super::SurveyError;
use super::agreement::{Agreement, Verdict};

/// A capture that ends when it is taken.
type Capture = Arc<Mutex<Option<CaptureTap<BufWriter<PipeWriter>>>>>;

/// Listens to the first few instrumented nodes.
pub(super) struct Listener {
    capture: Capture,
    is_probing: Arc<AtomicBool>,
    profiling: JoinHandle<Result<Profile, mdht_profiler::Error>>,
    identities: u16,
    /// What the checker found at them: identity, address, pattern.
    checked: Vec<(u16, SocketAddrV4, Pattern)>,
    /// Checks beyond [`MOST_CHECKED`].
    left_out: u64,
}

/// Checks that are compared, at 16 bytes each.
const MOST_CHECKED: usize = 1 << 23;

/// Gathers writes: about the size of a pipe.
const BUFFER: usize = 1 << 16;

impl Listener {
    /// Begins to listen to `nodes`, the own sockets of the first identities.
    pub(super) fn start(nodes: &[SocketAddrV4]) -> io::Result<Self> {
        let (reader, writer) = io::pipe()?;
        let specs = nodes
            .iter()
            .map(|node| NodeSpec::from(SocketAddr::V4(*node)));
        let options = Options {
            nodes: specs.collect(),
            ..Options::default()
        };
        let profiling = thread::Builder::new()
            .name("profiler".to_owned())
            .spawn(move || {
                let profiler = Profiler::without_measurements(options)
                    .with_measurement(|_| Box::<Connectivity>::default());
                let input = Input::reader("instrumented nodes", reader);
                profiler.watch(vec![input], &mut |_| std::ops::ControlFlow::Continue(()))
            })?;
        let capture = CaptureTap::new(BufWriter::with_capacity(BUFFER, writer))?;
        Ok(Self {
            capture: Arc::new(Mutex::new(Some(capture))),
            is_probing: Arc::default(),
            profiling,
            identities: u16::try_from(nodes.len()).unwrap_or(u16::MAX),
            checked: Vec::new(),
            left_out: 0,
        })
    }

    /// Hears what passes the socket `own`, if `number` is listened to.
    pub(super) fn ear(
        &self,
        number: u16,
        own: SocketAddrV4,
    ) -> Option<impl FnMut(Instant, SocketAddr, SocketAddr, &[u8]) + Send + use<>> {
        let own = SocketAddr::V4(own);
        let (capture, is_probing) = (Arc::clone(&self.capture), Arc::clone(&self.is_probing));
        let hear = move |at, from, to, payload: &[u8]| {
            let is_own = from == own || to == own;
            if !is_own || is_probing.load(Ordering::Relaxed) {
                return;
            }
            if let Ok(mut capture) = capture.lock()
                && let Some(capture) = &mut *capture
            {
                capture.datagram(at, from, to, payload);
            }
        };
        (number < self.identities).then_some(hear)
    }

    /// Whether what leaves now is the checker's.
    pub(super) fn set_probing(&self, is_probing: bool) {
        self.is_probing.store(is_probing, Ordering::Relaxed);
    }

    /// A check has ended.
    pub(super) fn add(&mut self, report: &Report) {
        let SocketAddr::V4(node) = report.node else {
            return;
        };
        if report.identity >= self.identities {
            return;
        }
        match self.checked.len() < MOST_CHECKED {
            true => self.checked.push((report.identity, node, report.pattern)),
            false => self.left_out += 1,
        }
    }

    /// Ends the capture; what the profiler made of it, beside what the checker
    /// found.
    pub(super) fn finish(self) -> Result<Agreement, SurveyError> {
        let capture = self.capture.lock().ok().and_then(|mut all| all.take());
        if let Some(capture) = capture {
            // the profiler's own error, if it ended early, is the better one
            let _ = capture.finish().and_then(|mut out| out.flush());
        }
        let gone = |_| io::Error::other("the profiler's thread has ended");
        let profile = self.profiling.join().map_err(gone)??;
        let mut told = HashMap::with_hasher(FixedState::default());
        for (identity, node) in (0..).zip(&profile.nodes) {
            let verdicts = verdicts(node);
            told.extend(verdicts.map(|(addr, verdict)| ((identity, addr), verdict)));
        }
        let mut agreement = Agreement::new(self.identities, self.left_out);
        for (identity, addr, pattern) in &self.checked {
            let verdict = told.get(&(*identity, *addr)).copied();
            agreement.add(verdict.unwrap_or(Verdict::NotAsked), *pattern);
        }
        for (identity, addr, _) in &self.checked {
            told.remove(&(*identity, *addr));
        }
        agreement.unchecked = told.len() as u64;
        Ok(agreement)
    }
}

/// What the profiler says of each address that it can say something of.
fn verdicts(node: &NodeProfile) -> impl Iterator<Item = (SocketAddrV4, Verdict)> {
    let sections = node.sections.iter();
    let tables = sections
        .filter(|section| section.key == "connectivity")
        .flat_map(|section| &section.tables);
    let rows = tables.flat_map(|table| &table.rows);
    rows.filter_map(|row| {
        let addr = row.first()?.as_str()?.parse().ok()?;
        Some((addr, Verdict::named(row.get(1)?.as_str()?)?))
    })
}
