//! What a person who runs a node is told of.

use std::fmt;
use std::net::SocketAddr;

use mdht_krpc::Family;

use super::Logged;
use crate::core::{BudgetLimit, Event};

/// Something that a person who runs a node may want to know.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Notice {
    /// The core's word: joined, offline, online and the like.
    Core(Event),
    /// The name of a bootstrap node cannot be resolved.
    CannotResolve {
        /// As it was given.
        host: String,
        /// What went wrong.
        problem: String,
    },
    /// Datagrams cannot be sent, with the system's word. Said once until it ends.
    CannotSend(String),
    /// Datagrams can be sent again.
    SendingAgain,
    /// The state could not be saved.
    CannotSave(String),
    /// A state file was there but could not be used; the node starts anew.
    StateUnusable(String),
    /// The capture had to be ended.
    CaptureStopped(String),
}

impl fmt::Display for Notice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = |family: &Family| match family {
            Family::V4 => "IPv4",
            Family::V6 => "IPv6",
        };
        match self {
            Self::CannotResolve { host, problem } => {
                write!(f, "bootstrap node {host}: {problem}")
            }
            Self::CannotSend(why) => write!(f, "cannot send: {why}"),
            Self::SendingAgain => write!(f, "sending again"),
            Self::CannotSave(why) => write!(f, "state not saved: {why}"),
            Self::StateUnusable(why) => write!(f, "{why}"),
            Self::CaptureStopped(why) => write!(f, "capture ended: {why}"),
            Self::Core(event) => match event {
                Event::Joined { family } => write!(f, "joined the {} DHT", name(family)),
                Event::Offline { family } => write!(
                    f,
                    "{}: nobody answers; keeping all contacts and looking for a way back",
                    name(family)
                ),
                Event::Online { family } => write!(f, "{}: answers come again", name(family)),
                Event::Reachable { family } => {
                    write!(f, "{}: others can reach this node", name(family))
                }
                Event::Unreachable { family, trial_in } => write!(
                    f,
                    "{}: nobody can reach this node (NAT or firewall); read-only from now on, \
                     another try in {} s",
                    name(family),
                    trial_in.as_secs()
                ),
                Event::ReachabilityTrial { family } => write!(
                    f,
                    "{}: answering again, to see whether others can reach this node now",
                    name(family)
                ),
                Event::Resumed { gap } => {
                    write!(f, "the clock jumped by {} s: joining anew", gap.as_secs())
                }
                Event::BudgetSpent { limit } => {
                    let what = match limit {
                        BudgetLimit::Packets => "packets a second",
                        BudgetLimit::Bytes => "bytes a day",
                        BudgetLimit::Remotes => "distinct addresses a minute",
                    };
                    write!(
                        f,
                        "the budget of {what} is spent: others are not answered, our own queries wait"
                    )
                }
                Event::BudgetFree => write!(f, "the budget has lasted for a minute again"),
                Event::IdChanged {
                    family,
                    old,
                    new,
                    ip,
                } => write!(
                    f,
                    "{}: node ID {old} gives way to {new}, which fits {ip}",
                    name(family)
                ),
                Event::ExternalAddress { addr } => write!(f, "others see us as {addr}"),
                Event::JoinFailed {
                    family,
                    tried,
                    retry_in,
                } if tried.is_empty() => write!(
                    f,
                    "{}: no node known to join by; looking again in {} s",
                    name(family),
                    retry_in.as_secs()
                ),
                Event::JoinFailed {
                    family,
                    tried,
                    retry_in,
                } => {
                    let shown = |addr: &SocketAddr| {
                        let (addr, whole) = (*addr, false);
                        Logged { addr, whole }.to_string()
                    };
                    let tried: Vec<_> = tried.iter().map(shown).collect();
                    let (family, tried) = (name(family), tried.join(", "));
                    let seconds = retry_in.as_secs();
                    write!(
                        f,
                        "{family}: no answer from {tried}; asking again, then in {seconds} s"
                    )
                }
                other => write!(f, "{other:?}"),
            },
        }
    }
}
