//! What somebody who misspelt a word may have meant.

/// Most letters by which a word may differ from what was meant.
const MOST_SLIPS: usize = 2;

/// `; did you mean ...?` if one of the known words is near, else nothing.
pub(crate) fn did_you_mean<'k>(given: &str, known: impl IntoIterator<Item = &'k str>) -> String {
    let slips = |word: &&str| strsim::osa_distance(given, word);
    let near = known.into_iter().min_by_key(slips);
    match near.filter(|word| slips(word) <= MOST_SLIPS) {
        Some(near) => format!("; did you mean `{near}`?"),
        None => String::new(),
    }
}

/// The same for the reader's message about an unknown word and the known ones,
/// all in backticks.
pub(super) fn with_suggestion(message: &str) -> String {
    let mut words = message.split('`').skip(1).step_by(2);
    match words.next() {
        Some(unknown) if message.starts_with("unknown ") => {
            format!("{message}{}", did_you_mean(unknown, words))
        }
        _ => message.to_owned(),
    }
}
