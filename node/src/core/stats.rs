//! What a node counts of itself.

use mdht_krpc::Method;
use mdht_plugins::routing::TableChange;

/// Queries by method.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ByMethod {
    /// ping.
    pub ping: u64,
    /// find_node.
    pub find_node: u64,
    /// get_peers.
    pub get_peers: u64,
    /// announce_peer.
    pub announce_peer: u64,
    /// get (BEP 44).
    pub get: u64,
    /// put (BEP 44).
    pub put: u64,
    /// Any other.
    pub other: u64,
}

impl ByMethod {
    pub(crate) fn count(&mut self, method: &Method<'_>) {
        *match method {
            Method::Ping => &mut self.ping,
            Method::FindNode => &mut self.find_node,
            Method::GetPeers => &mut self.get_peers,
            Method::AnnouncePeer => &mut self.announce_peer,
            Method::Get => &mut self.get,
            Method::Put => &mut self.put,
            _ => &mut self.other,
        } += 1;
    }

    /// All methods together.
    pub const fn total(&self) -> u64 {
        let bep5 = self.ping + self.find_node + self.get_peers + self.announce_peer;
        bep5 + self.get + self.put + self.other
    }
}

/// Counters since the node began; they only grow.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Queries sent.
    pub queries_sent: ByMethod,
    /// Queries received, those left unanswered included.
    pub queries_received: ByMethod,
    /// Responses sent.
    pub responses_sent: u64,
    /// Errors sent.
    pub errors_sent: u64,
    /// Responses received, those that answer nothing included.
    pub responses_received: u64,
    /// Errors received, those that answer nothing included.
    pub errors_received: u64,
    /// Responses and errors that answer no open query: late, forged or from
    /// the wrong address.
    pub unmatched: u64,
    /// Responses to open queries that had to be refused: no valid node ID, or ours.
    pub refused_responses: u64,
    /// Queries of ours that nobody answered in time.
    pub timeouts: u64,
    /// Datagrams that are no KRPC message.
    pub malformed: u64,
    /// Datagrams longer than any honest one, left unread.
    pub oversized: u64,
    /// Messages read although they were not canonical bencode.
    pub noncanonical: u64,
    /// Datagrams from addresses that cannot be.
    pub bad_source: u64,
    /// Queries left unanswered because of a rate limit, of queries or of bytes.
    pub rate_limited: u64,
    /// Answers cut to what their asker may be sent.
    pub answers_trimmed: u64,
    /// Answers not sent, since nothing could be cut from them any more.
    pub answers_refused: u64,
    /// Answers not sent, since the node's budget was spent.
    pub answers_unsent: u64,
    /// Queries of ours that had to wait for the node's budget.
    pub queries_postponed: u64,
    /// Queries of ours given up before they were sent: the budget was spent for
    /// too long, or too much was in flight.
    pub queries_unsent: u64,
    /// Queries not sent, or datagrams dropped, because a queue was full.
    pub dropped: u64,
    /// Queries of hosts that we had not talked to, which show that others reach
    /// us; counted only where [`Config::read_only_if_unreachable`] is set, and
    /// so the two below.
    ///
    /// [`Config::read_only_if_unreachable`]: super::Config::read_only_if_unreachable
    pub unsolicited_queries: u64,
    /// Times that we became read-only since nobody reached us.
    pub read_only_turns: u64,
    /// Trials of whether somebody reaches us again.
    pub reachability_trials: u64,
    /// Announces and puts refused for a bad token.
    pub bad_tokens: u64,
    /// Bytes of UDP payload sent.
    pub bytes_sent: u64,
    /// Bytes of UDP payload received.
    pub bytes_received: u64,
    /// Changes of the routing tables.
    pub table: TableChanges,
}

/// Changes of the routing tables, both families together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TableChanges {
    /// Contacts that began to wait for admission.
    pub quarantined: u64,
    /// Contacts that entered.
    pub admitted: u64,
    /// Contacts that left because they did not answer.
    pub evicted: u64,
    /// Contacts that left for a better one.
    pub replaced: u64,
    /// Contacts given up before they entered.
    pub refused: u64,
}

impl TableChanges {
    pub(crate) fn count(&mut self, change: TableChange) {
        match change {
            TableChange::Quarantined => self.quarantined += 1,
            TableChange::Admitted => self.admitted += 1,
            TableChange::Evicted => self.evicted += 1,
            TableChange::Replaced => self.replaced += 1,
            TableChange::Refused => self.refused += 1,
            _ => {}
        }
    }
}
