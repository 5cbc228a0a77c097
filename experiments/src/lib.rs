//! Experiments: which combination of plug-ins finds values how fast, at what
//! cost [thesis 8].
//!
//! A [`Script`] says what to compare. [`run`] lets each variant live in the
//! emulated overlay, writes down the packets of its node, hands them to the
//! profiler, which sees nothing else, and puts the figures side by side.
//!
//! ```text
//! script       what to compare: a TOML file
//! shipped      the scripts that come with the command
//! schedule     who looks up what when
//! variant_run  one node's life in the overlay, to a capture
//! runs         all of them, on all cores
//! world_store  the worlds that they live in
//! folder       what is kept where, and what a resumed run finds there
//! experiment   the whole: what is asked for and what comes out
//! progress     how far it is
//! outcome      what came out
//! summary      the same as JSON
//! comparison   the same as a table
//! published    the thesis's figures
//! ```

mod comparison;
mod experiment;
mod folder;
mod outcome;
mod progress;
mod published;
mod runs;
mod schedule;
pub mod script;
mod shipped;
mod summary;
mod variant_run;
mod world_store;

pub use experiment::{Error, Experiment, run};
pub use folder::write_whole;
pub use outcome::{Outcome, VariantOutcome};
pub use progress::Progress;
pub use published::{Published, PublishedRow};
pub use script::{Script, ScriptError};
pub use shipped::{Shipped, shipped};
