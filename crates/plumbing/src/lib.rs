//! Linux: processes, pidfds, echo requests. The only crate with unsafe code.
