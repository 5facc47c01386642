//! Finding the frames of a `.zst` file without decompressing it, by walking its block headers (RFC 8878).

use std::io;

/// Reads bytes at a place; files and memory alike.
pub(crate) trait ReadAt: Send + Sync {
    fn len(&self) -> u64;
    fn read_exact_at(&self, buf: &mut [u8], at: u64) -> io::Result<()>;
}

impl ReadAt for std::fs::File {
    fn len(&self) -> u64 {
        self.metadata().map_or(0, |m| m.len())
    }

    fn read_exact_at(&self, buf: &mut [u8], at: u64) -> io::Result<()> {
        std::os::unix::fs::FileExt::read_exact_at(self, buf, at)
    }
}

impl ReadAt for Vec<u8> {
    fn len(&self) -> u64 {
        self.len() as u64
    }

    fn read_exact_at(&self, buf: &mut [u8], at: u64) -> io::Result<()> {
        let place = usize::try_from(at).ok().and_then(|at| self.get(at..at + buf.len()));
        match place {
            Some(bytes) => {
                buf.copy_from_slice(bytes);
                Ok(())
            }
            None => Err(io::ErrorKind::UnexpectedEof.into()),
        }
    }
}

/// One frame of the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Frame {
    pub(crate) offset: u64,
    pub(crate) length: u64,
    /// The file ends inside it: it was being written.
    pub(crate) torn: bool,
}

/// Why a file is no row of frames.
#[derive(Debug)]
pub(crate) enum ScanError {
    Io(io::Error),
    /// Bytes at this place are no zstd.
    Damaged(u64),
}

/// The four bytes every zstd frame begins with.
pub(crate) const MAGIC: u32 = 0xFD2F_B528;

/// Whether these first bytes of a file are zstd.
pub(crate) fn is_zstd(start: &[u8]) -> bool {
    let Some(magic) = start.first_chunk::<4>() else { return false };
    let magic = u32::from_le_bytes(*magic);
    magic == MAGIC || magic & 0xFFFF_FFF0 == 0x184D_2A50
}

/// Lists the frames of a file; skippable frames are passed over.
pub(crate) fn scan(file: &dyn ReadAt) -> Result<Vec<Frame>, ScanError> {
    let mut walker = Walker { file, end: file.len() };
    let mut frames = Vec::new();
    let mut offset = 0;
    while offset < walker.end {
        match walker.frame(offset) {
            Ok(Some((next, content))) => {
                if content {
                    frames.push(Frame { offset, length: next - offset, torn: false });
                }
                offset = next;
            }
            Ok(None) => {
                frames.push(Frame { offset, length: walker.end - offset, torn: true });
                break;
            }
            Err(e) => return Err(e),
        }
    }
    Ok(frames)
}

struct Walker<'a> {
    file: &'a dyn ReadAt,
    end: u64,
}

impl Walker<'_> {
    /// The end of the frame at `offset` and whether it holds content; `None` where the file ends first.
    fn frame(&mut self, offset: u64) -> Result<Option<(u64, bool)>, ScanError> {
        let Some(magic) = self.bytes::<4>(offset)? else { return Ok(None) };
        let magic = u32::from_le_bytes(magic);
        if magic & 0xFFFF_FFF0 == 0x184D_2A50 {
            let Some(size) = self.bytes::<4>(offset + 4)? else { return Ok(None) };
            let next = offset + 8 + u64::from(u32::from_le_bytes(size));
            return Ok((next <= self.end).then_some((next, false)));
        }
        if magic != MAGIC {
            return Err(ScanError::Damaged(offset));
        }
        let Some([descriptor]) = self.bytes::<1>(offset + 4)? else { return Ok(None) };
        let single_segment = descriptor & 0x20 != 0;
        let checksum = descriptor & 0x04 != 0;
        let dictionary = [0, 1, 2, 4][usize::from(descriptor & 3)];
        let content_size = match descriptor >> 6 {
            0 => u64::from(single_segment),
            1 => 2,
            2 => 4,
            _ => 8,
        };
        let mut at = offset + 5 + u64::from(!single_segment) + dictionary + content_size;
        loop {
            let Some([a, b, c]) = self.bytes::<3>(at)? else { return Ok(None) };
            let header = u32::from_le_bytes([a, b, c, 0]);
            let size = match header >> 1 & 3 {
                1 => 1,
                3 => return Err(ScanError::Damaged(at)),
                _ => u64::from(header >> 3),
            };
            at += 3 + size;
            if header & 1 == 1 {
                break;
            }
        }
        at += if checksum { 4 } else { 0 };
        Ok((at <= self.end).then_some((at, true)))
    }

    fn bytes<const N: usize>(&self, at: u64) -> Result<Option<[u8; N]>, ScanError> {
        if at + N as u64 > self.end {
            return Ok(None);
        }
        let mut buf = [0; N];
        match self.file.read_exact_at(&mut buf, at) {
            Ok(()) => Ok(Some(buf)),
            Err(e) => Err(ScanError::Io(e)),
        }
    }
}
