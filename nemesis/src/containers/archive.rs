//! Tar archives in memory: files for a container, and the context of an image build.

use bytes::Bytes;

/// One file or, where it has no content, one directory.
pub(crate) struct Entry<'a> {
    /// The path inside the archive, without a leading slash.
    pub(crate) path: &'a str,
    /// The content; `None` is a directory that anyone may write to (images run as various users).
    pub(crate) content: Option<&'a str>,
}

/// The archive's bytes.
pub(crate) fn pack(entries: &[Entry<'_>]) -> Bytes {
    let mut tar = tar::Builder::new(Vec::new());
    for entry in entries {
        let mut header = tar::Header::new_gnu();
        let content = entry.content.unwrap_or("").as_bytes();
        header.set_size(content.len() as u64);
        header.set_mode(if entry.content.is_some() { 0o644 } else { 0o777 });
        header.set_entry_type(if entry.content.is_some() {
            tar::EntryType::Regular
        } else {
            tar::EntryType::Directory
        });
        tar.append_data(&mut header, entry.path, content).expect("writing to memory with a short path");
    }
    tar.into_inner().expect("writing to memory").into()
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    #[test]
    fn files_and_directories_come_out_as_they_went_in() {
        let packed = pack(&[
            Entry { path: "tribunal", content: None },
            Entry { path: "tribunal/a.properties", content: Some("a=1\n") },
        ]);
        let mut archive = tar::Archive::new(packed.as_ref());
        let mut seen = Vec::new();
        for entry in archive.entries().unwrap() {
            let mut entry = entry.unwrap();
            let mut text = String::new();
            entry.read_to_string(&mut text).unwrap();
            seen.push((entry.path().unwrap().display().to_string(), entry.header().mode().unwrap(), text));
        }
        assert_eq!(
            seen,
            [
                ("tribunal".to_owned(), 0o777, String::new()),
                ("tribunal/a.properties".to_owned(), 0o644, "a=1\n".to_owned())
            ]
        );
    }
}
