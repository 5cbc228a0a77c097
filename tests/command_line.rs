//! What the command promises: exit codes, one clear line for every mistake,
//! JSON of a known shape, and no hang.

#![allow(clippy::unwrap_used)] // a panic fails the test

mod support;

use std::collections::BTreeSet;
use std::net::UdpSocket;
use std::process::{Command, Stdio};

use mdht_node::AnnouncePort;
use serde_json::Value;
use support::{MDHT, TemporaryDir, builder, local, mdht, mdht_beside, overlay, wait};

const INFO_HASH: &str = "2c6b6858d61da9543d4231a71db4b1c9264b0685";

#[test]
fn bad_usage_is_code_2_and_says_what_is_accepted() {
    let lookup = |options: &str| format!("lookup {INFO_HASH} {options}");
    let cases = [
        ("lookup 2c6b".to_owned(), "an ID is 40"),
        (format!("lookup {INFO_HASH}0"), "an ID is 40"),
        (
            "lookup zz6b6858d61da9543d4231a71db4b1c9264b0685".to_owned(),
            "hexadecimal",
        ),
        ("lookup".to_owned(), "<INFOHASH>"),
        (lookup("--bind localhost"), "such as 0.0.0.0:6881"),
        (lookup("--bind 127.0.0.1:99999"), "such as 0.0.0.0:6881"),
        (
            lookup("--bootstrap router"),
            "such as router.bittorrent.com:6881",
        ),
        (
            lookup("--bootstrap router:0"),
            "such as router.bittorrent.com:6881",
        ),
        (
            lookup("--routing nr129"),
            "there are bep5, checked, harvest",
        ),
        (lookup("--routing nr128:refesh=3s"), "refresh, startup"),
        (
            lookup("--routing nr128:refresh=0s"),
            "a time from 100ms to 1h",
        ),
        (lookup("--routing nr128:refresh"), "name=value"),
        (lookup("--routing nice:rtt_bias=perhaps"), "one of off, on"),
        (
            lookup("--lookup agressive"),
            "there are a16, a8_m2, aggressive",
        ),
        (
            lookup("--lookup aggressive:alpha=0"),
            "a whole number from 1",
        ),
        (lookup("--id 12"), "an ID is 40"),
        (lookup("--read-only=never"), "always, if-unreachable"),
        (
            lookup("--read-only=if-unreachable:hosts=0"),
            "hosts: it takes a number from 1",
        ),
        (lookup("--packets-per-second 0"), "1..=10000000"),
        (lookup("--remotes-per-minute 0"), "1..=65536"),
        (lookup("--bytes-per-day 5"), "a number of bytes from 100000"),
        (lookup("--save-every 0"), "--save-every"),
        (lookup("--format xml"), "text, json"),
        (lookup("--join-timeout soon"), "--join-timeout"),
        (format!("announce {INFO_HASH}"), "--port"),
        (format!("announce {INFO_HASH} --port 0"), "1..=65535"),
        (format!("announce {INFO_HASH} --port 70000"), "1..=65535"),
        ("ping 192.0.2.7".to_owned(), "HOST:PORT"),
        ("ping 192.0.2.7:0".to_owned(), "HOST:PORT"),
        ("node --every 0".to_owned(), "--every"),
        ("profile".to_owned(), "<CAPTURE>"),
        (
            "profile x.pcap --node 10.0.0.300".to_owned(),
            "10.0.0.1:6881",
        ),
        ("profile x.pcap --node 10.0.0.1:0".to_owned(), "port 0"),
        ("profile x.pcap --timeout 0".to_owned(), "seconds above 0"),
        (
            "plugins nr129".to_owned(),
            "there are a16, a8_m2, aggressive",
        ),
        ("overlay".to_owned(), "describe"),
        (
            "overlay describe --nodes 99".to_owned(),
            "overlay.nodes = 99: it is too small; allowed: a whole number from 100 to 16777216",
        ),
        (
            "overlay describe --nodes 16777217".to_owned(),
            "overlay.nodes = 16777217: it is too large",
        ),
        ("overlay describe --nodes many".to_owned(), "--nodes"),
        (
            "overlay describe --print-parameters --validate".to_owned(),
            "--validate",
        ),
        ("lookups".to_owned(), "lookup"),
        (String::new(), "Usage"),
    ];
    for (args, accepted) in &cases {
        let run = mdht(args);
        assert_eq!(run.code, Some(2), "mdht {args}: {run:?}");
        assert!(run.err.contains(accepted), "mdht {args}: {}", run.err);
        let begins = run.err.starts_with("error: ") || args.is_empty();
        assert!(begins && run.out.is_empty(), "mdht {args}: {run:?}");
    }
}

