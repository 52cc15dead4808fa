//! Ranking at the sizes of a large mesh.

fn main() {}
