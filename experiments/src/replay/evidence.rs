//! What a capture says about whether a contact was there.

use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::time::Duration;

use mdht_krpc::{Id, Instant};

/// An answer that takes longer counts as silence [thesis 8.VIII.C].
pub(super) const ANSWER_WITHIN: Duration = Duration::from_secs(2);

/// What is to be expected of a query to a contact.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It answered the captured node, under this ID and after this time.
    Answers { id: Option<Id>, rtt: Duration },
    /// The captured node asked it in vain.
    Silent,
    /// Nobody asked it, but it queries the captured node afterwards.
    Heard,
    /// The capture does not say.
    Unknown,
}

/// What the capture shows of a contact after a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outlook {
    /// It answers or queries the captured node.
    Heard,
    /// It is asked, and never answers.
    Silent,
    /// Neither.
    Unseen,
}

/// Signs of life, and of the lack of it, of every remote address, from
/// `window` before the moment that is replayed to `window` after it.
#[derive(Debug)]
pub(super) struct Evidence {
    window: Duration,
    signs: BTreeMap<SocketAddr, VecDeque<Sign>>,
    /// Each sign once more, oldest first, to be forgotten in that order.
    order: VecDeque<(Instant, SocketAddr)>,
    /// Time of the last message read.
    latest: Instant,
    names: Names,
}

#[derive(Clone, Copy, Debug)]
struct Sign {
    at: Instant,
    what: What,
}

#[derive(Clone, Copy, Debug)]
enum What {
    /// It queried the captured node.
    Queried,
    /// The captured node asked it, in this exchange.
    Asked {
        exchange: u64,
        answer: Option<Answer>,
    },
}

/// An answer's node ID, and how long it took.
#[derive(Clone, Copy, Debug)]
struct Answer {
    id: Option<Id>,
    rtt: Duration,
}

impl Evidence {
    /// Most signs held at once, about 100 MB; beyond, the oldest go early.
    const MOST_SIGNS: usize = 1 << 20;

    pub(super) fn new(window: Duration) -> Self {
        Self {
            window,
            signs: BTreeMap::new(),
            order: VecDeque::new(),
            latest: Instant::ZERO,
            names: Names::default(),
        }
    }

    /// `addr` queried the captured node.
    pub(super) fn queried(&mut self, at: Instant, addr: SocketAddr, id: Option<Id>) {
        self.add(at, addr, What::Queried);
        self.name(addr, id);
    }

    /// The captured node queried `addr`.
    pub(super) fn asked(&mut self, at: Instant, addr: SocketAddr, exchange: u64) {
        let answer = None;
        self.add(at, addr, What::Asked { exchange, answer });
    }

    /// `addr` answered that query.
    pub(super) fn answered(&mut self, at: Instant, addr: SocketAddr, number: u64, id: Option<Id>) {
        self.latest = self.latest.max(at);
        self.name(addr, id);
        for sign in self.signs.get_mut(&addr).into_iter().flatten().rev() {
            if let What::Asked { exchange, answer } = &mut sign.what
                && *exchange == number
            {
                let rtt = at.since(sign.at);
                *answer = Some(Answer { id, rtt });
            }
        }
    }

    /// Somebody says that the node at `addr` has this ID.
    pub(super) fn name(&mut self, addr: SocketAddr, id: Option<Id>) {
        if let Some(id) = id {
            self.names.set(addr, id);
        }
    }

    /// The ID last heard of at `addr`.
    pub(super) fn id_of(&self, addr: &SocketAddr) -> Option<Id> {
        self.names.ids.get(addr).copied()
    }

    /// Forgets what is out of the window around `now`.
    pub(super) fn forget(&mut self, now: Instant) {
        let begin = now - self.window;
        while let Some(&(at, addr)) = self.order.front()
            && (at < begin || self.order.len() > Self::MOST_SIGNS)
        {
            self.order.pop_front();
            if let Some(signs) = self.signs.get_mut(&addr) {
                signs.pop_front();
                if signs.is_empty() {
                    self.signs.remove(&addr);
                }
            }
        }
    }

    /// What would have become of a query sent to `addr` at `now`: as of the
    /// captured node's own query nearest in time, before or after. Without
    /// one, a query received from there from `now` on shows that it was up; one
    /// received earlier shows nothing, since it may have left.
    pub(super) fn judge(&self, addr: &SocketAddr, now: Instant) -> Verdict {
        let near = |at: Instant| apart(at, now) <= self.window;
        let signs = || self.signs.get(addr).into_iter().flatten();
        let asked = signs().filter_map(|sign| match sign.what {
            What::Asked { answer, .. } if near(sign.at) => self.decided(sign.at, answer),
            _ => None,
        });
        if let Some((_, answer)) = asked.min_by_key(|(at, _)| apart(*at, now)) {
            return match answer {
                Some(Answer { id, rtt }) => Verdict::Answers { id, rtt },
                None => Verdict::Silent,
            };
        }
        let mut queried = signs().filter(|sign| matches!(sign.what, What::Queried));
        match queried.any(|sign| sign.at >= now && near(sign.at)) {
            true => Verdict::Heard,
            false => Verdict::Unknown,
        }
    }

