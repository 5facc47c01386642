//! What a record carries: a line that people can read with any console consumer, and that proves itself.
//!
//! ```text
//! t1 9ae3f01c v1234 c3.0 s411 p5.1f2e3d4c ..............................................
//! |  |        |     |    |    |  |        padding up to the record size
//! |  |        |     |    |    |  CRC32C of the topic's name
//! |  |        |     |    |    the partition it was sent to
//! |  |        |     |    the order of the producer's sends
//! |  |        |     producer and its incarnation
//! |  |        the value
//! |  CRC32C of everything behind it, padding included
//! version of this form
//! ```

use std::io::Write;

/// The smallest record that the header fits in, bytes: values and sequences below 10^15, clients, incarnations and
/// partitions below 10^5. A header beyond that is still whole, the record is then longer than was asked for.
pub const MIN_RECORD_SIZE: u32 = 80;

/// Where the checksummed part begins: behind `t1 ` and eight digits.
const BODY: usize = 11;

/// What a record says of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// The value, unique in the run.
    pub value: u64,
    /// The producer.
    pub client: u32,
    /// The producer's incarnation.
    pub incarnation: u32,
    /// The order of its sends.
    pub seq: u64,
    /// The partition it was sent to.
    pub partition: i32,
    /// [`topic_hash`] of the topic it was sent to.
    pub topic: u32,
}

/// Stands for a topic's name in a header.
pub fn topic_hash(topic: &str) -> u32 {
    crc32c::crc32c(topic.as_bytes())
}

/// Writes the record into `out`, which is emptied first, padded to `size` bytes.
pub fn encode(header: &Header, size: u32, out: &mut Vec<u8>) {
    out.clear();
    let Header { value, client, incarnation, seq, partition, topic } = header;
    write!(out, "t1 00000000 v{value} c{client}.{incarnation} s{seq} p{partition}.{topic:08x} ")
        .expect("writing to memory does not fail");
    if out.len() < size as usize {
        out.resize(size as usize, b'.');
    }
    let checksum = crc32c::crc32c(&out[BODY..]);
    write!(&mut out[3..BODY], "{checksum:08x}").expect("eight digits have room");
}

/// Reads a record back; `None` where the checksum is wrong or the record was not made by [`encode`].
pub fn decode(record: &[u8]) -> Option<Header> {
    let body = record.get(BODY..)?;
    let checksum = std::str::from_utf8(record[..BODY].strip_prefix(b"t1 ")?).ok()?;
    // from_str_radix would take a sign.
    if !checksum.bytes().all(|b| b.is_ascii_hexdigit())
        || u32::from_str_radix(checksum, 16).ok()? != crc32c::crc32c(body)
    {
        return None;
    }
    let mut fields = Fields(body.strip_prefix(b" ")?);
    let value = fields.number(b'v', b' ')?;
    let client = fields.number(b'c', b'.')?.try_into().ok()?;
    let incarnation = fields.digits(b' ')?.try_into().ok()?;
    let seq = fields.number(b's', b' ')?;
    let partition = fields.number(b'p', b'.')?.try_into().ok()?;
    let topic = u32::from_str_radix(std::str::from_utf8(fields.0.get(..8)?).ok()?, 16).ok()?;
    Some(Header { value, client, incarnation, seq, partition, topic })
}

struct Fields<'a>(&'a [u8]);

impl Fields<'_> {
    fn number(&mut self, name: u8, end: u8) -> Option<u64> {
        self.0 = self.0.strip_prefix(&[name])?;
        self.digits(end)
    }

    fn digits(&mut self, end: u8) -> Option<u64> {
        let mut n: u64 = 0;
        for (i, byte) in self.0.iter().enumerate() {
            match byte {
                b'0'..=b'9' => n = n.checked_mul(10)?.checked_add(u64::from(byte - b'0'))?,
                byte if *byte == end && i > 0 => {
                    self.0 = &self.0[i + 1..];
                    return Some(n);
                }
                _ => return None,
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn headers() -> impl Strategy<Value = Header> {
        (any::<u64>(), any::<u32>(), any::<u32>(), any::<u64>(), 0..i32::MAX, any::<u32>()).prop_map(
            |(value, client, incarnation, seq, partition, topic)| Header {
                value,
                client,
                incarnation,
                seq,
                partition,
                topic,
            },
        )
    }

    proptest! {
        #[test]
        fn what_was_written_is_read(header in headers(), size in MIN_RECORD_SIZE..2000) {
            let mut record = Vec::new();
            encode(&header, size, &mut record);
            prop_assert!(record.len() >= size as usize);
            prop_assert!(record.is_ascii());
            prop_assert_eq!(decode(&record), Some(header));
        }

        #[test]
        fn one_changed_byte_is_seen(header in headers(), at in 0..150_usize, flip in 1..=255_u8) {
            let mut record = Vec::new();
            encode(&header, 150, &mut record);
            record[at] ^= flip;
            // A hexadecimal digit of the checksum in capitals is the same number.
            if !(3..BODY).contains(&at) || flip != 0x20 {
                prop_assert_eq!(decode(&record), None);
            }
        }

        #[test]
        fn a_record_cut_short_is_seen(header in headers(), keep in 0..150_usize) {
            let mut record = Vec::new();
            encode(&header, 150, &mut record);
            prop_assert_eq!(decode(&record[..keep]), None);
        }

        #[test]
        fn foreign_records_are_refused(record in proptest::collection::vec(any::<u8>(), 0..200)) {
            prop_assert_eq!(decode(&record), None);
        }
    }

    #[test]
    fn the_smallest_size_holds_what_it_promises() {
        let header = Header {
            value: 999_999_999_999_999,
            client: 99_999,
            incarnation: 99_999,
            seq: 999_999_999_999_999,
            partition: 99_999,
            topic: u32::MAX,
        };
        let mut record = Vec::new();
        encode(&header, MIN_RECORD_SIZE, &mut record);
        assert_eq!(record.len(), MIN_RECORD_SIZE as usize);
        assert_eq!(decode(&record), Some(header));
    }

    #[test]
    fn people_can_read_it() {
        let header =
            Header { value: 1234, client: 3, incarnation: 0, seq: 411, partition: 5, topic: 0x1f2e_3d4c };
        let mut record = Vec::new();
        encode(&header, 80, &mut record);
        let text = String::from_utf8(record).expect("ASCII");
        assert!(text[BODY..].starts_with(" v1234 c3.0 s411 p5.1f2e3d4c ..."), "{text}");
    }
}
