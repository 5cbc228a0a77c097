//! Whether a world can be made from parameters.

use std::fmt::Display;

use toml::{Table, Value};

use super::catalogue::{self, MOST_SWARMS};
use super::{Class, Client, Connectivity, ParameterError, Parameters, Tables};

/// How far a sum of shares may be from what it must be.
const TOLERANCE: f64 = 1e-6;
/// Round-trip times in milliseconds: packets that take no time would let a
/// query and its answer go on for ever within one moment.
const RTT_MS: std::ops::RangeInclusive<f64> = 0.1..=60_000.0;
/// Most buckets that a client names.
const MOST_BUCKETS: usize = 64;

impl Parameters {
    /// Whether a world can be made from these values.
    ///
    /// # Errors
    ///
    /// The first value that is out of its bounds (see
    /// [`to_toml`](Self::to_toml)), or that does not go together with others:
    /// shares that do not add up, percentiles that fall, memory shorter than
    /// the pause between queries.
    pub fn check(&self) -> Result<(), ParameterError> {
        self.check_seed()?;
        let section = Table::try_from(self).map_err(|error| {
            ParameterError::new(Self::SECTION, format!("cannot be written: {error}"))
        })?;
        for (path, value) in leaves(Self::SECTION.to_owned(), Value::Table(section)) {
            within_bounds(&path, &value)?;
        }
        check_clients(&self.clients)?;
        check_connectivity(&self.connectivity)?;
        check_percentiles(&self.links.rtt_percentiles)?;
        check_tables(&self.tables)?;
        self.check_swarms()?;
        self.check_memory()
    }

    /// Before all others: TOML has no larger whole numbers.
    fn check_seed(&self) -> Result<(), ParameterError> {
        match i64::try_from(self.seed) {
            Ok(_) => Ok(()),
            Err(_) => Err(out_of_bounds("overlay.seed", &self.seed, "it is too large")),
        }
    }

    fn check_swarms(&self) -> Result<(), ParameterError> {
        let per_node = self.swarms.background_per_node;
        let all = per_node * f64::from(self.nodes);
        if all <= f64::from(MOST_SWARMS) {
            return Ok(());
        }
        let key = "overlay.swarms.background_per_node";
        let reason = format!("with {} nodes it makes {all:.0} swarms", self.nodes);
        let error = ParameterError::new(key, reason).value(&per_node);
        Err(error.allowed(format!("at most {MOST_SWARMS} swarms in all")))
    }

    fn check_memory(&self) -> Result<(), ParameterError> {
        let (memory, query) = (self.acquaintances.memory_min, self.acquaintances.query_min);
        if memory >= query {
            return Ok(());
        }
        let reason = "a contact would be forgotten before it is ever queried";
        let error = ParameterError::new("overlay.acquaintances.memory_min", reason).value(&memory);
        Err(error.allowed(format!("at least query_min, {query}")))
    }
}

/// All values that are neither tables nor lists, with their paths.
fn leaves(path: String, value: Value) -> Vec<(String, Value)> {
    match value {
        Value::Table(table) => table
            .into_iter()
            .flat_map(|(key, value)| leaves(format!("{path}.{key}"), value))
            .collect(),
        Value::Array(values) => (0..)
            .zip(values)
            .flat_map(|(place, value): (usize, _)| leaves(format!("{path}[{place}]"), value))
            .collect(),
        value => vec![(path, value)],
    }
}

fn within_bounds(path: &str, value: &Value) -> Result<(), ParameterError> {
    let number = match value {
        Value::Integer(whole) => *whole as f64,
        Value::Float(number) => *number,
        _ => return Ok(()),
    };
    let bounds = catalogue::entry(path).and_then(|entry| entry.allowed.bounds());
    let Some((least, most)) = bounds else {
        return Ok(());
    };
    let reason = match number {
        n if n.is_nan() => "it is not a number",
        n if n.is_infinite() => "it is infinite",
        n if n < 0.0 && least >= 0.0 => "it is negative",
        n if n < least => "it is too small",
        n if n > most => "it is too large",
        _ => return Ok(()),
    };
    Err(out_of_bounds(path, value, reason))
}

fn out_of_bounds(path: &str, value: &impl Display, reason: &str) -> ParameterError {
    let error = ParameterError::new(path, reason).value(&value);
    match catalogue::entry(path) {
        Some(entry) => error.allowed(entry.allowed.to_string()),
        None => error,
    }
}

