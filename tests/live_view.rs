//! A running node looked at from outside: metrics, status, the page's data,
//! the log.

#![allow(clippy::unwrap_used)] // a panic fails the test

mod support;

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, ChildStderr, Command, Stdio};

use mdht_krpc::Id;
use mdht_node::{AnnouncePort, LookupNews, LookupStep};
use serde_json::Value;
use support::{LONGEST_WAIT, MDHT, builder, local, mdht_beside, overlay, quick, wait};

const SWARM: Id = Id::new([0x5b; 20]);

/// A node that is served by HTTP and told what to look up.
struct Served {
    child: Child,
    err: BufReader<ChildStderr>,
    metrics: SocketAddr,
    web: SocketAddr,
}

impl Served {
    fn start(args: &str) -> Self {
        let mut command = Command::new(MDHT);
        command.args("node --driven --metrics 0 --web 0 --no-default-bootstrap".split(' '));
        command.args(args.split(' '));
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
        let mut err = BufReader::new(child.stderr.take().unwrap());
        let metrics = served_at(&mut err);
        let web = served_at(&mut err);
        Self {
            child,
            err,
            metrics,
            web,
        }
    }

    fn look_up(&mut self, info_hash: Id) -> String {
        let mut orders = self.child.stdin.as_ref().unwrap();
        writeln!(orders, "lookup {info_hash}").unwrap();
        let mut out = BufReader::new(self.child.stdout.as_mut().unwrap());
        let mut line = String::new();
        out.read_line(&mut line).unwrap();
        line
    }

    /// Ends the node; what it still said on standard error.
    fn end(mut self) -> String {
        writeln!(self.child.stdin.take().unwrap(), "stop").unwrap();
        let mut rest = String::new();
        self.err.read_to_string(&mut rest).unwrap();
        assert_eq!(wait(&mut self.child), Some(0));
        rest
    }
}

fn served_at(err: &mut impl std::io::BufRead) -> SocketAddr {
    loop {
        let mut line = String::new();
        assert!(err.read_line(&mut line).unwrap() > 0, "never said where");
        if let Some(rest) = line.strip_prefix("http://") {
            return rest.split('/').next().unwrap().parse().unwrap();
        }
    }
}

/// One request, as it is.
fn ask(addr: SocketAddr, request: &str) -> String {
    let mut stream = TcpStream::connect(addr).unwrap();
    stream.set_read_timeout(Some(LONGEST_WAIT)).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

fn get(addr: SocketAddr, path: &str) -> String {
    ask(
        addr,
        &format!("GET {path} HTTP/1.0\r\nHost: {addr}\r\n\r\n"),
    )
}

fn live(addr: SocketAddr) -> Value {
    let answer = get(addr, "/live.json");
    serde_json::from_str(answer.split_once("\r\n\r\n").unwrap().1).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_shows_its_metrics_its_status_and_its_lookups() {
    let nodes = overlay(41, 6).await;
    let announced = nodes[2].announce(SWARM, AnnouncePort::Explicit(7000)).await;
    announced.unwrap().report().await.unwrap();
    let first = local(&nodes[0]).await;
    let args = format!("--bind 127.41.1.1:0 --bootstrap {first} --routing bep5 --log debug");
    let mut served = Served::start(&args);
    let report = served.look_up(SWARM);
    assert!(report.contains("1 peers"), "{report}");

    let metrics = get(served.metrics, "/metrics");
    assert!(metrics.starts_with("HTTP/1.0 200"), "{metrics}");
    for line in [
        "# TYPE mdht_queries_sent counter",
        "mdht_queries_sent_total{method=\"get_peers\"}",
        "mdht_lookups_total{result=\"value\"} 1",
        "mdht_lookup_latency_seconds_count 1",
        "mdht_contacts{family=\"ipv4\",standing=\"good\"}",
        "mdht_joined{family=\"ipv4\"} 1",
        "# EOF",
    ] {
        assert!(metrics.contains(line), "{line} is not in\n{metrics}");
    }
    let asked = mdht_beside(format!("node --status {}", served.metrics)).await;
    assert_eq!(asked.code, Some(0), "{asked:?}");
    assert!(asked.out.contains(" joined, "), "{asked:?}");
    let asked = mdht_beside(format!("node --status {} --format json", served.metrics)).await;
    assert_eq!(asked.documents()[0]["overlays"][0]["joined"], true);

    let seen = live(served.web);
    let lookup = &seen["lookups"][0];
    assert_eq!(lookup["infohash"], SWARM.to_string());
    assert_eq!(
        (&lookup["over"], &lookup["peers"]),
        (&true.into(), &1.into())
    );
    let queries = lookup["queries"].as_array().unwrap();
    assert!(
        queries.iter().any(|query| query["end"] == "values"),
        "{queries:?}"
    );
    assert!(
        queries.iter().all(|query| query["to"] == "127.41.0.x"),
        "{queries:?}"
    );
    let log = served.end();
    assert!(
        log.contains("answered") && log.contains("127.41.0.x"),
        "{log}"
    );
    assert!(!log.contains("from=127.41.0.1:"), "{log}");
}

#[test]
fn only_reading_and_only_by_an_address_of_this_machine() {
    let served = Served::start("--bind 127.41.2.1:0");
    let (metrics, web) = (served.metrics, served.web);
    let foreign = ask(web, "GET / HTTP/1.0\r\nHost: evil.example\r\n\r\n");
    assert!(foreign.starts_with("HTTP/1.0 403"), "{foreign}");
    let post = ask(
        web,
        "POST / HTTP/1.0\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n",
    );
    assert!(post.starts_with("HTTP/1.0 405"), "{post}");
    assert!(
        get(metrics, "/").starts_with("HTTP/1.0 404"),
        "the page is elsewhere"
    );
    let page = get(web, "/");
    assert!(
        page.contains("content-security-policy: default-src 'none'"),
        "{page}"
    );
    for part in ["/page.js", "/page.css"] {
        assert!(get(web, part).starts_with("HTTP/1.0 200"));
    }
    // what is no request ends its connection, and nothing else
    ask(web, "\r\n\r\nnonsense\r\n\r\n");
    assert!(get(web, "/").starts_with("HTTP/1.0 200"));
    served.end();
}

#[test]
fn nobody_there_is_said_with_the_remedy() {
    let run = support::mdht("node --status 127.0.0.1:9");
    assert_eq!(run.code, Some(1));
    assert!(run.err.contains("start the node with --metrics"), "{run:?}");
    let run = support::mdht("node --metrics nowhere");
    assert_eq!(run.code, Some(2));
    assert!(run.err.contains("such as 127.0.0.1:9881"), "{run:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_watcher_sees_every_step_of_a_lookup() {
    let nodes = overlay(42, 4).await;
    let first = local(&nodes[0]).await.to_string();
    let node = builder("127.42.1.1:0").routing(quick()).bootstrap(first);
    let node = node.build().await.unwrap();
    let mut moments = node.watch_lookups();
    let report = node.get_peers(SWARM).await.unwrap().report().await.unwrap();
    let (mut queried, mut answered) = (0, 0);
    loop {
        let moment = tokio::time::timeout(LONGEST_WAIT, moments.recv()).await;
        let moment = moment.unwrap().unwrap();
        assert_eq!(moment.target, SWARM);
        match moment.what {
            LookupNews::Step(LookupStep::Queried { .. }) => queried += 1,
            LookupNews::Step(LookupStep::Answered { .. }) => answered += 1,
            LookupNews::Done(done) => {
                assert_eq!(*done, report);
                break;
            }
            _ => {}
        }
    }
    assert_eq!((queried, answered), (report.queries, report.responses));
}
