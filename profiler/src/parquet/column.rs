//! One column of a table: its type, and its values until they are written.

use bytes::Bytes;
use mdht_krpc::Id;
use parquet::basic::{Encoding, LogicalType, Repetition, TimeUnit, Type as Physical};
use parquet::data_type::{
    BoolType, ByteArray, ByteArrayType, FixedLenByteArray, FixedLenByteArrayType, Int32Type,
    Int64Type,
};
use parquet::errors::Result;
use parquet::file::properties::{EnabledStatistics, WriterPropertiesBuilder};
use parquet::file::writer::SerializedColumnWriter;
use parquet::schema::types::{ColumnPath, Type};

/// Type of a column, and how its values are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Nanoseconds since the Unix epoch, UTC.
    Time,
    /// Whole nanoseconds: hardly one comes twice.
    Nanos,
    /// A number of 64 bits.
    Long,
    /// A number of 32 bits.
    Int,
    /// A UDP port.
    Port,
    /// Yes or no.
    Flag,
    /// UTF-8.
    Text,
    /// Bytes.
    Binary,
    /// Bytes that hardly come twice.
    Token,
    /// A node ID, infohash or target.
    Id,
}

/// A column of a table.
#[derive(Clone, Copy, Debug)]
pub(super) struct Spec {
    pub(super) name: &'static str,
    pub(super) kind: Kind,
    pub(super) nullable: bool,
}

impl Spec {
    /// A column with a value in every row.
    pub(super) const fn required(name: &'static str, kind: Kind) -> Self {
        Self {
            name,
            kind,
            nullable: false,
        }
    }

    /// A column that is null where a value is not known or does not exist.
    pub(super) const fn nullable(name: &'static str, kind: Kind) -> Self {
        Self {
            name,
            kind,
            nullable: true,
        }
    }

    /// The column in the schema of its file.
    pub(super) fn schema(&self) -> Result<Type> {
        let repetition = match self.nullable {
            true => Repetition::OPTIONAL,
            false => Repetition::REQUIRED,
        };
        let (physical, logical) = match self.kind {
            Kind::Time => (
                Physical::INT64,
                Some(LogicalType::timestamp(true, TimeUnit::NANOS)),
            ),
            Kind::Nanos | Kind::Long => (Physical::INT64, None),
            Kind::Int => (Physical::INT32, None),
            Kind::Port => (Physical::INT32, Some(LogicalType::integer(16, false))),
            Kind::Flag => (Physical::BOOLEAN, None),
            Kind::Text => (Physical::BYTE_ARRAY, Some(LogicalType::String)),
            Kind::Binary | Kind::Token => (Physical::BYTE_ARRAY, None),
            Kind::Id => (Physical::FIXED_LEN_BYTE_ARRAY, None),
        };
        let length = match self.kind {
            Kind::Id => 20,
            _ => -1,
        };
        Type::primitive_type_builder(self.name, physical)
            .with_repetition(repetition)
            .with_logical_type(logical)
            .with_length(length)
            .build()
    }

    /// Sets how the column is stored, where that is not by a dictionary and
    /// with the least and greatest value of each row group. A dictionary of
    /// values that hardly come twice is dead weight, and so are the bounds of
    /// values without an order.
    pub(super) fn store(&self, properties: WriterPropertiesBuilder) -> WriterPropertiesBuilder {
        let path = || ColumnPath::from(self.name);
        let encoding = match self.kind {
            Kind::Time | Kind::Nanos => Some(Encoding::DELTA_BINARY_PACKED),
            Kind::Token => Some(Encoding::DELTA_LENGTH_BYTE_ARRAY),
            _ => None,
        };
        let properties = match encoding {
            Some(encoding) => properties
                .set_column_dictionary_enabled(path(), false)
                .set_column_encoding(path(), encoding),
            None => properties,
        };
        match self.kind {
            Kind::Token | Kind::Id => {
                properties.set_column_statistics_enabled(path(), EnabledStatistics::None)
            }
            _ => properties,
        }
    }
}

/// One value of a row.
#[derive(Clone, Copy, Debug)]
pub(super) enum Cell<'a> {
    Null,
    /// Of [`Kind::Time`], [`Kind::Nanos`], [`Kind::Long`], [`Kind::Int`] and
    /// [`Kind::Port`].
    Number(i64),
    Flag(bool),
    /// Of [`Kind::Text`], [`Kind::Binary`], [`Kind::Token`] and [`Kind::Id`].
    Bytes(&'a [u8]),
}

impl<'a> Cell<'a> {
    /// Null if there is no value.
    pub(super) fn optional<T>(value: Option<T>, cell: impl FnOnce(T) -> Self) -> Self {
        value.map_or(Self::Null, cell)
    }

    /// The largest number there is stands for any that is larger.
    pub(super) fn number(value: impl TryInto<i64>) -> Self {
        Self::Number(value.try_into().unwrap_or(i64::MAX))
    }

