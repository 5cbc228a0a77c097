//! `mdht put`.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use mdht_krpc::MAX_VALUE_LEN;
use mdht_node::item::{Item, ItemError, MutableItem, SecretKey, Value};
use mdht_node::{Dht, ItemReport};
use mdht_plugins::Registry;
use serde_json::{Value as Json, json};

use crate::joining::{Troubles, with_node};
use crate::node_args::NodeArgs;
use crate::output::{Failure, Format, document, line, note};
use crate::secret_key;

/// Store a value in the DHT, where anybody can read it: under its own hash, or
/// with --key as an item that only who has the key can replace. Nodes keep it
/// for two hours; with --republish it stays until this command is stopped.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  mdht put 'Hello World!'
  mdht put --file notes.txt --republish
  mdht put --make-key secret.key
  mdht put --key secret.key --salt news 'nothing new'
  echo d4:name4:mdhte | tr -d '\\n' | mdht put --bencode --format json")]
pub(crate) struct Args {
    /// The value, a string of at most 996 bytes (default: standard input)
    #[arg(value_name = "TEXT", conflicts_with = "file")]
    text: Option<String>,

    /// Take the value from this file, to the byte
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,

    /// The value is bencode already, of any type
    #[arg(long)]
    bencode: bool,

    /// Sign with the secret key in this file: a mutable item
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,

    /// Tells several items under one key apart, at most 64 bytes
    #[arg(long, value_name = "TEXT", requires = "key", default_value = "")]
    #[arg(hide_default_value = true)]
    salt: String,

    /// Sequence number of the item (default: one above that in the DHT)
    #[arg(long, value_name = "N", requires = "key")]
    #[arg(value_parser = clap::value_parser!(i64).range(0..))]
    seq: Option<i64>,

    /// Put only in place of the item with this sequence number
    #[arg(long, value_name = "N", requires = "key")]
    cas: Option<i64>,

    /// Put it again each hour until stopped
    #[arg(long)]
    republish: bool,

    /// Make a secret key in a new file, print the public one, and do no more
    #[arg(long, value_name = "FILE")]
    #[arg(conflicts_with_all = ["text", "file", "key", "republish", "bencode"])]
    make_key: Option<PathBuf>,

    #[command(flatten)]
    node: NodeArgs,
}

pub(crate) async fn run(args: &Args, registry: &Registry) -> Result<(), Failure> {
    if let Some(path) = &args.make_key {
        return make_key(path, args.node.format);
    }
    // whatever is wrong with these is said before anybody is asked anything
    let key = args.key.as_deref().map(secret_key::read).transpose()?;
    let value = value(args)?;
    if let Some(key) = &key {
        let sequence = args.seq.unwrap_or_default();
        sign(key, args, sequence, value.clone())?;
    }
    with_node(&args.node, registry, async |dht, troubles| {
        let (item, cas) = match &key {
            None => (Item::from(value), None),
            Some(key) => next_item(dht, args, key, value, troubles).await?,
        };
        match args.republish {
            true => keep(dht, args, item, cas, troubles).await,
            false => put(dht, args, &item, cas, troubles).await,
        }
    })
    .await
}

fn make_key(path: &Path, format: Format) -> Result<(), Failure> {
    let public = secret_key::make(path)?.to_string();
    match format {
        Format::Json => document(&json!({"event": "key", "public_key": public})),
        Format::Text => {
            note(&format!("secret key in {}; public key:", path.display()));
            line(&public)
        }
    }
}

fn value(args: &Args) -> Result<Value, Failure> {
    let bytes = match (&args.text, &args.file) {
        (Some(text), _) => text.as_bytes().to_vec(),
        (None, Some(path)) => {
            let cannot =
                |error| Failure::Failed(format!("cannot read {}: {error}", path.display()));
            some_of(std::fs::File::open(path).map_err(cannot)?).map_err(cannot)?
        }
        (None, None) => some_of(std::io::stdin())
            .map_err(|error| Failure::Failed(format!("cannot read standard input: {error}")))?,
    };
    let value = match args.bencode {
        true => Value::from_bencode(&bytes),
        false => Value::from_bytes(&bytes),
    };
    value.map_err(|error| {
        Failure::Failed(match error {
            ItemError::NotBencode => {
                format!("{error}; without --bencode any bytes are stored, as a string")
            }
            ItemError::ValueTooLong(len) if len > MAX_VALUE_LEN + 1024 => {
                format!("the value is far longer than the {MAX_VALUE_LEN} bytes that nodes store")
            }
            _ => error.to_string(),
        })
    })
}

/// No more than is needed to see that it is too much.
fn some_of(from: impl std::io::Read) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    from.take(1 << 20).read_to_end(&mut bytes).map(|_| bytes)
}

fn sign(key: &SecretKey, args: &Args, sequence: i64, value: Value) -> Result<MutableItem, Failure> {
    MutableItem::sign(key, args.salt.as_bytes(), sequence, value)
        .map_err(|error| Failure::Usage(error.to_string()))
}

