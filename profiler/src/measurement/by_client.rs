//! Something for each client code.

use crate::ClientCode;

/// A `T` for each client code and for no version, side by side: what is
/// counted of every message is not looked up.
#[derive(Clone, Debug)]
pub(super) struct ByClient<T>(Vec<T>);

impl<T: Clone + Default> Default for ByClient<T> {
    fn default() -> Self {
        Self(vec![T::default(); 1 << 16])
    }
}

impl<T> ByClient<T> {
    #[inline]
    pub(super) fn of(&mut self, client: Option<ClientCode>) -> &mut T {
        // no client has the code zero
        let code = client.map_or([0, 0], ClientCode::bytes);
        &mut self.0[usize::from(u16::from_be_bytes(code))]
    }

    /// All of them, no version first, then by code.
    pub(super) fn into_entries(self) -> impl Iterator<Item = (Option<ClientCode>, T)> {
        let codes = (0..=u16::MAX).map(|code| ClientCode::of(&code.to_be_bytes()));
        codes.zip(self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_has_its_own_in_the_order_of_the_codes() {
        let mut counts = ByClient::<u64>::default();
        let codes = [
            None,
            ClientCode::of(b"\0\x01"),
            ClientCode::of(b"LT"),
            ClientCode::of(b"\xff\xff"),
        ];
        for (count, code) in (1..).zip(codes) {
            *counts.of(code) += count;
        }
        let entries: Vec<_> = counts
            .into_entries()
            .filter(|(_, count)| *count > 0)
            .collect();
        let expected: Vec<_> = codes.into_iter().zip(1..).collect();
        assert_eq!(entries, expected);
        assert!(entries.is_sorted());
    }
}
