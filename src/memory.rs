//! Memory: how the program asks its allocator to behave, and how much of it analysis may take.

use std::path::Path;

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

/// Bytes that an analysis' tables take unless somebody says otherwise: half of what the machine and the control
/// group leave, because the checks themselves need some beside the tables. `None` where the system does not
/// tell.
pub fn budget() -> Option<u64> {
    let machine = meminfo(&read("/proc/meminfo")?)?;
    Some(cgroup_leaves().map_or(machine, |group| group.min(machine)) / 2)
}

fn read(path: impl AsRef<Path>) -> Option<String> {
    std::fs::read_to_string(path).ok()
}

/// `MemAvailable`, in bytes.
fn meminfo(text: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()?.checked_mul(1024)
}

/// What the control group (second version; inside a container its root) and all groups above it leave.
fn cgroup_leaves() -> Option<u64> {
    let own = read("/proc/self/cgroup")?;
    let own = own.lines().find_map(|line| line.strip_prefix("0::"))?;
    let mut folder = Path::new("/sys/fs/cgroup").join(own.trim_start_matches('/'));
    let mut least = None;
    loop {
        least = leaves(&folder).into_iter().chain(least).min();
        if folder == Path::new("/sys/fs/cgroup") || !folder.pop() {
            return least;
        }
    }
}

fn leaves(folder: &Path) -> Option<u64> {
    let limit: u64 = read(folder.join("memory.max"))?.trim().parse().ok()?;
    let used: u64 = read(folder.join("memory.current"))?.trim().parse().ok()?;
    // Cached files are given up before anything is refused.
    let stat = read(folder.join("memory.stat")).unwrap_or_default();
    let cached = stat.lines().find_map(|line| line.strip_prefix("inactive_file ")?.parse().ok()).unwrap_or(0);
    Some(limit.saturating_sub(used.saturating_sub(cached)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_available_memory_is_read_in_bytes() {
        let text = "MemTotal:       24000000 kB\nMemFree: 1 kB\nMemAvailable:    2048 kB\n";
        assert_eq!(meminfo(text), Some(2 << 20));
        assert_eq!(meminfo("MemTotal: 5 kB\n"), None);
    }

    #[test]
    fn a_group_leaves_its_limit_less_what_it_cannot_give_up() {
        let folder = tempfile::tempdir().expect("a directory");
        let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).expect("writes");
        assert_eq!(leaves(folder.path()), None);
        write("memory.max", "max\n");
        write("memory.current", "600\n");
        assert_eq!(leaves(folder.path()), None, "no limit");
        write("memory.max", "1000\n");
        write("memory.stat", "anon 500\ninactive_file 100\n");
        assert_eq!(leaves(folder.path()), Some(500));
    }
}
