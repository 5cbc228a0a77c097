//! What nodes on real sockets look up: a file of infohashes.

use std::fs::File;
use std::io::{self, BufRead as _, BufReader, Read as _};
use std::path::{Path, PathBuf};

use mdht_krpc::Id;

/// Longest file that is looked into: a million lines.
const LONGEST: u64 = 64 << 20;

/// Why a file of infohashes cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum InfohashError {
    /// It cannot be read.
    #[error("{path}: {source}")]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A line is none.
    #[error("{path}, line {line}: {reason}; it takes an infohash of 40 hexadecimal digits a line")]
    Line {
        /// Which file.
        path: PathBuf,
        /// Which line, from 1.
        line: usize,
        /// Why.
        reason: String,
    },
    /// The script looks up more.
    #[error(
        "{path} holds {found} infohashes and schedule.infohashes is {wanted}; \
         add some, or look up fewer"
    )]
    TooFew {
        /// Which file.
        path: PathBuf,
        /// How many it has.
        found: usize,
        /// How many are wanted.
        wanted: usize,
    },
}

/// The first `wanted` infohashes of a file, one a line; empty lines and those
/// that begin with `#` are passed over.
pub(super) fn read(path: &Path, wanted: usize) -> Result<Vec<Id>, InfohashError> {
    let at = |source| InfohashError::File {
        path: path.to_owned(),
        source,
    };
    let file = File::open(path).map_err(at)?;
    let mut found = Vec::new();
    for (number, line) in BufReader::new(file.take(LONGEST)).lines().enumerate() {
        if found.len() == wanted {
            break;
        }
        let line = line.map_err(at)?;
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let id = line.parse::<Id>().map_err(|error| InfohashError::Line {
            path: path.to_owned(),
            line: number + 1,
            reason: error.to_string(),
        })?;
        found.push(id);
    }
    if found.len() < wanted {
        return Err(InfohashError::TooFew {
            path: path.to_owned(),
            found: found.len(),
            wanted,
        });
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn infohashes_stay_in_their_order_and_bad_lines_are_named() {
        let path = std::env::temp_dir().join(format!("mdht-infohashes-{}", std::process::id()));
        let (a, b) = ("b".repeat(40), "a".repeat(40));
        std::fs::write(&path, format!("# two\n{a}\n\n {b} \nx\n")).unwrap();
        let told = |wanted| read(&path, wanted).map_err(|error| error.to_string());
        let ids = [a, b].map(|text| text.parse().unwrap());
        assert_eq!(told(2), Ok(ids.to_vec()));
        assert!(told(3).unwrap_err().contains(", line 5: "));
        std::fs::write(&path, "").unwrap();
        assert!(told(1).unwrap_err().contains("holds 0 infohashes"));
        std::fs::remove_file(&path).unwrap();
        assert!(told(1).unwrap_err().contains("No such file"));
    }
}
