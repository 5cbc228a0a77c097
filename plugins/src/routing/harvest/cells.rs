//! Contacts by the first bits of their IDs.
//!
//! The ID space is cut into equal cells, each with room for as many contacts:
//! so the store is bounded, and equally dense everywhere. In XOR order the
//! cells nearest to a target are its own and those whose number differs from it
//! by 1, 2, 3 and so on in exclusive or.

use mdht_krpc::Id;

use super::record::Record;

/// Contacts in a cell, about.
const PER_CELL: usize = 16;

/// The store.
#[derive(Debug)]
pub(super) struct Cells {
    cells: Vec<Vec<Record>>,
    /// Bits that tell the cell.
    bits: u32,
    /// Most records in a cell.
    room: usize,
    len: usize,
}

/// Where a record is, until one is pushed or taken.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    cell: usize,
    index: usize,
}

impl Cells {
    /// A store for at most so many.
    pub(super) fn new(most: usize) -> Self {
        let bits = (most / PER_CELL).max(1).ilog2().min(24);
        Self {
            cells: vec![Vec::new(); 1 << bits],
            bits,
            room: (most >> bits).max(1),
            len: 0,
        }
    }

    /// Number of cells.
    pub(super) const fn count(&self) -> usize {
        self.cells.len()
    }

    /// Number of records.
    pub(super) const fn len(&self) -> usize {
        self.len
    }

    fn cell_of(&self, id: &Id) -> usize {
        let [a, b, c, d, ..] = *id.as_bytes();
        let first = u32::from_be_bytes([a, b, c, d]);
        first.checked_shr(32 - self.bits).unwrap_or(0) as usize
    }

    pub(super) fn locate(&self, id: &Id) -> Option<Place> {
        let cell = self.cell_of(id);
        let index = self.cells[cell].iter().position(|r| r.contact.id == *id)?;
        Some(Place { cell, index })
    }

    pub(super) fn get(&self, place: Place) -> &Record {
        &self.cells[place.cell][place.index]
    }

    pub(super) fn get_mut(&mut self, place: Place) -> &mut Record {
        &mut self.cells[place.cell][place.index]
    }

    pub(super) fn take(&mut self, place: Place) -> Record {
        self.len -= 1;
        self.cells[place.cell].swap_remove(place.index)
    }

    /// Puts a record into its cell. Where that is full, the record of the least
    /// `worth` leaves, be it the new one: of the lowest class the least.
    pub(super) fn insert(&mut self, record: Record, worth: impl Fn(&Record) -> (u8, f32)) {
        let cell = self.cell_of(&record.contact.id);
        let cell = &mut self.cells[cell];
        if cell.len() < self.room {
            self.len += 1;
            if cell.len() == cell.capacity() {
                // doubling would leave much unused
                cell.reserve_exact(self.room.div_ceil(4));
            }
            return cell.push(record);
        }
        let worst = cell.iter_mut().map(|held| (worth(held), held));
        let order = |a: &(u8, f32), b: &(u8, f32)| a.0.cmp(&b.0).then(a.1.total_cmp(&b.1));
        if let Some((least, held)) = worst.min_by(|a, b| order(&a.0, &b.0))
            && least < worth(&record)
        {
            *held = record;
        }
    }

    /// The records of a cell.
    pub(super) fn cell(&self, number: usize) -> &[Record] {
        &self.cells[number]
    }

    /// The cell of an ID.
    pub(super) fn around(&self, id: &Id) -> &[Record] {
        &self.cells[self.cell_of(id)]
    }

    /// All cells, the nearest to `target` first; a cell is nearer than the next
    /// with all its records.
    pub(super) fn nearest(&self, target: &Id) -> impl Iterator<Item = &[Record]> {
        let own = self.cell_of(target);
        (0..self.cells.len()).map(move |step| self.cells[own ^ step].as_slice())
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Record> {
        self.cells.iter().flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mdht_krpc::{Contact, Instant, Rng};

    fn record(id: Id) -> Record {
        Record::new(Contact::new(id, ([1, 2, 3, 4], 5).into()), Instant::ZERO)
    }

    fn filled(most: usize, records: usize) -> (Cells, Rng) {
        let mut rng = Rng::from_u64(3);
        let mut cells = Cells::new(most);
        for _ in 0..records {
            // equally good: whoever came first stays
            cells.insert(record(Id::random(&mut rng)), |_| (0, 1.0));
        }
        (cells, rng)
    }

    #[test]
    fn it_is_bounded_and_evenly_dense() {
        for most in [16, 100, 1000, 5000] {
            let (cells, _) = filled(most, 20 * most);
            assert!(cells.len() <= most, "{most}: {}", cells.len());
            assert!(2 * cells.len() > most, "{most}: {}", cells.len());
            assert_eq!(cells.iter().count(), cells.len());
            let fullest = (0..cells.count()).map(|i| cells.cell(i).len()).max();
            assert!(fullest <= Some(2 * PER_CELL));
        }
    }

    #[test]
    fn the_default_store_takes_less_than_32_megabytes() {
        let cells = Cells::new(400_000);
        let bytes = cells.count() * cells.room * size_of::<Record>();
        assert!(bytes < 32_000_000, "{bytes}");
    }

    #[test]
    fn cells_come_in_the_order_of_their_records() {
        let (cells, mut rng) = filled(2000, 4000);
        let target = Id::random(&mut rng);
        let mut farthest_before = None;
        for cell in cells.nearest(&target) {
            let distances = || cell.iter().map(|r| target.distance(&r.contact.id));
            if let (Some(before), Some(nearest)) = (farthest_before, distances().min()) {
                assert!(before < nearest);
            }
            farthest_before = distances().max().or(farthest_before);
        }
        assert_eq!(cells.nearest(&target).count(), cells.count());
    }

    #[test]
    fn the_least_worth_leaves_be_it_the_newcomer() {
        let mut cells = Cells::new(16);
        let mut rng = Rng::from_u64(4);
        let worth = |record: &Record| (0, f32::from(record.contact.id.as_bytes()[19]));
        let mut all = Vec::new();
        for _ in 0..200 {
            let id = Id::random(&mut rng);
            all.push(id.as_bytes()[19]);
            cells.insert(record(id), worth);
        }
        all.sort_unstable();
        let mut held: Vec<u8> = cells.iter().map(|r| r.contact.id.as_bytes()[19]).collect();
        held.sort_unstable();
        assert_eq!(held, all[all.len() - 16..]);
    }

    #[test]
    fn what_was_taken_is_gone() {
        let (mut cells, mut rng) = filled(100, 0);
        let id = Id::random(&mut rng);
        cells.insert(record(id), |_| (0, 1.0));
        let place = cells.locate(&id).unwrap();
        assert_eq!(cells.take(place).contact.id, id);
        assert!(cells.locate(&id).is_none() && cells.len() == 0);
    }
}
