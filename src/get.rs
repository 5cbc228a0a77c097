//! `mdht get`.

use std::path::PathBuf;

use mdht_krpc::{Id, MAX_SALT_LEN};
use mdht_node::item::{Item, PublicKey, Value};
use mdht_node::{Dht, ItemQuery, ItemReport};
use mdht_plugins::Registry;
use serde_json::{Value as Json, json};

use crate::joining::{Troubles, with_node};
use crate::node_args::{NodeArgs, parse_info_hash};
use crate::output::{Failure, Format, document, line, ms, ms_text, note};

/// Read a value from the DHT: by its hash, or by the public key and the salt
/// that it was put under. What nodes return is checked against these.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  mdht get e5f96f6f38320f0f33959cb4d3d656452117aadb
  mdht get --public-key 77ff84905a91936367c01360803104f92432fcd904a43511876df5cdf3e7e548 --salt news
  mdht get e5f96f6f38320f0f33959cb4d3d656452117aadb --file value.bin
  mdht get e5f96f6f38320f0f33959cb4d3d656452117aadb --format json")]
pub(crate) struct Args {
    /// Hash of an immutable item, 40 hexadecimal digits
    #[arg(value_name = "TARGET", value_parser = parse_info_hash)]
    #[arg(required_unless_present = "public_key", conflicts_with = "public_key")]
    target: Option<Id>,

    /// Public key of a mutable item, 64 hexadecimal digits
    #[arg(long, value_name = "HEX", value_parser = parse_public_key)]
    public_key: Option<PublicKey>,

    /// Salt of the mutable item
    #[arg(
        long,
        value_name = "TEXT",
        conflicts_with = "target",
        default_value = ""
    )]
    #[arg(hide_default_value = true, value_parser = parse_salt)]
    salt: String,

    /// Only an item with a higher sequence number
    #[arg(long, value_name = "N", conflicts_with = "target")]
    newer_than: Option<i64>,

    /// Write the value to this file, to the byte, instead of printing it
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,

    /// Give the value as bencode, even if it is a string
    #[arg(long)]
    bencode: bool,

    #[command(flatten)]
    node: NodeArgs,
}

pub(crate) async fn run(args: &Args, registry: &Registry) -> Result<(), Failure> {
    with_node(&args.node, registry, async |dht, troubles| {
        get(dht, args, troubles).await
    })
    .await
}

async fn get(dht: &Dht, args: &Args, troubles: &Troubles) -> Result<(), Failure> {
    let query = match (args.target, args.public_key) {
        (_, Some(public_key)) => ItemQuery::Mutable {
            public_key,
            salt: args.salt.clone().into_bytes(),
            newer_than: args.newer_than,
        },
        (target, None) => ItemQuery::Immutable(target.unwrap_or_default()),
    };
    let report = dht.get_item(query).await.map_err(Failure::failed)?;
    if !report.lookup.joined {
        return Err(troubles.not_joined(&args.node));
    }
    let value = report.value().map(|value| shown(value, args.bencode));
    if let (Some(path), Some(value)) = (&args.file, value) {
        std::fs::write(path, value).map_err(|error| {
            Failure::Failed(format!("cannot write {}: {error}", path.display()))
        })?;
    }
    match args.node.format {
        Format::Json => document(&item_document(&report))?,
        Format::Text => {
            if let (None, Some(value)) = (&args.file, value) {
                line(&printable(value))?;
            }
            note(&summary(&report));
        }
    }
    match report.found {
        Some(_) => Ok(()),
        None => Err(Failure::Failed(nothing(&report, args))),
    }
}

/// The bytes of a string, or the bencode of anything else.
fn shown(value: &Value, bencode: bool) -> &[u8] {
    let bytes = value.as_bytes().filter(|_| !bencode);
    bytes.unwrap_or(value.as_bencode())
}

/// Text as it is; what is none, escaped, so that no terminal is confused.
fn printable(bytes: &[u8]) -> String {
    let text = std::str::from_utf8(bytes).ok();
    let plain = text.filter(|text| text.chars().all(|c| !c.is_control() || "\n\t".contains(c)));
    plain.map_or_else(|| bytes.escape_ascii().to_string(), str::to_owned)
}

fn item_document(report: &ItemReport) -> Json {
    let value = report.value();
    let text = value.and_then(Value::as_bytes);
    let item = match &report.found {
        Some(Item::Mutable(item)) => Some(item),
        _ => None,
    };
    json!({
        "event": "item",
        "target": report.lookup.target.to_string(),
        "found": report.found.is_some(),
        "value": text.and_then(|text| std::str::from_utf8(text).ok()),
        "bencode_hex": value.map(|value| hex(value.as_bencode())),
        "public_key": item.map(|item| item.public_key().to_string()),
        "salt": item.map(|item| String::from_utf8_lossy(item.salt())),
        "seq": item.map(|item| item.sequence()),
        "signature": item.map(|item| hex(item.signature())),
        "copies": report.copies,
        "invalid": report.invalid,
        "latency_ms": report.lookup.latency.map(ms),
        "cost": report.lookup.cost,
        "queries": report.lookup.queries,
        "responses": report.lookup.responses,
    })
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn summary(report: &ItemReport) -> String {
    let version = report.found.as_ref().and_then(Item::sequence);
    let version = version.map_or_else(String::new, |n| format!("sequence number {n}, "));
    format!(
        "{}: {version}{} nodes have it; first after {}; {} queries, {} answered",
        report.lookup.target,
        report.copies,
        ms_text(report.lookup.latency),
        report.lookup.queries,
        report.lookup.responses,
    )
}

/// What to say, and what to try, when there is no item.
fn nothing(report: &ItemReport, args: &Args) -> String {
    let target = report.lookup.target;
    if let (Some(known), true) = (args.newer_than, report.copies > 0) {
        return format!("there is nothing newer than sequence number {known} at {target}");
    }
    let hint = match (args.public_key, report.invalid) {
        (None, 1..) => {
            "; what nodes returned does not hash to it: a mutable item is read with --public-key"
        }
        (Some(_), 1..) => "; what nodes returned was not signed with this key and --salt",
        (Some(_), 0) => "; is it the right --salt? Nodes forget an item after two hours",
        (None, 0) => "; nodes forget an item after two hours unless it is put again",
    };
    format!("no node has an item at {target}{hint}")
}

fn parse_public_key(text: &str) -> Result<PublicKey, String> {
    let problem =
        |error| format!("{error}: it takes 64 hexadecimal digits, as `mdht put` prints them");
    text.parse().map_err(problem)
}

fn parse_salt(text: &str) -> Result<String, String> {
    match text.len() {
        0..=MAX_SALT_LEN => Ok(text.to_owned()),
        len => Err(format!(
            "it has {len} bytes, and {MAX_SALT_LEN} are the most"
        )),
    }
}
