//! What a script says that can be read but not run.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;

use super::{MOST_RUNS, Schedule, Script, ScriptError};
use crate::schedule::length;

/// Longest name or label, in bytes: it becomes part of file names.
const LONGEST_NAME: usize = 100;
/// Signs that a label may have beside letters and digits: file names of every
/// system may have them.
const SIGNS: &str = " -_.,=+'()%";
/// Seconds in schedules.
const SECONDS: RangeInclusive<f64> = 0.0..=1e6;
/// Least seconds between two lookups.
const LEAST_INTERVAL_S: f64 = 0.001;
/// Most infohashes of a file.
const MOST_INFOHASHES: u32 = 1_000_000;
/// Longest run in virtual time.
const LONGEST_RUN_S: u64 = 10 * 366 * 86_400;

impl Script {
    pub(super) fn check(&self) -> Result<(), ScriptError> {
        check_name(&self.name)?;
        self.check_counts()?;
        self.check_schedule()?;
        self.check_report()?;
        self.check_labels()
    }

    fn check_counts(&self) -> Result<(), ScriptError> {
        if self.repetitions == 0 {
            let error = ScriptError::new("repetitions", "nothing would be run");
            return Err(error.allowed("a whole number from 1 to 1000"));
        }
        if self.schedule.nodes_each == 0 {
            let error = ScriptError::new("schedule.nodes_each", "nobody would be measured");
            return Err(error.allowed(format!("a whole number from 1 to {MOST_RUNS}")));
        }
        let runs = self.runs();
        if runs > MOST_RUNS {
            let reason =
                format!("variants times worlds times repetitions times nodes are {runs} runs");
            return Err(ScriptError::new("", reason).allowed(format!("at most {MOST_RUNS}")));
        }
        let last = self.seed.checked_add(u64::from(self.repetitions));
        match last.map(i64::try_from) {
            Some(Ok(_)) => Ok(()),
            _ => Err(ScriptError::new(
                "seed",
                "it is too large, as each repetition adds 1",
            )),
        }
    }

    fn check_schedule(&self) -> Result<(), ScriptError> {
        let schedule = &self.schedule;
        schedule.check()?;
        let top = match self.live {
            // how many the file has is seen when it is read
            Some(_) => Some(MOST_INFOHASHES),
            None => self
                .worlds
                .iter()
                .map(|world| world.overlay.swarms.top)
                .min(),
        }
        .unwrap_or(0);
        if !(1..=top).contains(&schedule.infohashes) {
            let reason = "each node looks up as many different ones of the top swarms";
            let error = ScriptError::new("schedule.infohashes", reason);
            return Err(error.allowed(format!(
                "a whole number from 1 to overlay.swarms.top, {top}"
            )));
        }
        if length(self).as_secs() > LONGEST_RUN_S {
            return Err(ScriptError::new(
                "schedule",
                "a run would last more than ten virtual years",
            ));
        }
        Ok(())
    }

    fn check_report(&self) -> Result<(), ScriptError> {
        let unknown = |key: &&String| !super::MEASUREMENTS.contains(&key.as_str());
        let Some(place) = self.report.iter().position(|key| unknown(&key)) else {
            return Ok(());
        };
        let known = super::MEASUREMENTS;
        let meant = mdht_plugins::did_you_mean(&self.report[place], known);
        let error = ScriptError::new(
            format!("report[{place}]"),
            format!("there is no such measurement{meant}"),
        );
        Err(error.allowed(known.join(", ")))
    }

    fn check_labels(&self) -> Result<(), ScriptError> {
        let mut seen = BTreeSet::new();
        for variant in &self.variants {
            let label = &variant.label;
            if let Err(reason) = check_label(label) {
                let error = ScriptError::new("", format!("the label `{label}` {reason}"));
                return Err(error.allowed(format!("letters, digits and signs out of `{SIGNS}`")));
            }
            // some file systems take both for one
            if !seen.insert(label.to_lowercase()) {
                let reason = format!("two variants or worlds make the label `{label}`");
                return Err(
                    ScriptError::new("", reason).allowed("a `label` of their own for one of them")
                );
            }
        }
        Ok(())
    }
}

impl Schedule {
    fn check(&self) -> Result<(), ScriptError> {
        let within = |key: &str, value: f64, least: f64| {
            if value >= least && SECONDS.contains(&value) {
                return Ok(());
            }
            let error = ScriptError::new(format!("schedule.{key}"), "it is out of bounds");
            Err(error.allowed(format!("seconds from {least} to {}", SECONDS.end())))
        };
        within("interval_s", self.interval_s, LEAST_INTERVAL_S)?;
        within("warm_up_s", self.warm_up_s, 0.0)?;
        match self.nodes_per_round {
            Some(count) if !(1..=MOST_RUNS).contains(&count) => {
                let error = ScriptError::new("schedule.nodes_per_round", "it is out of bounds");
                Err(error.allowed(format!("a whole number from 1 to {MOST_RUNS}")))
            }
            _ => Ok(()),
        }
    }
}

/// The name of the output folder.
pub(crate) fn check_name(name: &str) -> Result<(), ScriptError> {
    let is_safe = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    if (1..=LONGEST_NAME).contains(&name.len()) && name.chars().all(is_safe) {
        return Ok(());
    }
    let error = ScriptError::new("name", "it names the output folder");
    Err(error.allowed(format!("1 to {LONGEST_NAME} letters, digits, - and _")))
}

/// The name of captures.
fn check_label(label: &str) -> Result<(), &'static str> {
    let is_safe = |c: char| c.is_ascii_alphanumeric() || SIGNS.contains(c);
    match label {
        "" => Err("is empty"),
        _ if label.len() > LONGEST_NAME => Err("is longer than 100 letters"),
        _ if !label.chars().all(is_safe) => Err("has signs that file names may not have"),
        _ if label.starts_with(['.', ' ', '-']) || label.ends_with(['.', ' ']) => {
            Err("begins or ends as file names may not")
        }
        _ => Ok(()),
    }
}
