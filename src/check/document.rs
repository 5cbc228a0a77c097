//! A check's report, for programs and for people.

use mdht_connectivity::{Confidence, Letter, Lifetime, Report};
use mdht_krpc::Instant;
use serde_json::{Value, json};

use crate::output::{ms, ms_text};

/// One node as a JSON document.
pub(super) fn document(report: &Report) -> Value {
    let pattern = &report.pattern;
    let survival = report.survival.iter().map(|(age, letter)| {
        json!({
            "age_s": age.as_secs_f64(),
            "reachable": letter.known(),
        })
    });
    json!({
        "node": report.node.to_string(),
        "id": report.id.map(|id| id.to_string()),
        "pattern": pattern.to_string(),
        "reciprocity": pattern.reciprocity(),
        "transitivity": pattern.transitivity(),
        "persistence": pattern.persistence(),
        "likely": report.likely().to_string(),
        "rtt_ms": report.rtt.map(ms),
        "answered": counts(report, |confidence| confidence.answered),
        "sent": counts(report, |confidence| confidence.sent),
        "survival": survival.collect::<Vec<_>>(),
        "still_there": report.still_there,
        "mapping_lifetime_s": report.mapping.map(lifetime),
        "version": report.version.map(|version| version.escape_ascii().to_string()),
        "changed_id": report.changed_id.map(|id| id.to_string()),
        "ids_at_ip": report.ids_at_ip,
        "ips_of_id": report.ips_of_id,
        "answers_from_elsewhere": report.strays,
        "identity": report.identity,
        "began_s": report.began.since(Instant::ZERO).as_secs_f64(),
    })
}

/// Six numbers, as the letters of the pattern stand.
fn counts(report: &Report, of: impl Fn(&Confidence) -> u8) -> Vec<u8> {
    report.confidence.iter().flatten().map(of).collect()
}

fn lifetime(known: Lifetime) -> Value {
    json!({
        "at_least": known.at_least.as_secs_f64(),
        "under": known.under.map(|under| under.as_secs_f64()),
    })
}

/// One node as a row.
pub(super) fn row(report: &Report) -> String {
    let id = report
        .id
        .map_or_else(|| "unknown".to_owned(), |id| id.to_string());
    let mut text = format!(
        "{:<21} {} {:<38} {:>9}  id {id}",
        report.node.to_string(),
        report.pattern,
        report.likely().to_string(),
        ms_text(report.rtt),
    );
    let pings = report.confidence.iter().flatten().map(|confidence| {
        let Confidence { answered, sent } = confidence;
        match sent {
            0 => "-".to_owned(),
            _ => format!("{answered}/{sent}"),
        }
    });
    text.push_str(&format!(
        "  answered {}",
        pings.collect::<Vec<_>>().join(" ")
    ));
    if !report.survival.is_empty() {
        let letters = report.survival.iter().map(|(age, letter)| {
            format!(
                "{} {}",
                age_text(age.as_secs_f64()),
                Letter::as_char(*letter)
            )
        });
        let letters: Vec<_> = letters.collect();
        text.push_str(&format!("  later: {}", letters.join(", ")));
    }
    if let Some(mapping) = report.mapping {
        text.push_str(&format!("  mapping lives {}", lifetime_text(mapping)));
    }
    if let Some(id) = report.changed_id {
        text.push_str(&format!("  answered as {id} too"));
    }
    if report.strays > 0 {
        text.push_str(&format!("  {} answers from elsewhere", report.strays));
    }
    text
}

/// An interval, in words.
pub(super) fn lifetime_text(known: Lifetime) -> String {
    let at_least = age_text(known.at_least.as_secs_f64());
    match known.under {
        Some(under) => format!("from {at_least} to {}", age_text(under.as_secs_f64())),
        None if known.at_least.is_zero() => "for a time that did not show".to_owned(),
        None => format!("at least {at_least}"),
    }
}

fn age_text(seconds: f64) -> String {
    if seconds >= 120.0 {
        format!("{:.0} min", seconds / 60.0)
    } else if seconds >= 10.0 {
        format!("{seconds:.0} s")
    } else {
        format!("{seconds:.1} s")
    }
}
