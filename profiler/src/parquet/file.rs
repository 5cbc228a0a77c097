//! One Parquet file, written row group by row group.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parquet::basic::{Compression, ZstdLevel};
use parquet::errors::{ParquetError, Result};
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::types::Type;

use super::column::{Cell, Column};
use super::error::TablesError;
use super::schema::Schema;

/// A table on its way into a file, which has a temporary name until it is
/// complete. Dropped before, it leaves nothing.
pub(super) struct TableFile {
    path: PathBuf,
    temporary: Temporary,
    writer: SerializedFileWriter<File>,
    columns: Vec<Column>,
    /// Rows in `columns`.
    rows: usize,
}

/// A file that is removed unless it gets its name.
struct Temporary(PathBuf);

impl Drop for Temporary {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0); // renamed by then, if all went well
    }
}

impl TableFile {
    /// Begins `NAME.parquet` in `dir`, which is there.
    ///
    /// # Errors
    /// The file cannot be written.
    pub(super) fn create(dir: &Path, schema: &Schema) -> Result<Self, TablesError> {
        let path = dir.join(format!("{}.parquet", schema.name));
        let temporary = dir.join(format!(".{}.parquet.{}", schema.name, std::process::id()));
        let failed = |error| TablesError::new(&path, error);
        let file = File::create(&temporary).map_err(|error| failed(error.into()))?;
        let temporary = Temporary(temporary);
        let writer = writer(file, schema).map_err(failed)?;
        Ok(Self {
            path,
            temporary,
            writer,
            columns: schema.columns.iter().map(Column::new).collect(),
            rows: 0,
        })
    }

    /// Adds a row, one cell for each column in order.
    ///
    /// # Errors
    /// The file cannot be written.
    pub(super) fn push<const N: usize>(&mut self, row: [Cell<'_>; N]) -> Result<(), TablesError> {
        debug_assert_eq!(self.columns.len(), N, "cells of {}", self.path.display());
        for (column, cell) in self.columns.iter_mut().zip(row) {
            column.push(cell);
        }
        self.rows += 1;
        match self.rows >= ROW_GROUP {
            true => self.write_group().map_err(|error| self.failed(error)),
            false => Ok(()),
        }
    }

    fn write_group(&mut self) -> Result<()> {
        let mut group = self.writer.next_row_group()?;
        for column in &mut self.columns {
            if let Some(mut writer) = group.next_column()? {
                column.write(&mut writer)?;
                writer.close()?;
            }
        }
        group.close()?;
        self.rows = 0;
        Ok(())
    }

    /// Writes what is left, and the file's end.
    ///
    /// # Errors
    /// The file cannot be written.
    pub(super) fn complete(&mut self) -> Result<(), TablesError> {
        self.write_end().map_err(|error| self.failed(error))
    }

    fn write_end(&mut self) -> Result<()> {
        if self.rows > 0 {
            self.write_group()?;
        }
        self.writer.finish()?;
        self.writer.inner().sync_all()?; // some disks tell only now that they are full
        Ok(())
    }

    /// Gives the complete file its name, which is returned.
    ///
    /// # Errors
    /// The name is taken by what cannot be replaced.
    pub(super) fn publish(self) -> Result<PathBuf, TablesError> {
        match fs::rename(&self.temporary.0, &self.path) {
            Ok(()) => Ok(self.path),
            Err(error) => Err(self.failed(error.into())),
        }
    }

    fn failed(&self, error: ParquetError) -> TablesError {
        TablesError::new(&self.path, error)
    }
}

fn writer(file: File, schema: &Schema) -> Result<SerializedFileWriter<File>> {
    let fields = schema
        .columns
        .iter()
        .map(|column| column.schema().map(Arc::new));
    let root = Type::group_type_builder(schema.name)
        .with_fields(fields.collect::<Result<_>>()?)
        .build()?;
    let properties = WriterProperties::builder()
        .set_created_by(concat!("mdht ", env!("CARGO_PKG_VERSION")).to_owned())
        .set_compression(Compression::ZSTD(ZstdLevel::try_new(ZSTD_LEVEL)?))
        .set_dictionary_page_size_limit(DICTIONARY)
        .set_statistics_enabled(EnabledStatistics::Chunk);
    let columns = schema.columns.iter();
    let properties = columns.fold(properties, |properties, column| column.store(properties));
    SerializedFileWriter::new(file, Arc::new(root), Arc::new(properties.build()))
}

/// Rows of a row group, which are held in memory: about 20 MB of messages.
/// DuckDB wants at least 122,880 to spread a query over cores.
const ROW_GROUP: usize = 1 << 17;

/// Most bytes of a column's dictionary: enough for a different ID in every
/// row of a group.
const DICTIONARY: usize = 4 << 20;

const ZSTD_LEVEL: i32 = 1;

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use parquet::file::reader::{FileReader, SerializedFileReader};
    use parquet::record::Field;
    use proptest::prelude::*;

    use super::super::column::{Kind, Spec};
    use super::*;

    const SCHEMA: Schema = Schema {
        name: "kinds",
        columns: &[
            Spec::required("time", Kind::Time),
            Spec::nullable("nanos", Kind::Nanos),
            Spec::nullable("long", Kind::Long),
            Spec::nullable("int", Kind::Int),
            Spec::required("port", Kind::Port),
            Spec::nullable("flag", Kind::Flag),
            Spec::nullable("text", Kind::Text),
            Spec::nullable("binary", Kind::Binary),
            Spec::required("token", Kind::Token),
            Spec::nullable("id", Kind::Id),
        ],
    };

