//! checker
pub mod model;