#[test]
fn what_cannot_be_done_is_code_1_and_one_line() {
    let dir = TemporaryDir::new();
    let (text, empty) = (dir.file("text"), dir.file("empty"));
    std::fs::write(&text, "no capture at all, but long enough for a header").unwrap();
    std::fs::write(&empty, "").unwrap();
    let other_program = UdpSocket::bind("127.21.1.1:0").unwrap();
    let taken = other_program.local_addr().unwrap();
    let node = |options: &str| format!("node --bind 127.21.1.2 --no-default-bootstrap {options}");
    let missing = dir.file("missing");
    let cases = [
        (
            format!("node --bind {taken}"),
            "another program has this port",
        ),
        (
            format!("lookup {INFO_HASH} --bind {taken}"),
            "another program has this port",
        ),
        (
            "node --bind 192.0.2.1".to_owned(),
            "does not have that address",
        ),
        (node(&format!("--capture {missing}/x.pcap")), "No such file"),
        (node("--capture /dev/full"), "No space left"),
        (node(&format!("--state {text}")), "cannot keep state in"),
        (
            node(&format!("--state {text}/state")),
            "cannot keep state in",
        ),
        (node("--state /proc"), "cannot keep state in /proc"),
        (format!("profile {missing}"), "No such file"),
        (format!("profile {text}"), "is not a capture"),
        (format!("profile {empty}"), "is empty"),
        (
            format!("profile {}", dir.path().display()),
            "Is a directory",
        ),
        (
            format!("profile {text} --infohashes {missing}"),
            "No such file",
        ),
        (format!("profile {text} --infohashes {text}"), "line 1"),
        ("ping nobody.invalid:1".to_owned(), "nobody.invalid:1: "),
        (
            format!("overlay describe --parameters {missing}"),
            "No such file",
        ),
    ];
    for (args, what) in &cases {
        let run = mdht(args);
        assert_eq!(run.code, Some(1), "mdht {args}: {run:?}");
        assert!(run.err.contains(what), "mdht {args}: {}", run.err);
        let one_line = run.err.starts_with("error: ") && run.err.lines().count() == 1;
        assert!(one_line && run.out.is_empty(), "mdht {args}: {run:?}");
    }
}

#[test]
fn a_state_that_cannot_be_saved_at_the_end_is_told() {
    let dir = TemporaryDir::new();
    let state = dir.file("state");
    let mut node = support::start(&format!("node --bind 127.21.2.1 --state {state}"));
    node.wait_for("listening on");
    std::fs::remove_dir_all(&state).unwrap();
    std::fs::write(&state, "in the way").unwrap();
    node.signal("TERM");
    let run = node.finish();
    assert_eq!(run.code, Some(1));
    assert!(run.err.contains("error: state not saved: "), "{}", run.err);
}

#[test]
fn an_unreachable_network_ends_in_a_message_with_what_was_tried() {
    // bound, so that not even an ICMP error comes back
    let silent = UdpSocket::bind("127.21.3.9:0").unwrap();
    let silent = silent.local_addr().unwrap();
    let run = mdht(&format!(
        "lookup {INFO_HASH} --bind 127.21.3.1 --no-default-bootstrap --join-timeout 1 \
         --bootstrap {silent} --bootstrap nobody.invalid:6881"
    ));
    assert_eq!(run.code, Some(1), "{run:?}");
    let summary = format!("within 1 s; tried {silent}, nobody.invalid:6881");
    assert!(run.err.contains(&summary), "{}", run.err);
    // each on a line of its own, as it failed
    assert!(
        run.err.contains("bootstrap node nobody.invalid:6881: "),
        "{}",
        run.err
    );
    let alone = mdht(&format!(
        "announce {INFO_HASH} --port 1 --bind 127.21.3.2 --no-default-bootstrap --join-timeout 0"
    ));
    assert_eq!(alone.code, Some(1), "{alone:?}");
    assert!(
        alone.err.contains("no --bootstrap was given"),
        "{}",
        alone.err
    );
}

#[test]
fn every_help_has_examples() {
    let all = mdht("--help");
    assert_eq!(all.code, Some(0));
    for command in [
        "lookup", "announce", "get", "put", "ping", "node", "profile", "overlay", "plugins",
    ] {
        assert!(all.out.contains(&format!("  {command} ")), "{}", all.out);
        let help = mdht(&format!("{command} --help"));
        assert_eq!(help.code, Some(0));
        let examples = help.out.split_once("Examples:\n").unwrap().1;
        let of_command = format!("mdht {command}");
        let uses = examples.lines().filter(|line| line.contains(&of_command));
        assert!(uses.count() >= 2, "{command}: {examples}");
    }
}

/// Every key of DESIGN 3 must be there; more may be.
fn assert_keys(document: &Value, keys: &[&str]) {
    let object = document.as_object().unwrap();
    let missing: Vec<_> = keys.iter().filter(|k| !object.contains_key(**k)).collect();
    assert!(missing.is_empty(), "no {missing:?} in {document}");
}

