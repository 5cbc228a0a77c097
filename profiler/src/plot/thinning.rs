//! No more points than there are pixels.

use std::collections::BTreeSet;

use super::canvas::{Point, whole};

/// A curve through `points`, whose x does not decrease, with at most four
/// points in each column of half a unit: the first, lowest, highest and last.
pub(super) fn curve(points: impl Iterator<Item = Point>) -> Vec<Point> {
    let mut thin: Vec<Point> = Vec::new();
    let mut column: Option<Column> = None;
    for point in points {
        match &mut column {
            Some(open) if open.number == number(point.0) => open.add(point),
            open => {
                if let Some(full) = open.replace(Column::of(point)) {
                    full.close(&mut thin);
                }
            }
        }
    }
    if let Some(last) = column {
        last.close(&mut thin);
    }
    thin
}

/// One of all points that would cover each other.
pub(super) fn cloud(points: impl Iterator<Item = Point>) -> Vec<Point> {
    let cells: BTreeSet<(i32, i32)> = points
        .map(|(x, y)| (whole(x / CELL), whole(y / CELL)))
        .collect();
    let place = |(x, y)| (f64::from(x) * CELL, f64::from(y) * CELL);
    cells.into_iter().map(place).collect()
}

struct Column {
    number: i32,
    /// First, lowest, highest and last point, each with its number.
    points: [(usize, Point); 4],
    count: usize,
}

impl Column {
    fn of(point: Point) -> Self {
        Self {
            number: number(point.0),
            points: [(0, point); 4],
            count: 1,
        }
    }

    fn add(&mut self, point: Point) {
        let numbered = (self.count, point);
        if point.1 > self.points[1].1.1 {
            self.points[1] = numbered;
        }
        if point.1 < self.points[2].1.1 {
            self.points[2] = numbered;
        }
        self.points[3] = numbered;
        self.count += 1;
    }

    fn close(mut self, thin: &mut Vec<Point>) {
        self.points.sort_by_key(|(number, _)| *number);
        thin.extend(self.points.map(|(_, point)| point));
        thin.dedup();
    }
}

fn number(x: f64) -> i32 {
    whole(x * 2.0)
}

/// Side of a cell that holds one point, in units.
const CELL: f64 = 2.0;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_million_points_come_to_a_few_in_each_column_and_keep_their_peaks() {
        let points = (0..1_000_000).map(|i| {
            let y = if i == 777_777 {
                1000.0
            } else {
                f64::from(i % 7)
            };
            (f64::from(i) / 10_000.0, y)
        });
        let thin = curve(points);
        assert!(thin.len() <= 4 * 202, "{}", thin.len());
        assert!(thin.iter().any(|p| p.1 == 1000.0));
        assert!(thin.is_sorted_by(|a, b| a.0 <= b.0));
    }

    #[test]
    fn few_points_stay_as_they_are() {
        let points = vec![(0.0, 1.0), (0.0, 5.0), (3.0, 5.0), (3.0, 7.0)];
        assert_eq!(curve(points.clone().into_iter()), points);
        assert_eq!(
            cloud([(4.0, 4.0), (4.1, 4.1), (9.0, 4.0)].into_iter()).len(),
            2
        );
    }
}
