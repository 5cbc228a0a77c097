//! Connectivity of the remote nodes as far as one capture can tell.
//!
//! An active checker asks from three places and waits [thesis 7.4]; here there
//! is one place, and the questions are those that the node had anyway. What
//! tells is when they were asked. A query to an address is
//!
//! - *prompted*, if something had come from there within [`PROMPT`]: a mapping
//!   or a permission that the remote's own packet made is still there;
//! - *unprompted*, if nothing ever had, or not for [`QUIET`]: no NAT or
//!   firewall on the way can have taken it for an answer.
//!
//! Between the two an answer tells nothing, since NATs differ in how long they
//! remember. Silence does, if something comes from there later: somebody was
//! there and did not hear. It counts as unprompted.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use serde_json::json;

use super::{Hooks, Measurement, Row, Section, Span, in_words, percentage};
use crate::{DataTable, Direction, Exchange, Observed, Timestamp};

/// For each address that queried the node and was queried by it, whether it
/// answers anybody, only those whom it has just sent something, or nobody. Not
/// among the measurements of every profile, since it costs a table entry for
/// every address: hand it to
/// [`Profiler::with_measurement`](crate::Profiler::with_measurement).
#[derive(Clone, Debug, Default)]
pub struct Connectivity {
    met: BTreeMap<SocketAddr, Remote>,
    /// Addresses beyond [`MAX_ADDRESSES`].
    left_out: u64,
}

/// Longer than NATs keep an unused UDP mapping: the recommended time is five
/// minutes and few keep one for ten [RFC 4787, section 4.3].
pub const QUIET: Duration = Duration::from_secs(600);

/// Shorter than any NAT forgets a mapping: 30 s are among the shortest seen.
pub const PROMPT: Duration = Duration::from_secs(30);

/// Addresses that are told apart, about 100 MB; further ones are counted only.
const MAX_ADDRESSES: usize = 1 << 20;

/// Prompted queries without an answer until nobody is said to hear: one may be
/// lost.
const ENOUGH: u16 = 2;

/// What is known of an address.
#[derive(Clone, Copy, Debug, Default)]
struct Remote {
    /// When something came from there: first, and the last few times.
    first: Option<Timestamp>,
    last: [Option<Timestamp>; 4],
    has_queried: bool,
    answered: Evidence,
    silent: Evidence,
    /// The last unprompted query without an answer. Whether anybody was there
    /// shows when something comes later.
    in_doubt: Option<Timestamp>,
}

/// Queries of one outcome.
#[derive(Clone, Copy, Debug, Default)]
struct Evidence {
    prompted: u16,
    unprompted: u16,
    /// Of any kind.
    all: u16,
}

/// What a remote address turned out to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Class {
    /// It answered an unprompted query.
    Open,
    /// It was silent to an unprompted query though it was there before and
    /// after, and answered none: a NAT, or a firewall that lets answers in. Or
    /// a lost packet, where the only such query was lost.
    Guarded,
    /// It answered nothing, not even prompted queries: a firewall that lets
    /// nothing in.
    Unreachable,
    /// Anything else.
    Undecided,
}

const CLASSES: [(Class, &str); 4] = [
    (Class::Open, "open"),
    (Class::Guarded, "guarded"),
    (Class::Unreachable, "unreachable"),
    (Class::Undecided, "undecided"),
];

impl Remote {
    fn on_received(&mut self, now: Timestamp, is_query: bool) {
        self.first.get_or_insert(now);
        self.last.rotate_right(1);
        self.last[0] = Some(now);
        self.has_queried |= is_query;
        if self.in_doubt.is_some_and(|asked| asked < now) {
            self.in_doubt = None;
            self.silent.unprompted = self.silent.unprompted.saturating_add(1);
        }
    }

