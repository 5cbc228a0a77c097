//! What becomes of our queries: responses, errors and silence.

use std::time::Duration;

use mdht_krpc::{Contact, ErrorReply, Family, Id, Response, id_fits_addr};
use mdht_plugins::lookup;
use mdht_plugins::routing::{ErrorSeen, Origin, ResponseSeen, TimeoutSeen};

use super::incoming::Incoming;
use super::overlay::HeldTimeout;
use super::search::Answer;
use super::transactions::{Purpose, Transaction, TransactionId};
use super::{Core, Event, QueryOutcome, Sample};

impl Core {
    pub(crate) fn on_response(&mut self, incoming: &Incoming<'_>, response: &Response<'_>) {
        let Incoming { from, message, .. } = *incoming;
        self.stats.responses_received += 1;
        let Some(transaction) = self.take_answered(incoming) else {
            return;
        };
        let family = transaction.family();
        let Some(id) = response.id.filter(|id| !self.is_own_id(family, id)) else {
            // no ID, or our own sent back: such a node is no use, but it is not silence
            self.stats.refused_responses += 1;
            return self.on_fruitless_answer(&transaction, 0, "response without a valid id");
        };
        self.note_answer(family);
        self.count_vote(incoming);
        let nodes = match family {
            Family::V4 => response.nodes,
            Family::V6 => response.nodes6,
        };
        let nodes = nodes
            .map(|nodes| self.usable(family, nodes.iter()))
            .unwrap_or_default();
        let contact = Contact::new(id, from);
        let rtt = self.now.since(transaction.sent);
        self.note_outcome(contact, Some(rtt));
        let seen = ResponseSeen {
            contact,
            expected_id: transaction.expected_id,
            rtt,
            nodes: &nodes,
            version: message.version,
            id_fits_addr: id_fits_addr(&id, from.ip()),
            origin: self.origin(transaction.purpose),
        };
        self.with_routing(family, |module, cx| module.on_response(cx, &seen));
        self.note_joined(family);
        self.start_waiting_lookups();
        match transaction.purpose {
            Purpose::Search(search) => {
                let answer = Answer {
                    transaction: &transaction,
                    id,
                    rtt,
                    nodes: &nodes,
                    response,
                };
                self.on_search_response(search, &answer);
            }
            Purpose::Announce(lookup) => self.on_announced(lookup, true),
            Purpose::User(query) => {
                let version = message.version.map(<[u8]>::to_vec);
                let outcome = QueryOutcome::Response {
                    id,
                    rtt,
                    version,
                    nodes,
                    sample: Sample::of(response).map(Box::new),
                };
                self.tell(Event::QueryDone {
                    query,
                    addr: from,
                    outcome,
                });
            }
            Purpose::Bootstrap => self.on_bootstrap_response(family, response),
            Purpose::Routing(_) => {}
        }
    }

    pub(crate) fn on_error(&mut self, incoming: &Incoming<'_>, error: &ErrorReply<'_>) {
        self.stats.errors_received += 1;
        let Some(transaction) = self.take_answered(incoming) else {
            return;
        };
        self.note_answer(transaction.family());
        // nodes that enforce BEP 42 answer with an error, and say why
        self.count_vote(incoming);
        let text = String::from_utf8_lossy(error.message);
        self.on_fruitless_answer(&transaction, error.code, &text);
    }

    /// An answer that helps nobody: an error, or a response that is refused.
    fn on_fruitless_answer(&mut self, transaction: &Transaction, code: i64, text: &str) {
        let seen = ErrorSeen {
            addr: transaction.to,
            expected_id: transaction.expected_id,
            rtt: self.now.since(transaction.sent),
            code,
            origin: self.origin(transaction.purpose),
        };
        self.with_routing(transaction.family(), |module, cx| {
            module.on_error(cx, &seen);
        });
        match transaction.purpose {
            Purpose::Search(search) => self.on_search_error(search, transaction),
            Purpose::Announce(lookup) => self.on_announce_refused(lookup, code),
            Purpose::User(query) => {
                let outcome = QueryOutcome::Error {
                    code,
                    message: text.to_owned(),
                };
                self.tell(Event::QueryDone {
                    query,
                    addr: transaction.to,
                    outcome,
                });
            }
            Purpose::Bootstrap | Purpose::Routing(_) => {}
        }
    }

