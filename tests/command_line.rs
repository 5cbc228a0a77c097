//! What the command promises: help with examples, JSON of a known shape, and
//! no hang.

#![allow(clippy::unwrap_used)] // a panic fails the test

mod support;

use std::collections::BTreeSet;
use std::process::{Command, Stdio};

use mdht_node::AnnouncePort;
use serde_json::Value;
use support::{MDHT, builder, local, mdht, mdht_beside, overlay, wait};

const INFO_HASH: &str = "2c6b6858d61da9543d4231a71db4b1c9264b0685";

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
