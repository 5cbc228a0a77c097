//! How long nodes stay, and whether the start is like any later moment.

use std::time::Duration;

use mdht_krpc::Instant;

use super::sampler::{Sampler, percent, percentile};
use super::{Comparison, Row};
use crate::describe::SESSION_PERCENTILES;
use crate::describe::lifetimes::Lifetimes;
use crate::population::SessionPlan;

/// Places looked at.
const SAMPLES: u64 = 100_000;
/// Sessions longer than this are 3 % (Wang and Kangasharju, IEEE P2P 2013).
const LONG_MIN: f64 = 9_000.0;
/// Hours at which it is asked who leaves soon: the last is the end of the
/// thesis's run.
const ASKED_H: [u64; 4] = [0, 1, 24, 77];
/// An hour in microseconds.
const HOUR: u64 = 3_600_000_000;

/// Nothing if nobody ever leaves.
pub(super) fn all(sampler: &Sampler<'_>) -> Vec<Comparison> {
    let Some(lifetimes) = Lifetimes::of(&sampler.world.parameters().sessions) else {
        return Vec::new();
    };
    let lengths = whole_sessions(sampler);
    let whole = lengths_of(sampler, &lifetimes, &lengths);
    vec![whole, in_progress(sampler, &lifetimes, &lengths)]
}

/// Lengths in minutes, ascending: of the second node at each place, since the
/// first was there when the world began.
fn whole_sessions(sampler: &Sampler<'_>) -> Vec<f64> {
    let population = sampler.world.population();
    let minutes = |i| {
        let rank = sampler.rank(i);
        let first = population.stay(rank, Instant::ZERO);
        let second = population.stay(rank, first.end);
        second.end.since(second.start).as_secs_f64() / 60.0
    };
    let mut lengths: Vec<f64> = (0..SAMPLES).map(minutes).collect();
    lengths.sort_by(f64::total_cmp);
    lengths
}

fn lengths_of(sampler: &Sampler<'_>, lifetimes: &Lifetimes, lengths: &[f64]) -> Comparison {
    let model = sampler.world.parameters().sessions;
    let row = |percent: f64| {
        let planted = model.length_min(1.0 - percent / 100.0);
        Row::new(format!("p{percent}"), planted, percentile(lengths, percent)).published(
            match percent {
                50.0 => Some(200.0),
                97.0 => Some(LONG_MIN),
                _ => None,
            },
        )
    };
    let mut rows = SESSION_PERCENTILES.map(row).to_vec();
    let sum: f64 = lengths.iter().sum();
    rows.push(Row::new("mean", lifetimes.mean(), sum / SAMPLES as f64));
    Comparison {
        subject: "whole sessions",
        unit: "min",
        rows: rows.into_iter().map(|row| row.samples(SAMPLES)).collect(),
    }
}

/// What the renewal process comes to: time, and who leaves when.
fn in_progress(sampler: &Sampler<'_>, lifetimes: &Lifetimes, lengths: &[f64]) -> Comparison {
    let population = sampler.world.population();
    let within_an_hour = |hours: u64| {
        let at = Instant::from_micros(hours * HOUR);
        let leaves = |i: &u64| {
            let stay = population.stay(sampler.rank(*i), at);
            stay.end <= at + Duration::from_micros(HOUR)
        };
        let count = (0..SAMPLES).filter(leaves).count();
        let planted = 100.0 * lifetimes.leaving_within(60.0);
        let name = format!("leave within an hour, asked after {hours} h");
        Row::new(name, planted, percent(count as u64, SAMPLES))
    };
    let mut rows: Vec<Row> = ASKED_H.map(within_an_hour).to_vec();
    rows.push(time_in_long_sessions(lifetimes, lengths));
    rows.push(out_of_numbers(sampler));
    Comparison {
        subject: "sessions in progress",
        unit: "% of nodes online",
        rows: rows.into_iter().map(|row| row.samples(SAMPLES)).collect(),
    }
}

/// Who is met at a moment: mostly nodes in long sessions.
fn time_in_long_sessions(lifetimes: &Lifetimes, lengths: &[f64]) -> Row {
    let all: f64 = lengths.iter().sum();
    let long = lengths.iter().filter(|minutes| **minutes > LONG_MIN);
    let planted = 100.0 * lifetimes.time_beyond(LONG_MIN);
    let observed = 100.0 * long.sum::<f64>() / all.max(f64::MIN_POSITIVE);
    Row::new("are in sessions of over 9,000 min", planted, observed)
}

/// A place has 255 numbers for its nodes; the last of them never leaves.
fn out_of_numbers(sampler: &Sampler<'_>) -> Row {
    let population = sampler.world.population();
    let at = Instant::from_micros(ASKED_H[ASKED_H.len() - 1] * HOUR);
    let last = |i: &u64| population.at(sampler.rank(*i), at).generation == SessionPlan::LAST;
    let count = (0..SAMPLES).filter(last).count();
    let name = "never leave, for want of numbers, after 77 h";
    Row::new(name, 0.0, percent(count as u64, SAMPLES))
}