#[test]
fn plugins_are_listed_with_every_parameter() {
    let run = mdht("plugins --format json");
    assert_eq!(run.code, Some(0));
    let [document] = &run.documents()[..] else {
        panic!("one document, not {}", run.out);
    };
    for (kind, expected) in [
        (
            "routing",
            &[
                "bep5", "checked", "harvest", "lt", "ml", "nice", "nr64", "nr128", "nrtt", "ut",
                "ut22",
            ][..],
        ),
        (
            "lookup",
            &[
                "a16",
                "a8_m2",
                "aggressive",
                "hedged",
                "jech",
                "lt",
                "m3_a4",
                "ml",
                "standard",
                "ut",
            ],
        ),
    ] {
        let modules = document[kind].as_array().unwrap();
        let names: BTreeSet<_> = modules
            .iter()
            .map(|m| m["name"].as_str().unwrap())
            .collect();
        assert_eq!(names, expected.iter().copied().collect(), "{kind}");
        for module in modules {
            assert_keys(module, &["name", "summary", "source", "parameters"]);
            for parameter in module["parameters"].as_array().unwrap() {
                let keys = ["name", "type", "unit", "default", "min", "max", "help"];
                assert_keys(parameter, &keys);
                assert!(
                    !parameter["help"].as_str().unwrap().is_empty(),
                    "{parameter}"
                );
            }
        }
    }
    let text = mdht("plugins nr128");
    assert_eq!(text.code, Some(0));
    assert!(
        text.out.contains("refresh=3s") && !text.out.contains("bep5"),
        "{}",
        text.out
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn lookup_and_announce_print_one_document_a_line() {
    let nodes = overlay(21, 8).await;
    let swarm = INFO_HASH.parse().unwrap();
    let announced = nodes[1].announce(swarm, AnnouncePort::Explicit(7001)).await;
    assert!(announced.unwrap().report().await.unwrap().announced > 0);
    // read-only, so that nobody waits for those that have already stopped
    let node = |n: u8, options: &str| {
        let bootstrap = local(&nodes[0]);
        let options = options.to_owned();
        async move {
            let bootstrap = bootstrap.await;
            mdht_beside(format!(
                "{options} --bind 127.21.4.{n} --no-default-bootstrap --bootstrap {bootstrap} --read-only"
            ))
            .await
        }
    };
    let run = node(
        1,
        &format!("announce {INFO_HASH} --port 7002 --format json"),
    )
    .await;
    assert_eq!(run.code, Some(0), "{run:?}");
    let run = node(2, &format!("lookup {INFO_HASH} --format json")).await;
    assert_eq!(run.code, Some(0), "{run:?}");
    let documents = run.documents();
    let (stats, documents) = documents.split_last().unwrap();
    let (done, peers) = documents.split_last().unwrap();
    assert_eq!(stats["event"], "stats");
    assert_eq!(done["event"], "done");
    let keys = "infohash latency_ms cost queries responses nodes_with_values peers closest_ms";
    assert_keys(done, &keys.split(' ').collect::<Vec<_>>());
    let mut found = BTreeSet::new();
    for peer in peers {
        assert_eq!(
            (&peer["event"], &peer["infohash"]),
            (&"peer".into(), &INFO_HASH.into())
        );
        assert_keys(peer, &["peer", "from", "elapsed_ms"]);
        assert!(peer["elapsed_ms"].is_f64());
        found.insert(peer["peer"].as_str().unwrap());
    }
    let expected = ["127.21.0.2:7001", "127.21.4.1:7002"];
    assert_eq!(found, expected.into_iter().collect());
    assert_eq!(done["peers"], 2);
    // nothing found is null, not 0
    let nothing = node(3, &format!("lookup {} --format json", "0".repeat(40))).await;
    let done = &nothing.documents()[0];
    assert!(
        done["latency_ms"].is_null() && done["cost"].is_null(),
        "{done}"
    );
    assert_eq!(done["peers"], 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn ping_says_who_answers_and_who_does_not() {
    let node = builder("127.21.5.1:0").build().await.unwrap();
    let (addr, id) = (local(&node).await, support::v4(&node).await.id);
    let answers = mdht_beside(format!("ping {addr} --bind 127.21.5.2 --format json")).await;
    assert_eq!(answers.code, Some(0), "{answers:?}");
    let document = &answers.documents()[0];
    assert_eq!(document["id"], id.to_string());
    assert!(document["rtt_ms"].is_f64(), "{document}");
    let args = format!("ping {addr} 127.21.5.9:9 --timeout-ms 200 --bind 127.21.5.3");
    let one_silent = mdht_beside(args).await;
    assert_eq!(one_silent.code, Some(1));
    assert!(
        one_silent.out.contains("127.21.5.9:9: no answer"),
        "{one_silent:?}"
    );
    let told = one_silent
        .err
        .ends_with("error: 1 of 2 nodes did not answer\n");
    assert!(told, "{one_silent:?}");
}

#[test]
fn a_reader_that_goes_away_is_no_panic() {
    for args in [
        "plugins",
        "node --bind 127.21.6.1 --no-default-bootstrap --every 1",
    ] {
        let mut command = Command::new(MDHT);
        command.args(args.split(' ')).stdin(Stdio::null());
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        drop((child.stdout.take(), child.stderr.take()));
        assert_eq!(wait(&mut child), Some(0), "mdht {args}");
    }
    // a failure with nobody to tell it to keeps its code
    let mut child = Command::new(MDHT)
        .args(["profile", "/nowhere"])
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stderr.take());
    assert_eq!(wait(&mut child), Some(1));
}
