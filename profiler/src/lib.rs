//! Black-box profiler of Mainline DHT nodes: what a node does is told from
//! its packets alone [thesis 8.III].
//!
//! ```text
//! capture      records of a capture file -> UDP datagrams
//! reading      datagrams -> KRPC messages, recognised by content
//! observer     the messages of one node under test, and from them
//!   exchange     queries matched with their answers
//!   lookup       get_peers queries grouped into lookups
//! measurement  plug-ins that are fed with all three and end in figures
//! profile      the figures as JSON and as a text table
//! ```
//!
//! Everything is one pass in time order (two when no node is named), with
//! state per open exchange and open lookup, never per packet. Time is whole
//! nanoseconds throughout.
//!
//! ```no_run
//! # fn main() -> Result<(), mdht_profiler::Error> {
//! use mdht_profiler::{Options, Profiler};
//!
//! let nodes = vec!["10.0.0.1:6881=NR128-A".parse().expect("a node")];
//! let options = Options { nodes, ..Options::default() };
//! let profile = Profiler::new(options).run(&["run.pcap"], &mut |_| {})?;
//! print!("{profile}");
//! # Ok(())
//! # }
//! ```

mod busiest;
mod capture;
mod client;
mod csv;
mod diff;
mod distribution;
mod exchange;
mod figure;
mod lookup;
pub mod measurement;
mod node;
mod observer;
mod profile;
mod profiler;
mod reading;
mod referrals;
mod remotes;
mod series;
mod table;
mod timestamp;
mod transaction;
mod waterfall;

pub use busiest::BusyAddress;
pub use capture::CaptureError;
pub use client::ClientCode;
pub use diff::{Diff, DiffError, NodeDiff, Row, diff};
pub use distribution::Distribution;
pub use exchange::{Answer, Exchange, LATE_LIMIT, Outcome, QueryKind, SentQuery, Stray};
pub use figure::{Axis, BarOutcome, DataTable, Figure, FigureData, Scale, WaterfallBar};
pub use lookup::{FirstValue, Lookup, LookupId, LookupKind, LookupProgress};
pub use node::{NodeSpec, ParseNodeError};
pub use observer::{Direction, Observed};
pub use profile::{NodeProfile, Profile};
pub use profiler::{Error, Options, Profiler, Progress};
pub use reading::CaptureSummary;
pub use remotes::{IdFit, QueriedAddress, Remotes, Sender};
pub use series::Series;
pub use timestamp::Timestamp;
pub use waterfall::Waterfall;