/// The item to be put. Without a given sequence number it is the next, and is
/// put only if nobody else has put one meanwhile.
async fn next_item(
    dht: &Dht,
    args: &Args,
    key: &SecretKey,
    value: Value,
    troubles: &Troubles,
) -> Result<(Item, Option<i64>), Failure> {
    if let Some(sequence) = args.seq {
        return Ok((sign(key, args, sequence, value)?.into(), args.cas));
    }
    let found = dht.get_mutable(key.public_key(), args.salt.as_bytes());
    let found = found.await.map_err(Failure::failed)?;
    if !found.lookup.joined {
        return Err(troubles.not_joined(&args.node));
    }
    let held = found.found.and_then(|item| item.sequence());
    let next = match held {
        None => 1,
        Some(i64::MAX) => {
            return Err(Failure::Failed(
                "the item in the DHT has the highest sequence number there is: use another --salt"
                    .to_owned(),
            ));
        }
        Some(held) => held + 1,
    };
    Ok((sign(key, args, next, value)?.into(), args.cas.or(held)))
}

async fn put(
    dht: &Dht,
    args: &Args,
    item: &Item,
    cas: Option<i64>,
    troubles: &Troubles,
) -> Result<(), Failure> {
    let report = match item.clone() {
        Item::Immutable(value) => dht.put_immutable(value).await,
        Item::Mutable(item) => dht.put_mutable(item, cas).await,
    };
    let report = report.map_err(Failure::failed)?;
    if !report.lookup.joined {
        return Err(troubles.not_joined(&args.node));
    }
    print(&report, item, args.node.format)?;
    judge(&report, item, cas)
}

/// Puts the item each hour until stopped.
async fn keep(
    dht: &Dht,
    args: &Args,
    item: Item,
    cas: Option<i64>,
    troubles: &Troubles,
) -> Result<(), Failure> {
    if cas.is_some() {
        put(dht, args, &item, cas, troubles).await?;
    }
    let mut rounds = dht.republish(item.clone()).await.map_err(Failure::failed)?;
    let mut is_first = cas.is_none();
    while let Some(report) = rounds.next().await {
        print(&report, &item, args.node.format)?;
        if is_first && !report.lookup.joined {
            return Err(troubles.not_joined(&args.node));
        }
        if report.conflict.is_some() {
            return judge(&report, &item, None);
        }
        if let Err(Failure::Failed(why)) = judge(&report, &item, None) {
            note(&format!("{why}; trying again"));
        }
        is_first = false;
    }
    Ok(())
}

fn print(report: &ItemReport, item: &Item, format: Format) -> Result<(), Failure> {
    match format {
        Format::Json => document(&put_document(report, item)),
        Format::Text => line(&put_line(report, item)),
    }
}

fn put_document(report: &ItemReport, item: &Item) -> Json {
    let errors = report.errors.iter();
    let errors: serde_json::Map<_, _> = errors
        .map(|(code, count)| (code.to_string(), json!(count)))
        .collect();
    let key = match item {
        Item::Immutable(_) => None,
        Item::Mutable(item) => Some(item.public_key().to_string()),
    };
    json!({
        "event": "put",
        "target": item.target().to_string(),
        "public_key": key,
        "salt": String::from_utf8_lossy(item.salt()),
        "seq": item.sequence(),
        "stored": report.stored(),
        "puts": report.lookup.announces,
        "errors": errors,
        "conflict": report.conflict,
        "queries": report.lookup.queries,
        "responses": report.lookup.responses,
    })
}

fn put_line(report: &ItemReport, item: &Item) -> String {
    let version = item.sequence().map_or_else(String::new, |sequence| {
        format!(", sequence number {sequence}")
    });
    let read = match item {
        Item::Immutable(value) => format!("mdht get {}", value.target()),
        Item::Mutable(item) if item.salt().is_empty() => {
            format!("mdht get --public-key {}", item.public_key())
        }
        Item::Mutable(item) => format!(
            "mdht get --public-key {} --salt '{}'",
            item.public_key(),
            String::from_utf8_lossy(item.salt())
        ),
    };
    format!(
        "{}{version}: stored by {} of {} nodes; {} queries, {} answered\nread it with: {read}",
        item.target(),
        report.stored(),
        report.lookup.announces,
        report.lookup.queries,
        report.lookup.responses,
    )
}

/// Whether the item was stored; if not, why, and what to do.
fn judge(report: &ItemReport, item: &Item, cas: Option<i64>) -> Result<(), Failure> {
    let text = match (report.conflict, cas) {
        (None, _) if report.stored() > 0 => return Ok(()),
        (None, _) => {
            let codes = report.errors.iter();
            let codes: Vec<_> = codes
                .map(|(code, count)| format!("{count} times error {code} ({})", meaning(*code)))
                .collect();
            match codes.as_slice() {
                [] => "no node has stored the item".to_owned(),
                codes => format!("no node has stored the item: {}", codes.join(", ")),
            }
        }
        (Some(held), Some(cas)) if held != cas => format!(
            "nothing was put: the item in the DHT has the sequence number {held}, not {cas}. \
             Somebody has changed it: read it with `mdht get`, then put again with --cas {held}"
        ),
        (Some(held), _) => {
            let own = item.sequence().unwrap_or_default();
            format!(
                "nothing was put: the item in the DHT has the sequence number {held}, and {own} is \
                 not above it. Put with --seq {} or without --seq",
                held.saturating_add(1)
            )
        }
    };
    Err(Failure::Failed(text))
}

/// An error code's meaning [BEP 5, BEP 44].
const fn meaning(code: i64) -> &'static str {
    match code {
        201 => "generic",
        202 => "the node cannot, or has no room",
        203 => "protocol",
        204 => "put is unknown to the node",
        205 => "the value is too long",
        206 => "the signature does not fit",
        207 => "the salt is too long",
        301 => "another sequence number than --cas",
        302 => "the sequence number is too low",
        _ => "unknown",
    }
}
