//! What somebody who misspelt a key may have meant.

use mdht_plugins::did_you_mean;

/// The reader's message about an unknown word and the known ones, all in
/// backticks, with the nearest of them.
pub(super) fn with_suggestion(message: &str) -> String {
    let mut words = message.split('`').skip(1).step_by(2);
    match words.next() {
        Some(unknown) if message.starts_with("unknown ") => {
            format!("{message}{}", did_you_mean(unknown, words))
        }
        _ => message.to_owned(),
    }
}
