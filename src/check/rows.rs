//! The results of a survey as a Parquet file, made of its JSON lines.

use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parquet::basic::{Compression, ZstdLevel};
use parquet::data_type::{BoolType, ByteArray, ByteArrayType, DataType, DoubleType, Int32Type};
use parquet::errors::{ParquetError, Result};
use parquet::file::properties::WriterProperties;
use parquet::file::writer::{SerializedColumnWriter, SerializedFileWriter};
use parquet::schema::parser::parse_message_type;
use serde_json::Value;

use crate::output::Failure;

/// Rows of a row group: what is held in memory.
const GROUP: usize = 65_536;

/// The columns, each under the name of its key; all may be null.
const COLUMNS: [(&str, Kind); 16] = [
    ("node", Kind::Text),
    ("id", Kind::Text),
    ("pattern", Kind::Text),
    ("reciprocity", Kind::Flag),
    ("transitivity", Kind::Flag),
    ("persistence", Kind::Flag),
    ("likely", Kind::Text),
    ("rtt_ms", Kind::Number),
    ("still_there", Kind::Flag),
    ("version", Kind::Text),
    ("changed_id", Kind::Text),
    ("ids_at_ip", Kind::Whole),
    ("ips_of_id", Kind::Whole),
    ("answers_from_elsewhere", Kind::Whole),
    ("identity", Kind::Whole),
    ("began_s", Kind::Number),
];

#[derive(Clone, Copy, Debug)]
enum Kind {
    Text,
    Flag,
    Number,
    Whole,
}

/// Writes `nodes.parquet` beside the JSON lines; where it is.
pub(super) fn write(lines: &Path) -> std::result::Result<PathBuf, Failure> {
    let path = lines.with_extension("parquet");
    let beside = lines.with_extension("parquet.tmp");
    let written = convert(lines, &beside).and_then(|()| {
        std::fs::rename(&beside, &path)?;
        Ok(())
    });
    match written {
        Ok(()) => Ok(path),
        Err(error) => {
            let _ = std::fs::remove_file(&beside);
            Err(Failure::Failed(format!(
                "cannot write {}: {error}",
                path.display()
            )))
        }
    }
}

fn convert(from: &Path, to: &Path) -> Result<()> {
    let schema = COLUMNS.map(|(name, kind)| format!("optional {};", kind.column(name)));
    let schema = format!("message node {{ {} }}", schema.join(" "));
    let schema = Arc::new(parse_message_type(&schema)?);
    let properties = WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::default()))
        .build();
    let out = File::create(to)?;
    let mut writer = SerializedFileWriter::new(out, schema, Arc::new(properties))?;
    let mut rows = Vec::new();
    for line in BufReader::new(File::open(from)?).lines() {
        let row = serde_json::from_str(&line?);
        let row: Value = row.map_err(|error| ParquetError::External(error.into()))?;
        rows.push(row);
        if rows.len() == GROUP {
            write_group(&mut writer, &rows)?;
            rows.clear();
        }
    }
    if !rows.is_empty() {
        write_group(&mut writer, &rows)?;
    }
    writer.close()?;
    Ok(())
}

fn write_group(writer: &mut SerializedFileWriter<File>, rows: &[Value]) -> Result<()> {
    let mut group = writer.next_row_group()?;
    for (name, kind) in COLUMNS {
        let Some(mut column) = group.next_column()? else {
            break;
        };
        let cells = rows.iter().map(|row| &row[name]);
        kind.write(&mut column, cells)?;
        column.close()?;
    }
    group.close()?;
    Ok(())
}

impl Kind {
    /// The column in the schema of the file.
    fn column(self, name: &str) -> String {
        match self {
            Self::Text => format!("binary {name} (UTF8)"),
            Self::Flag => format!("boolean {name}"),
            Self::Number => format!("double {name}"),
            Self::Whole => format!("int32 {name}"),
        }
    }

    fn write<'a>(
        self,
        column: &mut SerializedColumnWriter<'_>,
        cells: impl Iterator<Item = &'a Value>,
    ) -> Result<()> {
        match self {
            Self::Text => write_column::<ByteArrayType>(column, cells, |cell| {
                cell.as_str().map(ByteArray::from)
            }),
            Self::Flag => write_column::<BoolType>(column, cells, Value::as_bool),
            Self::Number => write_column::<DoubleType>(column, cells, Value::as_f64),
            Self::Whole => write_column::<Int32Type>(column, cells, |cell| {
                cell.as_i64().and_then(|whole| i32::try_from(whole).ok())
            }),
        }
    }
}

fn write_column<'a, T: DataType>(
    column: &mut SerializedColumnWriter<'_>,
    cells: impl Iterator<Item = &'a Value>,
    read: impl Fn(&Value) -> Option<T::T>,
) -> Result<()> {
    let cells: Vec<_> = cells.map(read).collect();
    let present: Vec<_> = cells.iter().map(|cell| i16::from(cell.is_some())).collect();
    let values: Vec<_> = cells.into_iter().flatten().collect();
    column
        .typed::<T>()
        .write_batch(&values, Some(&present), None)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use parquet::file::reader::{FileReader as _, SerializedFileReader};

    #[test]
    fn every_line_becomes_a_row_and_what_is_not_known_null() {
        let dir = std::env::temp_dir().join(format!("mdht-rows-{}", std::process::id()));
        std::fs::create_dir_all(&dir).unwrap();
        let lines = dir.join("nodes.jsonl");
        let first = r#"{"node":"8.8.8.8:7","pattern":"RUU-UUU","reciprocity":true,"rtt_ms":1.5,"identity":3}"#;
        let second = r#"{"node":"9.9.9.9:7","pattern":"UU?-UU?","transitivity":null}"#;
        std::fs::write(&lines, format!("{first}\n{second}\n")).unwrap();
        let path = write(&lines).unwrap();
        let reader = SerializedFileReader::new(File::open(path).unwrap()).unwrap();
        let rows: Vec<_> = reader.get_row_iter(None).unwrap().collect();
        let texts: Vec<_> = rows
            .iter()
            .map(|row| row.as_ref().unwrap().to_string())
            .collect();
        assert_eq!(texts.len(), 2);
        assert!(texts[0].contains("reciprocity: true") && texts[0].contains("identity: 3"));
        assert!(texts[0].contains("rtt_ms: 1.5"), "{texts:?}");
        assert!(texts[1].contains("reciprocity: null"), "{texts:?}");
        std::fs::write(&lines, "nonsense\n").unwrap();
        assert!(write(&lines).is_err());
        assert!(!dir.join("nodes.parquet.tmp").exists());
        std::fs::remove_dir_all(&dir).unwrap();
    }
}
