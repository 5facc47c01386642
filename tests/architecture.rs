//! The house: which crate may know which, and the size of the front door.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use serde_json::Value;

/// Who may import whom: the rooms know the hall alone, the front door knows them all.
fn allowed() -> BTreeMap<&'static str, BTreeSet<&'static str>> {
    let hall = BTreeSet::from(["store"]);
    BTreeMap::from([
        ("store", BTreeSet::new()),
        ("workloads", hall.clone()),
        ("nemesis", hall.clone()),
        ("checker", hall.clone()),
        ("results", hall),
        ("tribunal", BTreeSet::from(["store", "workloads", "nemesis", "checker", "results"])),
    ])
}

fn metadata() -> Value {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--no-deps", "--offline", "--format-version", "1"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("cargo metadata is JSON")
}

#[test]
fn rooms_import_only_the_hall() {
    let allowed = allowed();
    let metadata = metadata();
    let packages = metadata["packages"].as_array().expect("a list");
    let names: BTreeSet<&str> = packages.iter().map(|p| p["name"].as_str().expect("a name")).collect();
    assert_eq!(
        names,
        allowed.keys().copied().collect(),
        "a room appeared or went: say here whom it may know"
    );
    for package in packages {
        let name = package["name"].as_str().expect("a name");
        // Development dependencies too: a test that reaches across rooms ties them together as well.
        let imports: BTreeSet<&str> = package["dependencies"]
            .as_array()
            .expect("a list")
            .iter()
            .filter_map(|d| d["name"].as_str())
            .filter(|d| names.contains(d))
            .collect();
        let extra: Vec<_> = imports.difference(&allowed[name]).collect();
        assert!(extra.is_empty(), "{name} must not import {extra:?}");
    }
}

#[test]
fn the_front_door_is_small() {
    let lines = include_str!("../src/main.rs").lines().count();
    assert!(lines <= 40, "src/main.rs has {lines} lines; it only opens the door");
}

#[test]
fn every_room_opens_with_a_map_and_an_invariant() {
    for (room, text) in [
        ("store", include_str!("../store/src/lib.rs")),
        ("workloads", include_str!("../workloads/src/lib.rs")),
        ("nemesis", include_str!("../nemesis/src/lib.rs")),
        ("checker", include_str!("../checker/src/lib.rs")),
        ("results", include_str!("../results/src/lib.rs")),
    ] {
        let doc: Vec<&str> = text.lines().take_while(|l| l.starts_with("//!")).collect();
        assert!(doc.iter().any(|l| l.contains("**Invariant:**")), "{room}/src/lib.rs states no invariant");
        assert!(doc.len() >= 5, "{room}/src/lib.rs has no map of its modules");
    }
}
