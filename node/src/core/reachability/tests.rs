//! What a node finds out about itself, step by step.

use super::*;

const MINUTE: Duration = Duration::from_secs(60);
const SETTINGS: ReachabilityWatch = ReachabilityWatch {
    quiet: Duration::from_secs(10 * 60),
    watch: Duration::from_secs(15 * 60),
    hosts: 3,
    proofs: 2,
    pause: Duration::from_secs(30 * 60),
    longest_pause: Duration::from_secs(100 * 60),
};

fn at(minutes: u32) -> Instant {
    Instant::ZERO + MINUTE * minutes
}

fn host(n: u8) -> IpAddr {
    IpAddr::from([8, 8, 4, n])
}

fn visit(n: u8) -> Visit {
    Visit {
        from: host(n),
        external: None,
        by_main_socket: true,
    }
}

/// A node that has joined at once and was answered by hosts enough.
fn watching() -> Reachability {
    let mut node = Reachability::new(SETTINGS, at(0));
    let first_look = at(10) + 15 * MINUTE / 2;
    assert_eq!(node.begin_watch(at(0)), first_look, "blind for ten minutes");
    (1..=3).for_each(|n| node.on_answer(host(n)));
    node
}

fn out_of_reach() -> Reachability {
    let mut node = watching();
    let step = node.on_due(at(25), true, false);
    assert_eq!(step, Step::Unreachable { until: at(55) });
    node
}

#[test]
fn strangers_enough_prove_that_others_reach_us() {
    let mut node = watching();
    assert_eq!(node.on_query(at(11), visit(9)), (true, None));
    assert_eq!(node.on_query(at(12), visit(9)), (false, None), "again");
    assert_eq!(node.on_query(at(23), visit(9)), (true, None), "one host");
    let until = at(24) + 15 * MINUTE * ReachabilityWatch::PATIENCE;
    let reached = |is_news| (true, Some(Step::Reachable { is_news, until }));
    assert_eq!(node.on_query(at(24), visit(10)), reached(true));
    assert_eq!((node.verdict(), node.is_read_only()), (Some(true), false));
    // and it stays so without a word
    assert_eq!(node.on_query(at(30), visit(11)), (true, None));
    let (_, step) = node.on_query(at(31), visit(12));
    assert!(matches!(step, Some(Step::Reachable { is_news: false, .. })));
}

#[test]
fn whom_we_have_talked_to_proves_nothing() {
    let mut node = watching();
    for n in 20..40 {
        node.on_sent(at(11), host(n));
        assert_eq!(node.on_query(at(21), visit(n)), (false, None), "{n}");
        // its own packet keeps a mapping open as well
        assert_eq!(node.on_query(at(31), visit(n)), (false, None), "{n}");
    }
}

#[test]
fn nor_does_what_comes_from_our_side_or_to_another_socket_or_too_early() {
    let mut node = watching();
    assert_eq!(node.on_query(at(9), visit(8)), (false, None), "too early");
    let own = Some(host(5));
    for (from, external, by_main_socket) in [
        (host(5), own, true),
        (IpAddr::from([192, 168, 1, 7]), own, true),
        (host(6), own, false),
    ] {
        let visit = Visit {
            from,
            external,
            by_main_socket,
        };
        assert_eq!(node.on_query(at(12), visit), (false, None), "{visit:?}");
    }
    // in a private world private addresses are as good as any
    let visit = Visit {
        from: IpAddr::from([10, 0, 0, 7]),
        external: Some(IpAddr::from([10, 0, 0, 1])),
        by_main_socket: true,
    };
    assert!(node.on_query(at(12), visit).0);
}

#[test]
fn silence_tells_only_if_hosts_enough_know_of_us_and_we_are_online() {
    let mut lonely = Reachability::new(SETTINGS, at(0));
    lonely.begin_watch(at(0));
    lonely.on_answer(host(1));
    lonely.on_answer(host(1));
    assert!(matches!(
        lonely.on_due(at(25), true, false),
        Step::Wait { .. }
    ));
    let mut offline = watching();
    assert!(matches!(
        offline.on_due(at(25), false, false),
        Step::Wait { .. }
    ));
    let mut interrupted = watching();
    interrupted.on_offline();
    let step = interrupted.on_due(at(25), true, false);
    let first_look = at(25) + 15 * MINUTE / 2;
    assert_eq!(step, Step::Wait { until: first_look }, "watched anew");
    assert_eq!(interrupted.verdict(), None);
}

