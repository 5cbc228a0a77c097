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