fn check_clients(clients: &[Client]) -> Result<(), ParameterError> {
    for (place, client) in clients.iter().enumerate() {
        let code = client.code.as_bytes();
        if !matches!(code.len(), 0 | 2) || !code.iter().all(u8::is_ascii_graphic) {
            let reason = format!("a code of {} bytes", code.len());
            let path = format!("overlay.clients[{place}].code");
            let value = Value::String(client.code.clone());
            return Err(out_of_bounds(&path, &value, &reason));
        }
        if client.buckets.len() > MOST_BUCKETS {
            let path = format!("overlay.clients[{place}].buckets");
            return Err(out_of_bounds(
                &path,
                &client.buckets.len(),
                "too many sizes",
            ));
        }
    }
    add_up("overlay.clients", clients.iter().map(|client| client.share))
}

fn check_connectivity(rows: &[Connectivity]) -> Result<(), ParameterError> {
    for (place, row) in rows.iter().enumerate() {
        if row.class.has_mappings() && row.mapping_timeout_s == 0 {
            let key = format!("overlay.connectivity[{place}].mapping_timeout_s");
            let error = ParameterError::new(key, "this NAT would let nothing in").value(&0);
            return Err(error.allowed("at least 1 for a NAT"));
        }
    }
    add_up("overlay.connectivity", rows.iter().map(|row| row.share))
}

fn add_up(list: &str, shares: impl ExactSizeIterator<Item = f64>) -> Result<(), ParameterError> {
    if shares.len() == 0 {
        return Err(out_of_bounds(list, &"[]", "it is empty"));
    }
    let sum: f64 = shares.sum();
    if (sum - 1.0).abs() <= TOLERANCE {
        return Ok(());
    }
    let reason = format!("the shares add up to {}", rounded(sum));
    Err(ParameterError::new(format!("{list}[].share"), reason).allowed("shares that add up to 1"))
}

fn check_percentiles(points: &[(f64, f64)]) -> Result<(), ParameterError> {
    let list = "overlay.links.rtt_percentiles";
    let refused = |place: usize, reason: &str| {
        let value = points.get(place).map_or("[]".to_owned(), |(percent, ms)| {
            Value::from(vec![*percent, *ms]).to_string()
        });
        let error = ParameterError::new(format!("{list}[{place}]"), reason).value(&value);
        let entry = catalogue::entry(list);
        Err(error.allowed(entry.map_or(String::new(), |entry| entry.allowed.to_string())))
    };
    let (Some(first), Some(last)) = (points.first(), points.last()) else {
        return Err(out_of_bounds(list, &"[]", "it is empty"));
    };
    for (place, (_, ms)) in points.iter().enumerate() {
        if !RTT_MS.contains(ms) {
            return refused(place, "the time is out of bounds");
        }
    }
    for (place, pair) in points.windows(2).enumerate() {
        let [(percent, ms), (next_percent, next_ms)] = *pair else {
            continue;
        };
        // put so that not-a-number is refused too
        if next_percent.partial_cmp(&percent) != Some(std::cmp::Ordering::Greater) {
            return refused(place + 1, "the percents do not rise");
        }
        if next_ms < ms {
            return refused(place + 1, "the time is below that of a lower percent");
        }
    }
    match (first.0 == 0.0, last.0 == 100.0) {
        (true, true) => Ok(()),
        (false, _) => refused(0, "the first percent is not 0"),
        (_, false) => refused(points.len() - 1, "the last percent is not 100"),
    }
}

fn check_tables(tables: &Tables) -> Result<(), ParameterError> {
    let sum = tables.natted + tables.firewalled;
    if sum <= 1.0 + TOLERANCE {
        return Ok(());
    }
    let reason = format!("natted and firewalled add up to {}", rounded(sum));
    Err(ParameterError::new("overlay.tables", reason).allowed("a sum of at most 1"))
}

/// As many digits as the tolerance tells apart.
fn rounded(sum: f64) -> f64 {
    (sum * 1e7).round() / 1e7
}

impl Class {
    /// Whether it is a NAT, whose mappings run out.
    pub const fn has_mappings(self) -> bool {
        matches!(
            self,
            Self::FullCone | Self::RestrictedCone | Self::PortRestrictedCone | Self::Symmetric
        )
    }
}
