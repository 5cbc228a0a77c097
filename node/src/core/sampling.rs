//! Telling others which infohashes we hold peers of, and asking them (BEP 51).

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::time::Duration;

use mdht_krpc::{Family, Id, Instant, Query, Response};

use super::incoming::Incoming;
use super::postponed::Sent;
use super::sending::Destination;
use super::serving::room;
use super::transactions::Purpose;
use super::{Core, Event, QueryId, QueryOutcome};

/// What is told of the infohashes that we hold peers of.
#[derive(Clone, Copy, Debug)]
pub struct SampleConfig {
    /// Most infohashes in an answer, fewer where they find no room in 1,024
    /// bytes. Default 20, as libtorrent.
    pub most: usize,
    /// How long the same choice is told to everybody, at most
    /// [`Sample::LONGEST_INTERVAL`]. Default 30 min: after that the announces
    /// it was made of have expired or were renewed.
    pub interval: Duration,
}

impl Default for SampleConfig {
    fn default() -> Self {
        Self {
            most: 20,
            interval: Duration::from_secs(30 * 60),
        }
    }
}

/// What a node told of the infohashes it holds peers of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sample {
    /// Some of them, or all if they are few. No two are equal.
    pub info_hashes: Vec<Id>,
    /// How many it holds, if it said so.
    pub num: Option<u32>,
    /// How long it wants not to be asked again.
    pub interval: Duration,
}

impl Sample {
    /// Longest interval that a node may name (BEP 51); longer ones count as this.
    pub const LONGEST_INTERVAL: Duration = Duration::from_secs(21_600);

    /// What a response holds of it; `None` if the node does not know BEP 51.
    pub(crate) fn of(response: &Response<'_>) -> Option<Self> {
        let samples = response.samples?;
        let mut seen = BTreeSet::new();
        let info_hashes = samples.iter().filter(|id| seen.insert(*id)).collect();
        let interval = Duration::from_secs(response.interval.unwrap_or(0).into());
        Some(Self {
            info_hashes,
            num: response.num,
            interval: interval.min(Self::LONGEST_INTERVAL),
        })
    }
}

/// The current choice for each family.
#[derive(Debug, Default)]
pub(crate) struct Samples([Option<Choice>; 2]);

#[derive(Debug)]
struct Choice {
    until: Instant,
    info_hashes: Vec<Id>,
}

impl Core {
    /// Asks one node which infohashes it holds peers of, and for the contacts
    /// it knows closest to `target`. The end comes as [`Event::QueryDone`].
    ///
    /// Who asks should not ask the same node again within
    /// [`Sample::interval`].
    pub fn sample_infohashes(
        &mut self,
        now: Instant,
        addr: SocketAddr,
        target: Id,
        timeout: Duration,
    ) -> QueryId {
        self.advance(now);
        let query = QueryId(self.number());
        let destination = Destination {
            to: addr,
            expected_id: None,
            purpose: Purpose::User(query),
            soft: None,
            hard: timeout,
        };
        let own_id = self.id(Family::of(&addr)).unwrap_or_default();
        let outcome = QueryOutcome::NoAnswer;
        if self.send_query(&destination, Query::sample_infohashes(own_id, target)) == Sent::Not {
            self.tell(Event::QueryDone {
                query,
                addr,
                outcome,
            });
        }
        query
    }

    pub(crate) fn serve_samples(&mut self, incoming: &Incoming<'_>, target: Id) {
        let family = incoming.family();
        let num = self.peers.swarms(family).count();
        self.choose_samples(family);
        let choice = self.samples.0[family as usize].as_ref();
        let chosen = choice.into_iter().flat_map(|choice| &choice.info_hashes);
        // what has expired since is not told any more
        let held = chosen.filter(|id| self.peers.peers(id, family).next().is_some());
        let most = room(family, incoming.message, false) / Id::LEN;
        let bytes: Vec<u8> = held.take(most).flat_map(|id| *id.as_bytes()).collect();
        let seconds = |time: Duration| u32::try_from(time.as_secs()).unwrap_or(u32::MAX);
        let response = Response {
            samples: mdht_krpc::Samples::new(&bytes),
            num: Some(u32::try_from(num).unwrap_or(u32::MAX)),
            interval: Some(seconds(self.sample_interval())),
            ..Response::default()
        };
        self.respond_with(incoming, Some(target), &response);
    }

    fn sample_interval(&self) -> Duration {
        self.config.samples.interval.min(Sample::LONGEST_INTERVAL)
    }

    /// A new choice if the last one is over: asking twice yields nothing more.
    fn choose_samples(&mut self, family: Family) {
        let now = self.now;
        let current = &self.samples.0[family as usize];
        let most = self.config.samples.most;
        let is_kept = current
            .as_ref()
            .is_some_and(|choice| now < choice.until && choice.info_hashes.len() >= most);
        if is_kept {
            return;
        }
        let mut info_hashes: Vec<_> = self.peers.swarms(family).collect();
        self.rng.shuffle(&mut info_hashes);
        info_hashes.truncate(most);
        info_hashes.shrink_to_fit();
        let until = now + self.sample_interval();
        self.samples.0[family as usize] = Some(Choice { until, info_hashes });
    }
}
