//! Counts over time in bounded space.

use serde_json::{Value, json};

use crate::Timestamp;
use crate::measurement::Span;
use crate::timestamp::seconds;

/// `N` counts over time, in intervals of equal length.
///
/// An interval is a second long as long as [`Series::MAX_POINTS`] of them
/// suffice, and twice as long each time they do not: a day is counted in
/// intervals of 128 s. What is older than the first count is counted with it.
#[derive(Clone, Debug)]
pub struct Series<const N: usize> {
    /// Time of the first count, where the first interval starts.
    origin: Option<Timestamp>,
    width: u64,
    counts: Vec<[u64; N]>,
    /// The interval of the last count, since the next is likely in it too.
    here: Here,
}

/// From and to in nanoseconds, and the index of that interval.
#[derive(Clone, Copy, Debug, Default)]
struct Here {
    from: u64,
    to: u64,
    index: usize,
}

impl<const N: usize> Default for Series<N> {
    fn default() -> Self {
        Self {
            origin: None,
            width: NANOS_PER_SECOND,
            counts: Vec::new(),
            here: Here::default(),
        }
    }
}

impl<const N: usize> Series<N> {
    /// Most intervals.
    pub const MAX_POINTS: usize = 1000;

    /// Adds `amount` to count number `which`, below `N`, at `time`.
    #[inline]
    pub fn add(&mut self, time: Timestamp, which: usize, amount: u64) {
        let nanos = time.as_nanos();
        if !(self.here.from..self.here.to).contains(&nanos) {
            self.here = self.seek(time);
        }
        if let Some(counts) = self.counts.get_mut(self.here.index) {
            counts[which] += amount;
        }
    }

    #[cold]
    fn seek(&mut self, time: Timestamp) -> Here {
        let origin = *self.origin.get_or_insert(time);
        let elapsed = time.as_nanos().saturating_sub(origin.as_nanos());
        while elapsed / self.width >= Self::MAX_POINTS as u64 {
            self.double_the_width();
        }
        let number = elapsed / self.width;
        let index = usize::try_from(number).unwrap_or(Self::MAX_POINTS);
        if self.counts.len() <= index {
            self.counts.resize(index + 1, [0; N]);
        }
        let from = origin.as_nanos().saturating_add(number * self.width);
        let to = from.saturating_add(self.width);
        Here { from, to, index }
    }

    fn double_the_width(&mut self) {
        self.width *= 2;
        let pairs = self.counts.chunks(2);
        let sums = pairs.map(|pair| std::array::from_fn(|i| pair.iter().map(|c| c[i]).sum()));
        self.counts = sums.collect();
    }

    /// Length of an interval in seconds.
    pub fn interval_s(&self) -> f64 {
        self.width as f64 / 1e9
    }

    /// Count `which` for each interval.
    pub fn counts(&self, which: usize) -> impl Iterator<Item = u64> + '_ {
        self.counts.iter().map(move |counts| counts[which])
    }

    /// Where each interval starts, in seconds since the first packet, with
    /// count `which` per second.
    pub fn per_second(&self, which: usize, span: &Span) -> Vec<(f64, f64)> {
        let interval = self.interval_s();
        let counts = self.starts(span).zip(self.counts(which));
        counts
            .map(|(s, count)| (s, count as f64 / interval))
            .collect()
    }

    /// Where each interval ends, in seconds since the first packet, with all
    /// that was counted in `which` until then. The first point is zero, where
    /// the first interval starts.
    pub fn cumulative(&self, which: usize, span: &Span) -> Vec<(f64, f64)> {
        let mut total = 0;
        let zero = self.starts(span).next().map(|start| (start, 0.0));
        let sums = self
            .starts(span)
            .zip(self.counts(which))
            .map(|(start, count)| {
                total += count;
                (start + self.interval_s(), total as f64)
            });
        zero.into_iter().chain(sums).collect()
    }

    /// The intervals with every count under its name.
    pub fn json(&self, names: [&'static str; N], span: &Span) -> Value {
        let mut json = json!({
            "start_s": self.starts(span).next(),
            "interval_s": self.interval_s(),
        });
        for (which, name) in names.into_iter().enumerate() {
            json[name] = self.counts(which).collect();
        }
        json
    }

    /// A row for each interval: where it starts, then every count.
    pub fn rows(&self, span: &Span) -> Vec<Vec<Value>> {
        let starts = self.starts(span).zip(&self.counts);
        let row = |(start, counts): (f64, &[u64; N])| {
            let start = Value::from(start);
            std::iter::once(start)
                .chain(counts.iter().map(|&count| count.into()))
                .collect()
        };
        starts.map(row).collect()
    }

    fn starts(&self, span: &Span) -> impl Iterator<Item = f64> + use<N> {
        let first = self.origin.map_or(0, |origin| {
            let since = origin.since(span.start.unwrap_or(origin));
            u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
        });
        let width = self.width;
        (0..self.counts.len() as u64).map(move |i| {
            let nanos = first.saturating_add(i * width);
            seconds(std::time::Duration::from_nanos(nanos))
        })
    }
}

const NANOS_PER_SECOND: u64 = 1_000_000_000;

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Timestamp {
        Timestamp::from_nanos(seconds * NANOS_PER_SECOND)
    }

    fn span_from(start: u64) -> Span {
        Span {
            start: Some(at(start)),
            ..Span::default()
        }
    }

    #[test]
    fn seconds_are_counted_apart() {
        let mut series = Series::<2>::default();
        for (time, which, amount) in [
            (103, 0, 2),
            (103, 1, 5),
            (105, 0, 1),
            (104, 1, 7),
            (90, 0, 1),
        ] {
            series.add(at(time), which, amount);
        }
        let span = span_from(100);
        assert_eq!(
            series.per_second(0, &span),
            [(3.0, 3.0), (4.0, 0.0), (5.0, 1.0)]
        );
        assert_eq!(
            series.cumulative(1, &span),
            [(3.0, 0.0), (4.0, 5.0), (5.0, 12.0), (6.0, 12.0)]
        );
        let expected = json!({"start_s": 3.0, "interval_s": 1.0, "a": [3, 0, 1], "b": [5, 7, 0]});
        assert_eq!(series.json(["a", "b"], &span), expected);
        assert_eq!(series.rows(&span)[1], [json!(4.0), json!(0), json!(7)]);
    }

    #[test]
    fn intervals_grow_and_nothing_is_lost() {
        let mut series = Series::<1>::default();
        for second in 0..86_400 {
            series.add(at(second), 0, 1);
        }
        assert_eq!(series.interval_s(), 128.0);
        assert_eq!(series.counts(0).next(), Some(128));
        assert_eq!(series.counts(0).sum::<u64>(), 86_400);
        series.add(Timestamp::from_nanos(u64::MAX), 0, 1);
        assert!(series.counts.len() <= Series::<1>::MAX_POINTS);
        assert_eq!(series.counts(0).sum::<u64>(), 86_401);
    }

    #[test]
    fn nothing_counted_is_no_point() {
        let series = Series::<1>::default();
        assert_eq!(series.cumulative(0, &span_from(1)), []);
        assert_eq!(series.json(["a"], &span_from(1))["start_s"], Value::Null);
    }
}
