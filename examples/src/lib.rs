//! One lesson each, in `examples/`.
