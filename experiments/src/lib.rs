//! Experiments: which combination of plug-ins finds values how fast, at what
//! cost [thesis 8].
//!
//! A [`Script`] says what to compare. [`run`] lets each variant live in the
//! emulated overlay, writes down the packets of its node, hands them to the
//! profiler, which sees nothing else, and puts the figures side by side.
//!
//! ```text
//! script       what to compare: a TOML file
//! schedule     who looks up what when
//! variant_run  one node's life in the overlay, to a capture
//! experiment   all of them, on all cores, resumable
//! live         the same on real sockets
//! outcome      what came out
//! summary      the same as JSON
//! comparison   the same as a table
//! published    the thesis's figures
//! replay       routing modules fed with what a captured node received
//! ```

mod comparison;
mod experiment;
pub mod live;
mod outcome;
mod published;
pub mod replay;
mod schedule;
pub mod script;
mod summary;
mod variant_run;

pub use experiment::{Error, Experiment, Progress, run};
pub use outcome::{Outcome, VariantOutcome};
pub use published::{Published, PublishedRow};
pub use script::{Script, ScriptError};
