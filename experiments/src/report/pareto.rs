//! Who is beaten by nobody.

/// The places of the points that no other beats: none is at most as far on
/// both axes and less far on one. By ascending x; of equal points the first.
pub(super) fn front(points: &[(f64, f64)]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..points.len()).collect();
    order.sort_by(|&a, &b| {
        let ((ax, ay), (bx, by)) = (points[a], points[b]);
        ax.total_cmp(&bx).then(ay.total_cmp(&by))
    });
    let mut least = f64::INFINITY;
    order.retain(|&place| {
        let y = points[place].1;
        let is_better = y < least;
        least = least.min(y);
        is_better
    });
    order
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_front_is_what_nobody_beats() {
        let points = [
            (3.0, 1.0),
            (1.0, 5.0),
            (2.0, 5.0),
            (2.0, 2.0),
            (4.0, 1.0),
            (1.0, 6.0),
        ];
        assert_eq!(front(&points), [1, 3, 0]);
        assert_eq!(front(&[(1.0, 1.0), (1.0, 1.0)]), [0]);
        assert!(front(&[]).is_empty());
    }

    #[test]
    fn it_agrees_with_the_definition() {
        let points: Vec<(f64, f64)> = (0..60_u32)
            .map(|i| (f64::from(i * 37 % 23), f64::from(i * 53 % 19)))
            .collect();
        let beats = |a: (f64, f64), b: (f64, f64)| a.0 <= b.0 && a.1 <= b.1 && a != b;
        let by_definition =
            |place: &usize| !points.iter().any(|other| beats(*other, points[*place]));
        let mut expected: Vec<(f64, f64)> =
            (0..60).filter(by_definition).map(|i| points[i]).collect();
        expected.sort_by(|a, b| a.0.total_cmp(&b.0));
        expected.dedup();
        let found: Vec<_> = front(&points).into_iter().map(|i| points[i]).collect();
        assert_eq!(found, expected);
    }
}
