//! The crate `mainline` putting or getting one item, for `tests/interop`:
//!
//! ```text
//! mainline-items IP PORT BOOTSTRAP put VALUE
//! mainline-items IP PORT BOOTSTRAP put VALUE SEED SEQ [SALT]
//! mainline-items IP PORT BOOTSTRAP get TARGET
//! mainline-items IP PORT BOOTSTRAP get-mutable PUBLIC_KEY [SALT]
//! ```
//!
//! Values and salts are texts, the rest hexadecimal. It prints the target of
//! what it put, or the value that it got; a mutable one behind its sequence
//! number.

// the calls that wait are enough here
#![allow(deprecated)]

use std::net::Ipv4Addr;

use mainline::{Dht, MutableItem, SigningKey};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [ip, port, bootstrap, action, rest @ ..] = args.as_slice() else {
        return Err("usage: mainline-items IP PORT BOOTSTRAP ACTION ...".into());
    };
    let dht = Dht::builder()
        .bind_address(ip.parse::<Ipv4Addr>()?)
        .port(port.parse()?)
        .bootstrap(&[bootstrap])
        .build()?;
    if !dht.bootstrapped() {
        return Err("not joined".into());
    }
    let salt_of = |salt: &[String]| salt.first().map(|salt| salt.clone().into_bytes());
    match (action.as_str(), rest) {
        ("put", [value]) => println!("{}", dht.put_immutable(value.as_bytes())?),
        ("put", [value, seed, seq, salt @ ..]) => {
            let key = SigningKey::from_bytes(&hex(seed).ok_or("a seed is 64 digits")?);
            let salt = salt_of(salt);
            let item = MutableItem::new(key, value.as_bytes(), seq.parse()?, salt.as_deref());
            println!("{}", dht.put_mutable(item, None)?);
        }
        ("get", [target]) => {
            let value = dht.get_immutable(target.parse()?).ok_or("nobody has it")?;
            println!("{}", String::from_utf8_lossy(&value));
        }
        ("get-mutable", [key, salt @ ..]) => {
            let key = hex(key).ok_or("a key is 64 digits")?;
            let found = dht.get_mutable_most_recent(&key, salt_of(salt).as_deref());
            let found = found.ok_or("nobody has it")?;
            println!("{} {}", found.seq(), String::from_utf8_lossy(found.value()));
        }
        _ => return Err(format!("no such action: {action} {rest:?}").into()),
    }
    Ok(())
}

fn hex(text: &str) -> Option<[u8; 32]> {
    let bytes: Option<Vec<u8>> = (0..text.len() / 2)
        .map(|i| u8::from_str_radix(text.get(2 * i..2 * i + 2)?, 16).ok())
        .collect();
    bytes?.try_into().ok()
}
