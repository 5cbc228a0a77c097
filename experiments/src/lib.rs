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
//! job          the nodes under test, and which of them live together
//! variant_run  their life in the overlay, to captures
//! capture_file a capture that is being written
//! profiling    a capture through the profiler
//! unique       the addresses that nodes met together
//! runs         all of them, on all cores
//! world_store  the worlds that they live in
//! folder       what is kept where, and what a resumed run finds there
//! experiment   the whole: what is asked for and what comes out
//! progress     how far it is
//! lookups      the lookups of a profile, one by one
//! oracle       what no lookup can beat
//! live         the same on real sockets
//! survey       who can be reached: instrumented nodes and a checker
//! attacks      what attacks cost a node
//! outcome      what came out
//! adoption     worlds of full nodes beside each other
//! published    the thesis's figures
//! score        how near they come
//! interval     means and how far they may be off
//! verdict      which of two is faster, or that none can be told to be
//! summary      the outcome as JSON
//! comparison   as a table for the terminal
//! text_table   tables for the terminal
//! report       as a page and as figures
//! replay       routing modules fed with what a captured node received
//! ```
//!
//! ```
//! use mdht_experiments::Script;
//! use mdht_plugins::Registry;
//! let text = r#"
//!     name = "mine"
//!     [matrix]
//!     routing = ["bep5", "nr128"]
//!     lookup = ["standard", "aggressive"]
//! "#;
//! let script = Script::parse(text, &Registry::builtin())?;
//! let labels: Vec<_> = script.variants.iter().map(|v| v.label.as_str()).collect();
//! assert_eq!(labels, ["BEP5-S", "NR128-S", "BEP5-A", "NR128-A"]);
//! # Ok::<(), mdht_experiments::ScriptError>(())
//! ```
//!
//! `examples/run_experiment.rs` of the workspace runs one.

mod adoption;
pub mod attacks;
mod capture_file;
mod comparison;
mod experiment;
mod folder;
mod interval;
mod job;
pub mod live;
mod lookups;
mod oracle;
mod outcome;
mod profiling;
mod progress;
mod published;
pub mod replay;
pub mod report;
mod runs;
mod schedule;
mod score;
pub mod script;
mod shipped;
mod summary;
pub mod survey;
#[cfg(test)]
mod testing;
mod text_table;
mod unique;
mod variant_run;
mod verdict;
mod world_store;

pub use attacks::{AttackOutcome, AttackScript, attacks};
pub use experiment::{Error, Experiment, run};
pub use folder::write_whole;
pub use interval::Interval;
pub use live::InfohashError;
pub use outcome::{Outcome, VariantOutcome};
pub use progress::Progress;
pub use published::{Basis, Published, PublishedRow};
pub use score::{Score, ScoredFigure, ScoredPair, Target};
pub use script::{Script, ScriptError};
pub use shipped::{Shipped, shipped};
pub use survey::{SurveyOutcome, SurveyScript, survey, survey_html};
pub use unique::UniqueAddresses;
pub use verdict::{Comparison, Figure, PairVerdict, Verdict};
