//! More flows than the profiler tells apart: what it holds, and what it counts.

use std::ops::ControlFlow;

use mdht_profiler::{Input, Options, Profiler, Remotes};

use crate::stream::{Flows, NODE};
use crate::{Outcome, peak_mb};

/// Profiles a stream of `count` flows and says how much memory that took.
pub(crate) fn run(count: u32) -> Outcome<()> {
    if count > Flows::MOST {
        return Err(format!("at most {} flows", Flows::MOST).into());
    }
    let flows = Flows::new(count);
    let answers = u64::from(flows.answers());
    let options = Options {
        nodes: vec![NODE.parse()?],
        ..Options::default()
    };
    let inputs = vec![Input::reader("flows", flows)];
    let before = peak_mb()?;
    let profile = Profiler::new(options).watch(inputs, &mut |_| ControlFlow::Continue(()))?;
    let messages = profile.captures[0].krpc_messages;
    let profile = serde_json::to_value(&profile)?;
    let node = &profile["nodes"][0];
    let met = &node["distinct_nodes"];
    println!(
        "{count} flows, {messages} messages: peak memory {:.0} MB, of which {before:.0} MB before",
        peak_mb()?
    );
    println!(
        "addresses that answered: {} of {answers} told apart",
        met["ips"]
    );
    println!("timeouts told apart: {}", node["timeouts"]["total"]);
    let most = Remotes::MAX_SENDERS as u64;
    let right = messages == u64::from(count) + answers
        && node["all_queries"]["sent"] == count
        && node["rtt_ms"]["count"] == answers
        && met["ips"]
            .as_u64()
            .is_some_and(|ips| ips == answers.min(most))
        && met["complete"] == (answers <= most)
        && node["timeouts"]["complete"] == (count as usize <= Remotes::MAX_QUERIED);
    match right {
        true => Ok(()),
        false => Err(format!("counted wrongly: {met} {}", node["all_queries"]).into()),
    }
}
