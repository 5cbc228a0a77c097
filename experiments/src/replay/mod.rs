//! What routing modules would have made of what a captured node received.
//!
//! Each module lives in a real [`Core`](mdht_node::core::Core), in the time of
//! the packets: queries that the captured node received are handed to it as
//! they were; queries that the captured node sent are opened in it too, so
//! that their answers, or silence, reach the module. What the core then wants
//! to send is taken away: its answers are lost, and its own queries, which no
//! capture can answer, are decided by what the capture shows of the contact
//! near that moment. `docs/replay.md` says how, and what that is worth.
//!
//! ```text
//! transcript   messages of the captured node, matched; what is replayed
//! evidence     what the capture shows of a contact before and after a moment
//! subject      one module, its core, and its queries decided
//! sampling     the state of each module over time
//! report       what came out; as JSON
//! text         the same for people
//! ```
//!
//! One pass, as far behind the reader as evidence reaches ahead. Memory grows
//! with the traffic of twice that time, and is bounded.

mod evidence;
mod report;
mod sampling;
mod subject;
#[cfg(test)]
mod tests;
mod text;
mod transcript;

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::ops::ControlFlow;
use std::time::Duration;

use mdht_krpc::{Family, Id, Instant, Rng};
use mdht_node::core::Config;
use mdht_plugins::{Registry, RoutingFactory, SpecError};
use mdht_profiler::{Input, NodeSpec, Observed, Timestamp, read_messages};
use serde::Serialize;

use evidence::Evidence;
pub use report::{BucketFill, Decided, ModuleReport, Replay, Row, Totals};
use sampling::Sampling;
use subject::Subject;
pub use transcript::Traffic;
use transcript::{Happening, Transcript};

/// What to replay, and how.
#[derive(Clone, Debug)]
pub struct Options {
    /// The captured node.
    pub node: NodeSpec,
    /// The modules, side by side.
    pub routing: Vec<RoutingFactory>,
    /// The captured node's ID, by which contacts are sorted into buckets. If
    /// there is none, that of the first message it sends.
    pub id: Option<Id>,
    /// How far from a moment evidence of a contact is looked for, before and
    /// after. Default 15 min: BEP 5's time for which a contact stays good.
    /// Longer decides more queries by older news, and takes more memory.
    pub window: Duration,
    /// What becomes of queries that the capture says nothing about.
    pub unknown: Unknown,
    /// Which of the captured node's own exchanges the modules are told of.
    pub answers: Answers,
}

impl Options {
    /// A replay of `node` with the defaults named at each field.
    pub const fn new(node: NodeSpec, routing: Vec<RoutingFactory>) -> Self {
        Self {
            node,
            routing,
            id: None,
            window: Duration::from_secs(15 * 60),
            unknown: Unknown::Silent,
            answers: Answers::All,
        }
    }
}

/// What becomes of a module's query to a contact that the capture says
/// nothing about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Unknown {
    /// It is not answered: nobody stays in the table without evidence.
    Silent,
    /// It is answered: nobody is evicted without evidence.
    Alive,
}

/// Which of the captured node's own exchanges a module is told of. All of them
/// are evidence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Answers {
    /// All: everything that the captured node received.
    All,
    /// Those of its user's lookups and announces, without ping and find_node,
    /// by which its own policy kept its own table.
    Lookups,
}

/// Why there is no replay.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A capture could not be read.
    #[error(transparent)]
    Capture(#[from] mdht_profiler::Error),
    /// The node is not in the captures.
    #[error("{0} neither sends nor receives a KRPC message in the captures")]
    NoSuchNode(NodeSpec),
    /// The node sent nothing that names its ID.
    #[error(
        "{0} sends no message with its node ID within {1} min of its first one, so contacts \
         cannot be sorted into buckets; give the ID with --id"
    )]
    NoId(NodeSpec, u64),
    /// A module is missing.
    #[error(transparent)]
    Module(#[from] SpecError),
}

/// Replays what `options.node` received in `inputs`, merged by time.
///
/// # Errors
/// A capture cannot be read, the node is not in it, or its ID does not show
/// and is not given.
pub fn replay(inputs: Vec<Input>, options: &Options) -> Result<Replay, Error> {
    let mut player = Player::new(options);
    let mut failure = None;
    let captures = read_messages(inputs, &options.node, |observed| {
        match player.on_message(observed) {
            Ok(()) => ControlFlow::Continue(()),
            Err(error) => {
                failure = Some(error);
                ControlFlow::Break(())
            }
        }
    })?;
    failure.map_or(Ok(()), Err)?;
    Ok(player.finish()?.with_captures(captures))
}

