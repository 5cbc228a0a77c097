//! Items on loopback, through the library's API and with `mdht put` and
//! `mdht get` [B44].

#![allow(clippy::unwrap_used)] // a panic fails the test

mod support;

use std::fs;

use mdht_node::Dht;
use mdht_node::item::{MutableItem, SecretKey, Value};
use serde_json::{Value as Json, json};
use support::{
    Finished, TemporaryDir, builder, eventually, local, mdht, mdht_beside, overlay, quick, start,
};

fn text(text: &str) -> Value {
    Value::from_text(text).unwrap()
}

async fn guest(nodes: &[Dht], bind: &str) -> Dht {
    let bootstrap = local(&nodes[0]).await.to_string();
    let node = builder(bind).routing(quick()).bootstrap(bootstrap);
    node.build().await.unwrap()
}

/// Items that the nodes hold for others.
async fn held(nodes: &[Dht]) -> usize {
    let mut all = 0;
    for node in nodes {
        all += node.status().await.unwrap().stored_items;
    }
    all
}

#[tokio::test(flavor = "multi_thread")]
async fn what_one_puts_another_gets() {
    let nodes = overlay(44, 10).await;
    let (writer, reader) = (
        guest(&nodes, "127.44.1.1:0").await,
        guest(&nodes, "127.44.1.2:0").await,
    );
    let report = writer.put_immutable(text("Hello World!")).await.unwrap();
    assert!(report.stored() >= 3, "{report:?}");
    assert_eq!(report.lookup.target, text("Hello World!").target());
    let found = reader.get_immutable(report.lookup.target).await.unwrap();
    assert_eq!(found.value(), Some(&text("Hello World!")));

    let key = SecretKey::from_seed(&[5; 32]);
    let item = |sequence, says| MutableItem::sign(&key, b"news", sequence, text(says)).unwrap();
    let report = writer.put_mutable(item(1, "one"), None).await.unwrap();
    assert!(report.stored() >= 3, "{report:?}");
    let report = reader.put_mutable(item(2, "two"), Some(1)).await.unwrap();
    assert!(
        report.stored() >= 3 && report.errors.is_empty(),
        "{report:?}"
    );
    let found = writer.get_mutable(key.public_key(), b"news").await.unwrap();
    assert_eq!(found.found, Some(item(2, "two").into()));
    let late = writer.put_mutable(item(3, "three"), Some(1)).await.unwrap();
    assert_eq!((late.conflict, late.stored()), (Some(2), 0));
    let nothing = writer
        .get_mutable(key.public_key(), b"other")
        .await
        .unwrap();
    assert!(nothing.found.is_none() && nothing.lookup.responses > 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn republishing_ends_when_dropped() {
    let nodes = overlay(45, 6).await;
    let writer = guest(&nodes, "127.45.1.1:0").await;
    let mut rounds = writer.republish(text("kept")).await.unwrap();
    let report = rounds.next().await.unwrap();
    assert!(report.stored() >= 3, "{report:?}");
    assert!(held(&nodes).await >= 3);
    // dropped, in the middle of a round if that is not over yet
    drop(writer.republish(text("given up")).await.unwrap());
    eventually("no lookup is left", async || {
        writer.status().await.unwrap().in_flight == 0
    })
    .await;
    drop(rounds);
    writer.shutdown().await;
    let stopped = writer.republish(text("kept")).await;
    if let Ok(mut rounds) = stopped {
        // asked in the very moment of its end
        assert!(rounds.next().await.is_none());
    }
}

struct Commands {
    bootstrap: String,
    hosts: std::ops::RangeFrom<u32>,
}

impl Commands {
    async fn run(&mut self, args: &str) -> Finished {
        let host = self.hosts.next().unwrap();
        let bootstrap = &self.bootstrap;
        let run = mdht_beside(format!(
            "{args} --bind 127.46.1.{host} --no-default-bootstrap --bootstrap {bootstrap} --read-only"
        ));
        run.await
    }

    /// The first document of a run that must succeed.
    async fn document(&mut self, args: &str) -> Json {
        let run = self.run(&format!("{args} --format json")).await;
        assert_eq!(run.code, Some(0), "{args}: {run:?}");
        run.documents().remove(0)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn put_and_get() {
    let nodes = overlay(46, 8).await;
    let bootstrap = local(&nodes[0]).await.to_string();
    let mut commands = Commands {
        bootstrap,
        hosts: 1..,
    };
    let dir = TemporaryDir::new();
    let (file, copy) = (dir.file("value"), dir.file("copy"));
    fs::write(&file, b"two words\0\xff").unwrap();

    let put = commands.document("put hello").await;
    let target = text("hello").target().to_string();
    assert_eq!(
        (&put["event"], &put["target"]),
        (&json!("put"), &json!(target))
    );
    assert!(
        put["stored"].as_u64() >= Some(3) && put["seq"].is_null(),
        "{put}"
    );
    let got = commands.run(&format!("get {target}")).await;
    assert_eq!(
        (got.code, got.out.as_str()),
        (Some(0), "hello\n"),
        "{got:?}"
    );
    let got = commands.document(&format!("get {target}")).await;
    assert_eq!(
        (&got["found"], &got["value"]),
        (&json!(true), &json!("hello"))
    );
    assert_eq!(got["bencode_hex"], "353a68656c6c6f");

    // bytes from a file into a file
    let put = commands.document(&format!("put --file {file}")).await;
    let target = put["target"].as_str().unwrap();
    let got = commands.run(&format!("get {target} --file {copy}")).await;
    assert_eq!((got.code, got.out.as_str()), (Some(0), ""), "{got:?}");
    assert_eq!(fs::read(&copy).unwrap(), b"two words\0\xff");
    // what is no text does not reach the terminal as it is
    let got = commands.run(&format!("get {target}")).await;
    assert_eq!(got.out, "two words\\x00\\xff\n");

    // bencode of another type, from standard input
    fs::write(&file, "d4:name4:mdhte").unwrap();
    let put = commands
        .document(&format!("put --bencode --file {file}"))
        .await;
    let got = commands
        .run(&format!("get {}", put["target"].as_str().unwrap()))
        .await;
    assert_eq!(got.out, "d4:name4:mdhte\n");

    let missing = commands.run(&format!("get {}", "0".repeat(40))).await;
    assert_eq!(missing.code, Some(1));
    assert!(missing.err.contains("no node has an item"), "{missing:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mutable_item_with_a_key_file() {
    let nodes = overlay(47, 8).await;
    let mut commands = Commands {
        bootstrap: local(&nodes[0]).await.to_string(),
        hosts: 101..,
    };
    let dir = TemporaryDir::new();
    let file = dir.file("secret.key");
    let key = &file;
    let made = mdht(&format!("put --make-key {key} --format json"));
    assert_eq!(made.code, Some(0), "{made:?}");
    let public = made.documents()[0]["public_key"]
        .as_str()
        .unwrap()
        .to_owned();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = fs::metadata(&file).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
    let again = mdht(&format!("put --make-key {key}"));
    assert!(again.err.contains("never overwritten"), "{again:?}");

    let first = commands
        .document(&format!("put one --key {key} --salt s"))
        .await;
    assert_eq!(
        (&first["seq"], &first["public_key"]),
        (&json!(1), &json!(public))
    );
    let second = commands
        .document(&format!("put two --key {key} --salt s"))
        .await;
    assert_eq!(second["seq"], 2);
    let get = format!("get --public-key {public} --salt s");
    let got = commands.document(&get).await;
    assert_eq!((&got["value"], &got["seq"]), (&json!("two"), &json!(2)));
    assert!(got["copies"].as_u64() >= Some(3), "{got}");

    let low = commands
        .run(&format!("put old --key {key} --salt s --seq 2"))
        .await;
    assert_eq!(low.code, Some(1));
    assert!(low.err.contains("--seq 3"), "{low:?}");
    let changed = commands
        .run(&format!("put old --key {key} --salt s --seq 9 --cas 1"))
        .await;
    assert_eq!(changed.code, Some(1));
    assert!(changed.err.contains("--cas 2"), "{changed:?}");
    let swapped = commands
        .document(&format!("put new --key {key} --salt s --seq 9 --cas 2"))
        .await;
    assert!(swapped["stored"].as_u64() >= Some(3), "{swapped}");

    let newer = commands.run(&format!("{get} --newer-than 9")).await;
    assert!(newer.err.contains("nothing newer"), "{newer:?}");
    let other = commands
        .run(&format!("get --public-key {public} --salt t"))
        .await;
    assert!(other.err.contains("is it the right --salt?"), "{other:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn put_with_republish_runs_until_stopped() {
    let nodes = overlay(48, 6).await;
    let bootstrap = local(&nodes[0]).await;
    let mut running = start(&format!(
        "put kept --republish --bind 127.48.1.1 --no-default-bootstrap --bootstrap {bootstrap}"
    ));
    let stored = async || held(&nodes).await >= 3;
    eventually("the item is stored", stored).await;
    running.wait_for("joined");
    running.signal("TERM");
    let run = tokio::task::spawn_blocking(|| running.finish())
        .await
        .unwrap();
    assert_eq!(run.code, Some(0), "{run:?}");
}

#[test]
fn what_is_wrong_with_a_value_or_a_key_is_said_at_once() {
    let dir = TemporaryDir::new();
    let write = |name: &str, bytes: &[u8]| {
        let path = dir.file(name);
        fs::write(&path, bytes).unwrap();
        path
    };
    let (fits, long, huge) = (
        write("fits", &[b'x'; 996]),
        write("long", &[b'x'; 997]),
        write("huge", &vec![b'x'; 3 << 20]),
    );
    let (no_key, seed) = (write("no_key", b"hello"), write("seed", &[b'0'; 64]));
    let no_file = dir.file("none");
    for (args, code, says) in [
        (format!("put --file {long}"), 1, "nodes store 1000 at most"),
        (format!("put --file {huge}"), 1, "far longer"),
        (format!("put --file {no_file}"), 1, "cannot read"),
        (
            format!("put --bencode --file {fits}"),
            1,
            "without --bencode",
        ),
        (format!("put x --key {no_file}"), 1, "--make-key"),
        (format!("put x --key {no_key}"), 1, "64 hexadecimal digits"),
        (
            format!("put x --key {seed} --salt {}", "s".repeat(65)),
            2,
            "64 are the most",
        ),
        (format!("put x --key {seed} --seq -1"), 2, "-1"),
        ("put x --salt s".to_owned(), 2, "--key"),
        ("put x --seq 1".to_owned(), 2, "--key"),
        (format!("put x --file {fits}"), 2, "--file"),
        ("get".to_owned(), 2, "TARGET"),
        ("get 2c6b".to_owned(), 2, "an ID is 40"),
        (
            format!("get --public-key {}", "0".repeat(64)),
            2,
            "not a usable",
        ),
        (
            format!("get --public-key {}", "0".repeat(63)),
            2,
            "64 hexadecimal digits",
        ),
        (format!("get {} --salt s", "0".repeat(40)), 2, "--salt"),
    ] {
        let run = mdht(&args);
        assert_eq!(run.code, Some(code), "{args}: {run:?}");
        assert!(run.err.contains(says), "{args}: {}", run.err);
    }
}
