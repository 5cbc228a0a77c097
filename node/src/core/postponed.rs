//! Queries that wait until the node's budget allows them, and those that were
//! given up before they were sent.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::Duration;

use mdht_krpc::{Body, Family, Instant, Message};
use mdht_plugins::routing::{Origin, TimeoutSeen};

use super::budget::{BudgetLimit, Urgency, Wait};
use super::sending::Destination;
use super::timers::{Timer, TimerKey};
use super::transactions::{Purpose, TransactionId};
use super::{Core, Event, QueryOutcome, SocketId};

/// What became of a query that was to be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sent {
    /// It is under way.
    Now,
    /// It waits, or will be told of as given up; either way its end comes.
    Later,
    /// It was not, and nothing will come of it.
    Not,
}

/// A query that waits.
#[derive(Debug)]
struct Waiting {
    id: TransactionId,
    socket: SocketId,
    destination: Destination,
    payload: Vec<u8>,
    since: Instant,
}

/// Those that wait, in the order they came in, the user's apart.
#[derive(Debug, Default)]
pub(crate) struct Postponed {
    of_user: VecDeque<Waiting>,
    of_maintenance: VecDeque<Waiting>,
    /// Given up without having been sent; their senders are not told yet.
    given_up: VecDeque<Destination>,
    /// The next time to look at them.
    look: Option<TimerKey>,
    /// When something last had to wait, since the budget was last free.
    last_refusal: Option<Instant>,
}

impl Postponed {
    /// Most that wait of each kind, and most given up at once.
    const MOST: usize = 1024;
    /// How long a query waits before it is given up.
    const LONGEST: Duration = Duration::from_secs(10);
    /// A budget is free again when nothing had to wait for so long.
    const QUIET: Duration = Duration::from_secs(60);

    fn queue(&mut self, urgency: Urgency) -> &mut VecDeque<Waiting> {
        match urgency {
            Urgency::User => &mut self.of_user,
            _ => &mut self.of_maintenance,
        }
    }

    /// Whether one of this urgency would overtake another.
    fn must_queue(&self, urgency: Urgency) -> bool {
        let maintenance = urgency == Urgency::Maintenance && !self.of_maintenance.is_empty();
        !self.of_user.is_empty() || maintenance
    }
}

impl Core {
    fn urgency(&self, purpose: Purpose) -> Urgency {
        match purpose {
            Purpose::Routing(_) => Urgency::Maintenance,
            Purpose::Search(search) if self.is_maintenance(search) => Urgency::Maintenance,
            _ => Urgency::User,
        }
    }

    /// Whether an answer may be sent now; if so it is paid for.
    pub(crate) fn may_answer(&mut self, to: SocketAddr, len: usize) -> bool {
        let now = self.now;
        let Some(spending) = &mut self.spending else {
            return true;
        };
        match spending.spend(now, Urgency::Answer, to, len) {
            Ok(()) => true,
            Err(wait) => {
                self.note_refusal(wait.limit);
                false
            }
        }
    }

    /// Whether a query may be sent now; if so it is paid for, if not it has to
    /// wait and be looked at then.
    pub(crate) fn may_query(
        &mut self,
        destination: &Destination,
        len: usize,
    ) -> Result<(), Instant> {
        let (now, urgency) = (self.now, self.urgency(destination.purpose));
        let Some(spending) = &mut self.spending else {
            return Ok(());
        };
        if self.postponed.must_queue(urgency) {
            return Err(now + Postponed::LONGEST);
        }
        let spent = spending.spend(now, urgency, destination.to, len);
        spent.map_err(|Wait { limit, until }| {
            self.note_refusal(limit);
            until
        })
    }

    /// Lets a query wait.
    pub(crate) fn postpone(
        &mut self,
        (id, socket): (TransactionId, SocketId),
        destination: &Destination,
        payload: Vec<u8>,
        until: Instant,
    ) -> Sent {
        let urgency = self.urgency(destination.purpose);
        let since = self.now;
        if self.postponed.queue(urgency).len() >= Postponed::MOST {
            return self.give_up(destination);
        }
        self.stats.queries_postponed += 1;
        let waiting = Waiting {
            id,
            socket,
            destination: *destination,
            payload,
            since,
        };
        self.postponed.queue(urgency).push_back(waiting);
        self.look_at_postponed(until.min(since + Postponed::LONGEST));
        Sent::Later
    }

    /// A query is not sent at all; its sender is told, though not before it has
    /// done asking.
    pub(crate) fn give_up(&mut self, destination: &Destination) -> Sent {
        self.stats.queries_unsent += 1;
        if self.postponed.given_up.len() >= Postponed::MOST {
            self.stats.dropped += 1;
            return Sent::Not;
        }
        self.postponed.given_up.push_back(*destination);
        self.look_at_postponed(self.now);
        Sent::Later
    }

