//! Whether strangers reach us, told by packets alone.
//!
//! A node behind a NAT or firewall cannot see that it is: it asks and is
//! answered. What it can see is who comes unasked. A query is *unsolicited* if
//! nothing has passed between its sender's host and us for so long that no NAT
//! on our side can still take it for an answer. Two such queries from different
//! hosts show that others reach us. That none comes while enough hosts have
//! heard of us shows that they do not; it takes time to show.
//!
//! A node that is out of reach does better as a read-only one \[BEP 43; the
//! service and stealth nodes of thesis 7.6.1\]: nobody keeps it in a table in
//! vain. But then nobody queries it any more either, reachable or not. So from
//! time to time, ever more rarely, it takes part again, for a trial.
//!
//! ```text
//!            proofs enough               a long watch without
//!          +----------------> reachable ---------------------+
//! watching |                      ^ proofs, at any time       v
//!  ^       +---- none, but hosts enough ------------> out of reach, read-only
//!  +---------------- a trial, after a pause that doubles -----+
//! ```
//!
//! What proves nothing: a query to another socket of ours than the one that
//! the node is known by; one from our own external address, or from a private
//! address when ours is public: both stay on our side of the NAT.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::time::Duration;

use mdht_krpc::{Instant, is_public};

use super::timers::TimerKey;

/// How a node finds out whether others reach it. Times are long because real
/// NATs remember for long; tests scale them down together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReachabilityWatch {
    /// How long a query without any packet between its host and us before it
    /// must have been silent to count as unsolicited: longer than NATs keep an
    /// unused mapping [RFC 4787, section 4.3, recommends five minutes]. Also
    /// how long after its start a node counts none, since an earlier life at
    /// the same port may have asked. Default 10 min. Where a NAT remembers for
    /// longer, its node may take itself for reachable.
    pub quiet: Duration,
    /// How long no unsolicited query comes until a node counts as out of
    /// reach; a node that had been found reachable waits
    /// [`PATIENCE`](Self::PATIENCE) times as long. Default 15 min.
    pub watch: Duration,
    /// Distinct hosts that must have answered us within a watch for silence to
    /// mean anything: they have heard of us, and some name us to others. In an
    /// overlay of fewer hosts nothing is found out. Default 32.
    pub hosts: usize,
    /// Distinct hosts whose unsolicited queries show that we are reached. One
    /// alone may have come through a mapping that some NAT kept for very long.
    /// Default 2.
    pub proofs: usize,
    /// From becoming read-only to the first trial; doubles with each trial that
    /// fails. Default 30 min.
    pub pause: Duration,
    /// Longest pause between two trials. Default 8 h.
    pub longest_pause: Duration,
}

impl ReachabilityWatch {
    /// A node that was reachable is not given up as soon as one that has
    /// never been seen to be.
    pub const PATIENCE: u32 = 4;
}

impl Default for ReachabilityWatch {
    fn default() -> Self {
        let minutes = |n: u64| Duration::from_secs(n * 60);
        Self {
            quiet: minutes(10),
            watch: minutes(15),
            hosts: 32,
            proofs: 2,
            pause: minutes(30),
            longest_pause: minutes(8 * 60),
        }
    }
}

/// What a node takes itself for, in one family's overlay.
#[derive(Debug)]
pub(crate) struct Reachability {
    settings: ReachabilityWatch,
    lately: Lately,
    /// Hosts whose unsolicited queries came in this watch or pause.
    proofs: Vec<IpAddr>,
    /// Hosts that answered in this watch, as many as are asked for.
    answered: BTreeSet<IpAddr>,
    verdict: Option<bool>,
    read_only: bool,
    /// The watch began anew while nobody answered us: it tells nothing.
    interrupted: bool,
    /// When this watch, or this pause, began.
    since: Instant,
    /// Watches in a row that ended out of reach.
    failed: u32,
    pub(crate) timer: Option<TimerKey>,
}

/// What is to be done next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// Look again then.
    Wait { until: Instant },
    /// Others reach us: found out newly, if `is_news`.
    Reachable { is_news: bool, until: Instant },
    /// Nobody does: read-only from now on, until a trial.
    Unreachable { until: Instant },
    /// Takes part again, to see.
    Trial { until: Instant },
}

impl Step {
    pub(crate) const fn until(self) -> Instant {
        match self {
            Self::Wait { until }
            | Self::Reachable { until, .. }
            | Self::Unreachable { until }
            | Self::Trial { until } => until,
        }
    }
}

/// Where a query came from, and where we are.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Visit {
    pub(crate) from: IpAddr,
    /// Our address as others see it.
    pub(crate) external: Option<IpAddr>,
    /// By the socket that the node is known by.
    pub(crate) by_main_socket: bool,
}

impl Visit {
    /// Whether it has passed whatever guards us.
    fn is_from_outside(&self) -> bool {
        let inside = |own: IpAddr| own == self.from || (is_public(own) && !is_public(self.from));
        self.by_main_socket && !self.external.is_some_and(inside)
    }
}

impl Reachability {
    pub(crate) fn new(settings: ReachabilityWatch, now: Instant) -> Self {
        Self {
            settings,
            lately: Lately::new(settings.quiet, now),
            proofs: Vec::new(),
            answered: BTreeSet::new(),
            verdict: None,
            read_only: false,
            interrupted: false,
            since: now,
            failed: 0,
            timer: None,
        }
    }

    pub(crate) const fn is_read_only(&self) -> bool {
        self.read_only
    }

    pub(crate) const fn verdict(&self) -> Option<bool> {
        self.verdict
    }