    /// A query that was sent to it is decided.
    fn on_decided(&mut self, sent: Timestamp, is_answered: bool) {
        let before = self.last.iter().flatten().find(|time| **time < sent);
        let is_stranger = self.first.is_none_or(|first| first >= sent);
        let silence = before.map(|time| sent.since(*time));
        let is_prompted = silence.is_some_and(|silence| silence <= PROMPT);
        let quiet = if is_answered { QUIET } else { PROMPT };
        let is_unprompted = is_stranger || silence.is_some_and(|silence| silence > quiet);
        let was_there_later = self.last[0].is_some_and(|last| last > sent);
        let evidence = match is_answered {
            true => &mut self.answered,
            false => &mut self.silent,
        };
        evidence.all = evidence.all.saturating_add(1);
        evidence.prompted = evidence.prompted.saturating_add(is_prompted.into());
        match (is_answered, was_there_later) {
            // to be blamed on somebody who has never been heard of, or has gone
            (false, false) if is_unprompted => self.in_doubt = Some(sent),
            _ => evidence.unprompted = evidence.unprompted.saturating_add(is_unprompted.into()),
        }
    }

    const fn class(&self) -> Class {
        if self.answered.unprompted > 0 {
            Class::Open
        } else if self.answered.all == 0 && self.silent.prompted >= ENOUGH {
            Class::Unreachable
        } else if self.silent.unprompted > 0 {
            Class::Guarded
        } else {
            Class::Undecided
        }
    }

    /// Whether it queried and was queried, so that there is something to tell.
    const fn is_mutual(&self) -> bool {
        self.has_queried && self.answered.all.saturating_add(self.silent.all) > 0
    }
}

impl Connectivity {
    fn remote(&mut self, address: SocketAddr) -> Option<&mut Remote> {
        if self.met.len() >= MAX_ADDRESSES && !self.met.contains_key(&address) {
            self.left_out += 1;
            return None;
        }
        Some(self.met.entry(address).or_default())
    }

    fn count(&self, class: Class) -> u64 {
        let remotes = self.met.values().filter(|remote| remote.is_mutual());
        remotes.filter(|remote| remote.class() == class).count() as u64
    }

    /// Of the addresses that were sent prompted queries enough, the percentage
    /// that answered one: what an active checker calls reciprocity.
    fn reciprocity_pct(&self) -> Option<f64> {
        let is_told =
            |r: &&Remote| r.is_mutual() && (r.answered.prompted > 0 || r.silent.prompted >= ENOUGH);
        let told = self.met.values().filter(is_told);
        let answered = told.clone().filter(|remote| remote.answered.prompted > 0);
        percentage(answered.count() as u64, told.count() as u64)
    }

    /// Every address that was found to be something, in their order.
    fn table(&self) -> DataTable {
        let mutual = self.met.iter().filter(|(_, remote)| remote.is_mutual());
        let row = |(address, remote): (&SocketAddr, &Remote)| {
            let class = remote.class();
            let word = CLASSES.iter().find(|(of, _)| *of == class);
            vec![
                json!(address),
                json!(word.map(|(_, word)| word)),
                json!(remote.answered.prompted),
                json!(remote.answered.unprompted),
                json!(remote.silent.prompted),
                json!(remote.silent.unprompted),
            ]
        };
        DataTable {
            name: "connectivity",
            title: "Addresses that queried the node and were queried by it",
            columns: vec![
                "address",
                "class",
                "answered_prompted",
                "answered_unprompted",
                "silent_prompted",
                "silent_unprompted",
            ],
            rows: mutual.map(row).collect(),
        }
    }
}

impl Measurement for Connectivity {
    fn hooks(&self) -> Hooks {
        Hooks::RECEIVED_QUERIES | Hooks::RECEIVED_ANSWERS | Hooks::EXCHANGES
    }

    fn on_message(&mut self, observed: &Observed<'_>) {
        debug_assert_eq!(observed.direction, Direction::Received);
        let is_query = matches!(observed.message.body, mdht_krpc::Body::Query(_));
        if let Some(remote) = self.remote(observed.remote) {
            remote.on_received(observed.time, is_query);
        }
    }

