//! Telling nodes what they are to store, at the end of a lookup.

use std::time::Duration;

use mdht_krpc::{Contact, Family, Id, Query};

use crate::core::postponed::Sent;
use crate::core::sending::Destination;
use crate::core::transactions::Purpose;
use crate::core::{Core, LookupId};

/// The port that is announced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AnnouncePort {
    /// This port.
    Explicit(u16),
    /// The port that our queries come from, whatever a NAT makes of it
    /// (`implied_port` of BEP 5).
    Implied,
}

impl Core {
    /// How long an announce waits for its acknowledgement.
    const ANNOUNCE_TIMEOUT: Duration = Duration::from_secs(2);

    pub(crate) fn send_announce(
        &mut self,
        id: LookupId,
        family: Family,
        contact: &Contact,
        info_hash: Id,
        token: &[u8],
    ) {
        let Some(wish) = self.lookups.get(&id).map(|lookup| lookup.wish) else {
            return;
        };
        let Some(port) = wish.announce else {
            return;
        };
        let Some(own_id) = self.id(family) else {
            return;
        };
        let mut query = match port {
            AnnouncePort::Explicit(port) => Query::announce_peer(own_id, info_hash, port, token),
            AnnouncePort::Implied => {
                let socket = self
                    .main_socket(family)
                    .map(|socket| self.config.sockets[socket.0]);
                let port = socket.map_or(0, |addr| addr.port());
                let query = Query::announce_peer(own_id, info_hash, port, token);
                Query {
                    implied_port: true,
                    ..query
                }
            }
        };
        query.seed = wish.seed;
        self.send_to_store(id, contact, query);
    }

    /// Sends what a node is to store, an announce or a put, and waits for its
    /// word.
    pub(super) fn send_to_store(&mut self, id: LookupId, contact: &Contact, query: Query<'_>) {
        let destination = Destination {
            to: contact.addr,
            expected_id: Some(contact.id),
            purpose: Purpose::Announce(id),
            soft: None,
            hard: Self::ANNOUNCE_TIMEOUT,
        };
        let sent = self.send_query(&destination, query) != Sent::Not;
        if let (true, Some(lookup)) = (sent, self.lookups.get_mut(&id)) {
            lookup.report.announces += 1;
            lookup.open_announces += 1;
        }
    }

    pub(crate) fn on_announced(&mut self, id: LookupId, acknowledged: bool) {
        if let Some(lookup) = self.lookups.get_mut(&id) {
            lookup.open_announces -= 1;
            lookup.report.announced += u32::from(acknowledged);
            self.finish_if_over(id);
        }
    }
}