    /// What the capture shows of `addr` within the window after `now`.
    pub(super) fn outlook(&self, addr: &SocketAddr, now: Instant) -> Outlook {
        let signs = self.signs.get(addr).into_iter().flatten();
        let mut outlook = Outlook::Unseen;
        for sign in signs.filter(|sign| sign.at > now && sign.at <= now + self.window) {
            match sign.what {
                What::Queried => return Outlook::Heard,
                What::Asked { answer, .. } => match self.decided(sign.at, answer) {
                    Some((_, Some(_))) => return Outlook::Heard,
                    Some((_, None)) => outlook = Outlook::Silent,
                    None => {}
                },
            }
        }
        outlook
    }

    /// An exchange and its answer in time, if any; `None` while the capture
    /// has not gone on for long enough to tell.
    fn decided(&self, at: Instant, answer: Option<Answer>) -> Option<(Instant, Option<Answer>)> {
        let in_time = answer.filter(|answer| answer.rtt <= ANSWER_WITHIN);
        (in_time.is_some() || at + ANSWER_WITHIN <= self.latest).then_some((at, in_time))
    }

    fn add(&mut self, at: Instant, addr: SocketAddr, what: What) {
        self.latest = self.latest.max(at);
        let signs = self.signs.entry(addr).or_default();
        signs.push_back(Sign { at, what });
        self.order.push_back((at, addr));
    }
}

/// Time between two moments, whichever comes first.
fn apart(one: Instant, other: Instant) -> Duration {
    one.since(other).max(other.since(one))
}

/// The last ID heard of each address; the address that was named first is
/// forgotten first.
#[derive(Debug, Default)]
struct Names {
    ids: BTreeMap<SocketAddr, Id>,
    order: VecDeque<SocketAddr>,
}

impl Names {
    /// About 20 MB.
    const MOST: usize = 1 << 17;

    fn set(&mut self, addr: SocketAddr, id: Id) {
        if self.ids.insert(addr, id).is_none() {
            self.order.push_back(addr);
            if self.order.len() > Self::MOST
                && let Some(oldest) = self.order.pop_front()
            {
                self.ids.remove(&oldest);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Instant {
        Instant::from_micros(seconds * 1_000_000)
    }

    fn addr() -> SocketAddr {
        "1.2.3.4:5".parse().unwrap()
    }

    fn evidence() -> Evidence {
        Evidence::new(Duration::from_secs(900))
    }

    #[test]
    fn the_nearest_exchange_decides() {
        let mut evidence = evidence();
        evidence.asked(at(0), addr(), 1);
        evidence.answered(at(1), addr(), 1, None);
        evidence.asked(at(600), addr(), 2);
        evidence.queried(at(700), addr(), None);
        let (id, rtt) = (None, Duration::from_secs(1));
        assert_eq!(
            evidence.judge(&addr(), at(200)),
            Verdict::Answers { id, rtt }
        );
        assert_eq!(evidence.judge(&addr(), at(400)), Verdict::Silent);
        assert_eq!(evidence.outlook(&addr(), at(0)), Outlook::Heard);
        assert_eq!(evidence.outlook(&addr(), at(700)), Outlook::Unseen);
    }

    #[test]
    fn a_query_counts_when_it_is_yet_to_come() {
        let mut evidence = evidence();
        evidence.queried(at(1000), addr(), None);
        assert_eq!(evidence.judge(&addr(), at(99)), Verdict::Unknown, "too far");
        assert_eq!(evidence.judge(&addr(), at(100)), Verdict::Heard);
        assert_eq!(evidence.judge(&addr(), at(1001)), Verdict::Unknown, "past");
    }

    #[test]
    fn what_the_capture_is_too_short_for_is_not_silence() {
        let mut evidence = evidence();
        evidence.asked(at(10), addr(), 1);
        assert_eq!(evidence.judge(&addr(), at(10)), Verdict::Unknown);
        evidence.queried(at(12), "1.2.3.4:6".parse().unwrap(), None);
        assert_eq!(evidence.judge(&addr(), at(10)), Verdict::Silent);
    }

    #[test]
    fn a_late_answer_is_silence() {
        let mut evidence = evidence();
        evidence.asked(at(10), addr(), 1);
        evidence.answered(at(13), addr(), 1, None);
        assert_eq!(evidence.judge(&addr(), at(10)), Verdict::Silent);
    }

    #[test]
    fn what_is_past_is_forgotten() {
        let mut evidence = evidence();
        evidence.asked(at(0), addr(), 1);
        evidence.queried(at(950), addr(), None);
        evidence.forget(at(901));
        assert_eq!(evidence.order.len(), 1);
        assert_eq!(evidence.judge(&addr(), at(901)), Verdict::Heard);
        evidence.forget(at(2000));
        assert!(evidence.signs.is_empty() && evidence.order.is_empty());
    }
}
