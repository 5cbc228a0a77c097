//! What somebody who misspelt a word may have meant.

use mdht_plugins::nearest_name;

/// From the reader's message about an unknown word and the known ones, all in
/// backticks: the unknown one and the nearest of the others, if one is near.
/// `None` if the message is about something else.
pub(super) fn suggestion(message: &str) -> Option<(&str, Option<&str>)> {
    if !message.starts_with("unknown ") {
        return None;
    }
    let mut words = message.split('`').skip(1).step_by(2);
    let unknown = words.next()?;
    Some((unknown, nearest_name(unknown, words)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_misses_are_told_and_far_ones_are_not() {
        let message = |word| format!("unknown variant `{word}`, expected one of `open`, `late`");
        for (word, near) in [
            ("opne", Some("open")),
            ("Late", Some("late")),
            ("gate-keeper", None),
        ] {
            assert_eq!(suggestion(&message(word)), Some((word, near)));
        }
        assert_eq!(suggestion("missing field `share`"), None);
    }
}
