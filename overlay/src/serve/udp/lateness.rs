//! By how much datagrams leave later than they are due.

use std::time::Duration;

/// Width of a class, in microseconds.
const WIDTH: u64 = 10;
/// Number of classes: up to 100 ms. The last one takes what is later.
const CLASSES: usize = 10_001;

/// A histogram of delays.
#[derive(Clone, Debug)]
pub struct Lateness {
    classes: Vec<u64>,
    count: u64,
}

impl Default for Lateness {
    fn default() -> Self {
        Self {
            classes: vec![0; CLASSES],
            count: 0,
        }
    }
}

impl Lateness {
    pub(crate) fn note(&mut self, late: Duration) {
        let class = u64::try_from(late.as_micros()).unwrap_or(u64::MAX) / WIDTH;
        let class = usize::try_from(class).unwrap_or(CLASSES).min(CLASSES - 1);
        self.classes[class] += 1;
        self.count += 1;
    }

    /// Datagrams noted.
    pub const fn count(&self) -> u64 {
        self.count
    }

    /// The lateness that `share` of the datagrams do not exceed, rounded up to
    /// 10 µs; 100 ms stands for more. `None` of no datagrams.
    pub fn quantile(&self, share: f64) -> Option<Duration> {
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // a share of a count
        let wanted = (share.clamp(0.0, 1.0) * self.count as f64).ceil().max(1.0) as u64;
        let mut seen = 0;
        let class = self.classes.iter().position(|count| {
            seen += count;
            seen >= wanted
        })?;
        Some(Duration::from_micros((class as u64 + 1) * WIDTH))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_upper_bounds() {
        let mut lateness = Lateness::default();
        assert_eq!(lateness.quantile(0.5), None);
        for micros in 0..1000 {
            lateness.note(Duration::from_micros(micros));
        }
        assert_eq!(lateness.quantile(0.5), Some(Duration::from_micros(500)));
        assert_eq!(lateness.quantile(0.99), Some(Duration::from_micros(990)));
        lateness.note(Duration::from_secs(9));
        assert_eq!(lateness.quantile(1.0), Some(Duration::from_micros(100_010)));
    }
}
