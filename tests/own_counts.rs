//! What a node counts of itself against what the profiler counts in its
//! capture.

#![allow(clippy::unwrap_used)] // a panic fails the test

mod support;

use std::time::Duration;

use mdht_krpc::{Body, Id, Method};
use mdht_node::AnnouncePort;
use mdht_profiler::measurement::{Measurement, Section, Span};
use mdht_profiler::{Direction, NodeSpec, Observed, Options, Profiler};
use serde_json::json;
use support::{TemporaryDir, builder, local, overlay, v4};

const SWARM: Id = Id::new([0x5a; 20]);
const SECOND: Duration = Duration::from_secs(1);

/// Counts as a node counts of itself.
#[derive(Clone, Default)]
struct Counts {
    sent: [u64; 4],
    responses: u64,
    errors: u64,
    answers_sent: u64,
}

impl Measurement for Counts {
    fn on_message(&mut self, observed: &Observed<'_>) {
        match (observed.direction, &observed.message.body) {
            (Direction::Sent, Body::Query(query)) => match query.method {
                Method::Ping => self.sent[0] += 1,
                Method::FindNode => self.sent[1] += 1,
                Method::GetPeers => self.sent[2] += 1,
                Method::AnnouncePeer => self.sent[3] += 1,
                _ => panic!("a query of another kind"),
            },
            (Direction::Sent, _) => self.answers_sent += 1,
            (Direction::Received, Body::Response(_)) => self.responses += 1,
            (Direction::Received, Body::Error(_)) => self.errors += 1,
            (Direction::Received, Body::Query(_)) => {}
        }
    }

    fn finish(self: Box<Self>, _: &Span) -> Section {
        let json = json!([self.sent, self.responses, self.errors, self.answers_sent]);
        Section {
            key: "counts",
            json,
            ..Section::default()
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_profile_of_its_capture_counts_what_the_node_counts() {
    let dir = TemporaryDir::new();
    let capture = dir.file("node.pcap");
    let nodes = overlay(39, 12).await;
    let bootstrap = local(&nodes[0]).await.to_string();
    let node = builder("127.39.1.1:0")
        .bootstrap(bootstrap)
        .capture(&capture);
    let node = node.build().await.unwrap();
    let addr = local(&node).await;
    let announced = node.announce(SWARM, AnnouncePort::Implied).await.unwrap();
    assert!(announced.report().await.unwrap().announced > 0);
    let other_swarm = Id::new([0xa5; 20]);
    node.get_peers(other_swarm)
        .await
        .unwrap()
        .report()
        .await
        .unwrap();
    node.find_node(other_swarm).await.unwrap();
    node.ping("127.39.1.9:9".parse().unwrap(), SECOND / 5)
        .await
        .unwrap();
    // asked in turn
    nodes[3].ping(addr, SECOND).await.unwrap();
    nodes[3].find_node(v4(&node).await.id).await.unwrap();
    let status = node.shutdown().await.unwrap();
    assert_eq!(status.capture_nodes, [addr]);
    let stats = status.stats;

    let mut options = Options::default();
    options.nodes.push(NodeSpec::from(addr));
    let profiler = Profiler::new(options).with_measurement(|_| Box::<Counts>::default());
    let profile = profiler.run(&[&capture], &mut |_| {}).unwrap();
    let node = &profile.nodes[0];
    let sent = stats.queries_sent;
    let by_kind = [
        sent.ping,
        sent.find_node,
        sent.get_peers,
        sent.announce_peer,
    ];
    assert!(by_kind.iter().all(|count| *count > 0), "{sent:?}");
    let own = json!([
        by_kind,
        stats.responses_received,
        stats.errors_received,
        stats.responses_sent + stats.errors_sent
    ]);
    assert_eq!(node.section("counts"), Some(&own));

    let figure = |section: &str, key: &str| node.section(section).unwrap()[key].as_u64().unwrap();
    assert_eq!(figure("all_queries", "sent"), sent.total());
    assert_eq!(figure("maintenance", "ping"), sent.ping);
    assert_eq!(figure("maintenance", "find_node"), sent.find_node);
    let refresh = figure("maintenance", "get_peers_refresh");
    assert_eq!(figure("lookup_queries", "sent") + refresh, sent.get_peers);
    let got = stats.queries_received;
    assert!(got.ping > 0 && got.find_node > 0, "{got:?}");
    for (key, count) in [
        ("ping", got.ping),
        ("find_node", got.find_node),
        ("get_peers", got.get_peers),
        ("announce_peer", got.announce_peer),
    ] {
        assert_eq!(figure("received", key), count, "{key} received");
    }
    // what the node counts is payload, what the profiler counts is IP packets
    let packets = sent.total() + stats.responses_sent + stats.errors_sent;
    assert_eq!(
        figure("all_queries", "bytes_out"),
        stats.bytes_sent + 28 * packets
    );
}