#[test]
fn one_stranger_alone_does_not_save_a_node() {
    let mut node = watching();
    assert!(node.on_query(at(20), visit(9)).0);
    assert!(matches!(
        node.on_due(at(25), true, false),
        Step::Unreachable { .. }
    ));
}

#[test]
fn ports_that_differ_make_half_the_time_enough_unless_a_stranger_came() {
    let mut node = watching();
    let half = at(10) + 15 * MINUTE / 2;
    assert_eq!(
        node.on_due(half, true, false),
        Step::Wait { until: at(25) },
        "without them"
    );
    assert!(matches!(
        node.on_due(half, true, true),
        Step::Unreachable { .. }
    ));
    let mut visited = watching();
    assert!(visited.on_query(at(11), visit(9)).0);
    assert_eq!(
        visited.on_due(half, true, true),
        Step::Wait { until: at(25) }
    );
}

#[test]
fn trials_come_ever_more_rarely_up_to_a_bound() {
    let mut node = out_of_reach();
    let mut now = at(55);
    let mut pauses = Vec::new();
    for _ in 0..4 {
        let Step::Trial { until } = node.on_due(now, true, false) else {
            panic!("no trial");
        };
        assert!(!node.is_read_only());
        (1..=3).for_each(|n| node.on_answer(host(n)));
        let step = node.on_due(until, true, false);
        let until = now + 15 * MINUTE;
        assert_eq!(step, Step::Wait { until });
        let Step::Unreachable { until: next } = node.on_due(until, true, false) else {
            panic!("no verdict");
        };
        pauses.push(next.since(until).as_secs() / 60);
        now = next;
    }
    assert_eq!(pauses, [60, 100, 100, 100]);
}

#[test]
fn a_node_that_becomes_reachable_notices_in_a_trial_or_before_it() {
    for in_trial in [true, false] {
        let mut node = out_of_reach();
        if in_trial {
            node.on_due(at(55), true, false);
        }
        node.on_query(at(56), visit(40));
        let (_, step) = node.on_query(at(57), visit(41));
        assert!(matches!(step, Some(Step::Reachable { is_news: true, .. })));
        assert!(!node.is_read_only());
        // the next time it waits longer, and then begins with short pauses
        let until = step.unwrap().until();
        assert_eq!(until, at(57 + 60));
        (1..=3).for_each(|n| node.on_answer(host(n)));
        let step = node.on_due(until, true, false);
        assert_eq!(
            step,
            Step::Unreachable {
                until: until + 30 * MINUTE
            }
        );
    }
}

#[test]
fn elsewhere_everything_is_open_again() {
    let mut node = out_of_reach();
    let step = node.on_moved(at(30));
    let until = at(30) + 15 * MINUTE / 2;
    assert_eq!(step, Step::Trial { until });
    assert_eq!((node.verdict(), node.is_read_only()), (None, false));
}

#[test]
fn more_hosts_than_can_be_remembered_make_it_blind_not_wrong() {
    let mut node = watching();
    for n in 0..40_000_u32 {
        let to = IpAddr::from((0x0900_0000 + n).to_be_bytes());
        node.on_sent(at(12), to);
        assert!(node.lately.hosts.len() <= Lately::MOST);
    }
    // one of those that were forgotten
    let forgotten = Visit {
        from: IpAddr::from(0x0900_0000_u32.to_be_bytes()),
        ..visit(0)
    };
    assert_eq!(node.on_query(at(13), forgotten), (false, None));
    assert_eq!(node.on_query(at(20), visit(9)), (false, None));
    // nor was it watching
    let until = at(12 + 10 + 15);
    assert_eq!(node.on_due(at(25), true, false), Step::Wait { until });
    assert!(node.on_query(at(26), visit(10)).0);
}
