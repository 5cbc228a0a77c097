//! Which attacks there are, and how strong each is.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Most addresses of an adversary.
const MOST_HOSTS: u32 = 65_000;
/// Most datagrams that it sends in a second.
const MOST_RATE: f64 = 20_000.0;

/// A kind of attack.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Kind {
    /// No attack: what others are compared with.
    None,
    /// Sybils nearer to each key than any honest node. They name each other and
    /// hold nothing.
    Sybil,
    /// The same, but they answer with false peers.
    Poison,
    /// Attackers with IDs from everywhere query the node and answer it well,
    /// until its table is theirs; asked for a key they name Sybils near it.
    Table,
    /// The same with IDs that fit their addresses [BEP 42].
    TableSecure,
    /// The same with IDs next to the node's own.
    NearId,
    /// One ID that queries and answers from many addresses.
    OneId,
    /// Queries from forged sources with an ID each; nobody ever answers there.
    ForgedIds,
    /// Responses that bear the sources of nodes near the key that is being
    /// looked up, with guessed transaction IDs and false peers.
    Spoof,
    /// Announces from forged sources with tokens that were given to one of the
    /// attackers' own addresses.
    Replay,
    /// get_peers for well known swarms, all from one forged source.
    Reflect,
    /// Announces with good tokens, each for another infohash.
    Announces,
    /// Mutable items with good tokens and signatures, each under another key
    /// (BEP 44).
    Items,
    /// Turned nodes do not answer.
    Silent,
    /// They answer 1.5 s later than they would.
    Slow,
    /// They answer with what is no message, or with one that is cut or
    /// mistyped.
    Garbage,
    /// They name nobody but themselves.
    Mirrors,
    /// They name the asker itself, under its own ID and under others.
    Asker,
    /// They name two thousand nodes near the key that do not exist.
    Thousands,
    /// They name eight nodes near the key that do not exist, as many as honest
    /// nodes name.
    Phantoms,
    /// They name private, multicast and impossible addresses, as nodes and as
    /// peers.
    Martians,
    /// They answer with false peers.
    Liars,
}

/// What the strength of an attack is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Strength {
    /// It has none.
    Nothing,
    /// Number of attackers' addresses.
    Hosts,
    /// Datagrams a second.
    Rate,
    /// Share of the world's nodes that are turned.
    Share,
}

impl Kind {
    /// All kinds but [`Kind::None`], in the order of their documentation.
    pub const ALL: [Self; 21] = [
        Self::Sybil,
        Self::Poison,
        Self::Table,
        Self::TableSecure,
        Self::NearId,
        Self::OneId,
        Self::ForgedIds,
        Self::Spoof,
        Self::Replay,
        Self::Reflect,
        Self::Announces,
        Self::Items,
        Self::Silent,
        Self::Slow,
        Self::Garbage,
        Self::Mirrors,
        Self::Asker,
        Self::Thousands,
        Self::Phantoms,
        Self::Martians,
        Self::Liars,
    ];

    /// What its strength is.
    pub const fn strength(self) -> Strength {
        match self {
            Self::None => Strength::Nothing,
            Self::Sybil
            | Self::Poison
            | Self::Table
            | Self::TableSecure
            | Self::NearId
            | Self::OneId => Strength::Hosts,
            Self::ForgedIds
            | Self::Spoof
            | Self::Replay
            | Self::Reflect
            | Self::Announces
            | Self::Items => Strength::Rate,
            Self::Silent
            | Self::Slow
            | Self::Garbage
            | Self::Mirrors
            | Self::Asker
            | Self::Thousands
            | Self::Phantoms
            | Self::Martians
            | Self::Liars => Strength::Share,
        }
    }

    /// Whether attackers query the node to get into its table.
    pub(crate) const fn is_courting(self) -> bool {
        matches!(
            self,
            Self::Table | Self::TableSecure | Self::NearId | Self::OneId
        )
    }

    /// Its name in scripts.
    pub const fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Sybil => "sybil",
            Self::Poison => "poison",
            Self::Table => "table",
            Self::TableSecure => "table-secure",
            Self::NearId => "near-id",
            Self::OneId => "one-id",
            Self::ForgedIds => "forged-ids",
            Self::Spoof => "spoof",
            Self::Replay => "replay",
            Self::Reflect => "reflect",
            Self::Announces => "announces",
            Self::Items => "items",
            Self::Silent => "silent",
            Self::Slow => "slow",
            Self::Garbage => "garbage",
            Self::Mirrors => "mirrors",
            Self::Asker => "asker",
            Self::Thousands => "thousands",
            Self::Phantoms => "phantoms",
            Self::Martians => "martians",
            Self::Liars => "liars",
        }
    }
}