/// A replay under way.
struct Player<'o> {
    options: &'o Options,
    transcript: Transcript,
    evidence: Evidence,
    /// The node's socket, and the time of its first message.
    begun: Option<(SocketAddr, Timestamp)>,
    /// The moment of the last message read.
    read_to: Instant,
    /// What was read, and whose time has not come.
    ahead: VecDeque<(Instant, Happening)>,
    /// Played before the reader was a whole window ahead.
    hurried: u64,
    messages: u64,
    stage: Option<Stage>,
}

/// What the capture is played to, once the node's ID is known.
struct Stage {
    id: Id,
    subjects: Vec<Subject>,
    sampling: Sampling,
}

impl<'o> Player<'o> {
    /// Most messages that are read ahead, about 100 MB.
    const MOST_AHEAD: usize = 1 << 18;

    fn new(options: &'o Options) -> Self {
        Self {
            options,
            transcript: Transcript::default(),
            evidence: Evidence::new(options.window),
            begun: None,
            read_to: Instant::ZERO,
            ahead: VecDeque::new(),
            hurried: 0,
            messages: 0,
            stage: None,
        }
    }

    fn on_message(&mut self, observed: &Observed<'_>) -> Result<(), Error> {
        let (_, start) = *self.begun.get_or_insert((observed.local, observed.time));
        self.messages += 1;
        let passed = Instant::ZERO + observed.time.since(start);
        self.read_to = self.read_to.max(passed);
        let happening = self
            .transcript
            .take(self.read_to, observed, &mut self.evidence);
        self.ahead
            .extend(happening.map(|happening| (self.read_to, happening)));
        while let Some((at, _)) = self.ahead.front() {
            let is_due = *at + self.options.window < self.read_to;
            if !is_due && self.ahead.len() <= Self::MOST_AHEAD {
                break;
            }
            self.hurried += u64::from(!is_due);
            self.play_next()?;
        }
        Ok(())
    }

    fn play_next(&mut self) -> Result<(), Error> {
        let Some((at, happening)) = self.ahead.pop_front() else {
            return Ok(());
        };
        self.set_stage()?;
        self.evidence.forget(at);
        let Some(stage) = &mut self.stage else {
            return Ok(());
        };
        let Stage {
            subjects, sampling, ..
        } = stage;
        sampling.up_to(at, subjects, &self.evidence);
        for subject in subjects {
            subject.take(at, &happening, &self.evidence);
        }
        Ok(())
    }

    /// Makes the subjects, if they are not there yet.
    fn set_stage(&mut self) -> Result<(), Error> {
        let (None, Some((local, _))) = (&self.stage, self.begun) else {
            return Ok(());
        };
        let node = || self.options.node.clone();
        let minutes = self.options.window.as_secs() / 60;
        let id = self.options.id.or(self.transcript.own_id);
        let id = id.ok_or_else(|| Error::NoId(node(), minutes))?;
        let lookup = Registry::builtin().lookup("standard")?;
        let mut seed = [0; 32];
        Rng::from_u64(SEED).fill(&mut seed);
        let subject = |routing: &RoutingFactory| {
            let mut config = Config::new(vec![local], routing.clone(), lookup.clone());
            config.id = Some(id);
            // everything that was received is fed
            config.rate_limit = None;
            let Options {
                unknown, answers, ..
            } = *self.options;
            Subject::new(config, seed, Family::of(&local), unknown, answers)
        };
        self.stage = Some(Stage {
            id,
            subjects: self.options.routing.iter().map(subject).collect(),
            sampling: Sampling::default(),
        });
        Ok(())
    }

    fn finish(mut self) -> Result<Replay, Error> {
        while !self.ahead.is_empty() {
            self.play_next()?;
        }
        self.set_stage()?;
        let (
            Some(Stage {
                id,
                subjects,
                sampling,
            }),
            Some((_, start)),
        ) = (self.stage, self.begun)
        else {
            return Err(Error::NoSuchNode(self.options.node.clone()));
        };
        self.evidence.forget(self.read_to);
        Ok(Replay {
            captures: Vec::new(),
            node: self.options.node.clone(),
            id,
            start,
            duration: self.read_to.since(Instant::ZERO),
            messages: self.messages,
            traffic: self.transcript.traffic,
            hurried: self.hurried,
            window: self.options.window,
            unknown: self.options.unknown,
            answers: self.options.answers,
            modules: sampling.finish(
                self.read_to,
                subjects,
                &self.options.routing,
                &self.evidence,
            ),
        })
    }
}

/// Seeds every module alike, so that a replay repeats.
const SEED: u64 = 1;
