//! Infohashes as people have them: where one is written in another way than
//! ours, the error says what it would be in ours.

use mdht_krpc::Id;

/// Characters of the base32 form that old magnet links have.
const BASE32_CHARACTERS: usize = 32;
/// Hexadecimal digits of a BitTorrent v2 infohash [BEP 52].
const V2_DIGITS: usize = 64;
/// Hexadecimal digits of an infohash.
const DIGITS: usize = 2 * Id::LEN;

/// An infohash of 40 hexadecimal digits, for clap.
pub(crate) fn parse_info_hash(text: &str) -> Result<Id, String> {
    text.parse()
        .map_err(|error| match in_another_form(text.trim()) {
            Some(hint) => format!("{error}; {hint}"),
            None => format!("{error}"),
        })
}

/// What `text` seems to be, and the infohash that it stands for.
fn in_another_form(text: &str) -> Option<String> {
    if text.to_ascii_lowercase().starts_with("magnet:") {
        return Some(in_magnet_link(text));
    }
    let hex = text.strip_prefix("0x").unwrap_or(text);
    let is_hex = hex.bytes().all(|byte| byte.is_ascii_hexdigit());
    match hex.len() {
        V2_DIGITS if is_hex => Some(format!(
            "of a BitTorrent v2 infohash the DHT takes the first 40 digits: {}",
            &hex[..DIGITS]
        )),
        DIGITS if is_hex => Some(format!("without what is around it: {hex}")),
        BASE32_CHARACTERS => from_base32(text).map(|id| format!("in hexadecimal it is {id}")),
        _ => None,
    }
}

/// The infohash of a magnet link [BEP 9].
fn in_magnet_link(link: &str) -> String {
    let (_, parameters) = link.split_once('?').unwrap_or_default();
    let topic = parameters
        .split('&')
        .find_map(|parameter| parameter.strip_prefix("xt=urn:btih:"));
    let id = topic.and_then(|topic| topic.parse().ok().or_else(|| from_base32(topic)));
    match id {
        Some(id) => format!("the infohash of this magnet link is {id}"),
        None => "this magnet link has no `xt=urn:btih:` with an infohash".to_owned(),
    }
}

/// 32 characters of base32 (RFC 4648) as the 20 bytes they stand for.
fn from_base32(text: &str) -> Option<Id> {
    if text.len() != BASE32_CHARACTERS {
        return None;
    }
    let mut bytes = Vec::with_capacity(Id::LEN);
    let (mut bits, mut held) = (0_u32, 0);
    for character in text.bytes() {
        let value = match character.to_ascii_lowercase() {
            letter @ b'a'..=b'z' => letter - b'a',
            digit @ b'2'..=b'7' => digit - b'2' + 26,
            _ => return None,
        };
        bits = bits << 5 | u32::from(value);
        held += 5;
        if held >= 8 {
            held -= 8;
            bytes.push(u8::try_from(bits >> held & 0xff).ok()?);
        }
    }
    Id::from_slice(&bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEX: &str = "2c6b6858d61da9543d4231a71db4b1c9264b0685";
    /// The same, from Python's base64.b32encode.
    const BASE32: &str = "FRVWQWGWDWUVIPKCGGTR3NFRZETEWBUF";

    #[test]
    fn other_forms_are_told_in_ours() {
        let v2 = format!("{HEX}{}", "0".repeat(24));
        let prefixed = format!("0x{HEX}");
        let links = [HEX, BASE32].map(|hash| format!("magnet:?dn=a&xt=urn:btih:{hash}&tr=b"));
        for text in [BASE32, &v2, &prefixed, &links[0], &links[1]] {
            let error = parse_info_hash(text).unwrap_err();
            assert!(error.ends_with(HEX), "{text}: {error}");
        }
    }

    #[test]
    fn what_is_no_infohash_has_no_hint() {
        for text in ["2c6b", "", "ü", &"1".repeat(32), "magnet:?xt=urn:btmh:12"] {
            let error = parse_info_hash(text).unwrap_err();
            assert!(!error.contains(" is 0") && !error.ends_with(HEX), "{error}");
        }
        assert_eq!(parse_info_hash(HEX), Ok(HEX.parse().unwrap()));
    }
}
