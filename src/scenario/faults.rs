//! Which faults there are, by the target that can do them: for help and for `tribunal scenarios`.

use nemesis::fault::BASE_NAMES;
use nemesis::fault::parse::all_names;

/// The targets in words, each with the names that `--fault` takes there.
pub fn faults_by_target() -> [(&'static str, Vec<String>); 2] {
    let of_mock = |name: &String| {
        BASE_NAMES.iter().any(|(base, about)| name.starts_with(base) && about.starts_with("mock:"))
    };
    let (mock, containers) = all_names().into_iter().partition(of_mock);
    [("mock", mock), ("docker, compose:, label:", containers)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fault_belongs_to_a_target() {
        let [(_, mock), (_, containers)] = faults_by_target();
        assert!(
            mock.contains(&"broker-down-random".to_owned()) && mock.contains(&"leader-move".to_owned()),
            "{mock:?}"
        );
        assert!(containers.contains(&"isolate-leader".to_owned()), "{containers:?}");
        assert!(!containers.iter().any(|name| name.starts_with("slow-broker")), "{containers:?}");
    }
}
