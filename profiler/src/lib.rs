//! Black-box profiler of Mainline DHT nodes: what a node does is told from
//! its packets alone [thesis 8.III].
//!
//! ```text
//! input        files, standard input, and anything else that can be read
//! capture      bytes of a capture, of any format -> UDP datagrams
//! reading      datagrams -> KRPC messages, recognised by content
//! merge        several captures as one, by time
//! messages     one node's messages, for whoever wants no figures
//! handover     reading in one thread, measuring in another
//! observer     the messages of one node under test, and from them
//!   exchange     queries matched with their answers
//!   lookup       get_peers and get queries grouped into lookups
//!   referrals    which response led a lookup to which node
//!   remotes      every remote address, what it sent and what it answered
//!   waterfall    every query of the lookups that were chosen for it
//! measuring    what each measurement asks for, handed to it
//! measurement  plug-ins that are fed with all three and end in figures
//! profile      the figures as JSON and as a text table
//! csv          its tables as CSV files
//! parquet      messages, exchanges and lookups as Parquet files
//! plot         the figures as SVG and PNG
//! report       the profile as one HTML page
//! bootstrap    how far figures may be off
//! ```
//!
//! `parquet` is a cargo feature, on by default; without it some twenty
//! dependencies fall away.
//!
//! Everything is one pass in time order (two over files when no node is
//! named), with state per open exchange and open lookup, never per packet.
//! `slots`, `chains` and `addresses` are the tables that are looked into for
//! every packet. Time is whole nanoseconds throughout.
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

mod addresses;
pub mod bootstrap;
mod busiest;
mod capture;
mod chains;
mod client;
mod csv;
mod diff;
mod distribution;
mod exchange;
mod figure;
mod handover;
mod input;
mod kept;
mod lookup;
pub mod measurement;
mod measuring;
mod merge;
mod messages;
mod node;
mod observer;
#[cfg(feature = "parquet")]
pub mod parquet;
pub mod plot;
mod profile;
mod profiler;
mod reading;
mod referrals;
mod remotes;
pub mod report;
mod running;
mod series;
mod slots;
mod table;
mod timestamp;
mod transaction;
mod undecided;
mod waterfall;

pub use busiest::BusyAddress;
pub use capture::{CaptureError, Fault, FaultKind};
pub use client::ClientCode;
pub use diff::{Diff, DiffError, NodeDiff, Row, diff};
pub use distribution::Distribution;
pub use exchange::{Answer, Exchange, LATE_LIMIT, Outcome, QueryKind, SentQuery, Stray};
pub use figure::{Axis, BarOutcome, DataTable, Figure, FigureData, Scale, WaterfallBar};
pub use input::Input;
pub use lookup::{FirstValue, Lookup, LookupId, LookupKind, LookupProgress};
pub use messages::read_messages;
pub use node::{NodeSpec, ParseNodeError};
pub use observer::{Direction, Observed};
pub use profile::{NodeProfile, Profile};
pub use profiler::{Error, Options, Profiler};
pub use reading::CaptureSummary;
pub use remotes::{IdFit, MetAddresses, QueriedAddress, Remotes, Sender};
pub use running::{Progress, Running};
pub use series::Series;
pub use timestamp::Timestamp;
pub use waterfall::Waterfall;