    pub(super) const fn text(text: &'a str) -> Self {
        Self::Bytes(text.as_bytes())
    }

    pub(super) const fn id(id: &'a Id) -> Self {
        Self::Bytes(id.as_bytes())
    }
}

/// The values of one column that are not written yet. Nulls are only marked.
pub(super) struct Column {
    /// 1 for a value, 0 for null; `None` where there is no null.
    present: Option<Vec<i16>>,
    values: Values,
}

enum Values {
    Long(Vec<i64>),
    Int(Vec<i32>),
    Flag(Vec<bool>),
    Bytes(ByteValues),
    Id(ByteValues),
}

/// Values one behind the other.
#[derive(Default)]
struct ByteValues {
    bytes: Vec<u8>,
    /// Where each ends.
    ends: Vec<usize>,
}

impl Column {
    pub(super) fn new(spec: &Spec) -> Self {
        Self {
            present: spec.nullable.then(Vec::new),
            values: match spec.kind {
                Kind::Time | Kind::Nanos | Kind::Long => Values::Long(Vec::new()),
                Kind::Int | Kind::Port => Values::Int(Vec::new()),
                Kind::Flag => Values::Flag(Vec::new()),
                Kind::Text | Kind::Binary | Kind::Token => Values::Bytes(ByteValues::default()),
                Kind::Id => Values::Id(ByteValues::default()),
            },
        }
    }

    /// Adds the value of the next row.
    ///
    /// # Panics
    /// In debug builds, if the cell is not of the column's type. Otherwise
    /// such a cell is taken for the type's zero: the rows stay aligned.
    pub(super) fn push(&mut self, cell: Cell<'_>) {
        let is_null = matches!(cell, Cell::Null);
        if let Some(present) = &mut self.present {
            present.push(i16::from(!is_null));
            if is_null {
                return;
            }
        }
        debug_assert!(
            self.values.hold(cell),
            "{cell:?} in a column of another type"
        );
        let number = if let Cell::Number(number) = cell {
            number
        } else {
            0
        };
        let bytes = if let Cell::Bytes(bytes) = cell {
            bytes
        } else {
            &[]
        };
        match &mut self.values {
            Values::Long(values) => values.push(number),
            Values::Int(values) => values.push(i32::try_from(number).unwrap_or(i32::MAX)),
            Values::Flag(values) => values.push(matches!(cell, Cell::Flag(true))),
            Values::Bytes(values) | Values::Id(values) => values.push(bytes),
        }
    }

    /// Writes the values as a part of a row group, and forgets them.
    ///
    /// # Errors
    /// The file cannot be written.
    pub(super) fn write(&mut self, writer: &mut SerializedColumnWriter<'_>) -> Result<()> {
        let present = self.present.as_deref();
        match &mut self.values {
            Values::Long(values) => {
                writer
                    .typed::<Int64Type>()
                    .write_batch(values, present, None)?;
                values.clear();
            }
            Values::Int(values) => {
                writer
                    .typed::<Int32Type>()
                    .write_batch(values, present, None)?;
                values.clear();
            }
            Values::Flag(values) => {
                writer
                    .typed::<BoolType>()
                    .write_batch(values, present, None)?;
                values.clear();
            }
            Values::Bytes(values) => {
                let values: Vec<_> = values.take().collect();
                writer
                    .typed::<ByteArrayType>()
                    .write_batch(&values, present, None)?;
            }
            Values::Id(values) => {
                let values: Vec<_> = values.take().map(FixedLenByteArray::from).collect();
                writer
                    .typed::<FixedLenByteArrayType>()
                    .write_batch(&values, present, None)?;
            }
        }
        self.present.iter_mut().for_each(Vec::clear);
        Ok(())
    }
}

impl Values {
    /// Whether `cell` is of this type.
    fn hold(&self, cell: Cell<'_>) -> bool {
        match (self, cell) {
            (Self::Id(_), Cell::Bytes(bytes)) => bytes.len() == Id::LEN,
            (Self::Long(_) | Self::Int(_), Cell::Number(_))
            | (Self::Flag(_), Cell::Flag(_))
            | (Self::Bytes(_), Cell::Bytes(_)) => true,
            _ => false,
        }
    }
}

impl ByteValues {
    fn push(&mut self, value: &[u8]) {
        self.bytes.extend_from_slice(value);
        self.ends.push(self.bytes.len());
    }

    /// The values, all slices of one allocation.
    fn take(&mut self) -> impl Iterator<Item = ByteArray> + use<> {
        let room = (self.bytes.len(), self.ends.len());
        let all = Bytes::from(std::mem::replace(
            &mut self.bytes,
            Vec::with_capacity(room.0),
        ));
        let ends = std::mem::replace(&mut self.ends, Vec::with_capacity(room.1));
        let mut start = 0;
        ends.into_iter().map(move |end| {
            let value = all.slice(start..end);
            start = end;
            ByteArray::from(value)
        })
    }
}
