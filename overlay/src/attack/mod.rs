//! Attackers in a simulated world, and what a node loses to them.
//!
//! An [`Attack`] is a kind of attack and how strong it is. A [`Siege`] lets one
//! node under test live in a world and look things up while an attack goes on,
//! and says in a [`Damage`] what became of it. The world, the node's seed and
//! its lookups are the same with and without attackers, so that two sieges that
//! differ in the attack alone can be compared.
//!
//! All attackers of a world are one adversary with many addresses and IDs, as
//! sans-IO as everything here: what reaches one of its addresses is handed to
//! it, and what it sends may bear any source. In three ways it gets at the
//! node: it sends to it; nodes of the world are turned and answer as it wishes;
//! and honest nodes name its addresses, as often as they would name anybody
//! else of that part of the ID space (`luring.rs`).
//!
//! ```text
//! kind       which attacks there are, and how strong each is
//! hosts      the adversary's addresses and IDs
//! adversary  what reaches it, when it acts, what it knows
//! turned     what turned nodes answer
//! luring     honest nodes that name attackers
//! courting   attackers that want to be in the table
//! floods     what is sent by rate: forged sources, guesses, announces
//! siege      a node's life under attack
//! damage     what became of it
//! ```

mod adversary;
mod courting;
mod damage;
mod floods;
mod hosts;
mod kind;
mod luring;
mod siege;
mod turned;

pub(crate) use adversary::{Adversary, Sent};
pub use damage::{Damage, Looked, Store, Traffic};
pub use kind::{Attack, AttackError, Kind, Strength};
pub use siege::Siege;
