//! How the program asks its allocator to behave.

/// Lets every buffer of 128 KiB and more be mapped by itself, and so be given back whole when it is freed.
///
/// glibc raises that threshold as large buffers come and go; a history's chunks then leave holes that
/// nothing else fits, and analysis of a million lines takes half as much memory again.
pub fn give_back_large_buffers() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    // SAFETY: called once, before any other thread is started; a refused setting changes nothing.
    unsafe {
        libc::mallopt(libc::M_MMAP_THRESHOLD, 128 << 10);
    }
}
