//! Strings as polynomial hashes: appending to a string of any length costs the same.
//!
//! Two lanes modulo the Mersenne prime 2^61 - 1 (Karp & Rabin 1987), so that two different strings of
//! a history share a hash with a probability below length * 2^-120.

const PRIME: u64 = (1 << 61) - 1;
const BASES: [u64; 2] = [0x0b5a_d4ec_eda1_ce2b, 0x1a3c_f9d7_52b8_4e61];

fn times(a: u64, b: u64) -> u64 {
    let product = u128::from(a) * u128::from(b);
    let sum = (product as u64 & PRIME) + (product >> 61) as u64;
    if sum >= PRIME { sum - PRIME } else { sum }
}

fn plus(a: u64, b: u64) -> u64 {
    let sum = a + b;
    if sum >= PRIME { sum - PRIME } else { sum }
}

/// A string's hash and length in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Hash {
    lanes: [u64; 2],
    /// Bytes.
    pub len: u64,
}

impl Hash {
    /// The hash with one more byte.
    pub fn push(self, byte: u8) -> Hash {
        let digit = u64::from(byte) + 1;
        let lane = |i: usize| plus(times(self.lanes[i], BASES[i]), digit);
        Hash { lanes: [lane(0), lane(1)], len: self.len + 1 }
    }

    /// The hash of `self` followed by `piece`.
    pub fn append(self, piece: &Piece) -> Hash {
        let lane = |i: usize| plus(times(self.lanes[i], piece.powers[i]), piece.hash.lanes[i]);
        Hash { lanes: [lane(0), lane(1)], len: self.len + piece.hash.len }
    }

    /// Both lanes in one word.
    pub fn word(self) -> u128 {
        u128::from(self.lanes[0]) << 64 | u128::from(self.lanes[1])
    }
}

/// A string that is appended: its hash, and what it multiplies the hash before it with.
#[derive(Debug, Clone, Copy)]
pub struct Piece {
    /// The string alone.
    pub hash: Hash,
    powers: [u64; 2],
}

impl Piece {
    /// The piece with these bytes.
    pub fn new(bytes: &[u8]) -> Piece {
        let mut piece = Piece { hash: Hash::default(), powers: [1, 1] };
        for &byte in bytes {
            piece.hash = piece.hash.push(byte);
            piece.powers = [times(piece.powers[0], BASES[0]), times(piece.powers[1], BASES[1])];
        }
        piece
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_way_to_cut_a_string_gives_its_hash() {
        let text = b"x 0 0 y x 1 0 y";
        let whole = Piece::new(text).hash;
        for cut in 0..=text.len() {
            assert_eq!(Piece::new(&text[..cut]).hash.append(&Piece::new(&text[cut..])), whole);
        }
        assert_ne!(Piece::new(b"ab").hash.word(), Piece::new(b"ba").hash.word());
        assert_ne!(Piece::new(b"\0").hash, Piece::new(b"\0\0").hash);
    }

    #[test]
    fn arithmetic_stays_below_the_prime() {
        for a in [0, 1, PRIME - 1, PRIME / 2 + 1] {
            for b in [0, 1, PRIME - 1, PRIME / 2 + 1] {
                let product = (u128::from(a) * u128::from(b) % u128::from(PRIME)) as u64;
                assert_eq!(times(a, b), product);
                assert_eq!(u128::from(plus(a, b)), (u128::from(a) + u128::from(b)) % u128::from(PRIME));
            }
        }
    }
}
