//! The scenarios that ship inside the binary.

use super::Scenario;

/// One of them.
#[derive(Debug)]
pub struct Shipped {
    /// What `tribunal run` calls it.
    pub name: &'static str,
    /// Its file.
    pub text: &'static str,
}

macro_rules! shipped {
    ($($name:literal),* $(,)?) => {
        &[$(Shipped { name: $name, text: include_str!(concat!("../../scenarios/", $name, ".toml")) }),*]
    };
}

/// All of them, in the order in which a newcomer should meet them.
pub const SHIPPED: &[Shipped] = shipped![
    "mock-duplicates",
    "mock-reordering",
    "mock-acks0-loss",
    "acks1-isolated-leader",
    "acks-all-isolated-leader",
    "acks-all-killed-leader",
    "transactions-killed-leader",
];

/// What the plain run is called, the one without a scenario: its test's name first.
pub const PLAIN: [&str; 2] = ["queue", "default"];

impl Shipped {
    /// Its content.
    ///
    /// # Panics
    /// Never, as a test sees to.
    pub fn parse(&self) -> Scenario {
        let mut scenario: Scenario =
            toml::from_str(self.text).unwrap_or_else(|e| panic!("scenarios/{}.toml: {e}", self.name));
        scenario.test = self.name.into();
        scenario
    }
}
