//! Time zones as this crate carries them: to be written.
fn main() {}
