//! The lab: whole systems, in one process and as real processes.