    fn on_exchange(&mut self, exchange: &Exchange<'_>) {
        let (sent, is_answered) = (exchange.query.time, exchange.outcome.answer().is_some());
        if let Some(remote) = self.remote(exchange.query.remote) {
            remote.on_decided(sent, is_answered);
        }
    }

    fn finish(self: Box<Self>, _: &Span) -> Section {
        let mutual = self.met.values().filter(|remote| remote.is_mutual());
        let mutual = mutual.count() as u64;
        let reciprocity_pct = self.reciprocity_pct();
        let [open, guarded, unreachable, undecided] = CLASSES.map(|(class, _)| self.count(class));
        let decided = open + guarded + unreachable;
        let share = |count| in_words(percentage(count, decided), 1);
        let text = format!(
            "of {mutual} addresses that queried and were queried, {decided} show what they are: \
             {} % open, {} % guarded, {} % unreachable; {} % answer when they have just sent \
             something",
            share(open),
            share(guarded),
            share(unreachable),
            in_words(reciprocity_pct, 1)
        );
        Section {
            key: "connectivity",
            json: json!({
                "mutual": mutual,
                "open": open,
                "guarded": guarded,
                "unreachable": unreachable,
                "undecided": undecided,
                "open_pct": percentage(open, decided),
                "guarded_pct": percentage(guarded, decided),
                "unreachable_pct": percentage(unreachable, decided),
                "reciprocity_pct": reciprocity_pct,
                "left_out": self.left_out,
            }),
            rows: vec![Row::line("connectivity", text)],
            tables: vec![self.table()],
            ..Section::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Timestamp {
        Timestamp::from_nanos(seconds * 1_000_000_000)
    }

    /// A query sent and answered a second later.
    fn answered(remote: &mut Remote, sent: u64) {
        remote.on_received(at(sent + 1), false);
        remote.on_decided(at(sent), true);
    }

    /// One that was given up after a minute.
    fn unanswered(remote: &mut Remote, sent: u64) {
        remote.on_decided(at(sent), false);
    }

    #[test]
    fn who_answers_a_stranger_is_open() {
        let mut remote = Remote::default();
        answered(&mut remote, 10);
        assert_eq!(remote.class(), Class::Open);
        assert!(!remote.is_mutual());
        remote.on_received(at(20), true);
        assert!(remote.is_mutual());
    }

    #[test]
    fn who_answers_after_a_long_silence_is_open_and_within_it_nothing_is_told() {
        let mut remote = Remote::default();
        remote.on_received(at(0), true);
        answered(&mut remote, 300);
        assert_eq!(remote.class(), Class::Undecided);
        answered(&mut remote, 302 + 600);
        assert_eq!(remote.class(), Class::Open);
    }

    #[test]
    fn who_answers_only_when_it_spoke_is_guarded_if_it_was_there_all_along() {
        let mut remote = Remote::default();
        remote.on_received(at(0), true);
        answered(&mut remote, 5);
        unanswered(&mut remote, 100);
        // it may have gone
        assert_eq!(remote.class(), Class::Undecided);
        remote.on_received(at(200), true);
        assert_eq!(remote.class(), Class::Guarded);
    }

    #[test]
    fn a_packet_that_came_before_a_query_was_given_up_shows_that_somebody_was_there() {
        let mut remote = Remote::default();
        remote.on_received(at(0), true);
        answered(&mut remote, 5);
        remote.on_received(at(1030), true);
        unanswered(&mut remote, 1000);
        assert_eq!(remote.class(), Class::Guarded);
    }

    #[test]
    fn who_never_answers_is_unreachable_after_two_prompted_queries() {
        let mut remote = Remote::default();
        remote.on_received(at(0), true);
        unanswered(&mut remote, 1);
        assert_eq!(remote.class(), Class::Undecided);
        remote.on_received(at(100), true);
        unanswered(&mut remote, 101);
        assert_eq!(remote.class(), Class::Unreachable);
        // much later: late, or another node there
        answered(&mut remote, 5000);
        assert_eq!(remote.class(), Class::Open);
    }
}
