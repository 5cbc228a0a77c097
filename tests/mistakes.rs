//! What the command says of mistakes and misfortunes: exit codes, and one clear
//! line for each.

#![allow(clippy::unwrap_used)] // a panic fails the test

mod support;

use std::net::UdpSocket;

use support::{TemporaryDir, mdht};

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