    /// A datagram of ours goes to a host.
    pub(crate) fn on_sent(&mut self, now: Instant, to: IpAddr) {
        self.lately.note(now, to);
    }

    /// A host has answered a query of ours: it knows of us.
    pub(crate) fn on_answer(&mut self, from: IpAddr) {
        if self.answered.len() < self.settings.hosts {
            self.answered.insert(from);
        }
    }

    /// A query came. Whether it was unsolicited, and what follows if it was
    /// the last one needed.
    pub(crate) fn on_query(&mut self, now: Instant, visit: Visit) -> (bool, Option<Step>) {
        let is_fresh = self.lately.is_fresh(now, visit.from);
        self.lately.note(now, visit.from);
        if !is_fresh || !visit.is_from_outside() {
            return (false, None);
        }
        if !self.proofs.contains(&visit.from) {
            self.proofs.push(visit.from);
        }
        if self.proofs.len() < self.settings.proofs {
            return (true, None);
        }
        let is_news = self.verdict.replace(true) != Some(true);
        (self.read_only, self.failed) = (false, 0);
        let until = self.begin_watch(now);
        (true, Some(Step::Reachable { is_news, until }))
    }

    /// Nobody answers us: what is seen meanwhile is not to count.
    pub(crate) const fn on_offline(&mut self) {
        self.interrupted = true;
    }

    /// We are somewhere else: everything is open again.
    pub(crate) fn on_moved(&mut self, now: Instant) -> Step {
        let was_read_only = std::mem::replace(&mut self.read_only, false);
        (self.verdict, self.failed) = (None, 0);
        let until = self.begin_watch(now);
        match was_read_only {
            true => Step::Trial { until },
            false => Step::Wait { until },
        }
    }

    /// Begins to watch; when to look at what came of it.
    pub(crate) fn begin_watch(&mut self, now: Instant) -> Instant {
        self.proofs.clear();
        self.answered.clear();
        self.interrupted = false;
        self.since = self.lately.sees_from(now);
        self.look_at(true)
    }

    /// The watch or the pause is over. `is_online`: somebody answers us.
    /// `scattered`: others see us at many ports, a mapping that depends on who
    /// is asked, so that nobody can be told of one that is open to him.
    pub(crate) fn on_due(&mut self, now: Instant, is_online: bool, scattered: bool) -> Step {
        if self.read_only {
            self.read_only = false;
            let until = self.begin_watch(now);
            return Step::Trial { until };
        }
        if self.interrupted || !is_online {
            let until = self.begin_watch(now);
            self.interrupted = !is_online;
            return Step::Wait { until };
        }
        // while it was blind, if it was, it watched nothing
        self.since = self.since.max(self.lately.sees_from(Instant::ZERO));
        let until = self.look_at(scattered);
        if now < until {
            return Step::Wait { until };
        }
        if self.answered.len() < self.settings.hosts {
            let until = now + self.settings.watch / 2;
            return Step::Wait { until };
        }
        (self.read_only, self.verdict) = (true, Some(false));
        self.proofs.clear();
        self.since = now;
        let doubled = 1_u32 << self.failed.min(16);
        self.failed = self.failed.saturating_add(1);
        let pause = self.settings.pause.saturating_mul(doubled);
        let until = now + pause.min(self.settings.longest_pause.max(self.settings.pause));
        Step::Unreachable { until }
    }

    /// When the watch tells something: after half of it already if the ports
    /// that others see differ, which is a sign as well.
    fn look_at(&self, scattered: bool) -> Instant {
        let watch = self.settings.watch;
        match (self.verdict, scattered && self.proofs.is_empty()) {
            (Some(true), _) => self.since + watch * ReachabilityWatch::PATIENCE,
            (_, true) => self.since + watch / 2,
            (_, false) => self.since + watch,
        }
    }
}

/// Hosts that something passed between and us lately.
#[derive(Debug)]
struct Lately {
    quiet: Duration,
    hosts: BTreeMap<IpAddr, Instant>,
    /// What passed before this is not known.
    known_from: Instant,
}

impl Lately {
    /// Most hosts remembered, under 1 MB. A node that meets more within
    /// [`ReachabilityWatch::quiet`] forgets them all, and counts no query as
    /// unsolicited until it has listened for as long again.
    const MOST: usize = 16_384;

    const fn new(quiet: Duration, now: Instant) -> Self {
        Self {
            quiet,
            hosts: BTreeMap::new(),
            known_from: now,
        }
    }

    fn note(&mut self, now: Instant, host: IpAddr) {
        if self.hosts.len() >= Self::MOST && !self.hosts.contains_key(&host) {
            let quiet = self.quiet;
            self.hosts.retain(|_, at| now.since(*at) <= quiet);
            // next to nothing gained: it would be swept again at once
            if self.hosts.len() > Self::MOST / 4 * 3 {
                self.hosts.clear();
                self.known_from = now;
            }
        }
        self.hosts.insert(host, now);
    }

    fn is_fresh(&self, now: Instant, host: IpAddr) -> bool {
        let before = self.hosts.get(&host);
        self.sees(now) && before.is_none_or(|at| now.since(*at) > self.quiet)
    }

    /// Whether a fresh host can be told from one that is not.
    fn sees(&self, now: Instant) -> bool {
        now >= self.sees_from(Instant::ZERO)
    }

    /// From when on it can, not before `earliest`.
    fn sees_from(&self, earliest: Instant) -> Instant {
        earliest.max(self.known_from + self.quiet)
    }
}

#[cfg(test)]
mod tests;