    /// Looks at what waits at `at`, or sooner if so planned.
    fn look_at_postponed(&mut self, at: Instant) {
        if self.postponed.look.is_some_and(|key| key.at() <= at) {
            return;
        }
        let planned = self.postponed.look.take();
        self.timers.cancel(planned);
        self.postponed.look = Some(self.timers.set(at, Timer::Postponed));
    }

    /// Sends what may be sent by now, and tells of what is given up.
    pub(crate) fn send_postponed(&mut self) {
        self.postponed.look = None;
        for destination in std::mem::take(&mut self.postponed.given_up) {
            self.tell_unsent(&destination);
        }
        for urgency in [Urgency::User, Urgency::Maintenance] {
            while let Some(next) = self.postponed.queue(urgency).pop_front() {
                if self.is_wanted(next.destination.purpose)
                    && let Some(next) = self.send_waiting(urgency, next)
                {
                    self.postponed.queue(urgency).push_front(next);
                    break;
                }
            }
        }
        if self.postponed.of_user.is_empty() && self.postponed.of_maintenance.is_empty() {
            self.postponed.of_user = VecDeque::new();
            self.postponed.of_maintenance = VecDeque::new();
        }
    }

    /// Sends one that waited, gives it up, or gives it back to wait on.
    fn send_waiting(&mut self, urgency: Urgency, next: Waiting) -> Option<Waiting> {
        let now = self.now;
        let to = next.destination.to;
        let len = next.payload.len();
        let spent = match &mut self.spending {
            // nothing may overtake what the user waits for
            _ if urgency != Urgency::User && !self.postponed.of_user.is_empty() => Err(now),
            Some(spending) => spending
                .spend(now, urgency, to, len)
                .map_err(|wait| wait.until),
            None => Ok(()),
        };
        let end = next.since + Postponed::LONGEST;
        match spent {
            Ok(()) => self.send_at_last(next),
            Err(_) if now >= end => {
                self.stats.queries_unsent += 1;
                self.tell_unsent(&next.destination);
            }
            Err(until) => {
                self.note_refusal_again();
                let until = if until > now { until } else { end };
                self.look_at_postponed(until.min(end));
                return Some(next);
            }
        }
        None
    }

    fn send_at_last(&mut self, waited: Waiting) {
        let Waiting {
            id,
            socket,
            destination,
            payload,
            ..
        } = waited;
        if self.transactions.is_full() {
            self.stats.dropped += 1;
            self.stats.queries_unsent += 1;
            return self.tell_unsent(&destination);
        }
        self.open_transaction_as(id, socket, &destination);
        if let Ok(message) = Message::scan(&payload)
            && let Body::Query(query) = &message.body
        {
            self.stats.queries_sent.count(&query.method);
        }
        if let Purpose::Search(search) = destination.purpose {
            self.on_search_query_sent(search, &destination);
        }
        self.transmit(socket, destination.to, payload);
    }

    /// Whether anybody still waits for what becomes of the query.
    fn is_wanted(&self, purpose: Purpose) -> bool {
        match purpose {
            Purpose::Search(search) => self.is_running(search),
            _ => true,
        }
    }

    /// Tells a query's sender that it was not sent. Nobody is blamed.
    fn tell_unsent(&mut self, destination: &Destination) {
        let Destination {
            to,
            expected_id,
            purpose,
            ..
        } = *destination;
        match purpose {
            Purpose::Search(search) => self.on_search_unsent(search, destination),
            Purpose::Announce(lookup) => self.on_announced(lookup, false),
            Purpose::User(query) => self.tell(Event::QueryDone {
                query,
                addr: to,
                outcome: QueryOutcome::NoAnswer,
            }),
            Purpose::Routing(tag) => {
                let seen = TimeoutSeen {
                    addr: to,
                    expected_id,
                    origin: Origin::Routing(tag),
                };
                self.with_routing(Family::of(&to), |module, cx| module.on_unsent(cx, &seen));
            }
            Purpose::Bootstrap => {}
        }
    }

    fn note_refusal(&mut self, limit: BudgetLimit) {
        let now = self.now;
        if self.postponed.last_refusal.replace(now).is_none() {
            self.tell(Event::BudgetSpent { limit });
            self.timers.set(now + Postponed::QUIET, Timer::BudgetFree);
        }
    }

    fn note_refusal_again(&mut self) {
        if self.postponed.last_refusal.is_some() {
            self.postponed.last_refusal = Some(self.now);
        }
    }

    /// Says that the budget is free, if nothing had to wait for a while.
    pub(crate) fn look_whether_budget_is_free(&mut self) {
        let Some(last) = self.postponed.last_refusal else {
            return;
        };
        let quiet = last + Postponed::QUIET;
        if quiet > self.now {
            self.timers.set(quiet, Timer::BudgetFree);
        } else {
            self.postponed.last_refusal = None;
            self.tell(Event::BudgetFree);
        }
    }
}
