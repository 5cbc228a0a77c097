//! What somebody who misspelt a name may have meant.

/// Most letters by which a name may differ from what was meant.
const MOST_SLIPS: usize = 2;

/// Fewest letters of a part of a name that is taken for the whole, such as
/// `latency` for `lookup_latency_ms`.
const LEAST_PART: usize = 5;

/// The known name that somebody who gave `given` may have meant: the nearest
/// that differs by at most two letters, or else one of whose parts between
/// `_` and `-` does. Upper and lower case are the same.
///
/// ```
/// use mdht_plugins::nearest_name;
/// let known = ["bep5", "nr128", "lookup_latency_ms"];
/// assert_eq!(nearest_name("nr12", known), Some("nr128"));
/// assert_eq!(nearest_name("BEP-5", known), Some("bep5"));
/// assert_eq!(nearest_name("latncy", known), Some("lookup_latency_ms"));
/// assert_eq!(nearest_name("kademlia", known), None);
/// ```
pub fn nearest_name<'k>(
    given: &str,
    known: impl IntoIterator<Item = &'k str, IntoIter: Clone>,
) -> Option<&'k str> {
    let given = given.trim().to_lowercase();
    let slips = |word: &str| strsim::osa_distance(&given, &word.to_lowercase());
    let by_part = |word: &&'k str| {
        let parts = word.split(['_', '-']);
        let parts = parts.filter(|part| part.len() >= LEAST_PART);
        parts.map(slips).min().unwrap_or(usize::MAX)
    };
    let known = known.into_iter();
    let whole = known.clone().min_by_key(|word| slips(word));
    let whole = whole.filter(|word| slips(word) <= MOST_SLIPS);
    let part = || known.min_by_key(by_part);
    whole.or_else(|| part().filter(|word| by_part(word) <= MOST_SLIPS))
}

/// `; did you mean ...?` if one of the known names is near, else nothing: the
/// end of an error message.
pub fn did_you_mean<'k>(
    given: &str,
    known: impl IntoIterator<Item = &'k str, IntoIter: Clone>,
) -> String {
    match nearest_name(given, known) {
        Some(near) => format!("; did you mean `{near}`?"),
        None => String::new(),
    }
}
