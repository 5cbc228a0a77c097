//! What a process has taken of the processors.

/// Processor time of a process so far, in seconds, to a hundredth.
pub(crate) fn usage(process: u32) -> f64 {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap();
    let (_, after) = stat.rsplit_once(')').unwrap();
    let ticks = |place: usize| -> f64 {
        let word = after.split_whitespace().nth(place);
        word.unwrap().parse().unwrap()
    };
    // Linux counts them in hundredths for everybody
    (ticks(11) + ticks(12)) / 100.0
}