    fn take_answered(&mut self, incoming: &Incoming<'_>) -> Option<Transaction> {
        let Incoming {
            socket,
            from,
            message,
        } = *incoming;
        let taken = self
            .transactions
            .take_answered(message.transaction_id, &from, socket);
        match &taken {
            None => self.stats.unmatched += 1,
            Some(transaction) => {
                self.note_acquaintance(from);
                self.timers.cancel(transaction.hard);
                transaction
                    .soft
                    .into_iter()
                    .for_each(|soft| self.timers.cancel(soft));
            }
        }
        taken
    }

    fn count_vote(&mut self, incoming: &Incoming<'_>) {
        let (family, voter) = (incoming.family(), incoming.from);
        let says = incoming.message.external_addr;
        let Some(says) = says.filter(|addr| Family::of(addr) == family) else {
            return;
        };
        let before = self.external_addr(family);
        if self.main_socket(family) == Some(incoming.socket) {
            // another socket may be seen under another address
            self.vote_on_id(family, voter.ip(), says.ip());
        }
        let overlay = self.overlay(family);
        if let Some(addr) = overlay.and_then(|overlay| overlay.external.vote(voter.ip(), says)) {
            self.addresses.add_own(addr);
            if before.is_some_and(|before| before.ip() != addr.ip()) {
                self.note_moved(family);
            }
            self.tell(Event::ExternalAddress { addr });
        }
    }

    pub(crate) fn on_soft_timeout(&mut self, id: &TransactionId) {
        let Some(transaction) = self.transactions.get_mut(id) else {
            return;
        };
        transaction.soft = None;
        let transaction = transaction.clone();
        if let Purpose::Search(search) = transaction.purpose {
            self.on_search_timeout(search, &transaction, lookup::Timeout::Soft);
        }
    }

    pub(crate) fn on_hard_timeout(&mut self, id: &TransactionId) {
        let Some(transaction) = self.transactions.remove(id) else {
            return;
        };
        self.stats.timeouts += 1;
        let unknown = Id::default();
        let contact = Contact::new(transaction.expected_id.unwrap_or(unknown), transaction.to);
        self.note_outcome(contact, None);
        self.blame(&transaction);
        match transaction.purpose {
            Purpose::Search(search) => {
                self.on_search_timeout(search, &transaction, lookup::Timeout::Hard);
            }
            Purpose::Announce(lookup) => self.on_announced(lookup, false),
            Purpose::User(query) => {
                let (addr, outcome) = (transaction.to, QueryOutcome::NoAnswer);
                self.tell(Event::QueryDone {
                    query,
                    addr,
                    outcome,
                });
            }
            Purpose::Bootstrap | Purpose::Routing(_) => {}
        }
    }

    /// Tells the routing module that a contact was silent, at once if somebody
    /// else has answered since it was asked. If nobody has, it is not known
    /// yet who is to blame: the timeout is held back until an answer comes, or
    /// until so many are held that we must be offline ourselves.
    fn blame(&mut self, transaction: &Transaction) {
        /// More than this many queries in a row unanswered: we are offline.
        const MOST_HELD: usize = 10;
        let family = transaction.family();
        let held = HeldTimeout {
            addr: transaction.to,
            expected_id: transaction.expected_id,
            origin: self.origin(transaction.purpose),
        };
        let Some(overlay) = self.overlay(family) else {
            return;
        };
        if !overlay.online || overlay.answered_since(transaction.sent) {
            return self.tell_timeout(family, held);
        }
        overlay.held.push(held);
        if overlay.held.len() > MOST_HELD {
            self.go_offline(family);
        }
    }

    pub(crate) fn tell_timeout(&mut self, family: Family, held: HeldTimeout) {
        let HeldTimeout {
            addr,
            expected_id,
            origin,
        } = held;
        let seen = TimeoutSeen {
            addr,
            expected_id,
            origin,
        };
        self.with_routing(family, |module, cx| module.on_timeout(cx, &seen));
    }

    fn note_outcome(&mut self, contact: Contact, rtt: Option<Duration>) {
        let outcome = lookup::QueryOutcome {
            contact,
            rtt,
            now: self.now,
        };
        self.lookup_module.on_outcome(&outcome);
    }

    fn origin(&self, purpose: Purpose) -> Origin {
        match purpose {
            Purpose::Routing(tag) => Origin::Routing(tag),
            Purpose::Search(search) if self.is_maintenance(search) => Origin::MaintenanceLookup,
            Purpose::Search(_) | Purpose::Announce(_) => Origin::Lookup,
            Purpose::Bootstrap => Origin::Bootstrap,
            Purpose::User(_) => Origin::User,
        }
    }
}
