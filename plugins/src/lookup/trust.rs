//! Whom a lookup doubts: what all lookup modules of this crate have in common
//! against those that answer to mislead.

use mdht_krpc::{Contact, id_fits_addr};

use super::{LookupResponse, density, referrals};
use crate::parameter::{Parameter, Parameters, Value};

/// What is doubted; nothing in the thesis's experiments.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Trust {
    /// An honest set is taken for too near once in ten to this power; 0 is never.
    pub(super) density: usize,
    /// Responders that must count where some are too near.
    pub(super) region: usize,
    /// Those that named nobody and had nothing count as others do.
    counts_useless: bool,
    /// Most names of one responder that may lead nowhere; 0 is no bound.
    pub(super) per_responder: usize,
    bep42: Bep42,
}

/// What is made of IDs that do not fit their addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Bep42 {
    Off,
    Prefer,
    Enforce,
}

/// The parameters that say so.
pub(super) fn parameters() -> [Parameter; 5] {
    [
        density::parameter(),
        Parameter::integer(
            "region",
            8,
            (1, 64),
            "responders",
            "at least, to end a lookup and to announce to, where some are too near; no such counts",
        ),
        referrals::parameter(),
        Parameter::choice(
            "useless",
            &["count", "pass"],
            "responders that name nobody but themselves and have no values; pass: they do not \
             count as closest alone",
        )
        .live(Value::Choice("pass")),
        Parameter::choice(
            "bep42",
            &["off", "prefer", "enforce"],
            "responders whose ID does not fit their address; prefer: they do not count as closest \
             alone; enforce: they neither count nor are announced to",
        ),
    ]
}

impl Trust {
    pub(super) fn new(parameters: &Parameters) -> Self {
        Self {
            density: parameters.integer("density"),
            region: parameters.integer("region"),
            counts_useless: parameters.choice("useless") == "count",
            per_responder: parameters.integer("per_responder"),
            bep42: match parameters.choice("bep42") {
                "prefer" => Bep42::Prefer,
                "enforce" => Bep42::Enforce,
                _ => Bep42::Off,
            },
        }
    }

    /// Whether a responder is none at all for the end of a lookup.
    pub(super) fn ignores(&self, responder: &Contact) -> bool {
        self.bep42 == Bep42::Enforce && !fits(responder)
    }

    /// Whether a contact's ID is as wanted.
    pub(super) fn is_fit(&self, contact: &Contact) -> bool {
        self.bep42 == Bep42::Off || fits(contact)
    }

    /// Whether a response helped the lookup on.
    pub(super) fn is_of_use(&self, response: &LookupResponse<'_>) -> bool {
        let own = response.contact.addr;
        self.counts_useless
            || response.has_values
            || response.nodes.iter().any(|node| node.addr != own)
    }
}

fn fits(contact: &Contact) -> bool {
    id_fits_addr(&contact.id, contact.addr.ip())
}
