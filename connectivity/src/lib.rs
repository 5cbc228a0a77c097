//! How well DHT nodes can be reached, and why not: active checkers in the
//! sense of thesis chapter 7.
//!
//! [`Checker`] is a state machine without sockets and clock: it pings every
//! node that queries an instrumented node, or that the user names, from three
//! [`Vantage`] points in two bursts, and reports a [`Pattern`] of six letters.
//! [`Causes`] says what is probably behind one. [`MappingSearch`] finds how
//! long a NAT keeps a mapping, [`Tally`] adds up a survey, and [`OwnView`] says
//! what the outside sees of us.
//!
//! What goes beyond the thesis: survival curves, telling a full cone NAT from
//! a node that left, mapping lifetimes, the pings behind each letter, and IDs
//! that share an address or addresses that share an ID.
//!
//! ```
//! use mdht_connectivity::{Causes, Pattern};
//! let pattern: Pattern = "RUU-UUU".parse()?;
//! assert_eq!(pattern.reciprocity(), Some(true));
//! assert_eq!(pattern.transitivity(), Some(false));
//! let likely = Causes::of(&pattern).to_string();
//! assert_eq!(likely, "port-restricted cone or symmetric NAT");
//! # Ok::<(), mdht_connectivity::ParsePatternError>(())
//! ```

mod bursts;
mod cause;
mod checker;
mod mapping;
mod own_view;
mod pattern;
mod report;
mod tally;
mod timing;

pub use bursts::{Bursts, Confidence, Pings};
pub use cause::{
    Cause, Causes, MISSED_BY_LOCALCHECKER_PERCENT, OTHER_PERCENT, PublishedRow, TABLE_1,
};
pub use checker::{
    Checker, Config, ConfigError, Event, Identity, Incoming, Limits, Port, Refusal, Stats, Transmit,
};
pub use mapping::{Lifetime, MappingSearch, SearchLimits};
pub use own_view::{Behaviour, OwnView, SecondAddress};
pub use pattern::{Letter, ParsePatternError, Pattern, Vantage};
pub use report::{Origin, Report};
pub use tally::{PatternRow, Properties, Tally};
pub use timing::{Plan, Timing, TimingError};
