//! An hour among nodes that answer, die and query.

use super::*;
use crate::routing::testing::population::{Population, most_within};
use mdht_krpc::Instant;
use std::time::Duration;

const STARTUP: Duration = secs(600);

fn after_startup(times: &[Instant]) -> Vec<Instant> {
    let times = times.iter().copied();
    times
        .filter(|time| time.since(Instant::ZERO) >= STARTUP)
        .collect()
}

/// "A maximum maintenance traffic of 10 queries per minute" [thesis 8.V.B],
/// "20 queries per minute" [8.V.D].
#[test]
fn maintenance_never_exceeds_what_the_thesis_promises() {
    let limits = [("nice", 10), ("nrtt", 10), ("nr64", 15), ("nr128", 20)];
    for ((name, limit), more) in
        limits
            .into_iter()
            .zip(["", "probe=find_node", "quarantine_scope=queriers", ""])
    {
        let mut population = Population::new(&format!("{name}:{more}"), 3);
        population.run(3600);
        let queries = after_startup(&population.query_times());
        let most = most_within(&queries, secs(60));
        assert!(most <= limit, "{name}: {most} in a minute");
        assert!(
            queries.len() > 40 * limit,
            "{name}: it hardly did anything: {}",
            queries.len()
        );
        assert!(
            after_startup(&population.lookup_times()).is_empty(),
            "{name}"
        );
        let busiest = most_within(&population.query_times(), secs(60));
        assert!(busiest <= 60, "{name}: one a second during start-up");
    }
}

/// What a bucket's refreshes are for: the table's contacts are alive.
#[test]
fn the_table_holds_what_it_should_and_it_is_alive() {
    for (name, least) in [("nice", 50), ("nrtt", 50), ("nr64", 120), ("nr128", 200)] {
        let mut population = Population::new(name, 4);
        population.run(3600);
        let (alive, held) = population.health();
        assert!(alive >= least, "{name}: {alive} of {held}");
    }
}
