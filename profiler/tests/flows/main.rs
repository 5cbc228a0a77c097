//! More flows than the profiler's tables hold.

#![allow(clippy::unwrap_used)] // in helper functions too
#![allow(clippy::cast_possible_truncation)] // lengths of messages made here

mod stream;

use std::ops::ControlFlow;

use mdht_profiler::{Input, Options, Profiler, Remotes};
use serde_json::Value;
use stream::{Flows, NODE};

const FLOWS: u32 = 1_000_000;

fn profile(flows: Flows) -> Value {
    let options = Options {
        nodes: vec![NODE.parse().unwrap()],
        ..Options::default()
    };
    let inputs = vec![Input::reader("flows", flows)];
    let profile = Profiler::new(options)
        .watch(inputs, &mut |_| ControlFlow::Continue(()))
        .unwrap();
    serde_json::to_value(profile).unwrap()
}

/// Queries that are open, infohashes that are looked up and addresses that
/// were queried are more than are told apart. What is counted is right all the
/// same, and what is a part of all says so.
#[test]
fn a_million_flows_are_counted_right_or_said_to_be_a_part() {
    let flows = Flows::new(FLOWS);
    let answers = flows.answers();
    let profile = profile(flows);
    assert_eq!(profile["captures"][0]["krpc_messages"], FLOWS + answers);
    let node = &profile["nodes"][0];
    assert_eq!(node["all_queries"]["sent"], FLOWS);
    assert_eq!(node["rtt_ms"]["count"], answers);
    assert_eq!(node["distinct_nodes"]["ips"], answers);
    assert_eq!(node["distinct_nodes"]["complete"], true);

    // of those queried, as many as there is room for
    assert!(FLOWS as usize > Remotes::MAX_QUERIED);
    let timeouts = &node["timeouts"];
    assert_eq!(timeouts["complete"], false);
    let counted = timeouts["total"].as_u64().unwrap();
    assert!((1..u64::from(FLOWS - answers)).contains(&counted));
}