/// An attack.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Attack {
    /// What is done.
    pub kind: Kind,
    /// How strongly, in the unit of [`Kind::strength`].
    pub strength: f64,
    /// Attackers' addresses in one /24, 1 to 254; 1: each has a /24 of its own.
    pub per_24: u32,
}

impl Attack {
    /// No attack.
    pub const NONE: Self = Self {
        kind: Kind::None,
        strength: 0.0,
        per_24: 1,
    };

    /// An attack by addresses that each have a /24 of their own.
    ///
    /// # Errors
    /// The strength is out of the range that the error names.
    pub fn new(kind: Kind, strength: f64) -> Result<Self, AttackError> {
        let attack = Self {
            kind,
            strength,
            per_24: 1,
        };
        attack.check().map(|()| attack)
    }

    /// Checks strength and addresses.
    ///
    /// # Errors
    /// One is out of the range that the error names.
    pub fn check(&self) -> Result<(), AttackError> {
        let (least, most) = match self.kind.strength() {
            Strength::Nothing => (0.0, 0.0),
            Strength::Hosts => (1.0, f64::from(MOST_HOSTS)),
            Strength::Rate => (0.1, MOST_RATE),
            Strength::Share => (0.0, 1.0),
        };
        let is_whole = self.kind.strength() != Strength::Hosts || self.strength.fract() == 0.0;
        if !(least..=most).contains(&self.strength) || !is_whole {
            return Err(AttackError::Strength {
                kind: self.kind.name(),
                strength: self.strength,
                least,
                most,
            });
        }
        match self.per_24 {
            1..=254 => Ok(()),
            per_24 => Err(AttackError::PerSubnet { per_24 }),
        }
    }

    /// Number of attackers' addresses.
    pub(crate) fn hosts(&self) -> u32 {
        /// Of those that send by rate.
        const SENDERS: u32 = 1000;
        match self.kind.strength() {
            #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // checked
            Strength::Hosts => self.strength as u32,
            Strength::Rate => SENDERS,
            Strength::Nothing | Strength::Share => 0,
        }
    }

    /// Whether a share of the world's nodes is turned.
    pub fn is_by_turned_nodes(&self) -> bool {
        self.kind.strength() == Strength::Share
    }
}

impl fmt::Display for Attack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.kind.name();
        match self.kind.strength() {
            Strength::Nothing => f.write_str(name),
            Strength::Hosts => write!(f, "{name}, {} addresses", self.strength),
            Strength::Rate => write!(f, "{name}, {} a second", self.strength),
            Strength::Share => write!(f, "{name}, {} % of all", 100.0 * self.strength),
        }?;
        match self.per_24 {
            1 => Ok(()),
            per_24 => write!(f, ", {per_24} of a /24"),
        }
    }
}

/// Reads `kind:strength`, such as `slow:0.3`.
impl FromStr for Attack {
    type Err = AttackError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let unread = || AttackError::Unread {
            text: text.to_owned(),
        };
        let (name, strength) = text.split_once(':').ok_or_else(unread)?;
        let kind = Kind::ALL.into_iter().find(|kind| kind.name() == name);
        let strength = strength.parse().map_err(|_| unread())?;
        Self::new(kind.ok_or_else(unread)?, strength)
    }
}

/// Why there can be no such attack.
#[derive(Clone, Debug, PartialEq, Error)]
#[non_exhaustive]
pub enum AttackError {
    /// The strength is out of range.
    #[error("{kind}: a strength of {strength} is not from {least} to {most}")]
    Strength {
        /// The kind's name.
        kind: &'static str,
        /// What was asked for.
        strength: f64,
        /// The least.
        least: f64,
        /// The most.
        most: f64,
    },
    /// No /24 has so many addresses.
    #[error("per_24: {per_24} addresses of a /24 are not from 1 to 254")]
    PerSubnet {
        /// What was asked for.
        per_24: u32,
    },
    /// A text is no attack.
    #[error("{text}: it is no attack; allowed: KIND:STRENGTH, such as slow:0.3")]
    Unread {
        /// The text.
        text: String,
    },
    /// Only turned nodes can be served.
    #[error(
        "{kind}: on real UDP only turned nodes attack: silent, slow, garbage, mirrors, asker, \
         thousands, phantoms, martians and liars"
    )]
    NotServed {
        /// The kind's name.
        kind: &'static str,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attacks_are_read_from_their_names() {
        for kind in Kind::ALL {
            let read: Attack = format!("{}:1", kind.name()).parse().unwrap();
            assert_eq!((read.kind, read.strength), (kind, 1.0));
        }
        for bad in [
            "slow",
            "slow:",
            "sloow:0.5",
            "slow:2",
            "none:0",
            "sybil:0.5",
        ] {
            assert!(bad.parse::<Attack>().is_err(), "{bad}");
        }
    }
}