    /// A value of each column.
    #[derive(Clone, Debug)]
    struct Row {
        time: u64,
        nanos: Option<u64>,
        long: Option<i64>,
        int: Option<i32>,
        port: u16,
        flag: Option<bool>,
        text: Option<String>,
        binary: Option<Vec<u8>>,
        token: Vec<u8>,
        id: Option<[u8; 20]>,
    }

    impl Row {
        fn cells(&self) -> [Cell<'_>; 10] {
            [
                Cell::number(self.time),
                Cell::optional(self.nanos, Cell::number),
                Cell::optional(self.long, Cell::Number),
                Cell::optional(self.int, Cell::number),
                Cell::number(self.port),
                Cell::optional(self.flag, Cell::Flag),
                Cell::optional(self.text.as_deref(), Cell::text),
                Cell::optional(self.binary.as_deref(), Cell::Bytes),
                Cell::Bytes(&self.token),
                Cell::optional(self.id.as_ref(), |id| Cell::Bytes(id)),
            ]
        }

        fn fields(&self) -> Vec<Field> {
            fn or_null<T>(value: Option<T>, field: impl FnOnce(T) -> Field) -> Field {
                value.map_or(Field::Null, field)
            }
            let long = |value: u64| Field::Long(i64::try_from(value).unwrap_or(i64::MAX));
            let bytes = |value: &[u8]| Field::Bytes(value.to_vec().into());
            vec![
                long(self.time),
                or_null(self.nanos, long),
                or_null(self.long, Field::Long),
                or_null(self.int, Field::Int),
                Field::UShort(self.port),
                or_null(self.flag, Field::Bool),
                or_null(self.text.clone(), Field::Str),
                or_null(self.binary.as_deref(), bytes),
                bytes(&self.token),
                or_null(self.id, |id| bytes(&id)),
            ]
        }
    }

    fn row() -> impl Strategy<Value = Row> {
        let numbers = (any::<u64>(), any::<Option<u64>>(), any::<Option<i64>>());
        let small = (any::<Option<i32>>(), any::<u16>(), any::<Option<bool>>());
        let bytes = || prop::collection::vec(any::<u8>(), 0..9);
        let texts = (
            prop::option::of("\\PC{0,4}"),
            prop::option::of(bytes()),
            bytes(),
        );
        let id = any::<Option<[u8; 20]>>();
        (numbers, small, texts, id).prop_map(
            |((time, nanos, long), (int, port, flag), (text, binary, token), id)| Row {
                time,
                nanos,
                long,
                int,
                port,
                flag,
                text,
                binary,
                token,
                id,
            },
        )
    }

    /// A folder that is removed in the end.
    struct Folder(PathBuf);

    impl Folder {
        fn new(name: &str) -> Self {
            let name = format!("mdht-table-{name}-{}", std::process::id());
            let path = std::env::temp_dir().join(name);
            fs::create_dir_all(&path).unwrap();
            Self(path)
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    fn read(path: &Path) -> (usize, Vec<Vec<Field>>) {
        let reader = SerializedFileReader::new(File::open(path).unwrap()).unwrap();
        let rows = reader.get_row_iter(None).unwrap();
        let fields = rows.map(|row| {
            let row = row.unwrap();
            row.get_column_iter()
                .map(|(_, field)| field.clone())
                .collect()
        });
        (reader.num_row_groups(), fields.collect())
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]

        #[test]
        fn what_is_written_is_read_back(rows in prop::collection::vec(row(), 0..50)) {
            let folder = Folder::new("law");
            let mut table = TableFile::create(&folder.0, &SCHEMA).unwrap();
            for row in &rows {
                table.push(row.cells()).unwrap();
            }
            table.complete().unwrap();
            let (_, found) = read(&table.publish().unwrap());
            prop_assert_eq!(found, rows.iter().map(Row::fields).collect::<Vec<_>>());
        }
    }

    #[test]
    fn a_full_row_group_is_written_and_the_next_begun() {
        const NUMBERS: Schema = Schema {
            name: "numbers",
            columns: &[
                Spec::required("long", Kind::Long),
                Spec::nullable("id", Kind::Id),
            ],
        };
        let folder = Folder::new("groups");
        let mut table = TableFile::create(&folder.0, &NUMBERS).unwrap();
        let id = |number: u64| {
            let mut id = [0; 20];
            id[..8].copy_from_slice(&number.to_le_bytes());
            (!number.is_multiple_of(7)).then_some(id)
        };
        for number in 0..ROW_GROUP as u64 + 9 {
            let id = id(number);
            let id = Cell::optional(id.as_ref(), |id| Cell::Bytes(id));
            table.push([Cell::number(number), id]).unwrap();
            assert!(table.columns.len() == 2 && table.rows < ROW_GROUP);
        }
        table.complete().unwrap();
        let (groups, rows) = read(&table.publish().unwrap());
        assert_eq!((groups, rows.len()), (2, ROW_GROUP + 9));
        for (number, row) in (0..).zip(&rows) {
            let id = id(number).map_or(Field::Null, |id| Field::Bytes(id.to_vec().into()));
            assert_eq!(row, &[Field::Long(i64::try_from(number).unwrap()), id]);
        }
    }

    #[test]
    fn a_table_that_is_given_up_leaves_nothing() {
        let folder = Folder::new("left");
        let files = || -> BTreeSet<_> {
            let entries = fs::read_dir(&folder.0).unwrap();
            entries.map(|entry| entry.unwrap().file_name()).collect()
        };
        let table = TableFile::create(&folder.0, &SCHEMA).unwrap();
        assert_eq!(files().len(), 1);
        assert!(!files().contains("kinds.parquet".as_ref() as &std::ffi::OsStr));
        drop(table);
        assert_eq!(files().len(), 0);
    }
}
